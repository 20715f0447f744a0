// SPDX-License-Identifier: GPL-2.0-only
/*
 * Working directory and descriptor table, of which some processes have both in common and some one: the child of the
 * first has its directory, the grandchild that and the child's table, the second child both of the first. A socket with
 * a name relative to the directory, a file and a directory without a name and a umask that allows nothing, beside a
 * dead child that had both, too.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

TEST_OPTION(dirname, "where the socket is");

#define STACK 65536

static struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "relative" };
static int ready[2], ghost;

static pid_t share(int (*f)(void *), int flags)
{
	char *stack = malloc(STACK);

	return stack ? clone(f, stack + STACK, flags | SIGCHLD, NULL) : -1;
}

static bool can_connect(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	const int rc = connect(fd, (struct sockaddr *)&name, sizeof(name));

	close(fd);
	return rc == 0;
}

static bool has_mark(int fd, mode_t mode)
{
	struct stat st;
	char mark;

	return !fstat(fd, &st) && st.st_nlink == 0 && (st.st_mode & 0777) == mode && pread(fd, &mark, 1, 0) == 1 && mark == 'm';
}

static int open_ghost(const char *path, mode_t mode)
{
	const int fd = open(path, O_RDWR | O_CREAT, 0600);

	return fd < 0 || fchmod(fd, mode) || write(fd, "m", 1) != 1 || unlink(path) ? -1 : fd;
}

static int dead(void *arg)
{
	(void)arg;
	return 7;
}

/* The directory is that of all, the table the child's. */
static int grandchild(void *arg)
{
	(void)arg;
	if (write(ready[1], "+", 1) != 1)
		return 1;
	test_waitsig();
	if (!has_mark(ghost, 0640) || fcntl(90, F_GETFD) >= 0 || !can_connect())
		return 2;
	return dup2(ghost, 91) != 91 || umask(0707) != 0777 || chdir("down") ? 3 : 0;
}

static int child(void *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	ghost = open_ghost("of-child", 0640);
	pid = share(grandchild, CLONE_FS | CLONE_FILES);
	if (ghost < 0 || pid < 0 || write(ready[1], "+", 1) != 1)
		return 1;
	test_waitsig();
	if (!has_mark(ghost, 0640) || !can_connect())
		return 2;
	status = finish_child(pid);
	if (status)
		return 10 + status;
	return fcntl(91, F_GETFD) >= 0 && fcntl(90, F_GETFD) < 0 ? 0 : 3;
}

/* Both are the first one's. */
static int brother(void *arg)
{
	(void)arg;
	if (write(ready[1], "+", 1) != 1)
		return 1;
	test_waitsig();
	if (fcntl(90, F_GETFD) < 0 || fcntl(91, F_GETFD) >= 0 || !has_mark(ghost, 0604) || umask(0123) != 0707)
		return 2;
	return dup2(ghost, 92) != 92 || chdir("..") ? 3 : 0;
}

int main(int argc, char **argv)
{
	int listening, removed, status;
	pid_t first, second, corpse;
	struct stat st;
	siginfo_t end;
	char c[3];

	test_init(argc, argv);
	listening = socket(AF_UNIX, SOCK_STREAM, 0);
	if (pipe(ready) || mkdir(dirname, 0755) || chdir(dirname) || mkdir("down", 0755) || mkdir("removed", 0711) ||
	    bind(listening, (struct sockaddr *)&name, sizeof(name)) || listen(listening, 5)) {
		pr_perror("cannot set up");
		return 1;
	}
	ghost = open_ghost("of-first", 0604);
	removed = open("removed", O_RDONLY | O_DIRECTORY);
	if (ghost < 0 || removed < 0 || rmdir("removed")) {
		pr_perror("cannot set up what has no name");
		return 1;
	}
	first = share(child, CLONE_FS);
	second = share(brother, CLONE_FS | CLONE_FILES);
	corpse = share(dead, CLONE_FS | CLONE_FILES);
	if (first < 0 || second < 0 || corpse < 0 || read_all(ready[0], c, sizeof(c)) != sizeof(c) ||
	    waitid(P_PID, corpse, &end, WEXITED | WNOWAIT)) {
		pr_perror("cannot make the processes");
		return 1;
	}
	umask(0777);

	test_daemon();
	test_waitsig();

	if (!can_connect() || !has_mark(ghost, 0604)) {
		fail_errno("the socket or the file without a name is another one");
		return 0;
	}
	if (fstat(removed, &st) || st.st_nlink != 0 || (st.st_mode & 0777) != 0711) {
		fail("the directory without a name is another one: mode %o", st.st_mode);
		return 0;
	}
	if (dup2(ghost, 90) != 90) {
		fail_errno("dup2");
		return 0;
	}
	if ((status = finish_child(first)))
		fail("the child with the same directory ended with %d", status);
	else if (access("../relative", F_OK))
		fail_errno("the directory that the grandchild has changed is not seen");
	else if ((status = finish_child(second)))
		fail("the child with the same directory and table ended with %d", status);
	else if (access("relative", F_OK) || fcntl(92, F_GETFD) < 0 || umask(0) != 0123)
		fail("what the second child has changed is not seen");
	else if ((status = reap_child(corpse)) != 7)
		fail("the dead child ended with %d", status);
	else
		pass();
	return 0;
}
