// SPDX-License-Identifier: GPL-2.0-only
/* /proc/self/coredump_filter. */
#include "zdtmtst.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	char buf[32] = "";

	test_init(argc, argv);
	if (write_file("/proc/self/coredump_filter", "0x15")) {
		if (errno == ENOENT)
			skip("the kernel writes no core dumps");
		pr_perror("cannot write");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read_file("/proc/self/coredump_filter", buf, sizeof(buf)) < 0)
		fail_errno("cannot read");
	else if (strtol(buf, NULL, 16) != 0x15)
		fail("the filter is %s", buf);
	else
		pass();
	return 0;
}
