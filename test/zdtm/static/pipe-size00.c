// SPDX-License-Identifier: GPL-2.0-only
/* The sizes of pipes, a full one among them, and what is in it. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

static const int sizes[] = { 4096, 65536, 262144 };

int main(int argc, char **argv)
{
	int pipes[array_size(sizes)][2];
	uint32_t crc = CRC_INIT, seen = CRC_INIT, unused = CRC_INIT;
	char page[4096];
	size_t i, all = 0;
	ssize_t n;

	test_init(argc, argv);
	for (i = 0; i < array_size(sizes); i++)
		if (pipe2(pipes[i], O_NONBLOCK) || fcntl(pipes[i][1], F_SETPIPE_SZ, sizes[i]) != sizes[i]) {
			pr_perror("a pipe of %d bytes", sizes[i]);
			return 1;
		}
	do {
		datagen(page, sizeof(page), &unused);
		n = write(pipes[2][1], page, sizeof(page));
		if (n > 0) {
			crc = crc32_update(crc, page, n);
			all += n;
		}
	} while (n > 0);

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(sizes); i++)
		if (fcntl(pipes[i][0], F_GETPIPE_SZ) != sizes[i]) {
			fail("%d bytes have become %d", sizes[i], fcntl(pipes[i][0], F_GETPIPE_SZ));
			return 1;
		}
	while ((n = read(pipes[2][0], page, sizeof(page))) > 0) {
		seen = crc32_update(seen, page, n);
		all -= n;
	}
	if (all || seen != crc)
		fail("%zu bytes are missing, or others are there", all);
	else
		pass();
	return 0;
}
