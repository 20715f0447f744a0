// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals that wait and of which the kernel keeps a bit alone, as RLIMIT_SIGPENDING leaves no room for who sent them:
 * kill(2) of a real-time signal, tgkill(2) of any.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t step;
static int missing; /* of the thread, until it has ended */

/* It waits, and tells of nobody. */
static int take(int sig)
{
	struct timespec no_wait = { 0, 0 };
	uint64_t set = 1ull << (sig - 1);
	siginfo_t info;

	return syscall(SYS_rt_sigtimedwait, &set, &info, &no_wait, sizeof(set)) == sig && info.si_code == SI_USER &&
	       info.si_pid == 0 && info.si_uid == 0;
}

static void *wait_in_thread(void *unused)
{
	(void)unused;
	if (syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1))
		missing = SIGUSR1;
	pthread_barrier_wait(&step); /* it waits */
	pthread_barrier_wait(&step); /* look at it */
	if (!take(SIGUSR1))
		missing = SIGUSR1;
	return NULL;
}

int main(int argc, char **argv)
{
	const struct rlimit none = { 0, 0 };
	sigset_t blocked;
	pthread_t thread;

	test_init(argc, argv);
	sigfillset(&blocked);
	sigdelset(&blocked, SIGTERM);
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	if (setrlimit(RLIMIT_SIGPENDING, &none) || pthread_barrier_init(&step, NULL, 2) ||
	    pthread_create(&thread, NULL, wait_in_thread, NULL) || kill(getpid(), SIGRTMIN + 1) ||
	    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2)) {
		pr_perror("cannot set up");
		return 1;
	}
	pthread_barrier_wait(&step);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&step);
	pthread_join(thread, NULL);
	if (missing)
		fail("signal %d of the thread is lost, or tells of a sender", missing);
	else if (!take(SIGUSR2))
		fail("the signal of the first thread is lost, or tells of a sender");
	else if (!take(SIGRTMIN + 1))
		fail("the signal of the process is lost, or tells of a sender");
	else
		pass();
	return 0;
}
