// SPDX-License-Identifier: GPL-2.0-only
/* Soft and hard limits of every resource. */
#include "zdtmtst.h"

#include <sys/resource.h>

static struct rlimit before[RLIM_NLIMITS], after;

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit lim;

		if (getrlimit(i, &lim)) {
			pr_perror("getrlimit %d", i);
			return 1;
		}
		/* Lowering is always allowed; a step that differs per resource tells them apart. */
		if (i == RLIMIT_CPU || i == RLIMIT_NOFILE)
			lim.rlim_cur = i == RLIMIT_CPU ? 100000 : lim.rlim_cur - 3;
		else if (i == RLIMIT_CORE)
			lim.rlim_cur = 0;
		else if (lim.rlim_cur == RLIM_INFINITY)
			lim.rlim_cur = (1ul << 40) + i * 4096;
		if (lim.rlim_max == RLIM_INFINITY)
			lim.rlim_max = (1ul << 41) + i * 8192;
		if (lim.rlim_cur > lim.rlim_max)
			lim.rlim_cur = lim.rlim_max;
		if (setrlimit(i, &lim) || getrlimit(i, &before[i])) {
			pr_perror("setrlimit %d", i);
			return 1;
		}
	}

	test_daemon();
	test_waitsig();

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		if (getrlimit(i, &after)) {
			fail_errno("getrlimit %d", i);
			return 1;
		}
		if (after.rlim_cur != before[i].rlim_cur || after.rlim_max != before[i].rlim_max) {
			fail("limit %d is %lu/%lu, was %lu/%lu", i, after.rlim_cur, after.rlim_max,
			     before[i].rlim_cur, before[i].rlim_max);
			return 1;
		}
	}
	pass();
	return 0;
}
