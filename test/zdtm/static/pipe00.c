// SPDX-License-Identifier: GPL-2.0-only
/* A pipe with both ends in one task keeps the bytes in it. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

#define SIZE 20000

int main(int argc, char **argv)
{
	static char out[SIZE], in[SIZE];
	uint32_t crc = CRC_INIT;
	int p[2];

	test_init(argc, argv);
	datagen(out, SIZE, &crc);
	if (pipe(p) || write(p[1], out, SIZE) != SIZE) {
		pr_perror("pipe");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(p[0], in, SIZE) != SIZE)
		fail_errno("the data is not all there");
	else if (datachk(in, SIZE, crc))
		fail("the data changed");
	else if (fcntl(p[0], F_SETFL, O_NONBLOCK) || read(p[0], in, 1) != -1 || errno != EAGAIN)
		fail("there is more in the pipe than was written");
	else if (write(p[1], "x", 1) != 1 || read(p[0], in, 1) != 1 || in[0] != 'x')
		fail("the pipe does not work any more");
	else
		pass();
	return 0;
}
