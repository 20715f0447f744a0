// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors with high numbers, up to the last that the limit allows. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int numbers[4];
	struct rlimit lim;
	int pipefd[2];
	char c;

	test_init(argc, argv);
	if (getrlimit(RLIMIT_NOFILE, &lim)) {
		pr_perror("getrlimit");
		return 1;
	}
	numbers[0] = lim.rlim_cur - 1;
	numbers[1] = lim.rlim_cur - 2;
	numbers[2] = lim.rlim_cur / 2;
	numbers[3] = 63;
	if (pipe(pipefd) || dup2(pipefd[0], numbers[0]) < 0 || dup2(pipefd[1], numbers[1]) < 0 ||
	    dup2(pipefd[0], numbers[2]) < 0 || dup2(pipefd[1], numbers[3]) < 0 ||
	    close(pipefd[0]) || close(pipefd[1])) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (fcntl(pipefd[0], F_GETFD) != -1 || fcntl(pipefd[1], F_GETFD) != -1)
		fail("a closed descriptor is open");
	else if (write(numbers[1], "a", 1) != 1 || read(numbers[0], &c, 1) != 1 || c != 'a')
		fail("%d and %d are not the pipe's ends", numbers[0], numbers[1]);
	else if (write(numbers[3], "b", 1) != 1 || read(numbers[2], &c, 1) != 1 || c != 'b')
		fail("%d and %d are not the pipe's ends", numbers[2], numbers[3]);
	else
		pass();
	return 0;
}
