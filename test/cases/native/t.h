#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static volatile sig_atomic_t go;
static void on_go(int s)
{
	go = 1;
}
static void ready(void)
{
	signal(SIGUSR1, on_go);
	printf("ready\n");
	fflush(stdout);
}
static void wait_go(void)
{
	while (!go)
		usleep(20000);
	go = 0;
}
#define CHK(c, ...)                                                                                \
	do {                                                                                       \
		if (!(c)) {                                                                        \
			printf("FAIL " __VA_ARGS__);                                               \
			printf("\n");                                                              \
			fflush(stdout);                                                            \
		}                                                                                  \
	} while (0)
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}
