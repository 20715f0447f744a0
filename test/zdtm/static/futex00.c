// SPDX-License-Identifier: GPL-2.0-only
/* Threads that wait on a mutex, a condition and a futex are woken by what they wait for. */
#include "zdtmtst.h"

#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static uint32_t word;
static struct task_waiter runs[4];
static volatile int got_mutex, got_cond, got_word, got_sem;
static volatile bool open_gate;

static void *wait_mutex(void *arg)
{
	(void)arg;
	task_waiter_complete(&runs[0], 1);
	pthread_mutex_lock(&mutex);
	got_mutex = 1;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *wait_cond(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&cond_mutex);
	task_waiter_complete(&runs[1], 1);
	while (!open_gate)
		pthread_cond_wait(&cond, &cond_mutex);
	got_cond = 1;
	pthread_mutex_unlock(&cond_mutex);
	return NULL;
}

static void *wait_word(void *arg)
{
	(void)arg;
	task_waiter_complete(&runs[2], 1);
	while (!__atomic_load_n(&word, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, 0x10);
	got_word = 1;
	return NULL;
}

static void *wait_sem(void *arg)
{
	(void)arg;
	task_waiter_complete(&runs[3], 1);
	while (sem_wait(&sem))
		;
	got_sem = 1;
	return NULL;
}

int main(int argc, char **argv)
{
	void *(*bodies[])(void *) = { wait_mutex, wait_cond, wait_word, wait_sem };
	pthread_t threads[4];

	test_init(argc, argv);
	sem_init(&sem, 0, 0);
	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 4; i++) {
		if (pthread_create(&threads[i], NULL, bodies[i], NULL)) {
			pr_err("pthread_create");
			return 1;
		}
		task_waiter_wait(&runs[i], 1);
	}

	test_daemon();
	test_waitsig();

	if (got_mutex || got_cond || got_word || got_sem) {
		fail("a wait ended by itself: mutex %d condition %d futex %d semaphore %d", got_mutex,
		     got_cond, got_word, got_sem);
		return 1;
	}
	pthread_mutex_unlock(&mutex);
	pthread_mutex_lock(&cond_mutex);
	open_gate = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&cond_mutex);
	__atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, NULL, 0x10);
	sem_post(&sem);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	pass();
	return 0;
}
