// SPDX-License-Identifier: GPL-2.0-only
/* The alternate signal stack, and a dump that comes while a handler runs on it. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 65536

static char *stack;
static volatile int runs;
static bool off_stack, lost;

static void handler(int sig)
{
	char here, pattern[2048];

	(void)sig;
	if (&here < stack || &here >= stack + SIZE)
		off_stack = true;
	if (runs++)
		return;
	memset(pattern, 0x77, sizeof(pattern));
	__asm__ volatile("" : : "r"(pattern) : "memory");
	test_daemon();
	test_waitsig();
	for (unsigned int i = 0; i < sizeof(pattern); i++)
		lost |= pattern[i] != 0x77;
}

int main(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t alt = { .ss_size = SIZE }, now;

	test_init(argc, argv);
	stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	alt.ss_sp = stack;
	if (stack == MAP_FAILED || sigaltstack(&alt, NULL) || sigaction(SIGUSR2, &act, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	raise(SIGUSR2); /* the handler is where the dump finds us */

	if (sigaltstack(NULL, &now)) {
		fail_errno("sigaltstack");
		return 1;
	}
	if (now.ss_sp != stack || now.ss_size != SIZE || now.ss_flags) {
		fail("the alternate stack is %p, %zu, flags %d", now.ss_sp, now.ss_size, now.ss_flags);
		return 1;
	}
	raise(SIGUSR2);
	if (runs != 2 || off_stack)
		fail("the handler ran %d times, %s the stack", runs, off_stack ? "off" : "on");
	else if (lost)
		fail("what the handler had on the stack changed");
	else
		pass();
	return 0;
}
