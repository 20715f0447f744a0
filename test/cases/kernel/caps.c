// SPDX-License-Identifier: GPL-2.0-only
/*
 * A user with CAP_CHECKPOINT_RESTORE, and no other capability, wants the memory of a task of root that cannot be
 * dumped: the kernel's own interfaces refuse it to him, and so does DUMP.
 */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum { USER = 1000 };

static pid_t make_victim(void)
{
	int ready[2];
	char byte;

	must(!pipe(ready), "pipe");
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		strcpy(map(AREA, 1), "a secret of root");
		prctl(PR_SET_DUMPABLE, 0);
		if (write(ready[1], "r", 1) == 1)
			pause();
		_exit(1);
	}
	must(read(ready[0], &byte, 1) == 1, "the victim");
	return pid;
}

static void become_user(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { 0 };

	must(!prctl(PR_SET_KEEPCAPS, 1) && !setgroups(0, NULL) && !setresgid(USER, USER, USER) &&
		     !setresuid(USER, USER, USER),
	     "another user");
	data[1].permitted = data[1].effective = 1u << (CAP_CHECKPOINT_RESTORE - 32);
	must(!syscall(SYS_capset, &header, data), "capset");
}

int main(void)
{
	struct iovec to, from = { AREA, 32 };
	char buffer[32], path[64];
	uint64_t off;

	open_module();
	pid_t victim = make_victim();
	pid_t user = fork();
	if (user == 0) {
		become_user();
		to = (struct iovec){ buffer, sizeof(buffer) };
		snprintf(path, sizeof(path), "/proc/%d/mem", victim);
		must(ptrace(PTRACE_ATTACH, victim, 0, 0) && errno == EPERM, "ptrace is refused");
		must(process_vm_readv(victim, &to, 1, &from, 1, 0) < 0, "process_vm_readv is refused");
		must(open(path, O_RDONLY) < 0, "/proc/PID/mem is refused");
		long ret = dump(victim, AREA, 1, &off);
		printf("DUMP of another's memory: %ld\n", ret);
		if (ret != -EPERM)
			wrong("DUMP answers %ld", ret);
		_exit(verdict());
	}
	join_child(user, "the user");
	kill(victim, SIGKILL);
	waitpid(victim, NULL, 0);
	return verdict();
}
