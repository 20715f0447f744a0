// SPDX-License-Identifier: GPL-2.0-only
/* A perf event is refused by its name. */
/* zdtm: expect="not-yet:a perf event" */
#include "zdtmtst.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(attr),
					.config = PERF_COUNT_SW_TASK_CLOCK };

	test_init(argc, argv);
	if (syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0) < 0)
		skip("this kernel has no perf events");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
