// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that take the signals of a fast timer all the time: a request to stop that comes while one is taken is not
 * lost.
 */
/* zdtm: ignore=status */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

#define THREADS 8
#define INTERVAL_NS 10000

static uint64_t counts[THREADS];
static __thread uint64_t *mine;
static uint32_t ends;

static void count(int sig)
{
	(void)sig;
	__atomic_fetch_add(mine, 1, __ATOMIC_RELAXED);
}

static void *take_signals(void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN };
	struct itimerspec set = { { 0, INTERVAL_NS }, { 0, INTERVAL_NS } };
	timer_t timer;

	mine = arg;
	event.sigev_notify_thread_id = gettid();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &set, NULL))
		return NULL;
	while (!__atomic_load_n(&ends, __ATOMIC_ACQUIRE))
		;
	timer_delete(timer);
	return arg;
}

static bool all_count(void)
{
	for (int i = 0; i < THREADS; i++) {
		uint64_t before = __atomic_load_n(&counts[i], __ATOMIC_RELAXED);

		for (int pauses = 0; __atomic_load_n(&counts[i], __ATOMIC_RELAXED) == before; pauses++) {
			if (pauses == 60000) {
				fail("thread %d gets no signals any more", i);
				return false;
			}
			usleep(1000);
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = count };
	pthread_t threads[THREADS];
	bool right;

	test_init(argc, argv);
	sigaction(SIGRTMIN, &act, NULL);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, take_signals, &counts[i])) {
			pr_perror("pthread_create");
			return 1;
		}
	if (!all_count())
		return 1;

	test_daemon();
	test_waitsig();

	right = all_count();
	__atomic_store_n(&ends, 1, __ATOMIC_RELEASE);
	for (int i = 0; i < THREADS; i++) {
		void *made;

		pthread_join(threads[i], &made);
		if (!made) {
			fail("thread %d had no timer", i);
			right = false;
		}
	}
	if (right)
		pass();
	return 0;
}
