// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tasks that deny themselves memory which is writable and executable, or becomes executable (PR_SET_MDWE): one with
 * such a mapping from before and with a thread, and a child whose own children may have it.
 */
#include "zdtmtst.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#define REFUSE_EXEC_GAIN 1
#define NO_INHERIT 2

#define PAGE 4096

/* Returns what is wrong. */
static const char *check(int expected, char *data)
{
	const int mdwe = prctl(PR_GET_MDWE, 0, 0, 0, 0);

	if (mdwe != expected)
		return "PR_GET_MDWE gives another value";
	if (!mprotect(data, PAGE, PROT_READ | PROT_EXEC) || errno != EACCES)
		return "data can be made executable";
	return NULL;
}

static char *map(int prot)
{
	char *p = mmap(NULL, PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* From Linux 6.6 on; before that it has what the other has. */
static int child(void *data)
{
	int expected = REFUSE_EXEC_GAIN | NO_INHERIT;
	const char *wrong;

	if (prctl(PR_SET_MDWE, expected, 0, 0, 0)) {
		expected = REFUSE_EXEC_GAIN;
		if (prctl(PR_SET_MDWE, expected, 0, 0, 0)) {
			pr_perror("PR_SET_MDWE");
			return 1;
		}
	}
	child_ready();
	test_waitsig();
	wrong = check(expected, data);
	if (wrong)
		fail("of the child: %s", wrong);
	return wrong != NULL;
}

static void *wait_in_thread(void *unused)
{
	(void)unused;
	for (;;)
		pause();
	return NULL;
}

int main(int argc, char **argv)
{
	char *data, *both;
	const char *wrong;
	pthread_t thread;
	pid_t pid;

	test_init(argc, argv);
	if (prctl(PR_GET_MDWE, 0, 0, 0, 0) < 0)
		skip("this kernel has no PR_SET_MDWE");
	data = map(PROT_READ | PROT_WRITE);
	both = map(PROT_READ | PROT_WRITE | PROT_EXEC);
	if (!data || !both) {
		pr_perror("mmap");
		return 1;
	}
	both[0] = (char)0xc3; /* ret */
	pid = start_child(child, data);
	if (pid < 0)
		return 1;
	if (prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) || pthread_create(&thread, NULL, wait_in_thread, NULL)) {
		pr_perror("PR_SET_MDWE");
		return 1;
	}

	test_daemon();
	test_waitsig();

	wrong = check(REFUSE_EXEC_GAIN, data);
	if (finish_child(pid) != 0)
		return 1;
	if (wrong) {
		fail("%s", wrong);
		return 1;
	}
	((void (*)(void))both)();
	pass();
	return 0;
}
