// SPDX-License-Identifier: GPL-2.0-only
/* An open directory: openat() goes on from it, and reading it goes on where it was. */
#include "zdtmtst.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

TEST_OPTION(dirname, "directory to open");

#define FILES 100

/* The kernel's record (getdents64(2)). */
struct record {
	uint64_t ino;
	int64_t off;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* Counts names "fN" seen from the position on; up to limit bytes of records, 0 = all. */
static int read_names(int fd, int *seen, size_t limit)
{
	char buf[4096] __attribute__((aligned(8)));
	long n;

	while ((n = syscall(SYS_getdents64, fd, buf, limit ? limit : sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			struct record *r = (struct record *)(buf + at);
			int number;

			if (sscanf(r->name, "f%d", &number) == 1 && number < FILES)
				seen[number]++;
			at += r->len;
		}
		if (limit)
			break;
	}
	return n < 0 ? -1 : 0;
}

int main(int argc, char **argv)
{
	static int seen[FILES];
	int dir, fd, flags;

	test_init(argc, argv);
	if (mkdir(dirname, 0755) || (dir = open(dirname, O_RDONLY | O_DIRECTORY)) < 0) {
		pr_perror("cannot open %s", dirname);
		return 1;
	}
	if (make_files(dir, FILES)) {
		pr_perror("cannot fill %s", dirname);
		return 1;
	}
	if (read_names(dir, seen, 512)) {
		pr_perror("getdents64");
		return 1;
	}

	flags = fcntl(dir, F_GETFL);

	test_daemon();
	test_waitsig();

	if (fcntl(dir, F_GETFL) != flags) {
		fail("the flags are %#o, were %#o", fcntl(dir, F_GETFL), flags);
		return 1;
	}
	if (read_names(dir, seen, 0)) {
		fail_errno("getdents64");
		return 1;
	}
	for (int i = 0; i < FILES; i++) {
		if (seen[i] != 1) {
			fail("f%d was seen %d times", i, seen[i]);
			return 1;
		}
	}
	fd = openat(dir, "f7", O_RDONLY);
	if (fd < 0) {
		fail_errno("openat");
		return 1;
	}
	pass();
	return 0;
}
