// SPDX-License-Identifier: GPL-2.0-only
/*
 * rmfork: saves a task's private memory into reserved memory and inserts it into another task.
 *
 * The rooms, each of which knows only those below it; where one has to reach up, the upper one has handed it
 * functions to call when the pool was opened (share/open.c):
 *
 *	main.c, syscall.c	parameters, the device, the system call; call.c: the operations; report.c, verify.c
 *	mm/			tasks: from page tables into the pool, and back
 *	share/			other machines, and earlier lives of the pool; knows nothing of mm/
 *	snapshot/		what is saved
 *	ubmem/			what each page of the pool is used for
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "call.h"
#include "mm/lazy.h"
#include "share/open.h"
#include "share/sharing.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "syscall.h"
#include "ubmem/backing-alloc.h"
#include "ubmem/backing-range.h"
#include "ubmem/ivshmem.h"
#include "ubmem/ubmem.h"

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

module_param(ubmem_sums, bool, 0644);
MODULE_PARM_DESC(ubmem_sums, "make a checksum of each page at a dump, for VERIFY");

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
	ret = rmfork_open(&rmfork_pool, chosen_use());
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
			rmfork_pool.sharing->guest_uuid, rmfork_pool.nr_pages >> (20 - PAGE_SHIFT),
			rmfork_pool.uuid);
	else
		pr_info("%s ubmem of %llu MiB, pool %pUb, %llu snapshots\n",
			rmfork_pool.backing->name, rmfork_pool.nr_pages >> (20 - PAGE_SHIFT),
			rmfork_pool.uuid, rmfork_pool.snapshots->nr);
	return 0;

out_device:
	misc_deregister(&rmfork_device);
out_pool:
	rmfork_close(&rmfork_pool);
out_backing:
	rmfork_ivshmem_put();
	return ret;
}

static void __exit rmfork_exit(void)
{
	rmfork_syscall_unregister();
	misc_deregister(&rmfork_device);
	rmfork_lazy_exit();
	rmfork_close(&rmfork_pool);
	rmfork_ivshmem_put();
}

module_init(rmfork_init);
module_exit(rmfork_exit);
MODULE_DESCRIPTION("Checkpoint and restore of task memory through the kernel");
MODULE_LICENSE("GPL");
MODULE_VERSION("1.0.0");
