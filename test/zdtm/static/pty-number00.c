// SPDX-License-Identifier: GPL-2.0-only
/* Terminals whose numbers are not the lowest that are free, in another order than that of their descriptors. */
/* zdtm: flags=pts */
#include "zdtmtst.h"

#include <pty.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ALL = 6 };

int main(int argc, char **argv)
{
	int masters[ALL], slaves[ALL], last;
	char names[ALL][64], c = 0;
	struct stat st;

	test_init(argc, argv);
	for (int i = 0; i < ALL; i++)
		if (openpty(&masters[i], &slaves[i], names[i], NULL, NULL)) {
			pr_perror("openpty");
			return 1;
		}
	/* 3 and 5 stay; the last gets a lower descriptor. */
	for (int i = 0; i < ALL; i++)
		if (i != 3 && i != 5) {
			close(masters[i]);
			close(slaves[i]);
		}
	last = dup(masters[5]);
	close(masters[5]);
	masters[5] = last;

	test_daemon();
	test_waitsig();

	for (int i = 3; i <= 5; i += 2) {
		char name[64] = "";

		if (ptsname_r(masters[i], name, sizeof(name)) || strcmp(name, names[i]) || stat(name, &st)) {
			fail_errno("%s is %s now", names[i], name);
			return 1;
		}
		c = 'a' + i;
		if (write(slaves[i], &c, 1) != 1 || read(masters[i], &c, 1) != 1 || c != 'a' + i) {
			fail_errno("the ends of %s do not belong together", name);
			return 1;
		}
	}
	pass();
	return 0;
}
