// SPDX-License-Identifier: GPL-2.0-only
/* The bases of FS and GS, in the main thread and in another. */
#include "zdtmtst.h"

#include <asm/prctl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t area_main[4] = { 0x1111, 0x2222 }, area_thread[4] = { 0x3333, 0x4444 };
static struct task_waiter ready, go;
static int thread_result;

static uint64_t gs_word(void)
{
	uint64_t value;

	__asm__ volatile("movq %%gs:8, %0" : "=r"(value));
	return value;
}

static int check(const char *who, const uint64_t *area, unsigned long fs_before)
{
	unsigned long fs = 0, gs = 0;

	if (syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) || syscall(SYS_arch_prctl, ARCH_GET_GS, &gs)) {
		fail_errno("arch_prctl");
		return 1;
	}
	if (fs != fs_before || gs != (unsigned long)area) {
		fail("%s: FS %#lx GS %#lx, was %#lx %p", who, fs, gs, fs_before, area);
		return 1;
	}
	if (gs_word() != area[1]) {
		fail("%s: GS reads %#lx", who, gs_word());
		return 1;
	}
	return 0;
}

static void *thread(void *arg)
{
	unsigned long fs = 0;

	(void)arg;
	syscall(SYS_arch_prctl, ARCH_SET_GS, area_thread);
	syscall(SYS_arch_prctl, ARCH_GET_FS, &fs);
	task_waiter_complete(&ready, 1);
	task_waiter_wait(&go, 1);
	thread_result = check("the thread", area_thread, fs);
	return NULL;
}

int main(int argc, char **argv)
{
	unsigned long fs = 0;
	pthread_t t;

	test_init(argc, argv);
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, area_main) ||
	    syscall(SYS_arch_prctl, ARCH_GET_FS, &fs) || pthread_create(&t, NULL, thread, NULL)) {
		pr_perror("cannot set up");
		return 1;
	}
	task_waiter_wait(&ready, 1);

	test_daemon();
	test_waitsig();

	task_waiter_complete(&go, 1);
	pthread_join(t, NULL);
	if (check("the main thread", area_main, fs) || thread_result)
		return 1;
	pass();
	return 0;
}
