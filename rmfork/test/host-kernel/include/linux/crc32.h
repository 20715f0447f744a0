/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_CRC32_H
#define HOST_LINUX_CRC32_H
#include <linux/types.h>
/* Castagnoli, reflected, bit by bit. */
static inline u32 __crc32c_le(u32 crc, const void *data, size_t len)
{
	const u8 *p = (const u8 *)data;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78U : 0);
	}
	return crc;
}
#endif
