/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_CRC32_H
#define HOST_LINUX_CRC32_H
#include <linux/types.h>
/* Castagnoli, reflected, four bits at a time. */
static inline u32 __crc32c_le(u32 crc, const void *data, size_t len)
{
	static const u32 of_nibble[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};
	const u8 *p = (const u8 *)data;

	while (len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ of_nibble[crc & 15];
		crc = crc >> 4 ^ of_nibble[crc & 15];
	}
	return crc;
}
#endif
