/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of system calls, for the calling thread: seccomp(2). */
#ifndef ZDTM_LIB_SECCOMP_H
#define ZDTM_LIB_SECCOMP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The call gets that answer (SECCOMP_RET_...), all others are allowed. 0 or -1 with errno. */
int filter_call(int nr, uint32_t answer);
int filter_call_with(unsigned int flags, int nr, uint32_t answer);
/* The thread is killed for any call but read, write, exit_group and rt_sigreturn. */
int filter_all_else(void);

/* Of a thread: Seccomp: in its status, and how many filters it has; -1: cannot be told. */
int seccomp_mode_of(int tid);
int seccomp_filters_of(int tid);
/* The flags of the filter that thread has first (SECCOMP_FILTER_FLAG_...), by ptrace(2); -1 with errno. */
int seccomp_flags_of(pid_t tid);

/*
 * A child that has confined itself, after which it reads and writes alone; confine() returns 0, or it ends. Returns
 * its pid, -1 if there is none; *channel is for the two below.
 */
pid_t start_confined(int (*confine)(void), int *channel);
/* It reads and writes still. */
bool confined_goes_on(int channel);
/* It is made to call something else; how it ends, as reap_child() says it. */
int end_of_confined(pid_t pid, int channel);

/* Joins threads that return what is wrong, a text, or NULL; fails the test for each that says something. */
void join_filtered(const pthread_t *threads, int n);

#endif
