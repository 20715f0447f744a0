// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the benchmark dumps and restores: a process with MIB mebibytes of its own memory, every page of it
 * written, that then only waits.
 *
 *   target MIB READY-FILE
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const size_t size = argc == 3 ? (size_t)atol(argv[1]) << 20 : 0;
	uint64_t x = 88172645463325252ULL;
	uint64_t *p;
	int fd;

	if (argc != 3)
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
	fd = open(argv[2], O_CREAT | O_WRONLY, 0600);
	if (fd < 0)
		return 1;
	close(fd);
	for (;;)
		pause();
}
