// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of one BPF map in two tasks, one to read and one to write with, are descriptors of one map again. */
#include "bpf.h"
#include "zdtmtst.h"

#include <unistd.h>

static const uint32_t key = 7;

static int only_write(void *arg)
{
	int map = *(int *)arg;
	uint32_t value = 22;

	child_ready();
	test_waitsig();
	if (!bpf_get(map, &key, &value) || errno != EPERM)
		fail_errno("the map can be read by the descriptor to write with");
	else if (bpf_put(map, &key, &value))
		fail_errno("the map cannot be written to");
	return 0;
}

int main(int argc, char **argv)
{
	struct bpf_map_info info;
	uint32_t value = 11;
	int map, reader, writer;
	pid_t child;

	test_init(argc, argv);
	map = bpf_map(BPF_MAP_TYPE_HASH, sizeof(key), sizeof(value), 4, 0);
	if (map < 0 || bpf_put(map, &key, &value) || bpf_info(map, &info)) {
		pr_perror("cannot set up");
		return 1;
	}
	reader = bpf_open(info.id, BPF_F_RDONLY);
	writer = bpf_open(info.id, BPF_F_WRONLY);
	close(map);
	child = reader < 0 || writer < 0 ? -1 : start_child(only_write, &writer);
	if (child < 0) {
		pr_perror("cannot set up");
		return 1;
	}
	close(writer);

	test_daemon();
	test_waitsig();

	if (bpf_get(reader, &key, &value) || value != 11)
		fail("its value is %u", value);
	else if (!bpf_put(reader, &key, &value) || errno != EPERM)
		fail_errno("the map can be written to by the descriptor to read with");
	else if (finish_child(child) != 0)
		fail("the other task has failed");
	else if (bpf_get(reader, &key, &value) || value != 22)
		fail("what the other task has written is not there: %u", value);
	else
		pass();
	return 0;
}
