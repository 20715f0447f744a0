// SPDX-License-Identifier: GPL-2.0-only
/* The NUMA memory policies of threads: the leader's, another one, and none where the leader has one. */
#include "zdtmtst.h"

#include <linux/mempolicy.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LEADER (MPOL_PREFERRED | MPOL_F_STATIC_NODES)
#define OTHER  MPOL_INTERLEAVE

static struct task_waiter ready[2], go;

static int set(int mode, unsigned long nodes)
{
	return (int)syscall(SYS_set_mempolicy, mode, &nodes, 8 * sizeof(nodes));
}

static void look(const char *whose, int wanted, unsigned long wanted_nodes)
{
	unsigned long nodes[16] = {0};
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), 0, 0))
		fail_errno("get_mempolicy of %s", whose);
	else if (mode != wanted || nodes[0] != wanted_nodes)
		fail("%s has mode %#x and nodes %#lx", whose, mode, nodes[0]);
}

static void *other(void *arg)
{
	if (set(OTHER, 1))
		fail_errno("set_mempolicy");
	task_waiter_complete(&ready[0], 1);
	task_waiter_wait(&go, 1);
	look("the other thread", OTHER, 1);
	return arg;
}

static void *none(void *arg)
{
	if (set(MPOL_DEFAULT, 0))
		fail_errno("set_mempolicy");
	task_waiter_complete(&ready[1], 1);
	task_waiter_wait(&go, 1);
	look("the thread without one", MPOL_DEFAULT, 0);
	return arg;
}

int main(int argc, char **argv)
{
	void *(*bodies[])(void *) = {other, none};
	pthread_t threads[2];

	test_init(argc, argv);
	if (set(LEADER, 1))
		skip("this kernel has no memory policies");
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&threads[i], NULL, bodies[i], NULL)) {
			pr_err("pthread_create");
			return 1;
		}
		task_waiter_wait(&ready[i], 1);
	}

	test_daemon();
	test_waitsig();

	look("the leader", LEADER, 1);
	task_waiter_complete(&go, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	pass();
	return 0;
}
