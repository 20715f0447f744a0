// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capabilities: a child that dropped some, has a smaller bounding set, inheritable ones and
 * ambient ones; its parent keeps all.
 */
#include "zdtmtst.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct caps {
	struct __user_cap_data_struct data[2];
	uint64_t bounding, ambient;
};

static struct caps before;

static int get(struct caps *caps)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

	memset(caps, 0, sizeof(*caps));
	if (syscall(SYS_capget, &header, caps->data))
		return -1;
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++) {
		caps->bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, cap) == 1) << cap;
		caps->ambient |= (uint64_t)(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1)
				 << cap;
	}
	return 0;
}

static int check(const char *who)
{
	struct caps now;

	if (get(&now)) {
		fail_errno("%s: cannot read", who);
		return 1;
	}
	if (!memcmp(&now, &before, sizeof(now)))
		return 0;
	fail("%s: effective %#x permitted %#x inheritable %#x bounding %#lx ambient %#lx, "
	     "was %#x %#x %#x %#lx %#lx",
	     who, now.data[0].effective, now.data[0].permitted, now.data[0].inheritable, now.bounding,
	     now.ambient, before.data[0].effective, before.data[0].permitted,
	     before.data[0].inheritable, before.bounding, before.ambient);
	return 1;
}

static int reduce(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct caps caps;

	if (prctl(PR_CAPBSET_DROP, CAP_MKNOD) || prctl(PR_CAPBSET_DROP, CAP_NET_ADMIN) || get(&caps))
		return -1;
	caps.data[0].permitted &= ~(1u << CAP_SYS_BOOT);
	caps.data[0].effective = caps.data[0].permitted & ~(1u << CAP_NET_RAW);
	caps.data[0].inheritable = 1u << CAP_CHOWN | 1u << CAP_FOWNER;
	if (syscall(SYS_capset, &header, caps.data))
		return -1;
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
}

static int child(void *arg)
{
	(void)arg;
	if (reduce() || get(&before)) {
		pr_perror("cannot reduce the capabilities");
		return 1;
	}
	child_ready();
	test_waitsig();
	return check("the child");
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	pid = start_child(child, NULL);
	if (pid < 0 || get(&before)) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (check("the parent"))
		return 1;
	if (finish_child(pid)) {
		fail("the child failed");
		return 1;
	}
	pass();
	return 0;
}
