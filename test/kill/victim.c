// SPDX-License-Identifier: GPL-2.0-only
/*
 * The target of test/kill/kill-test: checks, in a loop, that its registers and its memory are as it
 * left them, and counts the rounds in a file that it shares with the test. THREADS threads do so.
 *
 *   victim COUNTERS-FILE THREADS [mdwe]
 *
 * mdwe: it denies itself memory that is writable and executable (PR_SET_MDWE).
 * Ends with status 0 on SIGTERM; with 1, and a word of what is wrong, when something is.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif
#define REFUSE_EXEC_GAIN 1

enum { MAX_THREADS = 16, BUFFER = 64 * 1024, SPINS = 20000 };

static volatile sig_atomic_t stop;
static volatile uint64_t *counters;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void wrong(const char *what)
{
	fprintf(stderr, "victim: %s\n", what);
	_exit(1);
}

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	return x ^ x >> 29;
}

/*
 * Fills the general and the vector registers from `seed`, spins, and looks whether they still hold that.
 * Returns the number of the first that does not, else 0. The stack pointer and what lies in the red zone
 * below it are used by the compiler's own code around this.
 */
static int check_registers(uint64_t seed)
{
	uint64_t bad = 0;
	uint64_t spins = SPINS;

	__asm__ volatile(
		"movq %[seed], %%rbx\n\t"
		"leaq 1(%%rbx), %%rcx\n\t"
		"leaq 2(%%rbx), %%rdx\n\t"
		"leaq 3(%%rbx), %%rsi\n\t"
		"leaq 4(%%rbx), %%rdi\n\t"
		"leaq 5(%%rbx), %%r8\n\t"
		"leaq 6(%%rbx), %%r9\n\t"
		"leaq 7(%%rbx), %%r10\n\t"
		"leaq 8(%%rbx), %%r11\n\t"
		"leaq 9(%%rbx), %%r12\n\t"
		"leaq 10(%%rbx), %%r13\n\t"
		"movq %%rbx, %%xmm0\n\t"
		"movq %%rcx, %%xmm1\n\t"
		"movq %%rdx, %%xmm7\n\t"
		"movq %%rsi, %%xmm8\n\t"
		"movq %%rdi, %%xmm15\n\t"
		"std\n\t" /* the direction flag is a register, too */
		"1: decq %[spins]\n\t"
		"jnz 1b\n\t"
		"pushfq\n\t"
		"popq %%rax\n\t"
		"cld\n\t"
		"testq $0x400, %%rax\n\t"
		"movq $1, %[bad]\n\t"
		"jz 2f\n\t"
#define EXPECT(number, reg, delta)                   \
		"leaq " #delta "(%%rbx), %%rax\n\t"  \
		"movq $" #number ", %[bad]\n\t"      \
		"cmpq %%rax, %%" #reg "\n\t"         \
		"jne 2f\n\t"
#define EXPECT_XMM(number, reg, delta)               \
		"movq %%" #reg ", %%rcx\n\t"         \
		EXPECT(number, rcx, delta)
		"movq $2, %[bad]\n\t"
		"cmpq %[seed], %%rbx\n\t"
		"jne 2f\n\t"
		EXPECT(3, rcx, 1)
		EXPECT(4, rdx, 2)
		EXPECT(5, rsi, 3)
		EXPECT(6, rdi, 4)
		EXPECT(7, r8, 5)
		EXPECT(8, r9, 6)
		EXPECT(9, r10, 7)
		EXPECT(10, r11, 8)
		EXPECT(11, r12, 9)
		EXPECT(12, r13, 10)
		EXPECT_XMM(13, xmm0, 0)
		EXPECT_XMM(14, xmm1, 1)
		EXPECT_XMM(15, xmm7, 2)
		EXPECT_XMM(16, xmm8, 3)
		EXPECT_XMM(17, xmm15, 4)
		"xorq %[bad], %[bad]\n\t"
		"2:\n\t"
		: [bad] "+r"(bad), [spins] "+r"(spins)
		: [seed] "m"(seed)
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
		  "xmm0", "xmm1", "xmm7", "xmm8", "xmm15", "cc", "memory");
	return (int)bad;
}

static void *work(void *arg)
{
	const int index = (int)(intptr_t)arg;
	uint64_t *buffer = malloc(BUFFER);
	const size_t words = BUFFER / sizeof *buffer;
	uint64_t round = (uint64_t)index << 32;

	if (!buffer)
		wrong("no memory");
	for (size_t i = 0; i < words; i++)
		buffer[i] = mix(round + i);
	while (!stop) {
		uint64_t on_stack[512];
		struct timespec ts = { 0, 200000 };
		int bad;

		for (size_t i = 0; i < 512; i++)
			on_stack[i] = mix(round ^ i);
		bad = check_registers(mix(round));
		if (bad) {
			fprintf(stderr, "victim: register check %d failed\n", bad);
			_exit(1);
		}
		if (nanosleep(&ts, NULL) && errno != EINTR)
			wrong("nanosleep gave an error that it does not have");
		for (size_t i = 0; i < 512; i++)
			if (on_stack[i] != mix(round ^ i))
				wrong("the stack has changed");
		for (size_t i = 0; i < words; i++) {
			if (buffer[i] != mix(round + i))
				wrong("memory has changed");
			buffer[i] = mix(round + 1 + i);
		}
		round++;
		counters[index]++;
	}
	free(buffer);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_term };
	pthread_t threads[MAX_THREADS];
	int n = 0, fd;

	if (argc < 3 || argc > 4 || (n = atoi(argv[2])) < 1 || n > MAX_THREADS)
		wrong("usage: victim COUNTERS-FILE THREADS [mdwe]");
	if (argc == 4 && prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0))
		wrong("cannot set PR_SET_MDWE");
	fd = open(argv[1], O_RDWR);
	if (fd < 0)
		wrong("cannot open the counters");
	counters = mmap(NULL, MAX_THREADS * sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (counters == MAP_FAILED)
		wrong("cannot map the counters");
	sigaction(SIGTERM, &sa, NULL);
	for (int i = 1; i < n; i++)
		if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i))
			wrong("cannot make a thread");
	work(NULL);
	for (int i = 1; i < n; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
