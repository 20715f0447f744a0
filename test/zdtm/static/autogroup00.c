// SPDX-License-Identifier: GPL-2.0-only
/* The nice value of the session as a whole (sched(7), the autogroup feature). */
#include "zdtmtst.h"

#include <unistd.h>

int main(int argc, char **argv)
{
	char text[128];
	const char *nice;

	test_init(argc, argv);
	if (access("/proc/self/autogroup", W_OK))
		skip("this kernel has no autogroups");
	if (write_file("/proc/self/autogroup", "7")) {
		pr_perror("cannot set the nice value of the autogroup");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (read_file("/proc/self/autogroup", text, sizeof(text)) < 0 ||
	    !(nice = strstr(text, " nice ")))
		fail("the autogroup cannot be read");
	else if (strncmp(nice, " nice 7", 7))
		fail("the autogroup is %s", text);
	else
		pass();
	return 0;
}
