// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into criu by test/rmfork/faults-test, to meddle with its calls of /dev/rmfork:
 *
 *   RMFORK_FAULT=before:N   killed when it is about to make the Nth
 *   RMFORK_FAULT=after:N    killed when that has returned
 *   RMFORK_FAULT=refuse:N   that fails with ENOMEM, and is not made
 *   RMFORK_FAULT=task:FD    those of each task that criu makes, by this descriptor, fail with ENOMEM
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <rmfork/uapi.h>

/* Whether this call is the one, and for that. */
static int is_due(const char *what, int call)
{
	const char *fault = getenv("RMFORK_FAULT");
	char due[32];

	snprintf(due, sizeof(due), "%s:%d", what, call);
	return fault && !strcmp(fault, due);
}

/* The calls of what has left the C library behind can be refused by the kernel only: seccomp(2). */
static void refuse_calls_by(unsigned int fd)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)RMFORK_IOCTL, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, fd, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(program) / sizeof(program[0]), program };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		abort();
}

static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

/* The C library's, by which criu makes tasks: clone3(2). */
long syscall(long nr, ...)
{
	const char *fault = getenv("RMFORK_FAULT");
	long a[6], ret;
	va_list args;

	va_start(args, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	ret = raw(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (nr == SYS_clone3 && ret == 0 && fault && !strncmp(fault, "task:", 5))
		refuse_calls_by((unsigned int)atoi(fault + 5));
	if (ret < 0 && ret > -4096) {
		errno = (int)-ret;
		return -1;
	}
	return ret;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int calls;
	va_list args;
	void *arg;
	int ret;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request != RMFORK_IOCTL)
		return syscall(SYS_ioctl, fd, request, arg);
	calls++;
	if (is_due("before", calls))
		kill(getpid(), SIGKILL);
	if (is_due("refuse", calls)) {
		errno = ENOMEM;
		return -1;
	}
	ret = syscall(SYS_ioctl, fd, request, arg);
	if (is_due("after", calls))
		kill(getpid(), SIGKILL);
	return ret;
}
