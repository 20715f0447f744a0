// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel says about the threads of a test: pthread_*(3) tell of the C library's view alone. */
#include "zdtmtst.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>

static unsigned int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	unsigned int n = 0;

	if (!dir)
		return 0;
	for (struct dirent *entry; (entry = readdir(dir));)
		n += entry->d_name[0] != '.';
	closedir(dir);
	return n;
}

void wait_for_threads(unsigned int n)
{
	while (count_threads() != n)
		sched_yield();
}

bool thread_waits(pid_t tid, long call)
{
	char path[64], text[256];
	long now;

	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	/* "running" unless it sleeps: then the number of the call comes first. */
	return read_file(path, text, sizeof(text)) > 0 && sscanf(text, "%ld", &now) == 1 && now == call;
}
