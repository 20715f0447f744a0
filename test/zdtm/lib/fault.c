// SPDX-License-Identifier: GPL-2.0-only
#include "fault.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static sigjmp_buf back;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

void catch_faults(void)
{
	signal(SIGSEGV, on_fault);
}

bool is_readable(const volatile char *at)
{
	if (sigsetjmp(back, 1))
		return false;
	(void)*at;
	return true;
}

int guard(void *at, size_t size)
{
	return madvise(at, size, 102);
}

int unguard(void *at, size_t size)
{
	return madvise(at, size, 103);
}
