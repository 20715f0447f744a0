// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pending signals: of the process and of one thread, a mask that blocks them, their siginfo, and
 * the order of queued real-time signals.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static sigset_t blocked;

static int queue_thread(int sig, int value)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = 4711;
	info.si_value.sival_int = value;
	return syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), sig, &info);
}

static int queue_process(int sig, int value)
{
	return sigqueue(getpid(), sig, (union sigval){ .sival_int = value });
}

/* Takes one pending signal from the set and compares it. */
static int expect(int sig, int code, int value)
{
	struct timespec no_wait = { 0, 0 };
	uint64_t set = 1ull << (sig - 1);
	siginfo_t info;
	int got;

	/* Not by glibc's sigtimedwait(): it shows SI_TKILL as SI_USER. */
	got = syscall(SYS_rt_sigtimedwait, &set, &info, &no_wait, sizeof(set));
	if (got != sig) {
		fail_errno("signal %d is not pending", sig);
		return 1;
	}
	if (info.si_code != code) {
		fail("signal %d: si_code is %d, was %d", sig, info.si_code, code);
		return 1;
	}
	if (info.si_pid != getpid()) {
		fail("signal %d: si_pid is %d", sig, info.si_pid);
		return 1;
	}
	if (code == SI_QUEUE && info.si_value.sival_int != value) {
		fail("signal %d: value is %d, was %d", sig, info.si_value.sival_int, value);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	sigset_t mask, pending;

	test_init(argc, argv);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGHUP);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(&blocked, sig);
	sigprocmask(SIG_BLOCK, &blocked, NULL);

	if (kill(getpid(), SIGUSR1) || queue_thread(SIGUSR2, 77) ||
	    syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGHUP)) {
		pr_perror("cannot send");
		return 1;
	}
	/* Seven of one kind keep their order; those of the thread come before the process's. */
	for (int i = 0; i < 7; i++) {
		if (queue_process(SIGRTMIN + 5, 100 + i) || queue_thread(SIGRTMIN + 5, 200 + i) ||
		    queue_process(SIGRTMAX, i)) {
			pr_perror("sigqueue");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sigismember(&mask, sig) != sigismember(&blocked, sig)) {
			fail("signal %d: the mask changed", sig);
			return 1;
		}
	}
	if (expect(SIGUSR1, SI_USER, 0) || expect(SIGUSR2, SI_QUEUE, 77) ||
	    expect(SIGHUP, SI_TKILL, 0))
		return 1;
	for (int i = 0; i < 7; i++) {
		if (expect(SIGRTMIN + 5, SI_QUEUE, 200 + i))
			return 1;
	}
	for (int i = 0; i < 7; i++) {
		if (expect(SIGRTMIN + 5, SI_QUEUE, 100 + i) || expect(SIGRTMAX, SI_QUEUE, i))
			return 1;
	}
	sigpending(&pending);
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sigismember(&pending, sig) == 1) {
			fail("signal %d is pending and nobody sent it", sig);
			return 1;
		}
	}
	pass();
	return 0;
}
