// SPDX-License-Identifier: GPL-2.0-only
/* A directory that is watched by fcntl(2) F_NOTIFY: the kernel does not tell what for. */
/* zdtm: expect=not-yet:"F_NOTIFY" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

TEST_OPTION(dirname, "the directory that is watched");

static volatile sig_atomic_t seen;

static void handler(int sig)
{
	(void)sig;
	seen++;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = handler };
	char path[4096];
	int fd;

	test_init(argc, argv);
	if (mkdir(dirname, 0755) || (fd = open(dirname, O_RDONLY | O_DIRECTORY)) < 0 ||
	    sigaction(SIGIO, &sa, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	if (fcntl(fd, F_NOTIFY, DN_CREATE | DN_MULTISHOT))
		skip("this kernel has no F_NOTIFY");

	test_daemon();
	test_waitsig();

	snprintf(path, sizeof(path), "%s/file", dirname);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	if (seen != 1)
		fail("%d signals for one new file", (int)seen);
	else
		pass();
	return 0;
}
