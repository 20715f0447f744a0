// SPDX-License-Identifier: GPL-2.0-only
/* A memfd of huge pages. */
/* zdtm: expect=not-yet:'huge pages' */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int fd;

	test_init(argc, argv);
	fd = memfd_create("huge", MFD_HUGETLB);
	if (fd < 0)
		skip("there are no huge pages (memfd_create: %s)", strerror(errno));

	test_daemon();
	test_waitsig();

	if (lseek(fd, 0, SEEK_CUR) != 0)
		fail("the position has changed");
	else
		pass();
	return 0;
}
