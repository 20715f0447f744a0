// SPDX-License-Identifier: GPL-2.0-only
/* A BPF hash with binary keys comes back with what is in it, and room for as much as before. */
#include "bpf.h"
#include "zdtmtst.h"

#include <unistd.h>

#define ROOM    20000
#define ENTRIES 9000 /* more than are asked for at once */
#define KEY     13

/* All bytes occur, also zeros. */
static void make_key(unsigned char *key, uint32_t i)
{
	int n;

	for (n = 0; n < KEY; n++)
		key[n] = (unsigned char)(i >> (n % 4 * 8) ^ (unsigned int)n);
}

static uint64_t value_of(uint32_t i)
{
	return (uint64_t)i * 0x9e3779b97f4a7c15;
}

int main(int argc, char **argv)
{
	unsigned char key[KEY], next[KEY];
	uint64_t value;
	uint32_t i, count = 0;
	int map;

	test_init(argc, argv);
	map = bpf_map(BPF_MAP_TYPE_HASH, KEY, sizeof(value), ROOM, BPF_F_NO_PREALLOC);
	for (i = 0; map >= 0 && i < ENTRIES; i++) {
		make_key(key, i);
		value = value_of(i);
		if (bpf_put(map, key, &value))
			break;
	}
	if (map < 0 || i < ENTRIES) {
		pr_perror("cannot set up");
		return 1;
	}

	test_daemon();
	test_waitsig();

	for (i = 0; i < ENTRIES; i++) {
		make_key(key, i);
		if (bpf_get(map, key, &value) || value != value_of(i))
			break;
	}
	if (i < ENTRIES) {
		fail("entry %u is not what it was", i);
		return 1;
	}
	while (!bpf_next(map, count ? key : NULL, next)) {
		memcpy(key, next, KEY);
		count++;
	}
	if (count != ENTRIES) {
		fail("it has %u entries", count);
		return 1;
	}
	for (i = ENTRIES; i < ROOM; i++) {
		make_key(key, i);
		if (bpf_put(map, key, &value))
			break;
	}
	if (i < ROOM)
		fail_errno("it has room for %u only", i);
	else
		pass();
	return 0;
}
