// SPDX-License-Identifier: GPL-2.0-only
/* Restartable sequences: the area the C library registered is still the kernel's. */
#include "zdtmtst.h"

#include <pthread.h>
#include <sched.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct task_waiter ready, go;
static int thread_result;

static volatile struct rseq *area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

static int check(const char *who)
{
	cpu_set_t all, one;
	int cpu, tries = 0;
	long ret;

	/* The kernel writes the processor's number there whenever it moves the thread. */
	sched_getaffinity(0, sizeof(all), &all);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (sched_setaffinity(0, sizeof(one), &one)) {
			fail_errno("%s: sched_setaffinity", who);
			return 1;
		}
		tries++;
		if (area()->cpu_id != (unsigned int)cpu) {
			fail("%s: runs on %d, the area says %d", who, cpu, (int)area()->cpu_id);
			return 1;
		}
	}
	sched_setaffinity(0, sizeof(all), &all);
	if (!tries) {
		fail("%s: no processors", who);
		return 1;
	}
	/* A second registration of the same area is EBUSY, of another EINVAL (rseq(2)). */
	ret = syscall(SYS_rseq, area(), sizeof(struct rseq), 0, RSEQ_SIG);
	if (ret != -1 || errno != EBUSY) {
		fail_errno("%s: the area is not registered, rseq gives %ld", who, ret);
		return 1;
	}
	return 0;
}

static void *thread(void *arg)
{
	(void)arg;
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	thread_result = check("the thread");
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t t;

	test_init(argc, argv);
	if (!__rseq_size)
		skip("the C library registered no rseq area");
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_err("pthread_create");
		return 1;
	}
	task_waiter_wait(&ready, 1);

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	if (check("the main thread") || thread_result)
		return 1;
	pass();
	return 0;
}
