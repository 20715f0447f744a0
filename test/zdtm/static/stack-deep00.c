// SPDX-License-Identifier: GPL-2.0-only
/* A stack larger than the usual limit of one, dumped where it is deepest. */
#include "zdtmtst.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

enum { FRAME = 64 * 1024, DEPTH = 20 * 1024 * 1024 / FRAME };

static int go[2];
static atomic_int is_there;

static int is_right(int depth);

static int wait_at(int depth)
{
	volatile char frame[FRAME];

	frame[0] = (char)depth; /* the others are not there */
	return is_right(depth) && frame[0] == (char)depth;
}

static int is_right(int depth)
{
	char c;

	if (depth < DEPTH)
		return wait_at(depth + 1);
	is_there = 1;
	return read(go[0], &c, 1) == 1;
}

/* On a stack of its own, as the main one was never deeper than where it waits. */
static void *wait_for_signal(void *unused)
{
	while (!is_there)
		usleep(1000);
	test_daemon();
	test_waitsig();
	if (write(go[1], "g", 1) != 1)
		pr_perror("write");
	return unused;
}

int main(int argc, char **argv)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	pthread_t thread;

	test_init(argc, argv);
	if (pthread_create(&thread, NULL, wait_for_signal, NULL) || pipe(go) || setrlimit(RLIMIT_STACK, &none)) {
		pr_perror("cannot set up");
		return 1;
	}
	if (is_right(0))
		pass();
	else
		fail("the stack has other contents");
	return 0;
}
