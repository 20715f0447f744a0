// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of every protection, anonymous and of a file, private and shared, keep their contents. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "file to map");

#define SIZE 32768

struct mapping {
	int prot;
	bool file, shared;
	char *addr;
	uint32_t crc;
};

static struct mapping maps[32];
static int nr_maps;
static sigjmp_buf escape;

static int make(int prot, bool file, bool shared)
{
	struct mapping *m = &maps[nr_maps++];
	int fd = -1;
	int flags = (shared ? MAP_SHARED : MAP_PRIVATE) | (file ? 0 : MAP_ANONYMOUS);

	*m = (struct mapping){ .prot = prot, .file = file, .shared = shared, .crc = CRC_INIT };
	if (file) {
		/* Each shared mapping has its own part of the file. */
		fd = open(filename, O_RDWR | O_CREAT, 0600);
		if (fd < 0 || ftruncate(fd, (off_t)SIZE * array_size(maps)))
			return -1;
	}
	m->addr = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, flags, fd,
		       file ? (off_t)(m - maps) * SIZE : 0);
	if (m->addr == MAP_FAILED)
		return -1;
	/* The second half stays as it came, so that a private file mapping has both kinds of pages. */
	datagen(m->addr, SIZE / 2, &m->crc);
	if (mprotect(m->addr, SIZE, prot))
		return -1;
	return file ? close(fd) : 0;
}

static void on_segv(int sig)
{
	siglongjmp(escape, sig);
}

/* Does an access of this kind trap? */
static bool traps(volatile char *addr, bool write)
{
	if (sigsetjmp(escape, 1))
		return true;
	if (write)
		*addr = *addr;
	else
		(void)*addr;
	return false;
}

static int check(const struct mapping *m)
{
	bool readable = m->prot & (PROT_READ | PROT_WRITE | PROT_EXEC);

	if (traps(m->addr, false) == readable) {
		fail("%p prot %d: reading %s", m->addr, m->prot, readable ? "traps" : "is allowed");
		return 1;
	}
	if (readable && traps(m->addr, true) != !(m->prot & PROT_WRITE)) {
		fail("%p prot %d: write protection is wrong", m->addr, m->prot);
		return 1;
	}
	if (mprotect(m->addr, SIZE, PROT_READ | PROT_WRITE)) {
		fail_errno("%p: mprotect", m->addr);
		return 1;
	}
	if (datachk(m->addr, SIZE / 2, m->crc)) {
		fail("%p prot %d file %d shared %d: contents changed", m->addr, m->prot, m->file,
		     m->shared);
		return 1;
	}
	for (int i = SIZE / 2; i < SIZE; i++) {
		if (m->addr[i]) {
			fail("%p prot %d: byte %d is not zero", m->addr, m->prot, i);
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const int prots[] = { PROT_NONE, PROT_READ, PROT_WRITE, PROT_READ | PROT_WRITE,
				     PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC };

	test_init(argc, argv);
	for (unsigned int p = 0; p < array_size(prots); p++) {
		for (int kind = 0; kind < 4; kind++) {
			if (make(prots[p], kind & 1, kind & 2)) {
				pr_perror("cannot map, prot %d kind %d", prots[p], kind);
				return 1;
			}
		}
	}

	test_daemon();
	test_waitsig();

	signal(SIGSEGV, on_segv);
	for (int i = 0; i < nr_maps; i++) {
		if (check(&maps[i]))
			return 1;
	}
	unlink(filename);
	pass();
	return 0;
}
