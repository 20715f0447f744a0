// SPDX-License-Identifier: GPL-2.0-only
/* Open files keep their position, their access mode and their status flags. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

TEST_OPTION(filename, "file to open");

static int check(const char *what, int fd, off_t pos, int flags)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	int have = fcntl(fd, F_GETFL);

	if (at != pos) {
		fail("%s: position is %ld, was %ld", what, (long)at, (long)pos);
		return 1;
	}
	if (have != flags) {
		fail("%s: flags are %#o, were %#o", what, have, flags);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int rd, wr, app, rw, rd_flags, wr_flags, app_flags, rw_flags;
	char buf[8] = { 0 };

	test_init(argc, argv);
	wr = open(filename, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	rd = open(filename, O_RDONLY | O_NOATIME);
	app = open(filename, O_WRONLY | O_APPEND | O_NONBLOCK);
	rw = open(filename, O_RDWR | O_SYNC);
	if (wr < 0 || rd < 0 || app < 0 || rw < 0) {
		pr_perror("cannot open %s", filename);
		return 1;
	}
	if (write(wr, "0123456789", 10) != 10 || read(rd, buf, 3) != 3 ||
	    write(app, "abcdef", 6) != 6 || lseek(rw, 1000, SEEK_SET) != 1000) {
		pr_perror("cannot fill %s", filename);
		return 1;
	}
	wr_flags = fcntl(wr, F_GETFL);
	rd_flags = fcntl(rd, F_GETFL);
	app_flags = fcntl(app, F_GETFL);
	rw_flags = fcntl(rw, F_GETFL);

	test_daemon();
	test_waitsig();

	if (check("O_WRONLY", wr, 10, wr_flags) || check("O_RDONLY", rd, 3, rd_flags) ||
	    check("O_APPEND", app, 16, app_flags) || check("O_RDWR", rw, 1000, rw_flags))
		return 1;
	if (write(rd, "x", 1) >= 0 || errno != EBADF) {
		fail("a read-only file can be written");
		return 1;
	}
	if (read(wr, buf, 1) >= 0 || errno != EBADF) {
		fail("a write-only file can be read");
		return 1;
	}
	if (lseek(app, 0, SEEK_SET) || write(app, "END", 3) != 3 ||
	    pread(rw, buf, 3, 16) != 3 || memcmp(buf, "END", 3)) {
		fail("O_APPEND does not append");
		return 1;
	}
	unlink(filename);
	pass();
	return 0;
}
