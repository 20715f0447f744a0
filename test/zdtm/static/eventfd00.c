// SPDX-License-Identifier: GPL-2.0-only
/* An eventfd keeps its counter. */
#include "zdtmtst.h"

#include <sys/eventfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	uint64_t value = 4711;
	int fd;

	test_init(argc, argv);
	fd = eventfd(0, EFD_NONBLOCK);
	if (fd < 0 || write(fd, &value, sizeof(value)) != sizeof(value)) {
		pr_perror("eventfd");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read(fd, &value, sizeof(value)) != sizeof(value) || value != 4711)
		fail("the counter is %lu", value);
	else if (read(fd, &value, sizeof(value)) != -1 || errno != EAGAIN)
		fail("the counter is not zero after it was read");
	else
		pass();
	return 0;
}
