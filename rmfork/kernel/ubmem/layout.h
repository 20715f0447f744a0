/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading and writing what lies in ubmem.
 */
#ifndef RMFORK_UBMEM_LAYOUT_H
#define RMFORK_UBMEM_LAYOUT_H

#include <linux/types.h>

struct ubmem;

u32 rmfork_crc(u32 seed, const void *data, size_t len);
void ubmem_read(const struct ubmem *ub, u64 off, void *to, size_t len);
void ubmem_write(const struct ubmem *ub, u64 off, const void *from, size_t len);
u64 ubmem_read_word(const struct ubmem *ub, u64 off);
void ubmem_write_word(const struct ubmem *ub, u64 off, u64 word);
bool ubmem_swap_word(const struct ubmem *ub, u64 off, u64 from, u64 to);
void ubmem_clear(const struct ubmem *ub, u64 nr);
void ubmem_flush_page(const struct ubmem *ub, u64 nr);
void ubmem_barrier(const struct ubmem *ub);
int ubmem_damaged(u64 off, const char *what);
bool ubmem_off_ok(const struct ubmem *ub, u64 off);

#endif /* RMFORK_UBMEM_LAYOUT_H */
