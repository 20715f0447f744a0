// SPDX-License-Identifier: GPL-2.0-only
/* A BPF array that is mapped is refused. */
/* zdtm: expect="not-yet:anon_inode:bpf-map" */
#include "bpf.h"
#include "zdtmtst.h"

#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int map;

	test_init(argc, argv);
	map = bpf_map(BPF_MAP_TYPE_ARRAY, 4, 8, 512, BPF_F_MMAPABLE);
	if (map < 0 || mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0) == MAP_FAILED) {
		pr_perror("cannot set up");
		return 1;
	}
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
