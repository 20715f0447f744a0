// SPDX-License-Identifier: GPL-2.0-only
/* The vDSO: at the same address, with working clocks that go on and agree with the system call. */
#include "zdtmtst.h"

#include <elf.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int64_t ns(const struct timespec *t)
{
	return t->tv_sec * 1000000000ll + t->tv_nsec;
}

static int check(clockid_t clock, const char *name)
{
	struct timespec before, vdso, after;

	if (syscall(SYS_clock_gettime, clock, &before) || clock_gettime(clock, &vdso) ||
	    syscall(SYS_clock_gettime, clock, &after)) {
		fail_errno("%s", name);
		return 1;
	}
	if (ns(&vdso) < ns(&before) || ns(&vdso) > ns(&after)) {
		fail("%s: %ld is not between %ld and %ld", name, (long)ns(&vdso), (long)ns(&before),
		     (long)ns(&after));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const unsigned char *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
	struct timespec first, now;
	unsigned int cpu = 9999;

	test_init(argc, argv);
	if (!vdso)
		skip("the kernel gives no vDSO");
	clock_gettime(CLOCK_MONOTONIC, &first);

	test_daemon();
	test_waitsig();

	if (getauxval(AT_SYSINFO_EHDR) != (unsigned long)vdso || memcmp(vdso, ELFMAG, SELFMAG)) {
		fail("there is no vDSO at its address");
		return 1;
	}
	if (check(CLOCK_MONOTONIC, "CLOCK_MONOTONIC") || check(CLOCK_REALTIME, "CLOCK_REALTIME") ||
	    check(CLOCK_BOOTTIME, "CLOCK_BOOTTIME"))
		return 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (ns(&now) <= ns(&first))
		fail("CLOCK_MONOTONIC went back");
	else if (getcpu(&cpu, NULL) || cpu == 9999)
		fail("getcpu() does not work");
	else
		pass();
	return 0;
}
