/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * VERIFY: whether ubmem still holds what was written.
 */
#ifndef RMFORK_VERIFY_H
#define RMFORK_VERIFY_H

struct rmfork_kargs;
struct ubmem;

long rmfork_verify(struct ubmem *ub, const struct rmfork_kargs *kargs);

#endif /* RMFORK_VERIFY_H */
