// SPDX-License-Identifier: GPL-2.0-only
/* User and group ids: of a task that is another user, and one that is only so effectively. */
#include "zdtmtst.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <unistd.h>

static int check(const char *who, const uid_t *want)
{
	uid_t u[3], g[3];

	if (getresuid(&u[0], &u[1], &u[2]) || getresgid(&g[0], &g[1], &g[2])) {
		fail_errno("%s", who);
		return 1;
	}
	if (!memcmp(u, want, sizeof(u)) && !memcmp(g, want + 3, sizeof(g)))
		return 0;
	fail("%s: uids %d %d %d gids %d %d %d", who, u[0], u[1], u[2], g[0], g[1], g[2]);
	return 1;
}

static int other_user(void *arg)
{
	static const uid_t want[] = { 1001, 1002, 1003, 2001, 2002, 2003 };
	gid_t group = 3000;

	(void)arg;
	if (setgroups(1, &group) || setresgid(2001, 2002, 2003) || setresuid(1001, 1002, 1003)) {
		pr_perror("cannot become another user");
		return 1;
	}
	child_ready();
	test_waitsig();
	if (getgroups(1, &group) != 1 || group != 3000) {
		fail("the supplementary groups changed");
		return 1;
	}
	if (!setuid(0)) {
		fail("the other user can become root again");
		return 1;
	}
	return check("the other user", want);
}

static int effectively(void *arg)
{
	static const uid_t want[] = { 0, 1004, 0, 0, 0, 0 };

	(void)arg;
	if (setresuid(0, 1004, 0)) {
		pr_perror("setresuid");
		return 1;
	}
	setfsuid(0);
	child_ready();
	test_waitsig();
	if (setfsuid(-1) != 0) {
		fail("the file system uid is %d", setfsuid(-1));
		return 1;
	}
	return check("the effective user", want);
}

int main(int argc, char **argv)
{
	pid_t other, effective;

	test_init(argc, argv);
	other = start_child(other_user, NULL);
	effective = start_child(effectively, NULL);
	if (other < 0 || effective < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (finish_child(other) || finish_child(effective)) {
		fail("a child failed");
		return 1;
	}
	pass();
	return 0;
}
