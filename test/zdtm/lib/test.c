// SPDX-License-Identifier: GPL-2.0-only
/* The life of a test: start, ready, wait, verdict. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKIP_STATUS 77

static char *pidfile, *outfile;
static bool keep_session;
static pid_t foreground;
static volatile uint32_t signalled;
static struct test_option *options;

void test_register_option(struct test_option *option)
{
	option->next = options;
	options = option;
}

static void usage(const char *name)
{
	fprintf(stderr, "usage: %s --pidfile=F --outfile=F [--keep-session]", name);
	for (const struct test_option *o = options; o; o = o->next)
		fprintf(stderr, " --%s=VALUE", o->name);
	fputc('\n', stderr);
	exit(2);
}

/* The value if arg is --name=value, else NULL. */
static char *option_value(char *arg, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(arg, "--", 2) || strncmp(arg + 2, name, len) || arg[2 + len] != '=')
		return NULL;
	return arg + 3 + len;
}

static bool parse_own_option(char *arg)
{
	for (struct test_option *o = options; o; o = o->next) {
		char *value = option_value(arg, o->name);

		if (value) {
			*o->value = value;
			return true;
		}
	}
	return false;
}

static void parse_options(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		char *value;

		if ((value = option_value(argv[i], "pidfile")))
			pidfile = value;
		else if ((value = option_value(argv[i], "outfile")))
			outfile = value;
		else if (!strcmp(argv[i], "--keep-session"))
			keep_session = true;
		else if (!parse_own_option(argv[i]))
			usage(argv[0]);
	}
	if (!pidfile || !outfile)
		usage(argv[0]);
	for (const struct test_option *o = options; o; o = o->next) {
		if (!*o->value)
			usage(argv[0]);
	}
}

static void on_sigterm(int sig)
{
	(void)sig;
	signalled = 1;
	syscall(SYS_futex, &signalled, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* Whole or not at all: the file gets its name when it is complete. */
static int write_pidfile(pid_t test)
{
	char tmp[PATH_MAX], text[16];

	snprintf(tmp, sizeof(tmp), "%s.new", pidfile);
	snprintf(text, sizeof(text), "%d\n", test);
	if (write_file(tmp, text) || rename(tmp, pidfile)) {
		perror(pidfile);
		return 1;
	}
	return 0;
}

/*
 * The foreground learns by a signal, not over a pipe: a pipe's end would be one more descriptor
 * in the test and in all its children, and would be dumped with them. It writes the pid file, as
 * the test may have another root by then.
 */
static void wait_for_ready(pid_t test, const sigset_t *awaited)
{
	for (;;) {
		siginfo_t info;
		int status;

		if (sigwaitinfo(awaited, &info) < 0)
			continue;
		if (info.si_signo == SIGUSR1 && info.si_pid == test)
			_exit(write_pidfile(test));
		if (waitpid(test, &status, WNOHANG) == test) {
			if (WIFSIGNALED(status))
				fprintf(stderr, "the test was killed by signal %d before it was ready\n",
					WTERMSIG(status));
			_exit(WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1);
		}
	}
}

static void redirect(int fd, const char *path, int flags)
{
	int from = open(path, flags, 0644);

	if (from < 0) {
		perror(path);
		_exit(1);
	}
	if (from != fd) {
		if (dup2(from, fd) < 0) {
			perror("dup2");
			_exit(1);
		}
		close(from);
	}
}

static void redirect_output(void)
{
	redirect(STDOUT_FILENO, outfile, O_WRONLY | O_CREAT | O_APPEND);
	if (dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(1);
	/* Nothing may wait in a buffer that a dump then copies: lines go out as they are. */
	setvbuf(stdout, NULL, _IONBF, 0);
}

void test_init(int argc, char **argv)
{
	struct sigaction act = { .sa_handler = on_sigterm, .sa_flags = SA_RESTART };
	sigset_t awaited, old;
	pid_t pid;

	parse_options(argc, argv);
	foreground = getpid();

	sigemptyset(&awaited);
	sigaddset(&awaited, SIGUSR1);
	sigaddset(&awaited, SIGCHLD);
	sigprocmask(SIG_BLOCK, &awaited, &old);

	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (pid > 0)
		wait_for_ready(pid, &awaited);

	sigprocmask(SIG_SETMASK, &old, NULL);
	if (keep_session) {
		/* As a shell does: a job is a group of its own. */
		if (setpgid(0, 0)) {
			perror("setpgid");
			_exit(1);
		}
	} else {
		if (setsid() < 0) {
			perror("setsid");
			_exit(1);
		}
		redirect(STDIN_FILENO, "/dev/null", O_RDONLY);
	}
	redirect_output();
	sigemptyset(&act.sa_mask);
	sigaction(SIGTERM, &act, NULL);
}

void test_daemon(void)
{
	wait_for_beginners();
	if (kill(foreground, SIGUSR1)) {
		pr_perror("cannot tell the foreground");
		_exit(1);
	}
}

bool test_go(void)
{
	return !signalled;
}

void test_rearm(void)
{
	signalled = 0;
}

void test_waitsig(void)
{
	while (!signalled)
		syscall(SYS_futex, &signalled, FUTEX_WAIT, 0, NULL, NULL, 0);
}

/* One write(2) per line: tasks and threads share the outfile, and O_APPEND keeps lines whole. */
static void print_line(const char *kind, const char *file, int line, int err, const char *fmt,
		       va_list args)
{
	char text[1024];
	int n = 0;

	if (kind)
		n += snprintf(text + n, sizeof(text) - n, "%s: ", kind);
	if (file) {
		const char *base = strrchr(file, '/');

		n += snprintf(text + n, sizeof(text) - n, "%s:%d: ", base ? base + 1 : file, line);
	}
	n += vsnprintf(text + n, sizeof(text) - n, fmt, args);
	if (n > (int)sizeof(text) - 200)
		n = sizeof(text) - 200;
	while (n && text[n - 1] == '\n')
		n--;
	if (err)
		n += snprintf(text + n, sizeof(text) - n, ": %s", strerror(err));
	text[n++] = '\n';
	if (write(STDOUT_FILENO, text, n) != n)
		abort();
}

void test_print(const char *kind, const char *file, int line, int err, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	print_line(kind, file, line, err, fmt, args);
	va_end(args);
	errno = saved;
}

void test_fail(const char *file, int line, int err, const char *fmt, ...)
{
	int saved = errno;
	va_list args;

	va_start(args, fmt);
	print_line("FAIL", file, line, err, fmt, args);
	va_end(args);
	errno = saved;
}

void pass(void)
{
	test_msg("PASS");
}

void skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	print_line("SKIP", NULL, 0, 0, fmt, args);
	va_end(args);
	_exit(SKIP_STATUS);
}
