// SPDX-License-Identifier: GPL-2.0-only
#include "amx.h"

#include <sys/syscall.h>
#include <unistd.h>

#define ARCH_GET_XCOMP_PERM 0x1022 /* asm/prctl.h */
#define ARCH_REQ_XCOMP_PERM 0x1023
#define XTILE_DATA	    18

const unsigned char amx_config[64] __attribute__((aligned(64))) = {
	[0] = 1, /* the palette */
	/* bytes in a row, of two bytes each */
	[16] = 64, [18] = 64, [20] = 64, [22] = 64, [24] = 64, [26] = 64, [28] = 64, [30] = 64,
	/* rows */
	[48] = 16, [49] = 16, [50] = 16, [51] = 16, [52] = 16, [53] = 16, [54] = 16, [55] = 16,
};

int amx_ask(void)
{
	return (int)syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XTILE_DATA);
}

int amx_permitted(void)
{
	unsigned long permitted = 0;

	syscall(SYS_arch_prctl, ARCH_GET_XCOMP_PERM, &permitted);
	return (int)(permitted >> XTILE_DATA & 1);
}
