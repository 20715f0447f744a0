/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way in by syscall 454.
 */
#ifndef RMFORK_SYSCALL_H
#define RMFORK_SYSCALL_H

int rmfork_syscall_register(void);
void rmfork_syscall_unregister(void);

#endif /* RMFORK_SYSCALL_H */
