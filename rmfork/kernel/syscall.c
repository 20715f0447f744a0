// SPDX-License-Identifier: GPL-2.0-only
/*
 * The way in by syscall 454, on a kernel that carries the dispatcher (patches/). On any other
 * the device is the only way.
 */
#include <linux/module.h>

#include "call.h"
#include "syscall.h"

#ifdef CONFIG_REMOTE_FORK
#include <linux/remote_fork.h>

static const struct remote_fork_ops rmfork_syscall_ops = {
	.owner = THIS_MODULE,
	.call = rmfork_call,
};

/**
 * rmfork_syscall_register - answer syscall 454 where this kernel has it
 *
 * Return: 0, also where it has not; -EBUSY if another module answers it.
 */
int rmfork_syscall_register(void)
{
	return register_remote_fork(&rmfork_syscall_ops);
}

/**
 * rmfork_syscall_unregister - undo rmfork_syscall_register()
 */
void rmfork_syscall_unregister(void)
{
	unregister_remote_fork(&rmfork_syscall_ops);
}
#else
int rmfork_syscall_register(void)
{
	return 0;
}

void rmfork_syscall_unregister(void)
{
}
#endif
