// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children that end with another signal for their parent than SIGCHLD: one that lives, one that
 * sends none, and one that is a zombie already, whose signal came before.
 */
#include "zdtmtst.h"

#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t usr1, usr2, chld;

static void count(int sig)
{
	if (sig == SIGUSR1)
		usr1++;
	else if (sig == SIGUSR2)
		usr2++;
	else
		chld++;
}

/* fork(2) with another signal than SIGCHLD. */
static pid_t fork_with(int sig)
{
	return syscall(SYS_clone, (unsigned long)sig, 0, 0, 0, 0);
}

static pid_t living(int sig)
{
	pid_t pid = fork_with(sig);

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static int ended(pid_t pid, int options)
{
	int status;

	return waitpid(pid, &status, options) == pid && WIFSIGNALED(status) &&
	       WTERMSIG(status) == SIGKILL;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = count };
	pid_t loud, silent, dead;
	siginfo_t info;

	test_init(argc, argv);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGCHLD, &sa, NULL);
	loud = living(SIGUSR1);
	silent = living(0);
	dead = fork_with(SIGUSR2);
	if (dead == 0)
		_exit(3);
	if (loud < 0 || silent < 0 || dead < 0 ||
	    waitid(P_PID, dead, &info, WEXITED | WNOWAIT | __WALL) || usr2 != 1) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (usr1 != 0 || usr2 != 1 || chld != 0)
		fail("signals came by themselves: %d %d %d", (int)usr1, (int)usr2, (int)chld);
	else if (waitpid(dead, NULL, 0) != -1 || waitpid(dead, NULL, __WCLONE) != dead)
		fail("the zombie is an ordinary child");
	else if (kill(loud, SIGKILL) || !ended(loud, __WALL) || usr1 != 1)
		fail("%d signals came from the child that ended", (int)usr1);
	else if (kill(silent, SIGKILL) || !ended(silent, __WCLONE))
		fail("the silent child did not end as one");
	else if (usr1 != 1 || usr2 != 1 || chld != 0)
		fail("too many signals: %d %d %d", (int)usr1, (int)usr2, (int)chld);
	else
		pass();
	return 0;
}
