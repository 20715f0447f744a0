// SPDX-License-Identifier: GPL-2.0-only
/* Sealed pages (mseal(2)) between others of one mapping, also of a child, keep their contents and stay sealed. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define PAGE 4096

static char *pages;

static bool is_refused(int ret)
{
	return ret < 0 && errno == EPERM;
}

/* Page 1 and 2 of four are sealed. Returns what is wrong. */
static const char *check(void)
{
	for (int i = 0; i < 4; i++)
		if (pages[i * PAGE] != 'a' + i)
			return "the contents are others";
	pages[PAGE] = 'B';
	if (pages[PAGE] != 'B')
		return "a sealed page cannot be written to";
	pages[PAGE] = 'b';
	for (int i = 1; i < 3; i++)
		if (!is_refused(mprotect(pages + i * PAGE, PAGE, PROT_READ)) || !is_refused(munmap(pages + i * PAGE, PAGE)))
			return "a page is not sealed";
	if (mprotect(pages, PAGE, PROT_READ) || mprotect(pages + 3 * PAGE, PAGE, PROT_READ))
		return "a page beside them is sealed";
	if (mprotect(pages, PAGE, PROT_READ | PROT_WRITE) || mprotect(pages + 3 * PAGE, PAGE, PROT_READ | PROT_WRITE))
		return "a page beside them cannot be protected";
	return NULL;
}

static int child(void *unused)
{
	const char *wrong;

	(void)unused;
	child_ready();
	test_waitsig();
	wrong = check();
	if (wrong)
		fail("of the child: %s", wrong);
	return wrong != NULL;
}

int main(int argc, char **argv)
{
	const char *wrong;
	pid_t pid;

	test_init(argc, argv);
	pages = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED) {
		pr_perror("mmap");
		return 1;
	}
	for (int i = 0; i < 4; i++)
		pages[i * PAGE] = 'a' + i;
	if (syscall(SYS_mseal, pages + PAGE, 2 * PAGE, 0))
		skip("this kernel has no mseal");
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;

	test_daemon();
	test_waitsig();

	wrong = check();
	if (finish_child(pid) != 0)
		return 1;
	if (wrong) {
		fail("%s", wrong);
		return 1;
	}
	pass();
	return 0;
}
