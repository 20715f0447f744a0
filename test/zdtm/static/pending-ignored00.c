// SPDX-License-Identifier: GPL-2.0-only
/* Signals that wait for a thread although they would be ignored: those that it blocks stay, until it lets them through. */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>

static const int signals[] = { SIGUSR1, SIGWINCH, SIGURG };
static pthread_barrier_t step;
static int missing; /* of the thread, until it has ended */

static void *wait_in_thread(void *unused)
{
	sigset_t set;

	(void)unused;
	sigemptyset(&set);
	for (size_t i = 0; i < array_size(signals); i++)
		sigaddset(&set, signals[i]);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < array_size(signals); i++)
		pthread_kill(pthread_self(), signals[i]);
	pthread_barrier_wait(&step); /* they wait */
	pthread_barrier_wait(&step); /* look at them */
	sigpending(&set);
	for (size_t i = 0; i < array_size(signals); i++)
		if (!sigismember(&set, signals[i]))
			missing = signals[i];
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	if (signal(SIGUSR1, SIG_IGN) == SIG_ERR || pthread_barrier_init(&step, NULL, 2) ||
	    pthread_create(&thread, NULL, wait_in_thread, NULL)) {
		pr_perror("cannot make a thread");
		return 1;
	}
	pthread_barrier_wait(&step);

	test_daemon();
	test_waitsig();

	pthread_barrier_wait(&step);
	pthread_join(thread, NULL);
	if (missing != 0) {
		fail("signal %d does not wait any more", missing);
		return 1;
	}
	pass();
	return 0;
}
