#include "t.h"
#include <errno.h>
/* counts twice a second, by three common ways to wait: relative sleep, a condition variable with a
 * monotonic deadline, an absolute sleep */
static volatile long a, b, c;
static void *fa(void *x)
{
	for (;;) {
		usleep(100000);
		a++;
	}
}
static void *fb(void *x)
{
	pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	pthread_condattr_t at;
	pthread_condattr_init(&at);
	pthread_condattr_setclock(&at, CLOCK_MONOTONIC);
	pthread_cond_t cv;
	pthread_cond_init(&cv, &at);
	pthread_mutex_lock(&m);
	for (;;) {
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC, &t);
		t.tv_nsec += 100000000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_sec++;
			t.tv_nsec -= 1000000000;
		}
		while (pthread_cond_timedwait(&cv, &m, &t) != ETIMEDOUT)
			;
		b++;
	}
}
static void *fc(void *x)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	for (;;) {
		t.tv_nsec += 100000000;
		if (t.tv_nsec >= 1000000000) {
			t.tv_sec++;
			t.tv_nsec -= 1000000000;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, 0);
		c++;
	}
}
int main()
{
	pthread_t t;
	pthread_create(&t, 0, fa, 0);
	pthread_create(&t, 0, fb, 0);
	pthread_create(&t, 0, fc, 0);
	double last = now();
	ready();
	while (!go) {
		double n = now();
		if (n < last) {
			printf("clock went back by %.0f s\n", last - n);
			fflush(stdout);
		}
		if (n > last + 60) {
			printf("clock went on by %.0f s\n", n - last);
			fflush(stdout);
		}
		last = n;
		usleep(20000);
	}
	long x = a, y = b, z = c;
	sleep(2);
	printf("in 2 s: relative sleep %ld, cond deadline %ld, absolute sleep %ld\n", a - x, b - y,
	       c - z);
	printf("done\n");
	fflush(stdout);
	_exit(0);
}
