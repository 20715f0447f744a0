// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stack pointer at the very end of the stack's mapping: what a dump puts below it finds no room
 * until the mapping grows, as it does for a signal frame.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>

static volatile uint32_t stop;
static volatile int handled;

static void handler(int sig)
{
	(void)sig;
	handled++;
}

/* The first address of the mapping that holds at. */
static char *mapping_start(const void *at)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512], *found = NULL;
	unsigned long start, end;

	if (!f)
		return NULL;
	while (!found && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2 && (unsigned long)at >= start &&
		    (unsigned long)at < end)
			found = (char *)start;
	}
	fclose(f);
	return found;
}

/* Spins with the stack pointer at sp until stop is set. */
static void spin_at(char *sp)
{
	__asm__ volatile("movq %%rsp, %%r12\n\t"
			 "movq %0, %%rsp\n"
			 "1:\n\t"
			 "cmpl $0, %1\n\t"
			 "je 1b\n\t"
			 "movq %%r12, %%rsp\n\t"
			 :
			 : "r"(sp), "m"(stop)
			 : "r12", "memory", "cc");
}

int main(int argc, char **argv)
{
	char *bottom, pattern[128];
	sigset_t term;

	test_init(argc, argv);
	/* All of stdio's and the loader's needs are met before the bottom is taken. */
	bottom = mapping_start(&bottom);
	if (!bottom || signal(SIGUSR2, handler) == SIG_ERR || start_watcher(&stop)) {
		pr_err("cannot set up");
		return 1;
	}
	/* The watcher takes the runner's signal: its frame would make this stack grow too early. */
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	for (unsigned int i = 0; i < sizeof(pattern); i++)
		bottom[256 + i] = pattern[i] = (char)(i * 3);

	test_daemon();
	spin_at(bottom + 256);

	if (memcmp(bottom + 256, pattern, sizeof(pattern)))
		fail("what lies above the stack pointer changed");
	else if (bottom[-100000] = 1, raise(SIGUSR2) || handled != 1)
		fail("the stack does not grow any more");
	else
		pass();
	join_watcher();
	return 0;
}
