// SPDX-License-Identifier: GPL-2.0-only
/* Names of anonymous memory (PR_SET_VMA_ANON_NAME). */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#define SET_VMA 0x53564d41

static int has_name(void *at, const char *name)
{
	char line[512], start[32];
	FILE *f = fopen("/proc/self/maps", "r");
	int found = 0;

	snprintf(start, sizeof(start), "%lx-", (unsigned long)at);
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, start, strlen(start)))
			found = strstr(line, name) != NULL;
	if (f)
		fclose(f);
	return found;
}

int main(int argc, char **argv)
{
	char *p;

	test_init(argc, argv);
	p = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	p[0] = 1;
	if (prctl(SET_VMA, 0, p, 4096, "first name") || prctl(SET_VMA, 0, p + 4096, 4096, "b"))
		skip("this kernel keeps no names of anonymous memory");

	test_daemon();
	test_waitsig();

	if (!has_name(p, "[anon:first name]") || !has_name(p + 4096, "[anon:b]"))
		fail("a name is gone");
	else if (p[0] != 1)
		fail("the memory has changed");
	else
		pass();
	return 0;
}
