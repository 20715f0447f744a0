// SPDX-License-Identifier: GPL-2.0-only
/* Children that were stopped: their parent does not hear of it again, and can wait for whom it has not waited for. */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	int signal, told;
} stops[] = { { SIGTSTP, 1 }, { SIGSTOP, 1 }, { SIGTTIN, 0 }, { SIGSTOP, 0 } };
#define NR (sizeof(stops) / sizeof(stops[0]))

static volatile sig_atomic_t heard;

static void hear(int sig)
{
	(void)sig;
	heard++;
}

static void *sleep_on(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int child(void *arg)
{
	pthread_t thread;

	/* In a group of its own that is not an orphaned one: the parent is of the session. */
	if (setpgid(0, 0) || pthread_create(&thread, NULL, sleep_on, arg))
		return 1;
	child_ready();
	test_waitsig();
	return 0;
}

static int stopped_by(pid_t pid)
{
	siginfo_t info = { 0 };

	if (waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT | WNOHANG))
		return -1;
	return info.si_pid == pid && info.si_code == CLD_STOPPED ? info.si_status : 0;
}

int main(int argc, char **argv)
{
	pid_t pids[NR];
	siginfo_t info;
	sigset_t set;
	size_t i;
	int before;

	test_init(argc, argv);
	signal(SIGCHLD, hear);
	for (i = 0; i < NR; i++) {
		int keep = stops[i].told ? 0 : WNOWAIT;

		pids[i] = start_child(child, NULL);
		if (pids[i] < 0 || kill(pids[i], stops[i].signal))
			return 1;
		while (waitid(P_PID, pids[i], &info, WSTOPPED | keep))
			if (errno != EINTR) {
				pr_perror("cannot stop a child");
				return 1;
			}
	}
	before = heard;

	test_daemon();
	test_waitsig();

	sigpending(&set);
	if (heard != before || sigismember(&set, SIGCHLD)) {
		fail("SIGCHLD came %d times, pending %d", heard - before, sigismember(&set, SIGCHLD));
		return 1;
	}
	for (i = 0; i < NR; i++) {
		int expected = stops[i].told ? 0 : stops[i].signal;

		if (stopped_by(pids[i]) != expected) {
			fail("child %zu can be waited for as stopped by %d, not %d", i, stopped_by(pids[i]), expected);
			return 1;
		}
	}
	for (i = 0; i < NR; i++)
		if (kill(pids[i], SIGCONT) || finish_child(pids[i])) {
			fail("child %zu does not go on", i);
			return 1;
		}
	pass();
	return 0;
}
