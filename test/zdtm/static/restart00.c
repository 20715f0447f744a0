// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls that a signal interrupts, which has come while the task was stopped within them: it was there before the call
 * is made again, so that pause(2) ends, and read(2) does unless its handler says SA_RESTART.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t handled;
static int data[2];

static void handler(int sig)
{
	(void)sig;
	handled++;
}

static int listen_to(int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags };

	if (sigaction(SIGUSR1, &act, NULL))
		return 1;
	child_ready();
	return 0;
}

static int ends_with_eintr(int rc)
{
	return rc != -1 || errno != EINTR || handled != 1;
}

static int pauses(void *arg)
{
	(void)arg;
	return listen_to(SA_RESTART) || ends_with_eintr(pause());
}

static int polls(void *arg)
{
	(void)arg;
	return listen_to(SA_RESTART) || ends_with_eintr(poll(NULL, 0, -1));
}

static int suspends(void *arg)
{
	sigset_t none;

	(void)arg;
	sigemptyset(&none);
	return listen_to(0) || ends_with_eintr(sigsuspend(&none));
}

static int reads(void *arg)
{
	char c;

	(void)arg;
	return listen_to(0) || ends_with_eintr(read(data[0], &c, 1));
}

static int reads_on(void *arg)
{
	char c;

	(void)arg;
	return listen_to(SA_RESTART) || read(data[0], &c, 1) != 1 || c != 'x' || handled != 1;
}

static int (*const children[])(void *) = { pauses, polls, suspends, reads, reads_on };
#define NR (sizeof(children) / sizeof(children[0]))

/* Until the task sleeps, which it does in the call alone. */
static int await_sleep(pid_t pid)
{
	char path[64], state = 0;
	int tries;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	for (tries = 0; tries < 1000; tries++) {
		FILE *f = fopen(path, "r");

		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 0;
		if (f)
			fclose(f);
		if (state == 'S')
			return 0;
		usleep(10000);
	}
	return -1;
}

static int stop(pid_t pid)
{
	siginfo_t info;

	return await_sleep(pid) || kill(pid, SIGSTOP) || waitid(P_PID, pid, &info, WSTOPPED | WNOWAIT) ||
	       kill(pid, SIGUSR1);
}

int main(int argc, char **argv)
{
	pid_t pids[NR];
	size_t i;

	test_init(argc, argv);
	if (pipe(data)) {
		pr_perror("pipe");
		return 1;
	}
	for (i = 0; i < NR; i++) {
		pids[i] = start_child(children[i], NULL);
		if (pids[i] < 0 || stop(pids[i])) {
			pr_perror("cannot stop a child");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < NR; i++)
		if (kill(pids[i], SIGCONT)) {
			fail("child %zu is not there", i);
			return 1;
		}
	if (write(data[1], "x", 1) != 1) {
		fail("the pipe is not there");
		return 1;
	}
	for (i = 0; i < NR; i++) {
		int status;

		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0) {
			fail("child %zu ended with %#x", i, status);
			return 1;
		}
	}
	pass();
	return 0;
}
