// SPDX-License-Identifier: GPL-2.0-only
/* A filter that kills for all but what a worker needs: also for what a dump does in its place. */
#include "zdtmtst.h"

#include "seccomp.h"

#include <sys/prctl.h>

static int confine(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || filter_all_else();
}

int main(int argc, char **argv)
{
	pid_t pid;
	int channel;

	test_init(argc, argv);
	pid = start_confined(confine, &channel);
	if (pid < 0 || seccomp_filters_of(pid) != 1) {
		pr_perror("no worker");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!confined_goes_on(channel))
		fail_errno("it does not go on");
	else if (end_of_confined(pid, channel) != 128 + SIGSYS)
		fail("it was not killed for another call");
	else
		pass();
	return 0;
}
