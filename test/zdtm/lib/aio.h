/* SPDX-License-Identifier: GPL-2.0-only */
/* Asynchronous I/O, for the tests that have a ring: io_setup(2), and fs/aio.c for the ring itself. */
#ifndef ZDTM_LIB_AIO_H
#define ZDTM_LIB_AIO_H

#include <linux/aio_abi.h>

struct aio_ring {
	unsigned id, nr, head, tail, magic, compat_features, incompat_features, header_length;
	struct io_event events[];
};

/* A context for so many requests, or NULL. */
struct aio_ring *aio_setup(unsigned requests);
/*
 * Asks n times for nothing from a file, which is done at once; the events are told from each other by first, first + 1
 * and so on. How many were taken: fewer when the ring is full. -1 with errno.
 */
int aio_ask(struct aio_ring *ring, int fd, unsigned first, unsigned n);
/* Takes n events, which have to be those: 0, or -1. Does not wait. */
int aio_take(struct aio_ring *ring, unsigned first, unsigned n);
/* How many events wait. */
unsigned aio_waiting(const struct aio_ring *ring);

#endif
