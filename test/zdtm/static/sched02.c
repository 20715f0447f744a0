// SPDX-License-Identifier: GPL-2.0-only
/* The slice that a thread has asked the fair scheduler for (sched_setattr(2), Linux 6.12). */
#include "zdtmtst.h"

#include <sys/syscall.h>
#include <unistd.h>

#define SLICE 7000000ull /* ns */

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static uint64_t slice(void)
{
	struct attr attr = { .size = sizeof(attr) };

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0))
		return 0;
	return attr.runtime;
}

int main(int argc, char **argv)
{
	struct attr attr = { .size = sizeof(attr), .nice = 3, .runtime = SLICE };

	test_init(argc, argv);
	if (slice() == 0)
		skip("this kernel shows no slice");
	if (syscall(SYS_sched_setattr, 0, &attr, 0) || slice() != SLICE) {
		pr_perror("sched_setattr");
		return 1;
	}

	test_daemon();
	test_waitsig();

	if (slice() != SLICE)
		fail("the slice is %lu ns", slice());
	else
		pass();
	return 0;
}
