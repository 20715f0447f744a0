// SPDX-License-Identifier: GPL-2.0-only
/* A local descriptor table. */
/* zdtm: expect=not-yet:"(modify_ldt)" */
#include "zdtmtst.h"

#include <asm/ldt.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct user_desc entry = {
		.entry_number = 1, .base_addr = 0x1000, .limit = 0xfff, .useable = 1,
	};
	uint64_t before[2] = { 0 }, after[2] = { 0 };

	test_init(argc, argv);
	if (syscall(SYS_modify_ldt, 1, &entry, sizeof(entry)))
		skip("this kernel has no modify_ldt");
	syscall(SYS_modify_ldt, 0, before, sizeof(before));

	test_daemon();
	test_waitsig();

	syscall(SYS_modify_ldt, 0, after, sizeof(after));
	if (before[1] == 0 || after[1] != before[1])
		fail("the entry is %#lx, was %#lx", after[1], before[1]);
	else
		pass();
	return 0;
}
