/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A prepared rmfork call, for code that has no C library.
 *
 * The coordinator fills a struct rmfork_restore_call (rmfork/restore.h, make_restore_call), the
 * restorer copies it into its own arguments and, once every mapping is at its final address and
 * before other threads exist, says
 *
 *	long ret = rmfork_issue(&args->rmfork);		// 0, or -errno
 *
 * Plain data, no pointers to follow in the caller's address space unless kargs.iovs is set; that
 * is then an address in the address space of whoever issues the call. x86_64 only.
 */
#ifndef RMFORK_RESTORE_CALL_H
#define RMFORK_RESTORE_CALL_H

#include "rmfork/uapi.h"

enum rmfork_how {
	RMFORK_HOW_NONE = 0,	/* nothing to do: rmfork_issue() returns 0 */
	RMFORK_HOW_SYSCALL = 1, /* syscall(nr, &kargs, 0, 0, 0, 0, 0) */
	RMFORK_HOW_IOCTL = 2,	/* ioctl(fd, request, &kargs) */
};

/**
 * struct rmfork_restore_call - one call, ready to be issued
 * @how:     an enum rmfork_how
 * @fd:	     for RMFORK_HOW_IOCTL: the descriptor of /dev/rmfork in the issuing task. Owned by
 *	     whoever opened it; the issuer must still have it open under this number
 * @nr:	     for RMFORK_HOW_SYSCALL: the syscall number
 * @request: for RMFORK_HOW_IOCTL: the ioctl request
 * @kargs:   the argument
 */
struct rmfork_restore_call {
	__u32 how;
	__s32 fd;
	__u64 nr;
	__u64 request;
	struct rmfork_kargs kargs;
};

#if defined(__x86_64__)
/* syscall(2), "Architecture calling conventions": rcx and r11 are lost. Unused arguments are 0. */
static inline long rmfork_raw_syscall(long nr, long arg1, long arg2, long arg3)
{
	long ret;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	register long r9 __asm__("r9") = 0;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(arg1), "S"(arg2), "d"(arg3), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define RMFORK_NR_IOCTL 16 /* arch/x86/entry/syscalls/syscall_64.tbl */

/* Issues the call; >= 0 or -errno. The kernel works on a copy, so @call stays as it is. */
static inline long rmfork_issue(const struct rmfork_restore_call *call)
{
	struct rmfork_kargs kargs = call->kargs;

	switch (call->how) {
	case RMFORK_HOW_NONE:
		return 0;
	case RMFORK_HOW_SYSCALL:
		return rmfork_raw_syscall((long)call->nr, (long)&kargs, 0, 0);
	case RMFORK_HOW_IOCTL:
		return rmfork_raw_syscall(RMFORK_NR_IOCTL, call->fd, (long)call->request,
					  (long)&kargs);
	default:
		return -22; /* EINVAL */
	}
}
#endif

#endif /* RMFORK_RESTORE_CALL_H */
