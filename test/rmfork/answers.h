/* SPDX-License-Identifier: GPL-2.0-only */
/* How the targets of the tests of rmfork are asked, and how they answer. */
#ifndef TEST_RMFORK_ANSWERS_H
#define TEST_RMFORK_ANSWERS_H

#include <signal.h>

/* Says why on standard error, with errno(3), and exits with status 1. */
void die(const char *what);

/* Blocks SIGUSR1 and SIGUSR2, for sigwait(3); @set is both. For children and threads too. */
void block_questions(sigset_t *set);

/*
 * Writes DIR/@name with @text. It gets its name last, so it is whole or not there. No file is open before and
 * after.
 */
void answer_in(const char *dir, const char *name, const char *text);

/* The same, DIR/answer.PID. */
void answer_as_task(const char *dir, const char *text);

#endif
