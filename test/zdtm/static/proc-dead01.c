// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files and a directory of /proc whose process has ended, at a position, and shared with a child: there is no such
 * process after the restore either.
 */
/* zdtm: ignore=fds */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int files[3];

static int ended(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return 0;
}

static int child(void *arg)
{
	(void)arg;
	child_ready();
	test_waitsig();
	return lseek(files[2], 1, SEEK_SET) == 1 ? 0 : 1;
}

/* What the link of a descriptor says, but for " (deleted)". */
static int leads_to(int fd, const char *wanted)
{
	char path[32], link[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return readlink(path, link, sizeof(link) - 1) > 0 && !strncmp(link, wanted, strlen(wanted));
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "/status", "/comm", "" };
	char paths[3][32], text[8];
	pid_t pid, other;

	test_init(argc, argv);
	pid = start_child(ended, NULL);
	for (int i = 0; i < 3; i++) {
		snprintf(paths[i], sizeof(paths[i]), "/proc/%d%s", pid, names[i]);
		files[i] = open(paths[i], i == 1 ? O_RDWR : O_RDONLY);
	}
	if (pid < 0 || files[0] < 0 || files[1] < 0 || files[2] < 0 || read(files[0], text, 5) != 5 || finish_child(pid)) {
		pr_perror("cannot set up");
		return 1;
	}
	other = start_child(child, NULL);
	if (other < 0)
		return 1;

	test_daemon();
	test_waitsig();

	for (int i = 0; i < 3; i++)
		if (!leads_to(files[i], paths[i])) {
			fail("descriptor %d is not %s", files[i], paths[i]);
			return 1;
		}
	if (lseek(files[0], 0, SEEK_CUR) != 5)
		fail("the position is another");
	else if (finish_child(other) || lseek(files[2], 0, SEEK_CUR) != 1)
		fail("the child has another file");
	else if (pread(files[0], text, sizeof(text), 0) != -1 || errno != ESRCH)
		fail_errno("the ended process can be read");
	else
		pass();
	return 0;
}
