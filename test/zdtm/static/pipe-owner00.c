// SPDX-License-Identifier: GPL-2.0-only
/* Pipes that belong to others, and two ends of one that may be opened by its group. */
#include "zdtmtst.h"

#include <sys/stat.h>
#include <unistd.h>

static int is(int fd, uid_t uid, gid_t gid, mode_t mode)
{
	struct stat st;

	if (fstat(fd, &st)) {
		fail_errno("fstat");
		return 0;
	}
	if (st.st_uid == uid && st.st_gid == gid && (st.st_mode & 07777) == mode)
		return 1;
	fail("the pipe is of %d:%d and mode %o, not of %d:%d and %o", st.st_uid, st.st_gid,
	     st.st_mode & 07777, uid, gid, mode);
	return 0;
}

int main(int argc, char **argv)
{
	int own[2], other[2];
	char c;

	test_init(argc, argv);
	if (pipe(own) || pipe(other) || fchown(other[0], 12, 34) || fchmod(other[1], 0640) ||
	    write(other[1], "x", 1) != 1 || close(other[1])) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (is(own[0], 0, 0, 0600) && is(own[1], 0, 0, 0600) && is(other[0], 12, 34, 0640)) {
		if (read(other[0], &c, 1) != 1 || c != 'x')
			fail("the pipe lost its contents");
		else
			pass();
	}
	return 0;
}
