// SPDX-License-Identifier: GPL-2.0-only
/* AMX: a thread's eight tiles while it spins in user code. The other thread's are not in use. */
#include "zdtmtst.h"

#include "amx.h"

static unsigned char in[AMX_TILES][AMX_TILE_SIZE], out[AMX_TILES][AMX_TILE_SIZE];
static volatile uint32_t stop;

#define ALL(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7)
#define LOAD(n)  "tileloadd " #n "*1024(%0,%4,1), %%tmm" #n "\n\t"
#define STORE(n) "tilestored %%tmm" #n ", " #n "*1024(%1,%4,1)\n\t"

static void spin(void)
{
	__asm__ volatile("ldtilecfg %3\n\t"
			 ALL(LOAD)
			 "1:\n\t"
			 "cmpl $0, %2\n\t"
			 "je 1b\n\t"
			 ALL(STORE)
			 "tilerelease\n\t"
			 :
			 : "r"(in), "r"(out), "m"(stop), "m"(amx_config), "r"(64L)
			 : "memory", "cc");
}

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;

	test_init(argc, argv);
	if (amx_ask())
		skip("the processor or the kernel has no AMX");
	datagen(in, sizeof(in), &crc);
	if (start_watcher(&stop))
		return 1;

	test_daemon();
	spin();

	for (int i = 0; i < AMX_TILES; i++) {
		if (memcmp(in[i], out[i], AMX_TILE_SIZE)) {
			fail("tmm%d changed", i);
			return 1;
		}
	}
	join_watcher();
	pass();
	return 0;
}
