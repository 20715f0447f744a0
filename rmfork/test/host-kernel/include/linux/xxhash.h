/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_XXHASH_H
#define HOST_LINUX_XXHASH_H
#include <linux/types.h>
/* Not that function, but one that tells contents apart; each step can be taken back, so one changed word changes it. */
static inline u64 xxh64(const void *data, size_t len, u64 seed)
{
	const u8 *p = (const u8 *)data;
	u64 sum = seed ^ len;

	for (; len; p += 8, len -= len < 8 ? len : 8) {
		u64 word = 0;

		__builtin_memcpy(&word, p, len < 8 ? len : 8);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ULL;
		sum ^= sum >> 32;
	}
	return sum;
}
#endif
