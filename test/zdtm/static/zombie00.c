// SPDX-License-Identifier: GPL-2.0-only
/* Zombies: one that left with a code and one that was killed can still be waited for. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Forks a child that ends at once and stays a zombie when this returns. */
static pid_t make_zombie(int code, int sig)
{
	siginfo_t info;
	pid_t pid = fork();

	if (pid == 0) {
		if (!sig)
			_exit(code);
		signal(sig, SIG_DFL);
		raise(sig);
		_exit(99);
	}
	if (pid < 0 || waitid(P_PID, pid, &info, WEXITED | WNOWAIT)) {
		pr_perror("cannot make a zombie");
		return -1;
	}
	return pid;
}

int main(int argc, char **argv)
{
	pid_t left, killed, term, pid;
	int status;

	test_init(argc, argv);
	left = make_zombie(42, 0);
	killed = make_zombie(0, SIGKILL);
	term = make_zombie(0, SIGUSR2);
	if (left < 0 || killed < 0 || term < 0)
		return 1;

	test_daemon();
	test_waitsig();

	pid = waitpid(left, &status, WNOHANG);
	if (pid != left || !WIFEXITED(status) || WEXITSTATUS(status) != 42) {
		fail("exit(42): waitpid gives %d, status %#x", pid, status);
		return 1;
	}
	pid = waitpid(killed, &status, WNOHANG);
	if (pid != killed || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
		fail("SIGKILL: waitpid gives %d, status %#x", pid, status);
		return 1;
	}
	pid = waitpid(term, &status, WNOHANG);
	if (pid != term || !WIFSIGNALED(status) || WTERMSIG(status) != SIGUSR2) {
		fail("SIGUSR2: waitpid gives %d, status %#x", pid, status);
		return 1;
	}
	if (waitpid(-1, &status, WNOHANG) != -1 || errno != ECHILD) {
		fail("there are children nobody made");
		return 1;
	}
	pass();
	return 0;
}
