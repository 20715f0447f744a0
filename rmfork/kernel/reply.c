// SPDX-License-Identifier: GPL-2.0-only
/*
 * Giving a caller a structure, of whatever version it knows.
 */
#include <linux/mm.h>
#include <linux/uaccess.h>

#include <rmfork/uapi.h>

#include "reply.h"

/**
 * rmfork_size_ok - whether a caller may want a structure of this size
 * @size:  in bytes: a caller of another version has a shorter or longer one, as later ones only append
 * @least: of the first version
 */
bool rmfork_size_ok(u64 size, size_t least)
{
	return size >= least && size <= PAGE_SIZE;
}

/**
 * rmfork_fill_user - give the caller a structure, as much of it as it asks for
 * @kargs: va and nr_iovs say where
 * @from:  the structure
 * @known: its size
 *
 * Return: 0 or -EFAULT.
 */
int rmfork_fill_user(const struct rmfork_kargs *kargs, const void *from, size_t known)
{
	void __user *to = u64_to_user_ptr(kargs->va);
	size_t n = min_t(u64, kargs->nr_iovs, known);

	if (copy_to_user(to, from, n) || clear_user(to + n, kargs->nr_iovs - n))
		return -EFAULT;
	return 0;
}
