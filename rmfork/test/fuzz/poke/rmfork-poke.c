// SPDX-License-Identifier: GPL-2.0-only
/*
 * For tests only: /dev/rmfork-poke reads and writes memory by its physical address, as a machine
 * could that shares ubmem with this one.
 *
 * Only pages that ubmem may consist of are touched: allocated, and of no slab, file or task. What
 * is in others reads as zeros, and cannot be written.
 */
#include <linux/fs.h>
#include <linux/highmem.h>
#include <linux/memory_hotplug.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

static struct page *page_at(loff_t pos)
{
	struct page *page = pos < 0 ? NULL : pfn_to_online_page(pos >> PAGE_SHIFT);

	if (!page || !page_count(page) || PageReserved(page) || PageCompound(page) ||
	    PageSlab(page) || PageAnon(page) || PageTable(page) || page->mapping)
		return NULL;
	return page;
}

static size_t within_page(loff_t pos, size_t len)
{
	return min_t(size_t, len, PAGE_SIZE - offset_in_page(pos));
}

static ssize_t poke_read(struct file *file, char __user *to, size_t len, loff_t *pos)
{
	void *bounce = file->private_data;
	size_t n, done = 0;
	struct page *page;

	for (; done < len; done += n, *pos += n) {
		n = within_page(*pos, len - done);
		page = page_at(*pos);
		if (page)
			memcpy_from_page(bounce, page, offset_in_page(*pos), n);
		if (page ? copy_to_user(to + done, bounce, n) : clear_user(to + done, n))
			return -EFAULT;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return done;
}

static ssize_t poke_write(struct file *file, const char __user *from, size_t len, loff_t *pos)
{
	struct page *page = page_at(*pos);
	void *bounce = file->private_data;

	len = within_page(*pos, len);
	if (!page)
		return -ENXIO;
	if (copy_from_user(bounce, from, len))
		return -EFAULT;
	memcpy_to_page(page, offset_in_page(*pos), bounce, len);
	*pos += len;
	return len;
}

static int poke_open(struct inode *inode, struct file *file)
{
	/* misc_open() leaves the device here. */
	file->private_data = kmalloc(PAGE_SIZE, GFP_KERNEL);
	return file->private_data ? 0 : -ENOMEM;
}

static int poke_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static const struct file_operations poke_fops = {
	.owner = THIS_MODULE,
	.open = poke_open,
	.release = poke_release,
	.read = poke_read,
	.write = poke_write,
	.llseek = default_llseek,
};

static struct miscdevice poke_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "rmfork-poke",
	.fops = &poke_fops,
	.mode = 0600,
};

module_misc_device(poke_device);
MODULE_DESCRIPTION("Memory by physical address, for tests of rmfork");
MODULE_LICENSE("GPL");
