// SPDX-License-Identifier: GPL-2.0-only
/* Two processes with one working directory, one umask: what one changes the other sees. */
#include "zdtmtst.h"

#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_OPTION(dirname, "where both are");

static char stack[65536] __attribute__((aligned(16)));
static int ready[2];

static bool is_at(const char *name)
{
	char cwd[PATH_MAX], wanted[PATH_MAX];

	snprintf(wanted, sizeof(wanted), "%s%s", dirname, name);
	return getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, wanted);
}

static int child(void *arg)
{
	(void)arg;
	if (write(ready[1], "+", 1) != 1)
		return 1;
	test_waitsig();
	/* The parent has changed both. */
	if (!is_at("/parent") || umask(0022) != 0055)
		return 2;
	return chdir("../child") ? 3 : 0;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;
	char c;

	test_init(argc, argv);
	if (pipe(ready) || mkdir(dirname, 0755) || chdir(dirname) || mkdir("parent", 0755) || mkdir("child", 0755)) {
		pr_perror("cannot set up");
		return 1;
	}
	umask(0027);
	pid = clone(child, stack + sizeof(stack), CLONE_FS | SIGCHLD, NULL);
	if (pid < 0 || read(ready[0], &c, 1) != 1) {
		pr_perror("clone");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!is_at("")) {
		fail("the working directory is another one");
		return 0;
	}
	if (umask(0055) != 0027) {
		fail("the umask is another one");
		return 0;
	}
	if (chdir("parent")) {
		fail_errno("chdir");
		return 0;
	}
	status = finish_child(pid);
	if (status)
		fail("the child ended with %d: it does not see what the parent has changed", status);
	else if (!is_at("/child"))
		fail("the parent does not see the child's change of directory");
	else if (umask(0) != 0022)
		fail("the parent does not see the child's umask");
	else
		pass();
	return 0;
}
