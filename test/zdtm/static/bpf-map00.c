// SPDX-License-Identifier: GPL-2.0-only
/* A BPF map is refused by its name. */
/* zdtm: expect="not-yet:a BPF map" */
#include "zdtmtst.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	union bpf_attr attr;

	test_init(argc, argv);
	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = attr.value_size = 4;
	attr.max_entries = 1;
	if (syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0)
		skip("no BPF here");
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
