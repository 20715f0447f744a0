/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_UUID_H
#define HOST_LINUX_UUID_H
#include <linux/random.h>
static inline void generate_random_uuid(unsigned char uuid[16])
{
	int i;

	host_drawn++;
	for (i = 0; i < 16; i++)
		uuid[i] = (unsigned char)(i + host_drawn);
}
#endif
