// SPDX-License-Identifier: GPL-2.0-only
/*
 * x87 and SSE: eight values on the x87 stack, its control word, all XMM registers and MXCSR,
 * while the task spins in user code.
 */
#include "zdtmtst.h"

struct state {
	uint64_t xmm[16][2];
	long double st[8];
	uint32_t mxcsr;
	uint16_t control;
} __attribute__((aligned(16)));

static struct state in, out;
static volatile uint32_t stop;

#define XMM_ALL(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n)  "movdqa " #n "*16(%0), %%xmm" #n "\n\t"
#define STORE(n) "movdqa %%xmm" #n ", " #n "*16(%1)\n\t"
#define PUSH(n)  "fldt 256 + 16*" #n "(%0)\n\t"
#define POP(n)   "fstpt 256 + 16*" #n "(%1)\n\t"

static void spin(void)
{
	__asm__ volatile(XMM_ALL(LOAD)
			 "fninit\n\t"
			 "fldcw 388(%0)\n\t"
			 "ldmxcsr 384(%0)\n\t"
			 PUSH(0) PUSH(1) PUSH(2) PUSH(3) PUSH(4) PUSH(5) PUSH(6) PUSH(7)
			 "1:\n\t"
			 "cmpl $0, %2\n\t"
			 "je 1b\n\t"
			 POP(7) POP(6) POP(5) POP(4) POP(3) POP(2) POP(1) POP(0)
			 "stmxcsr 384(%1)\n\t"
			 "fnstcw 388(%1)\n\t"
			 "fninit\n\t"
			 XMM_ALL(STORE)
			 :
			 : "r"(&in), "r"(&out), "m"(stop)
			 : "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
}

_Static_assert(offsetof(struct state, st) == 256, "used in the asm");
_Static_assert(offsetof(struct state, mxcsr) == 384, "used in the asm");
_Static_assert(offsetof(struct state, control) == 388, "used in the asm");

int main(int argc, char **argv)
{
	uint32_t crc = CRC_INIT;

	test_init(argc, argv);
	datagen(in.xmm, sizeof(in.xmm), &crc);
	for (int i = 0; i < 8; i++)
		in.st[i] = 1.0L / (i + 3);
	in.mxcsr = 0x1f80 | 0x8000 | 0x6000; /* all masked, flush to zero, truncate */
	in.control = 0x0f7f;                 /* all masked, extended precision, truncate */
	if (start_watcher(&stop))
		return 1;

	test_daemon();
	spin();
	/* Back to what the C library expects. */
	__asm__ volatile("ldmxcsr %0" : : "m"((uint32_t){ 0x1f80 }));

	if (out.mxcsr != in.mxcsr) {
		fail("MXCSR is %#x, was %#x", out.mxcsr, in.mxcsr);
		return 1;
	}
	if ((out.control & 0xf3f) != (in.control & 0xf3f)) {
		fail("the x87 control word is %#x, was %#x", out.control, in.control);
		return 1;
	}
	for (int i = 0; i < 16; i++) {
		if (memcmp(in.xmm[i], out.xmm[i], 16)) {
			fail("xmm%d changed", i);
			return 1;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (in.st[i] != out.st[i]) {
			fail("x87 stack entry %d changed", i);
			return 1;
		}
	}
	join_watcher();
	pass();
	return 0;
}
