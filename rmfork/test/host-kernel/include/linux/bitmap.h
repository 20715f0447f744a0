/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_BITMAP_H
#define HOST_LINUX_BITMAP_H
#include <linux/types.h>
#define test_bit(nr, map) host_bit(map, nr)
static inline bool host_bit(const unsigned long *map, unsigned long nr)
{
	return map[nr / BITS_PER_LONG] >> nr % BITS_PER_LONG & 1;
}
static inline void __set_bit(unsigned long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] |= 1UL << nr % BITS_PER_LONG;
}
static inline void __clear_bit(unsigned long nr, unsigned long *map)
{
	map[nr / BITS_PER_LONG] &= ~(1UL << nr % BITS_PER_LONG);
}
static inline unsigned long find_next_bit(const unsigned long *map, unsigned long size,
					  unsigned long nr)
{
	while (nr < size && !host_bit(map, nr))
		nr++;
	return nr;
}
static inline unsigned long find_first_zero_bit(const unsigned long *map, unsigned long size)
{
	unsigned long nr = 0;
	while (nr < size && host_bit(map, nr))
		nr++;
	return nr;
}
static inline void bitmap_copy(unsigned long *to, const unsigned long *from, unsigned long size)
{
	memcpy(to, from, BITS_TO_LONGS(size) * sizeof(*to));
}
#endif
