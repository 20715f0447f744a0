// SPDX-License-Identifier: GPL-2.0-only
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int device = -1;
static int nr_wrong;
static pid_t counted_by; /* what a child inherits is not its own */

void cannot(const char *why)
{
	printf("%s\n", why);
	fflush(stdout);
	exit(77);
}

static int *count_of_own(void)
{
	if (counted_by != getpid())
		nr_wrong = 0;
	counted_by = getpid();
	return &nr_wrong;
}

void wrong(const char *format, ...)
{
	va_list args;

	printf("wrong: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	++*count_of_own();
}

void must(bool ok, const char *what)
{
	if (ok)
		return;
	wrong("%s: %s", what, strerror(errno));
	_exit(1);
}

int verdict(void)
{
	fflush(stdout);
	return *count_of_own() ? 1 : 0;
}

void join_child(pid_t pid, const char *who)
{
	int status = -1;

	must(waitpid(pid, &status, 0) == pid, who);
	if (status)
		wrong("%s ends with %#x", who, status);
}

void open_module(void)
{
	device = open(RMFORK_DEVICE_PATH, O_RDWR | O_CLOEXEC);
	must(device >= 0, RMFORK_DEVICE_PATH);
}

void close_module(void)
{
	close(device);
}

static long call(struct rmfork_kargs *k)
{
	return ioctl(device, RMFORK_IOCTL, k) < 0 ? -errno : 0;
}

long dump(pid_t pid, void *at, size_t pages, uint64_t *off)
{
	struct iovec iov = { at, pages * PAGE };
	struct rmfork_kargs k = { .rmfork_opt = RMFORK_OP_DUMP,
				  .pid = pid,
				  .iovs = (uintptr_t)&iov,
				  .nr_iovs = 1 };
	long ret = call(&k);

	*off = k.pa;
	return ret;
}

long restore(int op, uint64_t off, void *at, size_t pages)
{
	struct iovec iov = { at, pages * PAGE };
	struct rmfork_kargs k = {
		.rmfork_opt = op, .pa = off, .iovs = (uintptr_t)&iov, .nr_iovs = 1
	};

	return call(&k);
}

long settle(pid_t pid)
{
	struct rmfork_kargs k = { .rmfork_opt = RMFORK_OP_SETTLE, .pid = pid };

	return call(&k);
}

long free_snapshot(uint64_t off)
{
	struct rmfork_kargs k = { .rmfork_opt = RMFORK_OP_FREE, .pa = off };

	return call(&k);
}

bool has_lazy(void)
{
	struct rmfork_query query = { 0 };
	struct rmfork_kargs k = { .rmfork_opt = RMFORK_OP_QUERY,
				  .va = (uintptr_t)&query,
				  .nr_iovs = sizeof(query) };

	must(call(&k) == 0, "QUERY");
	return query.features & RMFORK_FEAT_LAZY;
}

void need_lazy(void)
{
	if (!has_lazy())
		cannot("no lazy restores on this kernel");
}

char *map(char *at, size_t pages)
{
	char *p = mmap(at, pages * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	must(p == at, "mmap");
	return p;
}

void fill(char *at, size_t pages)
{
	for (size_t i = 0; i < pages; i++) {
		memset(at + i * PAGE, 0x11 + i % 200, PAGE);
		*(size_t *)(at + i * PAGE) = i + 1;
	}
}

size_t count_wrong(const char *at, size_t pages)
{
	size_t nr = 0;

	for (size_t i = 0; i < pages; i++)
		nr += *(const volatile size_t *)(at + i * PAGE) != i + 1;
	return nr;
}

uint64_t save_area(size_t pages)
{
	uint64_t off;

	fill(map(AREA, pages), pages);
	must(dump(getpid(), AREA, pages, &off) == 0, "DUMP");
	munmap(AREA, pages * PAGE);
	return off;
}

bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

long smaps_field(const void *at, const char *name)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	bool inside = false;
	char line[512];
	long kib = -1;

	must(f, "/proc/self/smaps");
	while (kib < 0 && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*c", &start, &end) == 2)
			inside = (unsigned long)at >= start && (unsigned long)at < end;
		else if (inside && !strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			kib = atol(line + strlen(name) + 1);
	}
	fclose(f);
	return kib;
}

bool has_debugfs(const char *file)
{
	if (access(file, W_OK))
		mount("debugfs", "/sys/kernel/debug", "debugfs", 0, NULL);
	return access(file, W_OK) == 0;
}
