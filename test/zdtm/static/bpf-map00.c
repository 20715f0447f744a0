// SPDX-License-Identifier: GPL-2.0-only
/* A BPF map of another type is refused by the name of that. */
/* zdtm: expect="not-yet:a BPF map of the type percpu_hash" */
#include "bpf.h"
#include "zdtmtst.h"

int main(int argc, char **argv)
{
	test_init(argc, argv);
	if (bpf_map(BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 1, 0) < 0) {
		pr_perror("cannot set up");
		return 1;
	}
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
