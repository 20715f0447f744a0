/* SPDX-License-Identifier: GPL-2.0-only */
/* BPF maps, for the tests that have one: bpf(2). */
#ifndef ZDTM_LIB_BPF_H
#define ZDTM_LIB_BPF_H

#include <linux/bpf.h>
#include <stdint.h>

/* A new one with keys and values of so many bytes: a descriptor, or -1. Where there are no maps the test is skipped. */
int bpf_map(uint32_t type, uint32_t key, uint32_t value, uint32_t entries, uint32_t flags);
/* All give 0, or -1 with errno. */
int bpf_put(int map, const void *key, const void *value);
int bpf_get(int map, const void *key, void *value);
int bpf_next(int map, const void *key, void *next);
int bpf_freeze(int map);
int bpf_info(int map, struct bpf_map_info *info);
/* Another descriptor of a map, BPF_F_RDONLY for example. */
int bpf_open(uint32_t id, uint32_t flags);

#endif
