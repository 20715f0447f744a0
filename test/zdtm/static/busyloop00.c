// SPDX-License-Identifier: GPL-2.0-only
/*
 * A task caught in the middle of user code, without a system call: every general register holds
 * its own value while a loop spins, and all are compared after it.
 */
#include "zdtmtst.h"

struct regs {
	uint64_t rax, rbx, rcx, rdx, rsi, r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t flags;
};

static volatile uint32_t stop;

/* r is in rdi; rbp and rsp stay the compiler's. DF is set while spinning, to be seen in flags. */
static void spin(struct regs *r)
{
	__asm__ volatile("movq $0x1111111111111111, %%rax\n\t"
			 "movq $0x2222222222222222, %%rbx\n\t"
			 "movq $0x3333333333333333, %%rcx\n\t"
			 "movq $0x4444444444444444, %%rdx\n\t"
			 "movq $0x5555555555555555, %%rsi\n\t"
			 "movq $0x8888888888888888, %%r8\n\t"
			 "movq $0x9999999999999999, %%r9\n\t"
			 "movq $0xaaaaaaaaaaaaaaaa, %%r10\n\t"
			 "movq $0xbbbbbbbbbbbbbbbb, %%r11\n\t"
			 "movq $0xcccccccccccccccc, %%r12\n\t"
			 "movq $0xdddddddddddddddd, %%r13\n\t"
			 "movq $0xeeeeeeeeeeeeeeee, %%r14\n\t"
			 "movq $0xf0f0f0f0f0f0f0f0, %%r15\n\t"
			 "std\n"
			 "1:\n\t"
			 "cmpl $0, %1\n\t"
			 "je 1b\n\t"
			 "movq %%rax, 0(%0)\n\t"
			 "movq %%rbx, 8(%0)\n\t"
			 "movq %%rcx, 16(%0)\n\t"
			 "movq %%rdx, 24(%0)\n\t"
			 "movq %%rsi, 32(%0)\n\t"
			 "movq %%r8, 40(%0)\n\t"
			 "movq %%r9, 48(%0)\n\t"
			 "movq %%r10, 56(%0)\n\t"
			 "movq %%r11, 64(%0)\n\t"
			 "movq %%r12, 72(%0)\n\t"
			 "movq %%r13, 80(%0)\n\t"
			 "movq %%r14, 88(%0)\n\t"
			 "movq %%r15, 96(%0)\n\t"
			 "lea -128(%%rsp), %%rsp\n\t"
			 "pushfq\n\t"
			 "popq %%rax\n\t"
			 "lea 128(%%rsp), %%rsp\n\t"
			 "movq %%rax, 104(%0)\n\t"
			 "cld\n\t"
			 :
			 : "D"(r), "m"(stop)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13",
			   "r14", "r15", "memory", "cc");
}

int main(int argc, char **argv)
{
	static struct regs r;
	const uint64_t want[] = { 0x1111111111111111, 0x2222222222222222, 0x3333333333333333,
				  0x4444444444444444, 0x5555555555555555, 0x8888888888888888,
				  0x9999999999999999, 0xaaaaaaaaaaaaaaaa, 0xbbbbbbbbbbbbbbbb,
				  0xcccccccccccccccc, 0xdddddddddddddddd, 0xeeeeeeeeeeeeeeee,
				  0xf0f0f0f0f0f0f0f0 };
	const uint64_t *got = (const uint64_t *)&r;

	test_init(argc, argv);
	if (start_watcher(&stop))
		return 1;

	test_daemon();
	spin(&r);

	for (unsigned int i = 0; i < array_size(want); i++) {
		if (got[i] != want[i]) {
			fail("register %u holds %#lx, wanted %#lx", i, got[i], want[i]);
			return 1;
		}
	}
	if (!(r.flags & 0x400)) {
		fail("the direction flag is lost: flags %#lx", r.flags);
		return 1;
	}
	join_watcher();
	pass();
	return 0;
}
