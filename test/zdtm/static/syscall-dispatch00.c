// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread that diverts its system calls (Syscall User Dispatch): any but those of the libc itself
 * would come back to it as SIGSYS. The dump is refused, and its handler and itself are left alone.
 */
/* zdtm: expect=refuse:"Syscall User Dispatch" */
#include "zdtmtst.h"

#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define DISPATCH_ON 1
#define BLOCK 1

static volatile char selector;
static volatile sig_atomic_t diverted;
static unsigned long libc_start, libc_size;

static void handler(int sig)
{
	(void)sig;
	diverted++;
}

/* The executable segment that a function of the libc lies in. */
static int find_libc(struct dl_phdr_info *info, size_t size, void *function)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		unsigned long start = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		if ((unsigned long)function < start || (unsigned long)function >= start + p->p_memsz)
			continue;
		libc_start = start;
		libc_size = p->p_memsz;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = handler };

	test_init(argc, argv);
	dl_iterate_phdr(find_libc, (void *)prctl);
	if (!libc_size || sigaction(SIGSYS, &sa, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, DISPATCH_ON, libc_start, libc_size, &selector)) {
		if (errno == EINVAL)
			skip("this kernel has no Syscall User Dispatch");
		pr_perror("prctl");
		return 1;
	}
	selector = BLOCK;

	test_daemon();
	test_waitsig();

	if (diverted)
		fail("%d system calls of somebody else were diverted", (int)diverted);
	else if (sigaction(SIGSYS, NULL, &sa) || sa.sa_handler != handler)
		fail("the handler of SIGSYS is another one");
	else
		pass();
	return 0;
}
