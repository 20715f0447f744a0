// SPDX-License-Identifier: GPL-2.0-only
/* Advice that sticks to a mapping: seen in VmFlags, and MADV_DONTFORK and WIPEONFORK by effect. */
#include "zdtmtst.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	int advice;
	const char *flag;
	const char *name;
} kinds[] = {
	{ MADV_DONTFORK, "dc", "MADV_DONTFORK" },
	{ MADV_WIPEONFORK, "wf", "MADV_WIPEONFORK" },
	{ MADV_DONTDUMP, "dd", "MADV_DONTDUMP" },
	{ MADV_NOHUGEPAGE, "nh", "MADV_NOHUGEPAGE" },
	{ MADV_HUGEPAGE, "hg", "MADV_HUGEPAGE" },
	{ MADV_MERGEABLE, "mg", "MADV_MERGEABLE" },
	{ MADV_RANDOM, "rr", "MADV_RANDOM" },
	{ MADV_SEQUENTIAL, "sr", "MADV_SEQUENTIAL" },
};

static char *maps[array_size(kinds)];

/* In a child made after the restore: status bits of what is wrong. */
static int forked_effects(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		unsigned char in_core;
		int wrong = 0;

		if (mincore(maps[0], 1, &in_core) != -1 || errno != ENOMEM)
			wrong |= 1;
		if (maps[1][0] != 0)
			wrong |= 2;
		if (maps[2][0] != 'x')
			wrong |= 4;
		_exit(wrong);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	size_t size = sysconf(_SC_PAGESIZE) * 4;
	int wrong;

	test_init(argc, argv);
	for (unsigned int i = 0; i < array_size(kinds); i++) {
		maps[i] = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (maps[i] == MAP_FAILED) {
			pr_perror("mmap");
			return 1;
		}
		maps[i][0] = 'x';
		if (madvise(maps[i], size, kinds[i].advice)) {
			/* Kernels without huge pages or KSM know no such advice. */
			if (errno != EINVAL || kinds[i].advice == MADV_DONTFORK) {
				pr_perror("%s", kinds[i].name);
				return 1;
			}
			maps[i] = NULL;
		}
	}

	test_daemon();
	test_waitsig();

	for (unsigned int i = 0; i < array_size(kinds); i++) {
		if (!maps[i])
			continue;
		if (vma_has_flag(maps[i], kinds[i].flag) != 1) {
			fail("%s is lost", kinds[i].name);
			return 1;
		}
		if (maps[i][0] != 'x' || maps[i][1]) {
			fail("%s: the contents changed", kinds[i].name);
			return 1;
		}
	}
	wrong = forked_effects();
	if (wrong) {
		fail("after fork: %d (1: DONTFORK is copied, 2: WIPEONFORK is not wiped)", wrong);
		return 1;
	}
	pass();
	return 0;
}
