// SPDX-License-Identifier: GPL-2.0-only
/* The audit user, /proc/self/loginuid: of a parent, of a child with another, and of one that has none. */
#include "zdtmtst.h"

#include <errno.h>
#include <stdlib.h>

#define LOGINUID "/proc/self/loginuid"
#define UNSET "4294967295"

static int check(const char *who, const char *want)
{
	char buf[32] = "";

	if (read_file(LOGINUID, buf, sizeof(buf)) > 0 && !strcmp(buf, want))
		return 0;
	fail("%s: %s, wanted %s", who, buf, want);
	return 1;
}

static int child(void *arg)
{
	const char *own = arg;

	/* Where none is set anybody may set one; afterwards it takes CAP_AUDIT_CONTROL, if it can be done at all. */
	if (own && write_file(LOGINUID, own))
		return 1;
	child_ready();
	test_waitsig();
	return check("the child", own ? own : UNSET);
}

int main(int argc, char **argv)
{
	char now[32];
	pid_t set, unset;

	test_init(argc, argv);
	if (read_file(LOGINUID, now, sizeof(now)) <= 0)
		skip("this kernel has no audit (CONFIG_AUDIT)");
	if (strcmp(now, UNSET) && write_file(LOGINUID, UNSET))
		skip("the audit user is %s and cannot be changed", now);
	set = start_child(child, "4321");
	unset = start_child(child, NULL);
	if (set < 0 || unset < 0 || write_file(LOGINUID, "1234")) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (check("the parent", "1234"))
		return 1;
	if (finish_child(set) || finish_child(unset)) {
		fail("a child failed");
		return 1;
	}
	pass();
	return 0;
}
