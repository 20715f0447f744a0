// SPDX-License-Identifier: GPL-2.0-only
/* A removed symbolic link, held twice by O_PATH | O_NOFOLLOW, still tells where it led to. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(filename, "link to make and remove");

static const char target[] = "/nowhere/in/particular";

int main(int argc, char **argv)
{
	char buf[sizeof(target)];
	struct stat one, two;
	int first, second;

	test_init(argc, argv);
	if (symlink(target, filename) || lchown(filename, 12, 34)) {
		pr_perror("cannot make %s", filename);
		return 1;
	}
	first = open(filename, O_PATH | O_NOFOLLOW);
	second = open(filename, O_PATH | O_NOFOLLOW);
	if (first < 0 || second < 0 || unlink(filename)) {
		pr_perror("cannot open and remove %s", filename);
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (readlinkat(second, "", buf, sizeof(buf)) != (ssize_t)sizeof(target) - 1 ||
	    memcmp(buf, target, sizeof(target) - 1))
		fail("it leads elsewhere");
	else if (fstat(first, &one) || fstat(second, &two) || one.st_ino != two.st_ino)
		fail("the two descriptors are not one link any more");
	else if (!S_ISLNK(one.st_mode) || one.st_uid != 12 || one.st_gid != 34)
		fail("it is of mode %o and belongs to %d:%d", one.st_mode, one.st_uid, one.st_gid);
	else
		pass();
	return 0;
}
