// SPDX-License-Identifier: GPL-2.0-only
/* A ring of asynchronous I/O: what has ended before is told of afterwards, from the same place, and more is asked for. */
#include "aio.h"
#include "zdtmtst.h"

#include <fcntl.h>

int main(int argc, char **argv)
{
	struct aio_ring *ring, before;
	int fd;

	test_init(argc, argv);
	ring = aio_setup(10);
	fd = open("/dev/zero", O_RDONLY);
	if (!ring || fd < 0) {
		pr_perror("io_setup, open");
		return 1;
	}
	/* Neither end is where a new ring has it. */
	if (aio_ask(ring, fd, 0, 5) != 5 || aio_take(ring, 0, 5) || aio_ask(ring, fd, 5, 3) != 3) {
		pr_perror("io_submit");
		return 1;
	}
	before = *ring;

	test_daemon();
	test_waitsig();

	if (ring->nr != before.nr || ring->head != before.head || ring->tail != before.tail) {
		fail("room for %u events, from %u to %u: was %u, %u, %u", ring->nr, ring->head, ring->tail, before.nr,
		     before.head, before.tail);
		return 1;
	}
	if (aio_take(ring, 5, 3)) {
		fail("what had ended is lost");
		return 1;
	}
	/* Every place is met. */
	for (unsigned done = 0; done < ring->nr; done += 4) {
		if (aio_ask(ring, fd, 100 + done, 4) != 4 || aio_take(ring, 100 + done, 4)) {
			fail_errno("new requests are not served, after %u", done);
			return 1;
		}
	}
	pass();
	return 0;
}
