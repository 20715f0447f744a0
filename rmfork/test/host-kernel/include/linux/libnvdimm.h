/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_LIBNVDIMM_H
#define HOST_LINUX_LIBNVDIMM_H
#include <linux/types.h>
#define arch_wb_cache_pmem(at, len) host_flushed(at, len)
#endif
