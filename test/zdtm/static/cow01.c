// SPDX-License-Identifier: GPL-2.0-only
/* Pages that a parent, its child and a grandchild have in common since fork() lie in memory once. */
/* zdtm: no-rmfork="what rmfork has in common is the subject of test/rmfork/sharing-test" */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

TEST_OPTION(filename, "file that is mapped");

#define PAGE 4096UL
#define PAGES 64

enum { PARENT, CHILD, GRANDCHILD, TASKS };

/* What a task did to a page: left as its maker had it, wrote its own, gave it up. */
enum state { LEFT, WROTE, GAVE_UP };

/* Pages that begin with the one that is named, for each kind of them. */
static const struct {
	int first, count;
	enum state child, grandchild;
} plan[] = {
	{ 0, 16, LEFT, LEFT },
	{ 16, 16, WROTE, LEFT },
	{ 32, 8, GAVE_UP, LEFT },
	{ 40, 8, GAVE_UP, WROTE },
	{ 48, 8, LEFT, WROTE },
	{ 56, 8, WROTE, GAVE_UP },
};

/* anonymous: of it the parent has given back the upper half since. Next to it lies nothing. */
static unsigned char *anonymous, *file;
/* Behind the pages of the file. */
static struct { pid_t pids[TASKS]; } *shared;

static enum state state_of(int task, int page)
{
	size_t i;

	for (i = 0; i < sizeof(plan) / sizeof(plan[0]); i++)
		if (page >= plan[i].first && page < plan[i].first + plan[i].count)
			return task == CHILD ? plan[i].child : task == GRANDCHILD ? plan[i].grandchild : LEFT;
	return LEFT;
}

/* The first byte of a page as the task has to see it; `untouched` is that of pages that were given up. */
static int wanted(int task, int page, int untouched)
{
	for (; task > PARENT; task--)
		if (state_of(task, page) == WROTE)
			return 0x40 * task + page;
		else if (state_of(task, page) == GAVE_UP)
			return untouched;
	return page;
}

static void change(int task, unsigned char *at)
{
	int page;

	for (page = 0; page < PAGES; page++)
		if (state_of(task, page) == WROTE)
			at[page * PAGE] = 0x40 * task + page;
		else if (state_of(task, page) == GAVE_UP)
			madvise(at + page * PAGE, PAGE, MADV_DONTNEED);
}

static int check(int task, const unsigned char *at, int pages, int untouched)
{
	int page;

	for (page = 0; page < pages; page++)
		if (at[page * PAGE] != (unsigned char)wanted(task, page, untouched)) {
			fail("task %d: page %d is %#x, not %#x", task, page, at[page * PAGE],
			     wanted(task, page, untouched));
			return 1;
		}
	return 0;
}

static int check_all(int task)
{
	return check(task, anonymous, task == PARENT ? PAGES / 2 : PAGES, 0) ||
	       check(task, file, PAGES, 0xff);
}

static int grandchild(void *arg)
{
	(void)arg;
	change(GRANDCHILD, anonymous);
	change(GRANDCHILD, file);
	child_ready();
	test_waitsig();
	return check_all(GRANDCHILD);
}

static int child(void *arg)
{
	(void)arg;
	change(CHILD, anonymous);
	change(CHILD, file);
	shared->pids[GRANDCHILD] = start_child(grandchild, NULL);
	if (shared->pids[GRANDCHILD] < 0)
		return 1;
	child_ready();
	test_waitsig();
	if (finish_child(shared->pids[GRANDCHILD]) != 0)
		return 1;
	return check_all(CHILD);
}

/* The frames of a task's pages: Documentation/admin-guide/mm/pagemap.rst. 0: there is none. */
static int read_frames(pid_t pid, const unsigned char *at, uint64_t frames[PAGES])
{
	char path[64];
	int fd, page;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY);
	if (fd < 0 || pread(fd, frames, PAGES * 8, (uintptr_t)at / PAGE * 8) != PAGES * 8) {
		pr_perror("cannot read %s", path);
		return -1;
	}
	close(fd);
	for (page = 0; page < PAGES; page++)
		frames[page] = frames[page] >> 63 ? frames[page] & ((1ULL << 55) - 1) : 0;
	return 0;
}

static bool sees_frames(void)
{
	uint64_t frames[PAGES];

	return read_frames(getpid(), anonymous, frames) == 0 && frames[0] != 0;
}

/* How many pages are not in common that should be; -1 for trouble. */
static int count_apart(const unsigned char *at, int parent_pages)
{
	uint64_t frames[TASKS][PAGES];
	int task, page, apart = 0;

	for (task = 0; task < TASKS; task++)
		if (read_frames(shared->pids[task], at, frames[task]))
			return -1;
	for (task = CHILD; task < TASKS; task++)
		for (page = 0; page < PAGES; page++) {
			if (state_of(task, page) != LEFT || (task == CHILD && page >= parent_pages))
				continue;
			if (task == GRANDCHILD && state_of(CHILD, page) == GAVE_UP)
				continue;
			if (frames[task][page] == 0 || frames[task][page] != frames[task - 1][page])
				apart++;
		}
	return apart;
}

/* The kernel may be moving pages just now: seen apart once, they are looked at again. */
static int are_apart(void)
{
	int i, a = 0, f = 0;

	for (i = 0; i < 5; i++) {
		a = count_apart(anonymous, PAGES / 2);
		f = count_apart(file, PAGES);
		if (a == 0 && f == 0)
			return 0;
	}
	pr_err("%d anonymous pages and %d of a file are not in common", a, f);
	return 1;
}

static int make_memory(void)
{
	unsigned char bytes[PAGE];
	int fd, page;

	memset(bytes, 0xff, sizeof(bytes));
	fd = open(filename, O_RDWR | O_CREAT | O_EXCL, 0600);
	for (page = 0; page <= PAGES; page++)
		if (fd < 0 || write(fd, bytes, PAGE) != (ssize_t)PAGE) {
			pr_perror("cannot write %s", filename);
			return -1;
		}
	anonymous = mmap(NULL, (PAGES + 2) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, PAGES * PAGE);
	if (anonymous == MAP_FAILED || file == MAP_FAILED || shared == MAP_FAILED || close(fd)) {
		pr_perror("mmap");
		return -1;
	}
	anonymous += PAGE;
	/* Pages of their own, large ones cannot be given up one by one. */
	if (mprotect(anonymous, PAGES * PAGE, PROT_READ | PROT_WRITE) ||
	    madvise(anonymous, PAGES * PAGE, MADV_NOHUGEPAGE)) {
		pr_perror("mprotect");
		return -1;
	}
	for (page = 0; page < PAGES; page++)
		memset(anonymous + page * PAGE, page, PAGE), memset(file + page * PAGE, page, PAGE);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	test_init(argc, argv);
	if (make_memory())
		return 1;
	if (!sees_frames())
		skip("the kernel does not show frames here (CAP_SYS_ADMIN)");
	shared->pids[PARENT] = getpid();
	shared->pids[CHILD] = start_child(child, NULL);
	if (shared->pids[CHILD] < 0)
		return 1;
	if (munmap(anonymous + PAGES / 2 * PAGE, PAGES / 2 * PAGE)) {
		pr_perror("munmap");
		return 1;
	}
	if (are_apart())
		return 1;

	test_daemon();
	test_waitsig();

	status = are_apart();
	if (finish_child(shared->pids[CHILD]) == 0 && check_all(PARENT) == 0) {
		if (status)
			fail("what was in common is not");
		else
			pass();
	}
	return 0;
}
