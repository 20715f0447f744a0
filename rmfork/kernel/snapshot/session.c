// SPDX-License-Identifier: GPL-2.0-only
/*
 * Snapshots that go with their owner until committed.
 *
 * A dump that is killed can free nothing. So its snapshots belong to an open file: the
 * kernel closes it when the dumper dies, and what was not committed by then goes with it.
 */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "snapshot/session.h"
#include "snapshot/snapshot.h"
#include "ubmem/ubmem.h"

static int session_release(struct inode *inode, struct file *file)
{
	struct rmfork_session *session = file->private_data;

	rmfork_free_owned(session);
	kfree(session);
	return 0;
}

static const struct file_operations session_fops = {
	.owner = THIS_MODULE,
	.release = session_release,
	.llseek = noop_llseek,
};

/**
 * rmfork_session_open - SESSION
 * @ub: the pool
 *
 * Return: a new descriptor of the caller's, or -errno.
 */
long rmfork_session_open(struct ubmem *ub)
{
	struct rmfork_session *session;
	int fd;

	session = kmalloc(sizeof(*session), GFP_KERNEL);
	if (!session)
		return -ENOMEM;
	session->ub = ub;
	session->nr = 0;
	INIT_LIST_HEAD(&session->snapshots);
	fd = anon_inode_getfd("[rmfork]", &session_fops, session, O_CLOEXEC);
	if (fd < 0)
		kfree(session);
	return fd;
}

/**
 * rmfork_session_get - the session an operation names
 * @va:	  what the caller gave: RMFORK_IN_SESSION(fd)
 * @file: set to what keeps the session, to be dropped by fput()
 *
 * Return: the session, or an ERR_PTR of -EINVAL or -EBADF.
 */
struct rmfork_session *rmfork_session_get(u64 va, struct file **file)
{
	if (va >> 32 != RMFORK_IN_SESSION(0) >> 32)
		return ERR_PTR(-EINVAL);
	*file = fget((u32)va);
	if (!*file)
		return ERR_PTR(-EBADF);
	if ((*file)->f_op != &session_fops) {
		fput(*file);
		return ERR_PTR(-EBADF);
	}
	return (*file)->private_data;
}

/**
 * rmfork_session_commit - COMMIT
 * @kargs: va names the session
 *
 * Return: 0, -EINVAL, -EBADF, or -ESTALE: one of its snapshots was freed meanwhile.
 */
long rmfork_session_commit(const struct rmfork_kargs *kargs)
{
	struct rmfork_session *session;
	struct file *file;
	int ret;

	session = rmfork_session_get(kargs->va, &file);
	if (IS_ERR(session))
		return PTR_ERR(session);
	ret = rmfork_commit_owned(session);
	fput(file);
	return ret;
}
