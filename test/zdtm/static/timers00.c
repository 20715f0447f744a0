// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX timers: their ids (with gaps), clocks, ways of notification, intervals and remaining
 * times; and that each still notifies as it was told to.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static struct {
	clockid_t clock;
	const char *name;
	int notify, sig;
	int id;
} timers[] = {
	{ CLOCK_REALTIME, "REALTIME, signal", SIGEV_SIGNAL, 40, -1 },
	{ CLOCK_MONOTONIC, "MONOTONIC, signal", SIGEV_SIGNAL, 41, -1 },
	{ CLOCK_BOOTTIME, "BOOTTIME, thread", SIGEV_THREAD_ID, 42, -1 },
	{ CLOCK_MONOTONIC, "MONOTONIC, none", SIGEV_NONE, 0, -1 },
	{ CLOCK_MONOTONIC, "MONOTONIC, thread", SIGEV_THREAD_ID, 43, -1 },
	{ CLOCK_PROCESS_CPUTIME_ID, "PROCESS_CPUTIME, signal", SIGEV_SIGNAL, 44, -1 },
};

#define VALUE(i)    (6000 + 100 * (long)(i))
#define INTERVAL(i) (30 + (long)(i))

static int create(unsigned int i)
{
	struct itimerspec set = { { INTERVAL(i), 250000000 }, { VALUE(i), 0 } };
	struct sigevent event = { .sigev_notify = timers[i].notify, .sigev_signo = timers[i].sig };
	int gap;

	event.sigev_value.sival_ptr = &timers[i];
	if (timers[i].notify == SIGEV_THREAD_ID)
		event.sigev_notify_thread_id = syscall(SYS_gettid);
	/* The system calls themselves: glibc's timer_t is not the kernel's id. */
	if (syscall(SYS_timer_create, timers[i].clock, &event, &gap) ||
	    syscall(SYS_timer_create, timers[i].clock, &event, &timers[i].id) ||
	    syscall(SYS_timer_delete, gap) ||
	    syscall(SYS_timer_settime, timers[i].id, 0, &set, NULL)) {
		pr_perror("%s: cannot create", timers[i].name);
		return -1;
	}
	return 0;
}

static int check(unsigned int i, long gone)
{
	struct itimerspec now;

	if (syscall(SYS_timer_gettime, timers[i].id, &now)) {
		fail_errno("%s: timer %d is not there", timers[i].name, timers[i].id);
		return 1;
	}
	if (now.it_interval.tv_sec != INTERVAL(i) || now.it_interval.tv_nsec / 10000000 != 25) {
		fail("%s: interval is %ld.%09ld", timers[i].name, now.it_interval.tv_sec,
		     now.it_interval.tv_nsec);
		return 1;
	}
	if (now.it_value.tv_sec > VALUE(i) || now.it_value.tv_sec < VALUE(i) - gone) {
		fail("%s: %ld of %ld seconds remain", timers[i].name, now.it_value.tv_sec, VALUE(i));
		return 1;
	}
	return 0;
}

/* Lets it run out now, and takes the signal. */
static int check_fires(unsigned int i)
{
	struct itimerspec soon = { { 0, 0 }, { 0, 1000000 } };
	siginfo_t info;

	if (timers[i].notify == SIGEV_NONE || timers[i].clock == CLOCK_PROCESS_CPUTIME_ID)
		return 0;
	if (syscall(SYS_timer_settime, timers[i].id, 0, &soon, NULL)) {
		fail_errno("%s: timer_settime", timers[i].name);
		return 1;
	}
	return take_timer_signal(timers[i].sig, timers[i].id, &timers[i], &info);
}

int main(int argc, char **argv)
{
	int64_t start = now_us();
	sigset_t blocked;

	test_init(argc, argv);
	sigemptyset(&blocked);
	for (int sig = 40; sig <= 44; sig++)
		sigaddset(&blocked, sig);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	for (unsigned int i = 0; i < array_size(timers); i++) {
		if (create(i))
			return 1;
	}

	test_daemon();
	test_waitsig();

	for (unsigned int i = 0; i < array_size(timers); i++) {
		if (check(i, (now_us() - start) / 1000000 + 2))
			return 1;
	}
	for (unsigned int i = 0; i < array_size(timers); i++) {
		if (check_fires(i))
			return 1;
	}
	pass();
	return 0;
}
