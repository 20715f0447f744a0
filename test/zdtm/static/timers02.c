// SPDX-License-Identifier: GPL-2.0-only
/*
 * Many timers of one shot each run out before, while and after the task is dumped, whose memory
 * takes some time: each fires once. A second thread only waits.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TIMERS 200
#define SIG (SIGRTMIN + 3)
#define PERIOD 10000000L /* nanoseconds */
#define MEMORY (64UL << 20)

static struct task_waiter runs;

static int start(int i)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIG };
	long at = (i + 1) * PERIOD;
	struct itimerspec set = { .it_value = { at / 1000000000L, at % 1000000000L } };
	int timer;

	event.sigev_value.sival_int = i;
	return syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) ||
	       syscall(SYS_timer_settime, timer, 0, &set, NULL);
}

static void *wait_forever(void *arg)
{
	(void)arg;
	/* It is born with all signals blocked. */
	task_waiter_complete(&runs, 1);
	for (;;)
		pause();
	return NULL;
}

/* Counts the signals until there is none for `quiet`. */
static int collect(const sigset_t *set, int *fired, const struct timespec *quiet, int most)
{
	siginfo_t info;
	int n, sig;

	for (n = 0; n < most;) {
		sig = sigtimedwait(set, &info, quiet);
		if (sig < 0 && errno == EINTR)
			continue;
		if (sig < 0)
			break;
		if (info.si_code != SI_TIMER || info.si_value.sival_int < 0 || info.si_value.sival_int >= TIMERS) {
			fail("si_code %d, value %d", info.si_code, info.si_value.sival_int);
			return -1;
		}
		fired[info.si_value.sival_int]++;
		n++;
	}
	return n;
}

int main(int argc, char **argv)
{
	const struct timespec long_time = { 20, 0 }, moment = { 0, 200000000 };
	static int fired[TIMERS];
	sigset_t set;
	pthread_t thread;
	char *memory;
	int i;

	test_init(argc, argv);
	sigemptyset(&set);
	sigaddset(&set, SIG);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pthread_create(&thread, NULL, wait_forever, NULL)) {
		pr_perror("pthread_create");
		return 1;
	}
	task_waiter_wait(&runs, 1);
	memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	memset(memory, 7, MEMORY);
	for (i = 0; i < TIMERS; i++) {
		if (start(i)) {
			pr_perror("cannot make timer %d", i);
			return 1;
		}
	}
	wait_until_pending(SIG);

	test_daemon();
	test_waitsig();

	if (collect(&set, fired, &long_time, TIMERS) < 0 || collect(&set, fired, &moment, TIMERS) < 0)
		return 1;
	for (i = 0; i < TIMERS; i++) {
		if (fired[i] != 1) {
			fail("timer %d of %d fired %d times", i, TIMERS, fired[i]);
			return 1;
		}
	}
	pass();
	return 0;
}
