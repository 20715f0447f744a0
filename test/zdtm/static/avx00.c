// SPDX-License-Identifier: GPL-2.0-only
/* AVX: the whole of the YMM registers while the task spins in user code. */
#include "zdtmtst.h"

static unsigned char in[16][32] __attribute__((aligned(32)));
static unsigned char out[16][32] __attribute__((aligned(32)));
static volatile uint32_t stop;

#define YMM_ALL(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n)  "vmovdqa " #n "*32(%0), %%ymm" #n "\n\t"
#define STORE(n) "vmovdqa %%ymm" #n ", " #n "*32(%1)\n\t"

__attribute__((target("avx"))) static void spin(void)
{
	__asm__ volatile(YMM_ALL(LOAD)
			 "1:\n\t"
			 "cmpl $0, %2\n\t"
			 "je 1b\n\t"
			 YMM_ALL(STORE)
			 "vzeroupper\n\t"
			 :
			 : "r"(in), "r"(out), "m"(stop)
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
}

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;

	test_init(argc, argv);
	if (!__builtin_cpu_supports("avx"))
		skip("the processor has no AVX");
	datagen(in, sizeof(in), &crc);
	if (start_watcher(&stop))
		return 1;

	test_daemon();
	spin();

	for (int i = 0; i < 16; i++) {
		if (memcmp(in[i], out[i], 32)) {
			fail("ymm%d changed in its %s half", i,
			     memcmp(in[i], out[i], 16) ? "low" : "high");
			return 1;
		}
	}
	join_watcher();
	pass();
	return 0;
}
