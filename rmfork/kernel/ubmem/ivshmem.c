// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory of an ivshmem device (docs/specs/ivshmem-spec.rst of QEMU): the second region of
 * a PCI function, which other virtual machines may have as well.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/pci.h>

#include "ubmem/ivshmem.h"
#include "ubmem/ubmem.h"

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_BAR 2

#ifdef CONFIG_PCI

static struct pci_dev *ivshmem;

/**
 * rmfork_ivshmem_find - have the pool in the memory of the first ivshmem device there is
 * @ub: phys and nr_pages are set
 *
 * Undone by rmfork_ivshmem_put(), also after a failure.
 *
 * Return: 0 or -errno.
 */
int rmfork_ivshmem_find(struct ubmem *ub)
{
	int ret;

	ivshmem = pci_get_device(IVSHMEM_VENDOR, IVSHMEM_DEVICE, NULL);
	if (!ivshmem || !pci_resource_len(ivshmem, IVSHMEM_BAR)) {
		pr_err("there is no ivshmem device with memory\n");
		return -ENODEV;
	}
	ret = pci_enable_device_mem(ivshmem);
	if (ret) {
		pr_err("the ivshmem device cannot be enabled: error %d\n", ret);
		pci_dev_put(ivshmem);
		ivshmem = NULL;
		return ret;
	}
	ub->phys = pci_resource_start(ivshmem, IVSHMEM_BAR);
	ub->nr_pages = pci_resource_len(ivshmem, IVSHMEM_BAR) >> PAGE_SHIFT;
	return 0;
}

/**
 * rmfork_ivshmem_put - undo rmfork_ivshmem_find()
 *
 * The device stays enabled: others may use it too.
 */
void rmfork_ivshmem_put(void)
{
	pci_dev_put(ivshmem);
	ivshmem = NULL;
}

#else

int rmfork_ivshmem_find(struct ubmem *ub)
{
	pr_err("this kernel has no PCI\n");
	return -ENODEV;
}

void rmfork_ivshmem_put(void)
{
}

#endif /* CONFIG_PCI */
