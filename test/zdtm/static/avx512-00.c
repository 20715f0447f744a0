// SPDX-License-Identifier: GPL-2.0-only
/* AVX-512: the 32 ZMM registers and the mask registers while the task spins in user code. */
#include "zdtmtst.h"

static unsigned char in[32][64] __attribute__((aligned(64)));
static unsigned char out[32][64] __attribute__((aligned(64)));
static uint16_t masks_out[8];
static volatile uint32_t stop;

#define ZMM_ALL(op)                                                                                  \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) \
	op(15) op(16) op(17) op(18) op(19) op(20) op(21) op(22) op(23) op(24) op(25) op(26) op(27)     \
	op(28) op(29) op(30) op(31)
#define LOAD(n)    "vmovdqa64 " #n "*64(%0), %%zmm" #n "\n\t"
#define STORE(n)   "vmovdqa64 %%zmm" #n ", " #n "*64(%1)\n\t"
#define KLOAD(n)   "movl $0x1111*" #n ", %%eax\n\tkmovw %%eax, %%k" #n "\n\t"
#define KSTORE(n)  "kmovw %%k" #n ", " #n "*2(%3)\n\t"
#define MASKS(op)  op(1) op(2) op(3) op(4) op(5) op(6) op(7)

__attribute__((target("avx512f"))) static void spin(void)
{
	__asm__ volatile(ZMM_ALL(LOAD) MASKS(KLOAD)
			 "1:\n\t"
			 "cmpl $0, %2\n\t"
			 "je 1b\n\t"
			 ZMM_ALL(STORE) MASKS(KSTORE)
			 "vzeroupper\n\t"
			 :
			 : "r"(in), "r"(out), "m"(stop), "r"(masks_out)
			 : "memory", "cc", "rax", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			   "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
			   "xmm14", "xmm15");
}

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;

	test_init(argc, argv);
	if (!__builtin_cpu_supports("avx512f"))
		skip("the processor has no AVX-512");
	datagen(in, sizeof(in), &crc);
	if (start_watcher(&stop))
		return 1;

	test_daemon();
	spin();

	for (int i = 0; i < 32; i++) {
		if (memcmp(in[i], out[i], 64)) {
			fail("zmm%d changed", i);
			return 1;
		}
	}
	for (int i = 1; i < 8; i++) {
		if (masks_out[i] != 0x1111 * i) {
			fail("k%d is %#x", i, masks_out[i]);
			return 1;
		}
	}
	join_watcher();
	pass();
	return 0;
}
