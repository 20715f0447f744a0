// SPDX-License-Identifier: GPL-2.0-only
/* A socket whose filter is an eBPF program is refused: it cannot be read. */
/* zdtm: expect="not-yet:eBPF" */
#include "zdtmtst.h"

#include <linux/bpf.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = 3 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr;
	int pair[2], program;

	test_init(argc, argv);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
	attr.insns = (uint64_t)(uintptr_t)code;
	attr.insn_cnt = array_size(code);
	attr.license = (uint64_t)(uintptr_t)"GPL";
	program = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	if (program < 0)
		skip("no eBPF here");
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) ||
	    setsockopt(pair[1], SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program))) {
		pr_perror("cannot set up");
		return 1;
	}
	close(program);
	test_daemon();
	test_waitsig();
	pass();
	return 0;
}
