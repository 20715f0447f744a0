/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_KREF_H
#define HOST_LINUX_KREF_H
struct kref {
	int count;
};
static inline void kref_init(struct kref *ref)
{
	ref->count = 1;
}
static inline void kref_get(struct kref *ref)
{
	ref->count++;
}
static inline int kref_read(const struct kref *ref)
{
	return ref->count;
}
static inline int kref_put(struct kref *ref, void (*release)(struct kref *ref))
{
	if (--ref->count)
		return 0;
	release(ref);
	return 1;
}
#endif
