// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel knows of the program: its file, and the bounds of code, data, heap and stack. */
#include "zdtmtst.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fields 26-28 and 45-51 of /proc/self/stat (proc(5)): addresses. */
static unsigned long bounds[10], bounds_after[10];

static int read_bounds(unsigned long *to)
{
	char buf[2048], *at, *save = NULL;
	int n = 0;

	if (read_file("/proc/self/stat", buf, sizeof(buf)) < 0 || !(at = strrchr(buf, ')')))
		return -1;
	at = strtok_r(at + 2, " ", &save);
	for (int field = 3; at; field++, at = strtok_r(NULL, " ", &save)) {
		if ((field >= 26 && field <= 28) || (field >= 45 && field <= 51))
			to[n++] = strtoul(at, NULL, 10);
	}
	return n == 10 ? 0 : -1;
}

int main(int argc, char **argv)
{
	char exe[PATH_MAX], exe_after[PATH_MAX];
	struct stat st, st_after;
	ssize_t n;

	test_init(argc, argv);
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0 || stat("/proc/self/exe", &st) || read_bounds(bounds)) {
		pr_perror("cannot read /proc/self");
		return 1;
	}
	exe[n] = '\0';

	test_daemon();
	test_waitsig();

	n = readlink("/proc/self/exe", exe_after, sizeof(exe_after) - 1);
	if (n < 0 || stat("/proc/self/exe", &st_after) || read_bounds(bounds_after)) {
		fail_errno("cannot read /proc/self");
		return 1;
	}
	exe_after[n] = '\0';
	if (strcmp(exe, exe_after) || st.st_ino != st_after.st_ino || st.st_dev != st_after.st_dev) {
		fail("the program is %s, was %s", exe_after, exe);
		return 1;
	}
	for (unsigned int i = 0; i < array_size(bounds); i++) {
		if (bounds[i] != bounds_after[i] || !bounds[i]) {
			fail("bound %u is %#lx, was %#lx", i, bounds_after[i], bounds[i]);
			return 1;
		}
	}
	pass();
	return 0;
}
