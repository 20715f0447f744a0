// SPDX-License-Identifier: GPL-2.0-only
/* A vDSO that was moved away from its data. */
/* zdtm: expect=not-yet:"a vDSO that has been moved away from its data" */
#include "zdtmtst.h"

#include <stdio.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
	unsigned long start = 0, end = 0;
	char line[512];
	bool found = false;
	FILE *maps;

	test_init(argc, argv);
	maps = fopen("/proc/self/maps", "r");
	while (maps && !found && fgets(line, sizeof(line), maps))
		found = strstr(line, "[vdso]") && sscanf(line, "%lx-%lx", &start, &end) == 2;
	if (maps)
		fclose(maps);
	if (!found)
		skip("there is no vDSO");
	if (mremap((void *)start, end - start, end - start, MREMAP_MAYMOVE | MREMAP_FIXED, start + (16 << 20)) == MAP_FAILED) {
		pr_perror("mremap");
		return 1;
	}

	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
