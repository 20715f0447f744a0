// SPDX-License-Identifier: GPL-2.0-only
/* A pipe's capacity, with data that needs it, and O_NONBLOCK of one end only. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

#define CAPACITY (256 << 10)

int main(int argc, char **argv)
{
	static char data[CAPACITY];
	uint32_t crc = CRC_INIT;
	int p[2], small[2], capacity;

	test_init(argc, argv);
	datagen(data, CAPACITY, &crc);
	if (pipe(p) || pipe(small) || fcntl(p[1], F_SETPIPE_SZ, CAPACITY) != CAPACITY ||
	    fcntl(small[0], F_SETPIPE_SZ, 4096) != 4096 ||
	    fcntl(p[1], F_SETFL, O_NONBLOCK) || write(p[1], data, CAPACITY) != CAPACITY) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	capacity = fcntl(p[0], F_GETPIPE_SZ);
	if (capacity != CAPACITY || fcntl(small[1], F_GETPIPE_SZ) != 4096)
		fail("the capacities are %d and %d", capacity, fcntl(small[1], F_GETPIPE_SZ));
	else if (!(fcntl(p[1], F_GETFL) & O_NONBLOCK) || fcntl(p[0], F_GETFL) & O_NONBLOCK)
		fail("O_NONBLOCK changed");
	else if (write(p[1], "x", 1) != -1 || errno != EAGAIN)
		fail("a full pipe takes more");
	else if (memset(data, 0, CAPACITY), read(p[0], data, CAPACITY) != CAPACITY)
		fail("the data is not all there");
	else if (datachk(data, CAPACITY, crc))
		fail("the data changed");
	else
		pass();
	return 0;
}
