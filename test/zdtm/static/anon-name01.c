// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory with a name (PR_SET_VMA_ANON_NAME, Linux 6.2). */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define SET_VMA 0x53564d41

static int maps_say(const char *name)
{
	static char text[65536];

	return read_file("/proc/self/maps", text, sizeof(text)) >= 0 && strstr(text, name) != NULL;
}

int main(int argc, char **argv)
{
	char *p;

	test_init(argc, argv);
	p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	p[0] = 1;
	if (prctl(SET_VMA, 0, p, 4096, "common") || !maps_say("[anon_shmem:common]"))
		skip("this kernel keeps no names of shared anonymous memory");

	test_daemon();
	test_waitsig();

	if (!maps_say("[anon_shmem:common]"))
		fail("the name is gone");
	else if (p[0] != 1)
		fail("the memory has changed");
	else
		pass();
	return 0;
}
