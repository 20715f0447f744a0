// SPDX-License-Identifier: GPL-2.0-only
/* A BPF array that is frozen, and has a name, comes back with what is in it, and frozen. */
#include "bpf.h"
#include "zdtmtst.h"

#include <unistd.h>

#define ENTRIES 10000 /* more than are asked for at once */
#define VALUE   20    /* no multiple of a word */

int main(int argc, char **argv)
{
	struct bpf_map_info info;
	unsigned char value[VALUE];
	uint32_t i, crc = CRC_INIT, found = CRC_INIT;
	int map;

	test_init(argc, argv);
	map = bpf_map(BPF_MAP_TYPE_ARRAY, sizeof(i), VALUE, ENTRIES, BPF_F_RDONLY_PROG);
	for (i = 0; map >= 0 && i < ENTRIES; i++) {
		datagen(value, sizeof(value), &crc);
		if (bpf_put(map, &i, value))
			break;
	}
	if (map < 0 || i < ENTRIES || bpf_freeze(map)) {
		pr_perror("cannot set up");
		return 1;
	}
	crc = CRC_INIT;
	for (i = 0; i < ENTRIES && !bpf_get(map, &i, value); i++)
		crc = crc32_update(crc, value, sizeof(value));

	test_daemon();
	test_waitsig();

	for (i = 0; i < ENTRIES && !bpf_get(map, &i, value); i++)
		found = crc32_update(found, value, sizeof(value));
	if (i < ENTRIES || found != crc)
		fail("of its entries %u are there, with the checksum %#x", i, found);
	else if (bpf_info(map, &info) || info.type != BPF_MAP_TYPE_ARRAY || info.max_entries != ENTRIES ||
		 info.map_flags != BPF_F_RDONLY_PROG || strcmp(info.name, "zdtm_map"))
		fail("it is another map: type %u, flags %#x, name %s", info.type, info.map_flags, info.name);
	else if ((i = 0, !bpf_put(map, &i, value)) || errno != EPERM)
		fail_errno("it can be written to");
	else
		pass();
	return 0;
}
