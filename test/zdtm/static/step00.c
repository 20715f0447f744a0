// SPDX-License-Identifier: GPL-2.0-only
/* A task that has each of its instructions followed by SIGTRAP (the trap flag), in one thread of two. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <ucontext.h>
#include <unistd.h>

enum { TRAP_FLAG = 0x100, FEW = 10 };

static atomic_long steps;
static atomic_int is_over;
static atomic_int tid;
static int go[2]; /* what the thread waits for, so that it is seen between two steps */

static void count(int signo, siginfo_t *info, void *context)
{
	(void)signo, (void)info;
	steps++;
	if (is_over)
		((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
}

static void *step(void *unused)
{
	char c;

	tid = gettid();
	asm volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i"(TRAP_FLAG) : "cc", "memory");
	while (read(go[0], &c, 1) == 1)
		;
	is_over = 1;
	return unused;
}

/* By proc(5): the number of read(2) is 0. */
static int thread_reads(void)
{
	char path[64], text[2] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, 2) != 2)
		pr_perror("%s", path);
	close(fd);
	return text[0] == '0' && text[1] == ' ';
}

/* Whether it does, and waits for the next one. */
static int steps_on(void)
{
	const long before = steps;

	if (write(go[1], "s", 1) != 1)
		return 0;
	for (int i = 0; i < 10000; i++) {
		if (steps >= before + FEW && thread_reads())
			return 1;
		usleep(1000);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct sigaction action = { .sa_sigaction = count, .sa_flags = SA_SIGINFO };
	pthread_t thread;

	test_init(argc, argv);
	if (pipe(go) || sigaction(SIGTRAP, &action, NULL) || pthread_create(&thread, NULL, step, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	if (!steps_on()) {
		pr_perror("it does not step");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!steps_on()) {
		fail("it does not step any more");
		return 1;
	}
	close(go[1]);
	pthread_join(thread, NULL);
	pass();
	return 0;
}
