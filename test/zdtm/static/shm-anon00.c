// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory of a parent and a child: contents, and that it is still shared. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

#define SIZE (1 << 20)

static char *mem; /* the first and the last byte are for messages */
static uint32_t crc = CRC_INIT;

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	if (datachk(mem + 1, SIZE - 2, crc)) {
		fail("the child sees other contents");
		return 1;
	}
	if (mem[0] != 'p') {
		fail("the child does not see what the parent wrote");
		return 1;
	}
	mem[SIZE - 1] = 'c';
	return 0;
}

int main(int argc, char **argv)
{
	pid_t pid;
	int status;

	test_init(argc, argv);
	mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	datagen(mem + 1, SIZE - 2, &crc);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (datachk(mem + 1, SIZE - 2, crc)) {
		fail("the contents changed");
		return 1;
	}
	mem[0] = 'p';
	status = finish_child(pid);
	if (status)
		fail("the child ended with %d", status);
	else if (mem[SIZE - 1] != 'c')
		fail("the parent does not see what the child wrote");
	else
		pass();
	return 0;
}
