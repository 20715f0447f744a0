// SPDX-License-Identifier: GPL-2.0-only
/* Signals that wait for a thread although they would be ignored: those that it blocks stay, until it lets them through. */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

static const int signals[] = { SIGUSR1, SIGWINCH, SIGURG };
static atomic_bool pending, may_look;
static atomic_int missing;

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
	pending = true;
	while (!may_look)
		usleep(1000);
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
	if (signal(SIGUSR1, SIG_IGN) == SIG_ERR || pthread_create(&thread, NULL, wait_in_thread, NULL)) {
		pr_perror("cannot make a thread");
		return 1;
	}
	while (!pending)
		usleep(1000);

	test_daemon();
	test_waitsig();

	may_look = true;
	pthread_join(thread, NULL);
	if (missing != 0) {
		fail("signal %d does not wait any more", missing);
		return 1;
	}
	pass();
	return 0;
}
