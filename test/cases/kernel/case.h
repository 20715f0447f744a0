// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the cases of the kernel module share. Each is a program that does to restored memory what is done to
 * ordinary memory, and compares. It prints what it sees, `wrong: ...` for each thing that is not right, and ends
 * with 0 (right), 1 (wrong) or 77 (cannot be tried here; its last line says why).
 */
#ifndef TEST_CASES_KERNEL_CASE_H
#define TEST_CASES_KERNEL_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <rmfork/uapi.h>

enum { PAGE = RMFORK_PAGE_SIZE, HUGE = 2 << 20, HUGE_PAGES = HUGE / PAGE };

/* A place where nothing else is mapped. */
#define AREA ((char *)0x100000000000)

/* An operation of no use to the module: memory is filled by the task itself. */
enum { ORDINARY = 0 };

/* Opens the device; `cannot` without it. */
void open_module(void);
void close_module(void);
/* 0 or -errno. */
long dump(pid_t pid, void *at, size_t pages, uint64_t *off);
long restore(int op, uint64_t off, void *at, size_t pages);
long settle(pid_t pid);
long free_snapshot(uint64_t off);
/* Whether the kernel has RESTORE_LAZY. */
bool has_lazy(void);
void need_lazy(void);

/* Fresh anonymous memory at `at`. */
char *map(char *at, size_t pages);
/* Page `i` of `at` begins with the number i + 1; how many of them do not. */
void fill(char *at, size_t pages);
size_t count_wrong(const char *at, size_t pages);
/* The pages of AREA, saved, and not there any more. */
uint64_t save_area(size_t pages);

/* False where it cannot be written. */
bool write_text(const char *path, const char *text);
double seconds(void);
/* A field of /proc/PID/smaps of the mapping at `at`, in KiB, or -1. */
long smaps_field(const void *at, const char *name);
/* Mounts debugfs if need be. */
bool has_debugfs(const char *file);

/* Prints why, and ends with 77. */
void cannot(const char *why) __attribute__((noreturn));
/* Prints that it is wrong, with what it is about. */
void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Ends with what was wrong if `ok` is false: what has to work for the case to say anything. */
void must(bool ok, const char *what);
/* The status to end with. In a child of fork() it says what the child has seen. */
int verdict(void);
/* Waits for a child; its wrong things are ours. */
void join_child(pid_t pid, const char *who);

#endif
