// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trees that are never at rest: a dump meets their parts as they come and go.
 *
 *     churn tasks|threads|exec|outsiders     says "ready" and never ends
 *
 * tasks: eight children that live some milliseconds, made anew. threads: the same of threads.
 * exec: five threads, one of which executes the program again and so ends the others.
 * outsiders: as tasks, each with much to look at and no rest before its end.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WIDTH 8
#define IDLE 4
#define LIFE_US 5000
#define MUCH 100 /* pipes */

static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void rest(void)
{
	usleep(LIFE_US);
}

/* A dump of a tree that has a pipe looks for its ends at everybody's. */
static void open_much(void)
{
	int ends[2];

	for (int i = 0; i < MUCH; i++)
		if (pipe(ends))
			return;
}

static int tasks(void (*live)(void))
{
	int alive = 0;

	say_ready();
	for (;;) {
		for (; alive < WIDTH; alive++)
			if (!fork()) {
				live();
				_exit(0);
			}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			alive--;
	}
}

static void *short_life(void *arg)
{
	rest();
	return arg;
}

static int threads(void)
{
	pthread_t made[WIDTH];
	int i;

	say_ready();
	for (;;) {
		for (i = 0; i < WIDTH; i++)
			if (pthread_create(&made[i], NULL, short_life, NULL))
				return 1;
		for (i = 0; i < WIDTH; i++)
			pthread_join(made[i], NULL);
	}
}

static void *idle(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void *execute(void *arg)
{
	usleep(LIFE_US);
	execl("/proc/self/exe", "churn", "exec", "again", NULL);
	return arg;
}

static int exec_again(int first)
{
	pthread_t t;
	int i;

	if (first)
		say_ready();
	for (i = 0; i < IDLE; i++)
		if (pthread_create(&t, NULL, idle, NULL))
			return 1;
	if (pthread_create(&t, NULL, execute, NULL))
		return 1;
	idle(NULL);
	return 1;
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "tasks"))
		return tasks(rest);
	if (!strcmp(argv[1], "outsiders"))
		return tasks(open_much);
	if (!strcmp(argv[1], "threads"))
		return threads();
	if (!strcmp(argv[1], "exec"))
		return exec_again(argc == 2);
	return 2;
}
