// SPDX-License-Identifier: GPL-2.0-only
/* Open directories that were read to their ends show everything again once they are rewound. */
#include "zdtmtst.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to open");

#define FILES 300 /* more than a block of a file system has room for */

/* Whether each name is there once, from the position on. */
static bool reads_all(DIR *dir)
{
	int seen[FILES] = { 0 }, number;
	struct dirent *e;

	while ((e = readdir(dir)) != NULL)
		if (sscanf(e->d_name, "f%d", &number) == 1 && number >= 0 && number < FILES)
			seen[number]++;
	for (int i = 0; i < FILES; i++)
		if (seen[i] != 1)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	static const int flags[] = { O_RDONLY, O_RDONLY | O_DIRECTORY };
	DIR *dirs[2];
	int dir, fd;

	test_init(argc, argv);
	if (mkdir(dirname, 0755) || (dir = open(dirname, O_RDONLY)) < 0) {
		pr_perror("cannot open %s", dirname);
		return 1;
	}
	if (make_files(dir, FILES)) {
		pr_perror("cannot fill %s", dirname);
		return 1;
	}
	close(dir);
	for (int i = 0; i < 2; i++) {
		fd = open(dirname, flags[i]);
		dirs[i] = fd < 0 ? NULL : fdopendir(fd);
		if (!dirs[i]) {
			pr_perror("cannot open %s", dirname);
			return 1;
		}
		if (!reads_all(dirs[i])) {
			pr_err("not all names are there");
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		if (readdir(dirs[i]) != NULL) {
			fail("directory %d is not at its end", i);
			return 1;
		}
		rewinddir(dirs[i]);
		if (!reads_all(dirs[i])) {
			fail("directory %d does not show all names after it was rewound", i);
			return 1;
		}
	}
	pass();
	return 0;
}
