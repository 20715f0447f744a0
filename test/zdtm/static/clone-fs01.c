// SPDX-License-Identifier: GPL-2.0-only
/*
 * A root directory that a process, its child, which leads a session, and its grandchild have in common. What they have
 * open, program included, lies outside of it. Beside them a child with a root, a directory and a umask of its own.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_OPTION(dirname, "the new root");
TEST_OPTION(filename, "a file outside of it");

#define STACK 65536
#define FILES 50

static int ready[2];
static ino_t old_root;

static pid_t share_fs(int (*f)(void *))
{
	char *stack = malloc(STACK);

	return stack ? clone(f, stack + STACK, CLONE_FS | SIGCHLD, NULL) : -1;
}

/* Each has files of its own, which it opens at the restore. */
static int open_files(int count)
{
	while (count--)
		if (open(filename, O_RDONLY) < 0)
			return -1;
	return 0;
}

static bool is_at(const char *path)
{
	char cwd[PATH_MAX];

	return getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, path);
}

static bool has_root_with(const char *name)
{
	struct stat st;

	return !stat("/", &st) && st.st_ino != old_root && !access(name, F_OK);
}

static int grandchild(void *arg)
{
	(void)arg;
	if (open_files(FILES) || write(ready[1], "+", 1) != 1)
		return 1;
	test_waitsig();
	if (!has_root_with("/sub/below") || !is_at("/sub/below") || umask(0111) != 0)
		return 2;
	return chroot("/sub") || chdir("/") ? 3 : 0;
}

static int child(void *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	if (open_files(FILES) || setsid() < 0)
		return 1;
	pid = share_fs(grandchild);
	if (pid < 0 || write(ready[1], "+", 1) != 1)
		return 2;
	test_waitsig();
	if (!has_root_with("/sub/below") || !is_at("/sub") || umask(0) != 0026 || chdir("below"))
		return 3;
	status = finish_child(pid);
	return status ? 10 + status : 0;
}

static int separate(void)
{
	struct stat st;

	if (chdir(dirname) || write(ready[1], "+", 1) != 1)
		return 1;
	umask(0070);
	test_waitsig();
	if (stat("/", &st) || st.st_ino != old_root || access(filename, F_OK))
		return 2;
	return !is_at(dirname) || access("sub", F_OK) || umask(0) != 0070 ? 3 : 0;
}

int main(int argc, char **argv)
{
	pid_t sharer, other;
	struct stat st;
	char c[3];
	int status;

	test_init(argc, argv);
	if (stat("/", &st) || pipe(ready) || write_file(filename, "outside") || mkdir(dirname, 0755)) {
		pr_perror("cannot set up");
		return 1;
	}
	old_root = st.st_ino;
	other = fork();
	if (other == 0)
		_exit(separate());
	sharer = share_fs(child);
	if (other < 0 || sharer < 0 || read_all(ready[0], c, sizeof(c)) != sizeof(c)) {
		pr_perror("cannot make the processes");
		return 1;
	}
	umask(0026);
	if (chroot(dirname) || chdir("/") || mkdir("sub", 0755) || mkdir("sub/below", 0755)) {
		pr_perror("cannot change the root");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (!has_root_with("/sub/below") || !is_at("/")) {
		fail("the root or the working directory is another one");
		return 0;
	}
	if (chdir("sub")) {
		fail_errno("chdir");
		return 0;
	}
	status = finish_child(sharer);
	if (status)
		fail("the child ended with %d", status);
	else if (!has_root_with("/below") || !is_at("/"))
		fail("the root that the grandchild has changed is not seen");
	else if (umask(0) != 0111)
		fail("the umask that the grandchild has changed is not seen");
	else if ((status = finish_child(other)))
		fail("the child with a root of its own ended with %d", status);
	else
		pass();
	return 0;
}
