// SPDX-License-Identifier: GPL-2.0-only
/* A signalfd still gives signals. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct signalfd_siginfo info;
	sigset_t set;
	int fd;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	if (fd < 0) {
		pr_perror("signalfd");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (kill(getpid(), SIGUSR2) || read(fd, &info, sizeof(info)) != sizeof(info))
		fail_errno("the signal does not come");
	else if (info.ssi_signo != SIGUSR2 || info.ssi_pid != (uint32_t)getpid())
		fail("signal %u from %u", info.ssi_signo, info.ssi_pid);
	else
		pass();
	return 0;
}
