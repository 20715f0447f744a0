// SPDX-License-Identifier: GPL-2.0-only
/* Supplementary groups, and group ids that differ, of a task that stays root. */
#include "zdtmtst.h"

#include <grp.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	gid_t want[] = { 7, 1000, 40000, 70000 }, have[16];
	gid_t r, e, s;
	int n;

	test_init(argc, argv);
	if (setgroups(array_size(want), want) || setresgid(11, 12, 13)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	n = getgroups(array_size(have), have);
	if (n != array_size(want) || memcmp(have, want, sizeof(want)))
		fail("the %d supplementary groups are others", n);
	else if (getresgid(&r, &e, &s) || r != 11 || e != 12 || s != 13)
		fail("the group ids are %d %d %d", r, e, s);
	else
		pass();
	return 0;
}
