// SPDX-License-Identifier: GPL-2.0-only
/* Two rings, of which one is full and one was moved: the full one takes no more until there is room. */
#include "aio.h"
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>

static const unsigned many = 100000;

int main(int argc, char **argv)
{
	const size_t page = 4096;
	struct aio_ring *full, *moved;
	cpu_set_t all, one;
	void *place;
	int fd, n;

	test_init(argc, argv);
	/* Each processor keeps a part of the room for itself. */
	sched_getaffinity(0, sizeof(all), &all);
	CPU_ZERO(&one);
	CPU_SET((unsigned)sched_getcpu(), &one);
	sched_setaffinity(0, sizeof(one), &one);
	full = aio_setup(200);
	moved = aio_setup(1);
	fd = open("/dev/zero", O_RDONLY);
	place = mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!full || !moved || fd < 0 || place == MAP_FAILED) {
		pr_perror("io_setup, open, mmap");
		return 1;
	}
	moved = mremap(moved, page, page, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)place + page);
	if (moved == MAP_FAILED || aio_ask(moved, fd, 0, 2) != 2) {
		pr_perror("mremap, io_submit");
		return 1;
	}
	n = aio_ask(full, fd, 0, many);
	if (n <= 0 || n == (int)many) {
		pr_perror("io_submit gave %d", n);
		return 1;
	}
	sched_setaffinity(0, sizeof(all), &all);

	test_daemon();
	test_waitsig();

	if (aio_waiting(full) != (unsigned)n)
		fail("%u events wait, and not %d", aio_waiting(full), n);
	else if (aio_ask(full, fd, (unsigned)n, 1) != 0)
		fail("a full ring took one more");
	else if (aio_take(full, 0, (unsigned)n))
		fail("the full ring's events are others");
	else if (aio_ask(full, fd, 0, 1) != 1 || aio_take(full, 0, 1))
		fail_errno("the full ring does not go on");
	else if (aio_take(moved, 0, 2) || aio_ask(moved, fd, 2, 1) != 1 || aio_take(moved, 2, 1))
		fail_errno("the ring that was moved does not go on");
	else
		pass();
	return 0;
}
