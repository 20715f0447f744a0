// SPDX-License-Identifier: GPL-2.0-only
/* A timer whose signals are for a thread that has ended. */
/* zdtm: expect=not-yet:"for a thread that has ended" */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static int timer;

static void *make_timer(void *arg)
{
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN + 1 };
	struct itimerspec set = { .it_value = { 1000, 0 } };

	event.sigev_notify_thread_id = gettid();
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) ||
	    syscall(SYS_timer_settime, timer, 0, &set, NULL))
		return NULL;
	return arg;
}

int main(int argc, char **argv)
{
	struct itimerspec now;
	pthread_t thread;
	void *made = NULL;

	test_init(argc, argv);
	if (pthread_create(&thread, NULL, make_timer, &made) || pthread_join(thread, &made) || !made) {
		pr_perror("cannot make the timer");
		return 1;
	}
	wait_for_threads(1);

	test_daemon();
	test_waitsig();

	if (syscall(SYS_timer_gettime, timer, &now))
		fail_errno("the timer is gone");
	else
		pass();
	return 0;
}
