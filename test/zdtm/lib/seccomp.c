// SPDX-License-Identifier: GPL-2.0-only
/* Filters of system calls. */
#include "seccomp.h"

#include "zdtmtst.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int set(unsigned int flags, struct sock_filter *code, size_t n)
{
	struct sock_fprog program = { .len = n, .filter = code };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int filter_call(int nr, uint32_t answer)
{
	return filter_call_with(0, nr, answer);
}

int filter_call_with(unsigned int flags, int nr, uint32_t answer)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return set(flags, code, array_size(code));
}

int filter_all_else(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_read, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_write, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return set(0, code, array_size(code));
}

static int number_in_status(int tid, const char *key)
{
	char path[64], value[32];

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	return proc_field(path, key, value, sizeof(value)) ? -1 : atoi(value);
}

int seccomp_mode_of(int tid)
{
	return number_in_status(tid, "Seccomp");
}

int seccomp_filters_of(int tid)
{
	return number_in_status(tid, "Seccomp_filters");
}

int seccomp_flags_of(pid_t tid)
{
	struct __ptrace_seccomp_metadata told = { .filter_off = 0 };
	long got = -1;

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL))
		return -1;
	if (!ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) && waitpid(tid, NULL, __WALL) == tid)
		got = ptrace(PTRACE_SECCOMP_GET_METADATA, tid, sizeof(told), &told);
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	return got < 0 ? -1 : (int)told.flags;
}

struct confined {
	int (*confine)(void);
	int channel;
};

static int live_confined(void *arg)
{
	const struct confined *confined = arg;
	char c;

	child_ready();
	if (confined->confine())
		return 1;
	while (write(confined->channel, "r", 1) == 1 && read(confined->channel, &c, 1) == 1)
		if (c == 'k')
			syscall(SYS_getpid);
	return 2;
}

pid_t start_confined(int (*confine)(void), int *channel)
{
	struct confined confined = { .confine = confine };
	int ends[2];
	pid_t pid;
	char c;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends))
		return -1;
	*channel = ends[0];
	confined.channel = ends[1];
	pid = start_child(live_confined, &confined);
	return pid >= 0 && read(*channel, &c, 1) == 1 ? pid : -1;
}

bool confined_goes_on(int channel)
{
	char c;

	return write(channel, "g", 1) == 1 && read(channel, &c, 1) == 1;
}

int end_of_confined(pid_t pid, int channel)
{
	return write(channel, "k", 1) == 1 ? reap_child(pid) : -1;
}

void join_filtered(const pthread_t *threads, int n)
{
	for (int i = 0; i < n; i++) {
		void *wrong;

		pthread_join(threads[i], &wrong);
		if (wrong)
			fail("thread %d: %s", i, (char *)wrong);
	}
}
