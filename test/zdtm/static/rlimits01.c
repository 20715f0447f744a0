// SPDX-License-Identifier: GPL-2.0-only
/* A user who has more processes than RLIMIT_NPROC allows: one that was there before may execute programs. */
#include "zdtmtst.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USER = 4321, CHILDREN = 3 };

/* Tells that it is that user's, and is told by the end of a pipe when the time has come. */
static void child(int ready, int go)
{
	const struct rlimit one = { 1, 1 };
	char c;

	if (setresuid(USER, USER, USER) || setrlimit(RLIMIT_NPROC, &one) || write(ready, "r", 1) != 1)
		_exit(2);
	if (read(go, &c, 1) == 0)
		execl("/bin/true", "true", NULL);
	_exit(1);
}

int main(int argc, char **argv)
{
	int go[2], ready[2], status;
	char c;

	test_init(argc, argv);
	if (pipe(go) || pipe(ready)) {
		pr_perror("pipe");
		return 1;
	}
	for (int i = 0; i < CHILDREN; i++) {
		const pid_t pid = fork();

		if (pid < 0) {
			pr_perror("fork");
			return 1;
		}
		if (pid == 0) {
			close(go[1]);
			child(ready[1], go[0]);
		}
	}
	close(ready[1]);
	for (int i = 0; i < CHILDREN; i++)
		if (read(ready[0], &c, 1) != 1) {
			pr_perror("a child has ended");
			return 1;
		}

	test_daemon();
	test_waitsig();

	close(go[1]);
	for (int i = 0; i < CHILDREN; i++)
		if (wait(&status) < 0 || status) {
			fail("a child ended with status %#x", status);
			return 1;
		}
	pass();
	return 0;
}
