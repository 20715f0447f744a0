// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of the namespaces that a task lives in, one of which its child has as well. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NS_GET_NSTYPE _IO(0xb7, 0x3) /* linux/nsfs.h */

static const char *const names[] = { "net", "mnt", "pid", "ipc", "uts", "user", "cgroup" };
static int fds[array_size(names)];

static int open_own(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return open(path, O_RDONLY);
}

/* That of the task itself. */
static int is_own(int i)
{
	int now = open_own(names[i]);
	struct stat is, was;
	int same = now >= 0 && !fstat(now, &is) && !fstat(fds[i], &was) && is.st_dev == was.st_dev && is.st_ino == was.st_ino;

	close(now);
	return same;
}

int main(int argc, char **argv)
{
	size_t i;
	int status;
	pid_t child;

	test_init(argc, argv);
	for (i = 0; i < array_size(names); i++) {
		fds[i] = open_own(names[i]);
		if (fds[i] < 0) {
			pr_perror("cannot open the namespace %s", names[i]);
			return 1;
		}
	}
	child = fork();
	if (child < 0) {
		pr_perror("cannot fork");
		return 1;
	}
	if (child == 0) {
		test_waitsig();
		_exit(is_own(0) ? 0 : 1);
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < array_size(names); i++) {
		if (!is_own((int)i)) {
			fail("the namespace %s is another", names[i]);
			return 0;
		}
	}
	if (ioctl(fds[0], NS_GET_NSTYPE) != CLONE_NEWNET)
		fail_errno("it does not tell what it is");
	else if (kill(child, SIGTERM) || waitpid(child, &status, 0) != child || status != 0)
		fail("that of the child is another");
	else
		pass();
	return 0;
}
