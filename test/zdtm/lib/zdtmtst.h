/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The frame of a zdtm test: a small program that sets something up, says it is ready, waits for
 * the signal that follows the restore, checks, and says pass or fail.
 *
 *	int main(int argc, char **argv)
 *	{
 *		test_init(argc, argv);
 *		... set up; on trouble: pr_perror("..."); return 1; ...
 *		test_daemon();
 *		test_waitsig();
 *		if (...) {
 *			fail("what is wrong: got %d", n);
 *			return 1;
 *		}
 *		pass();
 *		return 0;
 *	}
 *
 * What a test needs from the runner stands in its source, in one comment of the form
 *
 *	/<asterisk> zdtm: key=value key="value with spaces" <asterisk>/
 *
 *	opts=         options for both dump and restore
 *	dump-opts=    options for the dump alone
 *	restore-opts= options for the restore alone
 *	needs=        comma-separated abilities the machine must have (see runner/abilities.py)
 *	expect=       refuse:TEXT   the dump must be refused, and say TEXT in the log and on stderr
 *	              not-yet:TEXT  the same, as long as the tool does not support it (--try-all)
 *	ignore=       comma-separated parts of /proc that the running test changes itself
 *	flags=        pty       the test runs on a terminal that belongs to another session
 *	              pts       the test has terminals of its own: no other test has any meanwhile
 *	              norestart the test cannot be restored twice (--iters is then 1)
 *	no-rmfork=    reason why the test means nothing with --rmfork
 */
#ifndef ZDTM_LIB_ZDTMTST_H
#define ZDTM_LIB_ZDTMTST_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

/*
 * Parses --pidfile=F --outfile=F and the test's own options, goes into the background and sends
 * stdout and stderr to the outfile. Returns in the background process only; the foreground
 * process leaves with 0 once test_daemon() was called, with 1 if the test died before that.
 */
void test_init(int argc, char **argv);

/*
 * "Everything is set up": once the threads of this task have come to their functions, the foreground writes the
 * pid file (whole, by rename) and leaves.
 */
void test_daemon(void);

/* Blocks until the runner's SIGTERM. In a child of the test: until finish_child(). */
void test_waitsig(void);

/* True until that signal came: the condition of a test that works while it waits. */
bool test_go(void);

/* Forgets a signal that came and waits for the next: for children that have several phases. */
void test_rearm(void);

/* The verdict. fail() may be called in any task of the test; one FAIL decides. */
void pass(void);
void test_fail(const char *file, int line, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Ends the test before test_daemon(): this machine cannot run it, and why. */
void skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

void test_print(const char *kind, const char *file, int line, int err, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#define fail(...)      test_fail(__FILE__, __LINE__, 0, __VA_ARGS__)
#define fail_errno(...) test_fail(__FILE__, __LINE__, errno, __VA_ARGS__)
#define pr_err(...)    test_print("ERR", __FILE__, __LINE__, 0, __VA_ARGS__)
#define pr_perror(...) test_print("ERR", __FILE__, __LINE__, errno, __VA_ARGS__)
#define test_msg(...)  test_print(NULL, NULL, 0, 0, __VA_ARGS__)

/*
 * An option of one test, at file scope: TEST_OPTION(filename, "where the data goes");
 * declares `static char *filename`, set from --filename=VALUE. The runner gives every test
 * that names them absolute paths below its own empty directory: NAME.test and NAME.dir.
 */
struct test_option {
	const char *name;
	const char *help;
	char **value;
	struct test_option *next;
};
void test_register_option(struct test_option *option);

#define TEST_OPTION(name_, help_)                                                     \
	static char *name_;                                                           \
	static struct test_option test_option_##name_ = { #name_, help_, &name_, NULL }; \
	__attribute__((constructor)) static void test_option_init_##name_(void)       \
	{                                                                             \
		test_register_option(&test_option_##name_);                           \
	}                                                                             \
	_Static_assert(1, "")

/*
 * Data that can be checked without keeping a second copy: the buffer is filled from a seeded
 * generator and its CRC is continued in *crc (start both sides with CRC_INIT). datachk()
 * returns 0 when the data still gives the CRC that datagen() left.
 */
#define CRC_INIT 0xffffffffu
void datagen(void *buf, size_t len, uint32_t *crc);
int datachk(const void *buf, size_t len, uint32_t crc);
uint32_t crc32_update(uint32_t crc, const void *buf, size_t len);

/*
 * Children. start_child() forks, runs body(arg) in the child and returns its pid once the child
 * called child_ready(), or -1 if it ended before that. body's return value is the exit status;
 * it may use test_waitsig() to wait for the parent. Nothing shared stays behind: the pipe used
 * for the handshake is closed on both sides when start_child() returns.
 */
pid_t start_child(int (*body)(void *arg), void *arg);
void child_ready(void);

/* Sends SIGTERM and reaps. Exit status, 128 + signal number, or -1 with errno. */
int finish_child(pid_t pid);

/* Reaps without a signal; the same results. */
int reap_child(pid_t pid);

/*
 * Steps between tasks or threads, over a futex in memory they share (MAP_SHARED when they are
 * tasks): one side completes stage N, the others wait for it. Stages only grow.
 */
struct task_waiter {
	uint32_t stage;
};
void task_waiter_init(struct task_waiter *w);
void task_waiter_complete(struct task_waiter *w, uint32_t stage);
void task_waiter_wait(struct task_waiter *w, uint32_t stage);

/*
 * For a test that spins in user code until *stop is set: a thread sets it when the signal comes.
 * One per test. 0 or -1; join_watcher() after the spin.
 */
int start_watcher(volatile uint32_t *stop);
void join_watcher(void);

/*
 * A signal that the caller has blocked. take_signal() waits for it, 20 seconds at most, and takes it: 0, or -1
 * with errno. take_timer_signal() also says FAIL unless it is of that POSIX timer, with that value.
 */
void wait_until_pending(int sig);
int take_signal(int sig, siginfo_t *info);
int take_timer_signal(int sig, int timer, void *value, siginfo_t *info);

/*
 * Blocks until the task has so many threads. A thread that was joined may still be there: pthread_join(3)
 * returns when the kernel clears the thread's tid, which is before it lets go of the thread.
 */
void wait_for_threads(unsigned int n);

/* Until the C library has begun all threads of this task: with all signals blocked, before their functions. */
void wait_for_beginners(void);

/*
 * As pthread_create(3), of a thread whose waits the signal that ends the test must not end: a thread that has not run
 * since it was let go does not get it, and then any other may, the main one is only the first to be asked.
 */
int create_undisturbed(pthread_t *thread, void *(*body)(void *), void *arg);

/* True if the thread of this task sleeps in that system call (SYS_...). */
bool thread_waits(pid_t tid, long call);

/* Reads until so many bytes have come, from a terminal for example, which may give them one by one: how many did. */
size_t read_all(int fd, void *buf, size_t size);

/* Reads a small file of /proc whole; returns its length (NUL-terminated) or -1. */
ssize_t read_file(const char *path, char *buf, size_t size);

/* Writes a string; 0 or -1. */
int write_file(const char *path, const char *text);

/* Empty files "f0", "f1" and so on, up to so many, in an open directory; 0 or -1. */
int make_files(int directory, int count);

/*
 * The value of "Key:" in a /proc/.../status like file, as text into buf (trimmed). 0 or -1.
 */
int proc_field(const char *path, const char *key, char *buf, size_t size);

/* The VmFlags of the mapping that holds addr hold the two-letter flag. -1: no such mapping. */
int vma_has_flag(const void *addr, const char *flag);

/*
 * A TCP connection over loopback: ends[0] has connected, ends[1] was accepted by *listening, which is closed
 * where that is NULL. family: AF_INET, AF_INET6; TCP_MAPPED: sockets of IPv6 with addresses of IPv4. 0 or -1.
 */
#define TCP_MAPPED (-1)
int tcp_pair(int family, int ends[2], int *listening);
int tcp_listen(int family, int backlog);
/* A socket that is connected to what listens, or connects if flags is SOCK_NONBLOCK. */
int tcp_connect(int listening, int flags);

/* The state of a connection, as tcp_states.h of the kernel numbers them. */
enum { ESTABLISHED = 1, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2, TIME_WAIT, CLOSED, CLOSE_WAIT, LAST_ACK, LISTENING, CLOSING };
int tcp_state(int fd);
/* 0 once it has that state; -1 if it has not within 20 seconds. */
int wait_for_tcp_state(int fd, int state);

/* Sends as much as fits without blocking, of the sequence that *crc continues; the bytes. The reverse: reads so
 * many, 20 seconds at most for each piece. 0 or -1. */
size_t tcp_fill(int fd, uint32_t *crc);
int tcp_drain(int fd, size_t size, uint32_t *crc);
/* What was sent at one end comes at the other, each way. 0 or -1. */
int tcp_works(int ends[2]);

/*
 * UDP. What arrives is delivered by a soft interrupt, which may be late: udp_deliver() sends, and returns 0 once the
 * receiver has it, -1 if it has not within 20 seconds. udp_queued() is what the kernel counts for what a socket has.
 */
long udp_queued(int fd);
int udp_deliver(int fd, int receiver, const void *data, size_t size, const void *to, unsigned int len);

/*
 * A mapped ring that a packet socket receives into, from lo, of a protocol that nobody else has. Its slots are frames, or
 * blocks (TPACKET_V3), which the kernel closes after a millisecond. ring_send() sends it a packet with that number, 0 to
 * 255; ring_receive() returns the number of the packet in the next slot, -1 if there is none within 5 seconds, 1000 if
 * there are several, and gives the slot back. The first two return 0, or -1 with errno set.
 */
#define RING_SLOTS 8
struct packet_ring {
	int fd, version, protocol;
	unsigned char *slots;
	int next; /* slot to be looked at */
};
int ring_make(struct packet_ring *ring, int version);
int ring_send(const struct packet_ring *ring, int number);
int ring_receive(struct packet_ring *ring);
int ring_has_unread(struct packet_ring *ring);

/* Microseconds of CLOCK_MONOTONIC. */
int64_t now_us(void);

#define array_size(a) (sizeof(a) / sizeof((a)[0]))

#endif
