// SPDX-License-Identifier: GPL-2.0-only
/* A task in the strict mode of seccomp: it reads and writes, and dies of anything else. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <linux/seccomp.h>
#include <sys/prctl.h>

static int confine(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

int main(int argc, char **argv)
{
	pid_t pid;
	int channel;

	test_init(argc, argv);
	pid = start_confined(confine, &channel);
	if (pid < 0 || seccomp_mode_of(pid) != SECCOMP_MODE_STRICT) {
		pr_perror("no task in the strict mode");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (seccomp_mode_of(pid) != SECCOMP_MODE_STRICT)
		fail("the mode is %d", seccomp_mode_of(pid));
	else if (!confined_goes_on(channel))
		fail_errno("it does not go on");
	else if (end_of_confined(pid, channel) != 128 + SIGKILL)
		fail("it was not killed for another call");
	else
		pass();
	return 0;
}
