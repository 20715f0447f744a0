/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The tiles of AMX, Intel SDM vol. 1, chapter 18. A task has them if it asks for them: the kernel's
 * Documentation/arch/x86/xstate.rst.
 */
#ifndef ZDTM_LIB_AMX_H
#define ZDTM_LIB_AMX_H

#define AMX_TILES     8
#define AMX_TILE_SIZE 1024 /* bytes: 16 rows of 64 */

/* What ldtilecfg takes: all of them, as large as they get. */
extern const unsigned char amx_config[64];

/* 0, or -1 where the processor or the kernel has none. */
int amx_ask(void);
/* Whether the task has asked for them, or the one that has forked it. */
int amx_permitted(void);

#endif
