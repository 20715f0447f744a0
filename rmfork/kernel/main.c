// SPDX-License-Identifier: GPL-2.0-only
/*
 * rmfork: saves a task's private memory into reserved memory and inserts it into another task.
 *
 * This file has the module's parameters, the device, the table of operations and the check of
 * the caller's privilege. The header names the other parts.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "rmfork-module.h"

static unsigned int ubmem_mb = 256;
module_param(ubmem_mb, uint, 0444);
MODULE_PARM_DESC(ubmem_mb, "size of ubmem in MiB, allocated at load (rounded up to 2)");

static char *ubmem_phys;
module_param(ubmem_phys, charp, 0444);
MODULE_PARM_DESC(ubmem_phys, "physical address of a range for ubmem that the kernel does not use");

static char *ubmem_size;
module_param(ubmem_size, charp, 0444);
MODULE_PARM_DESC(ubmem_size, "with ubmem_phys: its size (K, M, G)");

static bool ubmem_ivshmem;
module_param(ubmem_ivshmem, bool, 0444);
MODULE_PARM_DESC(ubmem_ivshmem, "ubmem is the memory of the first ivshmem device");

static bool ubmem_take;
module_param(ubmem_take, bool, 0444);
MODULE_PARM_DESC(ubmem_take, "use ubmem that another machine seems to use; it must have gone down");

static bool ubmem_format;
module_param(ubmem_format, bool, 0444);
MODULE_PARM_DESC(ubmem_format, "forget the snapshots, or whatever else, that lies in a kept pool");

static bool ubmem_attach_guest;
module_param_named(ubmem_attach, ubmem_attach_guest, bool, 0444);
MODULE_PARM_DESC(ubmem_attach, "be a guest in ubmem that another machine owns: only restore from it");

bool ubmem_sums;
module_param(ubmem_sums, bool, 0644);
MODULE_PARM_DESC(ubmem_sums, "make a checksum of each page at a dump, for VERIFY");

static struct ubmem rmfork_pool;

/* In the first namespace. For which tasks a caller may do it is asked besides (rmfork_mm_get()). */
static bool rmfork_privileged(void)
{
	return checkpoint_restore_ns_capable(&init_user_ns);
}

/* LIST and GUESTS: one thing after the other. */
static long rmfork_op_walk(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs)
{
	u64 cursor;
	long ret;

	ret = kargs->rmfork_opt == RMFORK_OP_LIST ? rmfork_list(&rmfork_pool, kargs, &cursor) :
						    rmfork_guests(&rmfork_pool, kargs, &cursor);
	if (ret > 0 && put_user(cursor, &uargs->pa))
		return -EFAULT;
	return ret;
}

static long rmfork_op_settle(const struct rmfork_kargs *kargs)
{
	struct mm_struct *mm = rmfork_mm_get(kargs->pid);
	int ret;

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	ret = rmfork_settle(mm);
	mmput(mm);
	return ret;
}

/* Fields of struct rmfork_kargs. */
#define PID 1
#define VA 2
#define PA 4
#define IOVS 8
#define NR_IOVS 16

/* Per operation, the fields it uses; the others must be 0. */
static const u8 fields_used[] = {
	[RMFORK_OP_RESTORE_ONE] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_RESTORE_ALL] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_DUMP] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_QUERY] = VA | NR_IOVS,
	[RMFORK_OP_FREE] = VA | PA,
	[RMFORK_OP_INFO] = VA | PA | NR_IOVS,
	[RMFORK_OP_LIST] = VA | PA | NR_IOVS,
	[RMFORK_OP_RESTORE_LAZY] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_SETTLE] = PID,
	[RMFORK_OP_SESSION] = 0,
	[RMFORK_OP_COMMIT] = VA,
	[RMFORK_OP_VERIFY] = VA | PA | NR_IOVS,
	[RMFORK_OP_GUESTS] = VA | PA | NR_IOVS,
	[RMFORK_OP_FORGET] = VA | NR_IOVS,
	[RMFORK_OP_IDENTIFY] = VA | PA | NR_IOVS,
};

static bool fields_ok(const struct rmfork_kargs *kargs)
{
	u8 set = (kargs->pid ? PID : 0) | (kargs->va ? VA : 0) | (kargs->pa ? PA : 0) |
		 (kargs->iovs ? IOVS : 0) | (kargs->nr_iovs ? NR_IOVS : 0);

	return kargs->rmfork_opt < ARRAY_SIZE(fields_used) &&
	       !(set & ~fields_used[array_index_nospec(kargs->rmfork_opt,
						       ARRAY_SIZE(fields_used))]);
}

/* What is for the owner of the pool alone. */
static bool changes_pool(u64 operation)
{
	return operation == RMFORK_OP_DUMP || operation == RMFORK_OP_FREE ||
	       operation == RMFORK_OP_SESSION || operation == RMFORK_OP_COMMIT ||
	       operation == RMFORK_OP_FORGET;
}

static bool needs_lazy(u64 operation)
{
	return operation == RMFORK_OP_RESTORE_LAZY || operation == RMFORK_OP_SETTLE;
}

static long rmfork_carry_out(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs)
{
	switch (kargs->rmfork_opt) {
	case RMFORK_OP_RESTORE_ONE:
	case RMFORK_OP_RESTORE_ALL:
	case RMFORK_OP_RESTORE_LAZY:
		return rmfork_restore(&rmfork_pool, kargs);
	case RMFORK_OP_DUMP:
		return rmfork_dump(&rmfork_pool, kargs, &uargs->pa);
	case RMFORK_OP_QUERY:
		return rmfork_query(&rmfork_pool, kargs);
	case RMFORK_OP_FREE:
		return rmfork_free(&rmfork_pool, kargs->pa, kargs->va);
	case RMFORK_OP_INFO:
	case RMFORK_OP_IDENTIFY:
		return rmfork_info(&rmfork_pool, kargs);
	case RMFORK_OP_LIST:
	case RMFORK_OP_GUESTS:
		return rmfork_op_walk(kargs, uargs);
	case RMFORK_OP_FORGET:
		return rmfork_forget(&rmfork_pool, kargs);
	case RMFORK_OP_SESSION:
		return rmfork_session_open(&rmfork_pool);
	case RMFORK_OP_COMMIT:
		return rmfork_session_commit(kargs);
	case RMFORK_OP_VERIFY:
		return rmfork_verify(&rmfork_pool, kargs);
	case RMFORK_OP_SETTLE:
		return rmfork_op_settle(kargs);
	default:
		return -EINVAL;
	}
}

/**
 * rmfork_call - carry out one operation
 * @kargs: its argument, a copy in kernel memory
 * @uargs: where the caller keeps it; results go there
 *
 * The two ways in meet here. The caller has pinned the module.
 *
 * Return: >= 0 or -errno.
 */
long rmfork_call(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs)
{
	long ret;

	if (!rmfork_privileged())
		return -EPERM;
	if (!fields_ok(kargs))
		return -EINVAL;
	if (needs_lazy(kargs->rmfork_opt) && !rmfork_lazy_possible())
		return -EOPNOTSUPP;
	if (!rmfork_pool.guest)
		return rmfork_carry_out(kargs, uargs);
	if (changes_pool(kargs->rmfork_opt))
		return -EROFS;
	ret = rmfork_carry_out(kargs, uargs);
	/* What was pinned for it and is not mapped. */
	rmfork_guest_tidy(&rmfork_pool);
	return ret;
}

static long rmfork_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct rmfork_kargs __user *uargs = (struct rmfork_kargs __user *)arg;
	struct rmfork_kargs kargs;

	if (cmd != RMFORK_IOCTL)
		return -ENOTTY;
	if (copy_from_user(&kargs, uargs, sizeof(kargs)))
		return -EFAULT;
	return rmfork_call(&kargs, uargs);
}

static const struct file_operations rmfork_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = rmfork_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice rmfork_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "rmfork",
	.fops = &rmfork_fops,
	.mode = 0600,
};

static int parse_bytes(const char *text, const char *name, u64 *bytes)
{
	char *end;

	*bytes = memparse(text, &end);
	if (!*end && end != text)
		return 0;
	pr_err("%s is no number: %s\n", name, text);
	return -EINVAL;
}

/* Where the pool will be. */
static int choose_backing(struct ubmem *ub)
{
	u64 phys, size;

	if (!ubmem_phys != !ubmem_size) {
		pr_err("ubmem_phys and ubmem_size go together\n");
		return -EINVAL;
	}
	if (ubmem_phys && ubmem_ivshmem) {
		pr_err("ubmem_phys and ubmem_ivshmem exclude each other\n");
		return -EINVAL;
	}
	if (ubmem_attach_guest && (!ubmem_ivshmem || ubmem_take || ubmem_format)) {
		pr_err("ubmem_attach goes with ubmem_ivshmem, and without ubmem_take and ubmem_format\n");
		return -EINVAL;
	}
	if (ubmem_ivshmem) {
		ub->backing = &ubmem_backing_ivshmem;
		return rmfork_ivshmem_find(ub);
	}
	if (!ubmem_phys) {
		if (!ubmem_mb)
			pr_err("ubmem_mb must be at least 1\n");
		ub->backing = &ubmem_backing_alloc;
		ub->nr_pages = (u64)ubmem_mb << (20 - PAGE_SHIFT);
		return ubmem_mb ? 0 : -EINVAL;
	}
	if (parse_bytes(ubmem_phys, "ubmem_phys", &phys) ||
	    parse_bytes(ubmem_size, "ubmem_size", &size))
		return -EINVAL;
	ub->backing = &ubmem_backing_range;
	ub->phys = phys;
	ub->nr_pages = size >> PAGE_SHIFT;
	return 0;
}

static unsigned int chosen_use(void)
{
	return (ubmem_format ? UBMEM_FORMAT : 0) | (ubmem_take ? UBMEM_TAKE : 0) |
	       (ubmem_attach_guest ? UBMEM_ATTACH : 0);
}

static int __init rmfork_init(void)
{
	int ret;

	BUILD_BUG_ON(PAGE_SIZE != RMFORK_PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct rmfork_index_block) != PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct rmfork_dir_block) != PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct rmfork_guest_block) != PAGE_SIZE);
	BUILD_BUG_ON(sizeof(struct rmfork_guest) != RMFORK_GUEST_SIZE_V1);
	BUILD_BUG_ON(sizeof(struct rmfork_query) < RMFORK_QUERY_SIZE_V1);
	BUILD_BUG_ON(sizeof(struct rmfork_info) != RMFORK_INFO_SIZE_V1);

	ret = choose_backing(&rmfork_pool);
	if (ret)
		goto out_backing;
	ret = ubmem_init(&rmfork_pool, chosen_use());
	if (ret) {
		pr_err("no ubmem of %llu MiB: error %d%s\n",
		       rmfork_pool.nr_pages >> (20 - PAGE_SHIFT), ret,
		       ret == -EBADMSG && !rmfork_pool.guest ?
			       "; ubmem_format=1 makes a new pool there" : "");
		goto out_backing;
	}
	ret = misc_register(&rmfork_device);
	if (ret)
		goto out_pool;
	ret = rmfork_syscall_register();
	if (ret)
		goto out_device;
	if (rmfork_pool.guest)
		pr_info("guest %pUb in ivshmem ubmem of %llu MiB, pool %pUb\n",
			rmfork_pool.guest_uuid, rmfork_pool.nr_pages >> (20 - PAGE_SHIFT),
			rmfork_pool.uuid);
	else
		pr_info("%s ubmem of %llu MiB, pool %pUb, %llu snapshots\n",
			rmfork_pool.backing->name, rmfork_pool.nr_pages >> (20 - PAGE_SHIFT),
			rmfork_pool.uuid, rmfork_pool.nr_snapshots);
	return 0;

out_device:
	misc_deregister(&rmfork_device);
out_pool:
	ubmem_destroy(&rmfork_pool);
out_backing:
	rmfork_ivshmem_put();
	return ret;
}

static void __exit rmfork_exit(void)
{
	rmfork_syscall_unregister();
	misc_deregister(&rmfork_device);
	rmfork_lazy_exit();
	ubmem_destroy(&rmfork_pool);
	rmfork_ivshmem_put();
}

module_init(rmfork_init);
module_exit(rmfork_exit);
MODULE_DESCRIPTION("Checkpoint and restore of task memory through the kernel");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0.0");
