// SPDX-License-Identifier: GPL-2.0-only
/* A child with another host name. The dump is refused as long as namespaces are not supported. */
/* zdtm: expect=not-yet:namespace */
#include "zdtmtst.h"

#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

static int child(void *arg)
{
	struct utsname name;

	(void)arg;
	if (unshare(CLONE_NEWUTS) || sethostname("zdtm-child", 10)) {
		pr_perror("cannot make a namespace");
		return 1;
	}
	child_ready();
	test_waitsig();
	if (uname(&name) || strcmp(name.nodename, "zdtm-child")) {
		fail("the child's host is %s", name.nodename);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct utsname name;
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	if (uname(&name) || !strcmp(name.nodename, "zdtm-child"))
		fail("the parent's host is %s", name.nodename);
	else if (finish_child(pid))
		fail("the child failed");
	else
		pass();
	return 0;
}
