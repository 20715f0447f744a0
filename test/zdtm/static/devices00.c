// SPDX-License-Identifier: GPL-2.0-only
/* Memory devices: null, zero, full and urandom, open for what they are good for. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const struct {
	const char *path;
	int flags;
	unsigned int minor; /* of major 1 (Documentation/admin-guide/devices.txt) */
} devices[] = {
	{ "/dev/null", O_RDWR, 3 },
	{ "/dev/zero", O_RDONLY, 5 },
	{ "/dev/full", O_WRONLY, 7 },
	{ "/dev/urandom", O_RDONLY | O_NONBLOCK, 9 },
};

int main(int argc, char **argv)
{
	int fds[array_size(devices)], flags[array_size(devices)];
	char buf[32] = { 1 }, none[32] = { 0 };

	test_init(argc, argv);
	for (unsigned int i = 0; i < array_size(devices); i++) {
		fds[i] = open(devices[i].path, devices[i].flags);
		if (fds[i] < 0) {
			if (errno == ENOENT)
				skip("there is no %s", devices[i].path);
			pr_perror("%s", devices[i].path);
			return 1;
		}
		flags[i] = fcntl(fds[i], F_GETFL);
	}

	test_daemon();
	test_waitsig();

	for (unsigned int i = 0; i < array_size(devices); i++) {
		struct stat st;

		if (fstat(fds[i], &st) || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, devices[i].minor)) {
			fail("%s is another file", devices[i].path);
			return 1;
		}
		if (fcntl(fds[i], F_GETFL) != flags[i]) {
			fail("%s: the flags changed", devices[i].path);
			return 1;
		}
	}
	if (write(fds[0], "x", 1) != 1 || read(fds[0], buf, 1) != 0)
		fail("/dev/null does not work");
	else if (read(fds[1], buf, 32) != 32 || memcmp(buf, none, 32))
		fail("/dev/zero does not work");
	else if (write(fds[2], "x", 1) != -1 || errno != ENOSPC)
		fail("/dev/full does not work");
	else if (read(fds[3], buf, 32) != 32 || !memcmp(buf, none, 32))
		fail("/dev/urandom does not work");
	else
		pass();
	return 0;
}
