/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of system calls, for the calling thread: seccomp(2). */
#ifndef ZDTM_LIB_SECCOMP_H
#define ZDTM_LIB_SECCOMP_H

#include <stdint.h>

/* The call gets that answer (SECCOMP_RET_...), all others are allowed. 0 or -1 with errno. */
int filter_call(int nr, uint32_t answer);
int filter_call_with(unsigned int flags, int nr, uint32_t answer);
/* The thread is killed for any call but read, write, exit_group and rt_sigreturn. */
int filter_all_else(void);

/* Of a thread of this task: Seccomp: in its status, and how many filters it has; -1: cannot be told. */
int seccomp_mode_of(int tid);
int seccomp_filters_of(int tid);

#endif
