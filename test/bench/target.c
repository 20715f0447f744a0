// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmark dumps and restores: a process with MIB mebibytes of its own memory, every page of it
 * written, that then only waits; with N opens of one file, threads beside the main one, children, or sockets that are connected by TCP
 * in pairs as well.
 *
 *   target MIB READY-FILE [files|threads|processes|connections N]
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

static sem_t started;

static void *wait_for_ever(void *unused)
{
	(void)unused;
	sem_post(&started);
	for (;;)
		pause();
	return NULL;
}

static int start_threads(int n)
{
	pthread_t thread;

	if (sem_init(&started, 0, 0))
		return -1;
	for (int i = 0; i < n; i++)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL))
			return -1;
	for (int i = 0; i < n; i++)
		while (sem_wait(&started))
			;
	return 0;
}

static int connect_pairs(int n)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listening = socket(AF_INET, SOCK_STREAM, 0);

	if (listening < 0 || bind(listening, (struct sockaddr *)&address, size) || listen(listening, 1) ||
	    getsockname(listening, (struct sockaddr *)&address, &size))
		return -1;
	for (; n > 0; n--) {
		const int end = socket(AF_INET, SOCK_STREAM, 0);

		if (end < 0 || connect(end, (struct sockaddr *)&address, size) || accept(listening, NULL, NULL) < 0)
			return -1;
	}
	return close(listening);
}

static int make_many(const char *what, int n)
{
	if (!strcmp(what, "threads"))
		return start_threads(n);
	if (!strcmp(what, "connections"))
		return connect_pairs(n / 2);
	for (int i = 0; i < n; i++) {
		const int rc = strcmp(what, "files") ? fork() : open("/proc/self/exe", O_RDONLY);

		if (rc < 0)
			return -1;
		if (rc == 0 && strcmp(what, "files"))
			for (;;)
				pause();
	}
	return 0;
}

int main(int argc, char **argv)
{
	const size_t size = argc >= 3 ? (size_t)atol(argv[1]) << 20 : 0;
	uint64_t x = 88172645463325252ULL;
	uint64_t *p;
	int fd;

	if (argc != 3 && argc != 5)
		return 2;
	if (size) {
		p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return 1;
		for (size_t i = 0; i < size / sizeof *p; i += 8) {
			x ^= x << 13, x ^= x >> 7, x ^= x << 17;
			p[i] = x;
		}
	}
	if (argc == 5 && make_many(argv[3], atoi(argv[4])))
		return 1;
	fd = open(argv[2], O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
		return 1;
	close(fd);
	for (;;)
		pause();
}
