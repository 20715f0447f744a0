/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of operations.
 */
#ifndef RMFORK_CALL_H
#define RMFORK_CALL_H

#include <linux/types.h>

#include "ubmem/ubmem.h"

/* The pool that all is about; main.c makes it before anybody can call, and until nobody can any more. */
extern struct ubmem rmfork_pool;

long rmfork_call(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs);

#endif /* RMFORK_CALL_H */
