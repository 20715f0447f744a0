// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded into criu by test/rmfork/faults-test, to meddle with its calls of /dev/rmfork:
 *
 *   RMFORK_FAULT=before:N   killed when it is about to make the Nth
 *   RMFORK_FAULT=after:N    killed when that has returned
 *   RMFORK_FAULT=refuse:N   that fails with ENOMEM, and is not made
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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
