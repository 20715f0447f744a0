// SPDX-License-Identifier: GPL-2.0-only
/* AMX that a task has asked for and uses first after the restore. A child that has not asked may not. */
#include "zdtmtst.h"

#include "amx.h"

static unsigned char in[AMX_TILE_SIZE], out[AMX_TILE_SIZE];

static void copy_by_tile(void)
{
	__asm__ volatile("ldtilecfg %2\n\t"
			 "tileloadd (%0,%3,1), %%tmm5\n\t"
			 "tilestored %%tmm5, (%1,%3,1)\n\t"
			 "tilerelease"
			 :
			 : "r"(in), "r"(out), "m"(amx_config), "r"(64L)
			 : "memory");
}

static int child(void *unused)
{
	(void)unused;
	child_ready();
	test_waitsig();
	return amx_permitted();
}

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;
	pid_t pid;
	int status;

	test_init(argc, argv);
	pid = start_child(child, NULL);
	if (pid < 0)
		return 1;
	if (amx_ask()) {
		finish_child(pid);
		skip("the processor or the kernel has no AMX");
	}
	datagen(in, sizeof(in), &crc);

	test_daemon();
	test_waitsig();

	if (!amx_permitted()) {
		fail("the task may not use AMX any more");
		return 1;
	}
	copy_by_tile();
	if (memcmp(in, out, sizeof(in)))
		fail("the tile gives other data");
	status = finish_child(pid);
	if (status)
		fail("the child that has not asked ended with %d", status);
	pass();
	return 0;
}
