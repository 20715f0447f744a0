// SPDX-License-Identifier: GPL-2.0-only
/*
 * The NUMA memory policies of mappings: page by page, of private and shared memory and of a file. A
 * child has the shared memory too, in one mapping, of which it knows only where that begins and ends.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE  4096
#define PAGES 4

static const int modes[PAGES] = {MPOL_DEFAULT, MPOL_BIND, MPOL_PREFERRED | MPOL_F_STATIC_NODES, MPOL_LOCAL};

/* The nodes that come with a mode. */
static unsigned long nodes_of(int mode)
{
	return mode == MPOL_DEFAULT || mode == MPOL_LOCAL ? 0 : 1;
}

static int bind_pages(char *p)
{
	for (int i = 0; i < PAGES; i++) {
		unsigned long nodes = nodes_of(modes[i]);

		if (modes[i] != MPOL_DEFAULT &&
		    syscall(SYS_mbind, p + i * PAGE, PAGE, modes[i], nodes ? &nodes : NULL, 8 * sizeof(nodes), 0))
			return -1;
	}
	return 0;
}

static int look(const char *what, const char *p, int first)
{
	for (int i = first; i < PAGES; i++) {
		unsigned long nodes[16] = {0};
		int mode = -1;

		if (syscall(SYS_get_mempolicy, &mode, nodes, 8 * sizeof(nodes), p + i * PAGE, MPOL_F_ADDR)) {
			fail_errno("get_mempolicy");
			return -1;
		}
		if (mode != modes[i] || nodes[0] != nodes_of(modes[i])) {
			fail("page %d of %s has mode %#x and nodes %#lx", i, what, mode, nodes[0]);
			return -1;
		}
	}
	return 0;
}

static int child(void *shared)
{
	munmap(shared, PAGE);
	child_ready();
	test_waitsig();
	return look("the child's memory", shared, 1) ? 1 : 0;
}

int main(int argc, char **argv)
{
	const int prot = PROT_READ | PROT_WRITE;
	const size_t size = PAGES * PAGE;
	char *private, *shared, *file;
	int fd, status;
	pid_t pid;

	test_init(argc, argv);
	private = mmap(NULL, size, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, size, prot, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fd = open("/proc/self/exe", O_RDONLY);
	file = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (private == MAP_FAILED || shared == MAP_FAILED || file == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	private[PAGE] = shared[PAGE] = 1;
	pid = start_child(child, shared);
	if (pid < 0)
		return 1;
	if (bind_pages(private) || bind_pages(shared) || bind_pages(file)) {
		finish_child(pid);
		skip("this kernel has no memory policies");
	}

	test_daemon();
	test_waitsig();

	status = finish_child(pid);
	if (status)
		fail("the child ended with %d", status);
	else if (!look("private memory", private, 0) && !look("shared memory", shared, 0) &&
		 !look("a file", file, 0) && private[PAGE] == 1 && shared[PAGE] == 1)
		pass();
	return 0;
}
