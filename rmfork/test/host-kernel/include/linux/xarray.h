/* SPDX-License-Identifier: GPL-2.0-only */
/* A few slots, searched one by one. Room for them is fixed: storing fails when it is used up. */
#ifndef HOST_LINUX_XARRAY_H
#define HOST_LINUX_XARRAY_H
#include <linux/types.h>
#define HOST_XARRAY_SLOTS 8192
struct xarray {
	unsigned long nr;
	struct {
		unsigned long index;
		void *entry;
	} slots[HOST_XARRAY_SLOTS];
};
static inline void xa_init(struct xarray *xa)
{
	xa->nr = 0;
}
static inline void xa_destroy(struct xarray *xa)
{
	xa->nr = 0;
}
static inline void **host_xa_find(struct xarray *xa, unsigned long index)
{
	unsigned long i;
	for (i = 0; i < xa->nr; i++)
		if (xa->slots[i].index == index)
			return &xa->slots[i].entry;
	return NULL;
}
static inline void *xa_load(struct xarray *xa, unsigned long index)
{
	void **slot = host_xa_find(xa, index);
	return slot ? *slot : NULL;
}
static inline void *xa_store(struct xarray *xa, unsigned long index, void *entry, int flags)
{
	void **slot = host_xa_find(xa, index);
	void *old = slot ? *slot : NULL;
	(void)flags;
	if (!slot) {
		if (xa->nr == HOST_XARRAY_SLOTS)
			return (void *)-1L;
		xa->slots[xa->nr].index = index;
		slot = &xa->slots[xa->nr++].entry;
	}
	*slot = entry;
	return old;
}
static inline void *xa_erase(struct xarray *xa, unsigned long index)
{
	void **slot = host_xa_find(xa, index);
	void *old = slot ? *slot : NULL;
	unsigned long i;
	for (i = 0; slot && i < xa->nr; i++)
		if (xa->slots[i].index == index)
			xa->slots[i] = xa->slots[--xa->nr];
	return old;
}
static inline bool xa_is_err(const void *entry)
{
	return entry == (void *)-1L;
}
static inline void *xa_mk_value(unsigned long value)
{
	return (void *)(value << 1 | 1);
}
static inline unsigned long xa_to_value(const void *entry)
{
	return (unsigned long)entry >> 1;
}
#endif
