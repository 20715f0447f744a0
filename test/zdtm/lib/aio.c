// SPDX-License-Identifier: GPL-2.0-only
#include "aio.h"

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "zdtmtst.h"

struct aio_ring *aio_setup(unsigned requests)
{
	aio_context_t context = 0;

	if (syscall(SYS_io_setup, requests, &context)) {
		if (errno == ENOSYS)
			skip("the kernel has no asynchronous I/O (io_setup)");
		return NULL;
	}
	return (struct aio_ring *)context;
}

int aio_ask(struct aio_ring *ring, int fd, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct iocb request = {
			.aio_data = first + i,
			.aio_lio_opcode = IOCB_CMD_PREAD,
			.aio_fildes = (unsigned)fd,
			.aio_buf = (uintptr_t)&request,
		};
		struct iocb *one = &request;
		const long done = syscall(SYS_io_submit, (aio_context_t)ring, 1, &one);

		if (done < 0 && errno == EAGAIN)
			return (int)i;
		if (done != 1)
			return -1;
	}
	return (int)n;
}

int aio_take(struct aio_ring *ring, unsigned first, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct timespec no_wait = { 0, 0 };
		struct io_event event;

		memset(&event, 0xff, sizeof(event));
		if (syscall(SYS_io_getevents, (aio_context_t)ring, 0, 1, &event, &no_wait) != 1) {
			pr_err("event %u has gone", first + i);
			return -1;
		}
		if (event.data != first + i || event.res != 0) {
			pr_err("event %u is %llu, result %lld", first + i, event.data, event.res);
			return -1;
		}
	}
	return 0;
}

unsigned aio_waiting(const struct aio_ring *ring)
{
	return (ring->tail + ring->nr - ring->head) % ring->nr;
}
