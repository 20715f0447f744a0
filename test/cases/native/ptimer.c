#include "t.h"
static timer_t tm[8];
static pid_t deadtid;
static volatile int hits[70];
/* What runs out while a signal waits is counted with it. */
static void h(int s, siginfo_t *info, void *context)
{
	(void)context;
	hits[s] += 1 + (info->si_code == SI_TIMER ? info->si_overrun : 0);
}
static void *th(void *a)
{
	deadtid = syscall(SYS_gettid);
	struct sigevent e = {0};
	e.sigev_notify = SIGEV_THREAD_ID;
	e.sigev_signo = SIGRTMIN + 1;
	e._sigev_un._tid = deadtid;
	if (timer_create(CLOCK_MONOTONIC, &e, &tm[0]))
		perror("tc");
	struct itimerspec it = {{0, 300000000}, {0, 300000000}};
	timer_settime(tm[0], 0, &it, 0);
	return 0;
}
int main(int c, char **v)
{
	int dead = c > 1 && strchr(v[1], 'd');
	int big = c > 1 && strchr(v[1], 'b');
	struct sigaction action = { .sa_sigaction = h, .sa_flags = SA_SIGINFO | SA_RESTART };
	for (int s = SIGRTMIN; s < SIGRTMIN + 6; s++)
		sigaction(s, &action, 0);
	if (dead) {
		pthread_t t;
		pthread_create(&t, 0, th, 0);
		pthread_join(t, 0);
		usleep(100000);
	}
	struct sigevent e = {0};
	e.sigev_notify = SIGEV_SIGNAL;
	e.sigev_signo = SIGRTMIN + 2;
	struct itimerspec it = {{0, 200000000}, {0, 200000000}};
	if (big) {
		if (prctl(77, 1, 0, 0, 0))
			perror("prctl ids");
		int id = 1500000;
		memcpy(&tm[1], &id, 4);
		long r = syscall(SYS_timer_create, CLOCK_REALTIME, &e, &id);
		printf("create big %ld id %d\n", r, id);
		*(long *)&tm[1] = id;
		prctl(77, 0, 0, 0, 0);
	} else
		timer_create(CLOCK_REALTIME, &e, &tm[1]);
	syscall(SYS_timer_settime, (int)(long)tm[1], 0, &it, 0);
	struct sigevent n = {0};
	n.sigev_notify = SIGEV_NONE;
	timer_create(CLOCK_BOOTTIME, &n, &tm[2]);
	struct itimerspec one = {{0, 0}, {100, 0}};
	timer_settime(tm[2], 0, &one, 0);
	e.sigev_signo = SIGRTMIN + 3;
	timer_create(CLOCK_PROCESS_CPUTIME_ID, &e, &tm[3]);
	struct itimerspec cpu = {{0, 0}, {5, 0}};
	timer_settime(tm[3], 0, &cpu, 0);
	struct itimerspec abs;
	e.sigev_signo = SIGRTMIN + 4;
	timer_create(CLOCK_MONOTONIC, &e, &tm[4]);
	clock_gettime(CLOCK_MONOTONIC, &abs.it_value);
	abs.it_interval = (struct timespec){0, 0};
	abs.it_value.tv_sec += 4;
	timer_settime(tm[4], TIMER_ABSTIME, &abs, 0);
	ready();
	wait_go();
	double t = now();
	hits[SIGRTMIN + 2] = 0;
	struct itimerspec g;
	timer_gettime(tm[2], &g);
	printf("none left %ld\n", (long)g.it_value.tv_sec);
	CHK(g.it_value.tv_sec >= 90, "boottime none timer");
	timer_gettime(tm[3], &g);
	printf("cpu left %ld.%09ld\n", (long)g.it_value.tv_sec, g.it_value.tv_nsec);
	CHK(g.it_value.tv_sec >= 4, "cpu timer");
	timer_gettime(tm[4], &g);
	printf("abs left %ld.%03ld hits %d\n", (long)g.it_value.tv_sec,
	       g.it_value.tv_nsec / 1000000, hits[SIGRTMIN + 4]);
	while (now() - t < 1.1)
		usleep(10000);
	int due = (now() - t) / 0.2;
	printf("periodic %d, due %d\n", hits[SIGRTMIN + 2], due);
	CHK(hits[SIGRTMIN + 2] >= due - 1 && hits[SIGRTMIN + 2] <= due + 2, "periodic");
	if (dead) {
		struct itimerspec q;
		int r = syscall(SYS_timer_gettime, (int)(long)tm[0], &q);
		printf("dead timer %d %ld.%ld\n", r, (long)q.it_interval.tv_sec,
		       q.it_interval.tv_nsec);
		CHK(r == 0, "dead timer is gone");
	}
	while (now() - t < 5 && !hits[SIGRTMIN + 4])
		usleep(10000);
	CHK(hits[SIGRTMIN + 4] == 1, "abs fired %d", hits[SIGRTMIN + 4]);
	printf("done\n");
	return 0;
}
