// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/bpf.h>

#include <cstdint>
#include <string>
#include <vector>

#include "criu/base/fd.h"

namespace criu::files {

// What bpf(2) does with maps. All throw Error naming `what`.

// The entries of a map: the keys one after the other, then the values.
struct BpfEntries {
  uint32_t count = 0;
  std::vector<uint8_t> keys, values;
};

bpf_map_info read_bpf_info(int map, const std::string& what);
// As the kernel's documentation calls it, "percpu_hash".
std::string bpf_type_name(uint32_t type);
// A new descriptor of a map, by its id. flags: BPF_F_RDONLY, BPF_F_WRONLY or 0.
UniqueFd open_bpf_map(uint32_t id, uint32_t flags, const std::string& what);
BpfEntries read_bpf_entries(int map, const bpf_map_info& info, const std::string& what);

UniqueFd make_bpf_map(const bpf_map_info& info, const std::string& what);
void fill_bpf_map(int map, BpfEntries& entries, const std::string& what);
void freeze_bpf_map(int map, const std::string& what);

// What has the map besides descriptors, as far as the kernel tells: "the BPF program 17 (count)",
// "/sys/fs/bpf/map"; empty: nothing.
std::string find_bpf_user(uint32_t map_id);

}  // namespace criu::files
