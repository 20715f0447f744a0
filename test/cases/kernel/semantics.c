// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is asked of ordinary memory is asked of restored memory: growing, protecting bit by bit, locking, advice,
 * userfaultfd. The answers have to be the same. What was restored lazily is settled first.
 */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGES = 4096, MORE = 256, ANSWERS = 1024 };

static uint64_t off;

static const char *answer(bool ok)
{
	return ok ? "ok" : strerror(errno);
}

static int count_maps(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	int c, n = 0;

	must(f, "/proc/self/maps");
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	return n;
}

static int status_kib(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[200];
	int kib = -1;

	must(f, "/proc/self/status");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kib = atoi(line + strlen(name) + 1);
	fclose(f);
	return kib;
}

static int try_to_grow(char *to)
{
	char *at = mremap(AREA, PAGES * PAGE, (PAGES + MORE) * PAGE, 0);

	return sprintf(to, "grow %s", answer(at != MAP_FAILED));
}

static int try_to_protect(char *to)
{
	int before = count_maps(), failed = 0;

	for (size_t i = 0; i + 1 < PAGES; i += 2)
		failed += mprotect(AREA + i * PAGE, PAGE, PROT_READ) ||
			  mprotect(AREA + i * PAGE, PAGE, PROT_READ | PROT_WRITE);
	return sprintf(to, "%d of mprotect fail, %+d mappings", failed, count_maps() - before);
}

static int try_to_lock(char *to)
{
	int n = sprintf(to, "mlock %s", answer(!mlock(AREA, PAGES * PAGE)));

	for (size_t i = 0; i < PAGES; i++)
		AREA[i * PAGE + 8] = 1;
	n += sprintf(to + n, ", MADV_PAGEOUT %s",
		     answer(!madvise(AREA, PAGES * PAGE, MADV_PAGEOUT)));
	n += sprintf(to + n, ", locked %d KiB, swapped %ld KiB", status_kib("VmLck"),
		     smaps_field(AREA, "Swap"));
	n += sprintf(to + n, ", munlock %s", answer(!munlock(AREA, PAGES * PAGE)));
	return n + sprintf(to + n, ", still locked %d KiB", status_kib("VmLck"));
}

static int try_advice(char *to)
{
	int n = sprintf(to, "MADV_DONTDUMP %s", answer(!madvise(AREA, PAGES * PAGE, MADV_DONTDUMP)));

	n += sprintf(to + n, ", MADV_DODUMP %s", answer(!madvise(AREA, PAGES * PAGE, MADV_DODUMP)));
	n += sprintf(to + n, ", MADV_FREE %s", answer(!madvise(AREA, PAGES * PAGE, MADV_FREE)));
	return n + sprintf(to + n, ", MADV_HUGEPAGE %s",
			   answer(!madvise(AREA, PAGES * PAGE, MADV_HUGEPAGE)));
}

static int try_userfaultfd(char *to)
{
	struct uffdio_register reg = { { (uintptr_t)AREA, PAGES * PAGE },
				       UFFDIO_REGISTER_MODE_MISSING,
				       0 };
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return sprintf(to, "no userfaultfd");
	int n = sprintf(to, "UFFDIO_REGISTER %s", answer(!ioctl(fd, UFFDIO_REGISTER, &reg)));
	close(fd);
	return n;
}

static const struct {
	const char *name;
	int (*ask)(char *to);
} questions[] = { { "grow", try_to_grow },
		  { "protect", try_to_protect },
		  { "lock", try_to_lock },
		  { "advice", try_advice },
		  { "userfaultfd", try_userfaultfd } };

/* In a child: the answer goes to memory in common. */
static void ask(int op, int which, char *to, bool locked)
{
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		map(AREA, PAGES);
		if (locked)
			syscall(SYS_mlock2, AREA, (size_t)PAGES * PAGE, MLOCK_ONFAULT);
		if (op == ORDINARY)
			fill(AREA, PAGES);
		else
			must(restore(op, off, AREA, PAGES) == 0, "restore");
		if (op == RMFORK_OP_RESTORE_LAZY)
			must(settle(getpid()) == 0, "SETTLE");
		questions[which].ask(to);
		_exit(verdict());
	}
	join_child(pid, questions[which].name);
}

int main(void)
{
	static const struct {
		const char *name;
		int op;
	} kinds[] = { { "RESTORE_ONE", RMFORK_OP_RESTORE_ONE },
		      { "RESTORE_ALL", RMFORK_OP_RESTORE_ALL },
		      { "RESTORE_LAZY", RMFORK_OP_RESTORE_LAZY } };
	char *answers = mmap(NULL, 2 * ANSWERS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			     -1, 0);

	open_module();
	off = save_area(PAGES);
	for (int locked = 0; locked < 2; locked++) {
		for (size_t q = 0; q < sizeof(questions) / sizeof(questions[0]); q++) {
			ask(ORDINARY, q, answers, locked);
			printf("%s%s: %s\n", questions[q].name, locked ? ", locked" : "", answers);
			for (int k = 0; k < (has_lazy() ? 3 : 2); k++) {
				ask(kinds[k].op, q, answers + ANSWERS, locked);
				if (strcmp(answers, answers + ANSWERS))
					wrong("%s: %s", kinds[k].name, answers + ANSWERS);
			}
		}
	}
	must(free_snapshot(off) == 0, "FREE");
	return verdict();
}
