// SPDX-License-Identifier: GPL-2.0-only
/* A thread within a critical section of rseq(2): that is given up, as after any other interruption, and not gone on with. */
#include "zdtmtst.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/rseq.h>

/* include/uapi/linux/rseq.h: struct rseq_cs begins with a version and flags, all 0. */
__asm__(".pushsection .data.rseq_cs, \"aw\"\n\t"
	".balign 32\n"
	"section:\n\t"
	".long 0, 0\n\t"
	".quad section_start, section_end - section_start, section_abort\n\t"
	".popsection");

/* Written by the thread alone, but for `leave`. */
static volatile uint32_t entries, aborts, leave, leaves;

static void *thread(void *arg)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	(void)arg;
	/* It is left when it may be; what aborts it counts that and begins again. */
	__asm__ volatile("0:\n\t"
			 "leaq section(%%rip), %%rax\n\t"
			 "movq %%rax, %[cs]\n"
			 "section_start:\n\t"
			 "incl %[entries]\n"
			 "section_loop:\n\t"
			 "pause\n\t"
			 "cmpl $0, %[leave]\n\t"
			 "je section_loop\n\t"
			 "incl %[leaves]\n"
			 "section_end:\n\t"
			 "jmp 2f\n\t"
			 ".long %c[signature]\n" /* before the handler: rseq(2) */
			 "section_abort:\n\t"
			 "incl %[aborts]\n\t"
			 "jmp 0b\n"
			 "2:"
			 : [cs] "=m"(area->rseq_cs), [entries] "+m"(entries), [aborts] "+m"(aborts), [leaves] "+m"(leaves)
			 : [leave] "m"(leave), [signature] "i"(RSEQ_SIG)
			 : "rax", "cc", "memory");
	return NULL;
}

static volatile uint32_t signals;

static void count(int sig)
{
	(void)sig;
	signals++;
}

int main(int argc, char **argv)
{
	uint32_t before;
	pthread_t t;

	test_init(argc, argv);
	if (!__rseq_size)
		skip("the C library registered no rseq area");
	signal(SIGUSR1, count);
	if (pthread_create(&t, NULL, thread, NULL)) {
		pr_err("pthread_create");
		return 1;
	}
	while (!entries)
		;

	test_daemon();
	test_waitsig();

	/* One that went on with its section does so outside of the kernel's knowledge: nothing aborts that any more. */
	before = aborts;
	pthread_kill(t, SIGUSR1);
	while (!signals)
		;
	leave = 1;
	pthread_join(t, NULL);
	if (aborts == before)
		fail("the thread went on within its section");
	else if (leaves != 1 || entries != aborts + 1)
		fail("%u entries, %u aborts, %u times left", entries, aborts, leaves);
	else
		pass();
	return 0;
}
