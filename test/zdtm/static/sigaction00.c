// SPDX-License-Identifier: GPL-2.0-only
/* The disposition of every signal: handler, flags, mask and restorer, as the kernel holds them. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's own struct (arch/x86/include/uapi/asm/signal.h): glibc hides the restorer. */
struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static struct kernel_sigaction before[65], after[65];
static volatile int caught;

static int rt_sigaction(int sig, const struct kernel_sigaction *act, struct kernel_sigaction *old)
{
	return syscall(SYS_rt_sigaction, sig, act, old, sizeof(uint64_t));
}

static void handler(int sig)
{
	caught = sig;
}

static void handler_info(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	caught = sig;
}

static int set_up(void)
{
	static const int flags[] = { 0, SA_RESTART, SA_NODEFER, SA_ONSTACK | SA_RESTART,
				     SA_RESETHAND, SA_NOCLDSTOP };

	for (int sig = 1; sig <= 64; sig++) {
		struct sigaction act = { .sa_flags = flags[sig % array_size(flags)] };

		if (sig == SIGKILL || sig == SIGSTOP || sig == SIGTERM || sig == 32 || sig == 33)
			continue;
		sigemptyset(&act.sa_mask);
		for (int other = 1; other <= 64; other++) {
			if ((other * sig) % 5 == 1)
				sigaddset(&act.sa_mask, other);
		}
		if (sig % 4 == 0) {
			act.sa_handler = SIG_IGN;
		} else if (sig % 4 == 1) {
			act.sa_handler = handler;
		} else if (sig % 4 == 2) {
			act.sa_sigaction = handler_info;
			act.sa_flags |= SA_SIGINFO;
		} else {
			act.sa_handler = SIG_DFL;
		}
		if (sigaction(sig, &act, NULL)) {
			pr_perror("sigaction %d", sig);
			return -1;
		}
	}
	for (int sig = 1; sig <= 64; sig++) {
		if (rt_sigaction(sig, NULL, &before[sig])) {
			pr_perror("rt_sigaction %d", sig);
			return -1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (set_up())
		return 1;

	test_daemon();
	test_waitsig();

	for (int sig = 1; sig <= 64; sig++) {
		if (rt_sigaction(sig, NULL, &after[sig])) {
			fail_errno("rt_sigaction %d", sig);
			return 1;
		}
		if (memcmp(&before[sig], &after[sig], sizeof(after[sig]))) {
			fail("signal %d: handler %p flags %#lx restorer %p mask %#lx, was %p %#lx %p %#lx",
			     sig, after[sig].handler, after[sig].flags, after[sig].restorer,
			     after[sig].mask, before[sig].handler, before[sig].flags,
			     before[sig].restorer, before[sig].mask);
			return 1;
		}
	}
	raise(SIGRTMIN + 3); /* 37: handler */
	if (caught != SIGRTMIN + 3) {
		fail("the handler did not run");
		return 1;
	}
	pass();
	return 0;
}
