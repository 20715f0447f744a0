// SPDX-License-Identifier: GPL-2.0-only
/* A vDSO that was unmapped, as valgrind does: only its data are there. */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>

/* Where a mapping of that name lies; false where there is none. */
static bool find(const char *name, unsigned long *start, unsigned long *end)
{
	char line[512];
	bool found = false;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, name) && sscanf(line, "%lx-%lx", start, end) == 2;
	if (maps)
		fclose(maps);
	return found;
}

int main(int argc, char **argv)
{
	unsigned long start, end, data, now;

	test_init(argc, argv);
	if (!find("[vvar]", &data, &end) || !find("[vdso]", &start, &end))
		skip("there is no vDSO");
	if (munmap((void *)start, end - start)) {
		pr_perror("munmap");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (find("[vdso]", &start, &end))
		fail("the vDSO is there again");
	else if (!find("[vvar]", &now, &end) || now != data)
		fail("the data of the vDSO are not where they were");
	else
		pass();
	return 0;
}
