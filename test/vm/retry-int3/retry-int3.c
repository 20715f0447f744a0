// SPDX-License-Identifier: GPL-2.0-only
/*
 * Survives breakpoints that are there no more.
 *
 * A kernel changes its own code by way of a breakpoint, of which it knows until no processor can meet it any more
 * (text_poke_bp(), arch/x86/kernel/alternative.c): where a static key is switched, for instance by the first socket
 * that wants time stamps, or the first memory group. A processor that QEMU 7.2 emulates can meet it later, and again
 * and again, by a translation that was made while the code changed; the kernel then crashes ("int3"). Here it does
 * what stands there in memory.
 */
#include <linux/jiffies.h>
#include <linux/kdebug.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/percpu.h>
#include <linux/ptrace.h>
#include <linux/uaccess.h>

/* So often in a second at one place: that breakpoint is there to stay. */
#define TOO_OFTEN 1000

struct meeting {
	unsigned long place;
	unsigned long when; /* the first one there, in jiffies */
	unsigned int times;
};

/* Each by its processor alone, with interrupts off. */
static DEFINE_PER_CPU(struct meeting, last_meeting);

/*
 * Where the instruction there leads to, if it is one of those that a static key stands for: jumps, and what does
 * nothing. 0: it is another one.
 */
static unsigned long behind(unsigned long place)
{
	static const u8 nothing[] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 }, little[] = { 0x66, 0x90 };
	u8 code[5];
	s32 far;

	if (copy_from_kernel_nofault(code, (void *)place, sizeof(code)))
		return 0;
	memcpy(&far, code + 1, sizeof(far));
	if (code[0] == 0xe9)
		return place + 5 + far;
	if (code[0] == 0xeb)
		return place + 2 + (s8)code[1];
	if (!memcmp(code, nothing, sizeof(nothing)))
		return place + 5;
	if (!memcmp(code, little, sizeof(little)))
		return place + 2;
	return 0;
}

static bool is_too_often(struct meeting *last, unsigned long place)
{
	if (last->place != place || time_after(jiffies, last->when + HZ))
		*last = (struct meeting){ .place = place, .when = jiffies };
	return ++last->times > TOO_OFTEN;
}

static int go_on(struct notifier_block *block, unsigned long event, void *data)
{
	struct pt_regs *regs = ((struct die_args *)data)->regs;
	unsigned long place = regs->ip - 1, next;

	if (event != DIE_INT3 || user_mode(regs))
		return NOTIFY_DONE;
	pr_info_once("retry-int3: the first breakpoint that is there no more: %pS\n", (void *)place);
	next = behind(place);
	/* The code may be about to change again: then the kernel knows of the breakpoint the next time. */
	if (!next && is_too_often(this_cpu_ptr(&last_meeting), place))
		return NOTIFY_DONE;
	regs->ip = next ?: place;
	return NOTIFY_STOP;
}

static struct notifier_block watcher = { .notifier_call = go_on };

static int __init retry_int3_init(void)
{
	return register_die_notifier(&watcher);
}
module_init(retry_int3_init);

static void __exit retry_int3_exit(void)
{
	unregister_die_notifier(&watcher);
}
module_exit(retry_int3_exit);

MODULE_DESCRIPTION("Survives breakpoints of code that has changed, on an emulated processor");
MODULE_LICENSE("GPL");
