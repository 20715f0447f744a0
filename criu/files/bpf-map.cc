// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/bpf-map.h"

#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/files/mount-points.h"

namespace criu::files {

namespace {

// enum bpf_map_type, linux/bpf.h.
constexpr std::array kTypeNames = {
    "unspec",
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
    "user_ringbuf",
    "cgrp_storage",
    "arena",
};

uint64_t address(const void* p) {
  return reinterpret_cast<uintptr_t>(p);
}

int call(bpf_cmd command, bpf_attr& attr) {
  return static_cast<int>(syscall(SYS_bpf, command, &attr, sizeof attr));
}

// False where it is none.
template <typename Info>
bool read_info(int fd, Info& info) {
  bpf_attr attr{};
  attr.info.bpf_fd = static_cast<uint32_t>(fd);
  attr.info.info_len = sizeof info;
  attr.info.info = address(&info);
  return call(BPF_OBJ_GET_INFO_BY_FD, attr) == 0;
}

UniqueFd program(uint32_t id) {
  bpf_attr attr{};
  attr.prog_id = id;
  return UniqueFd(call(BPF_PROG_GET_FD_BY_ID, attr));
}

bool uses_map(int program_fd, uint32_t map_id, std::string& name) {
  bpf_prog_info info{};
  if (!read_info(program_fd, info) || info.nr_map_ids == 0) return false;
  name = fmt::format("the BPF program {} ({})", info.id,
                     std::string(info.name, strnlen(info.name, sizeof info.name)));
  std::vector<uint32_t> maps(info.nr_map_ids);
  info = {};
  info.nr_map_ids = static_cast<uint32_t>(maps.size());
  info.map_ids = address(maps.data());
  return read_info(program_fd, info) && std::ranges::find(maps, map_id) != maps.end();
}

// One that goes meanwhile has it no more.
std::string find_program(uint32_t map_id) {
  bpf_attr attr{};
  for (uint32_t id = 0;; id = attr.next_id) {
    attr = {};
    attr.start_id = id;
    if (call(BPF_PROG_GET_NEXT_ID, attr) < 0) return {};
    std::string name;
    if (const UniqueFd fd = program(attr.next_id); fd && uses_map(fd.get(), map_id, name))
      return name;
  }
}

bool is_pin_of(const std::string& path, uint32_t map_id) {
  bpf_attr attr{};
  attr.pathname = address(path.c_str());
  attr.file_flags = BPF_F_RDONLY;
  const UniqueFd fd(call(BPF_OBJ_GET, attr));
  bpf_map_info info{};
  return fd && read_link(self_fd(fd.get())) == "anon_inode:bpf-map" && read_info(fd.get(), info) &&
         info.id == map_id;
}

// Where file systems of pins are mounted: the fifth word of a line, "- bpf" further on.
std::vector<std::string> bpf_mounts() {
  std::vector<std::string> mounts;
  proc::each_line(read_file("/proc/self/mountinfo"), [&](std::string_view line) {
    if (line.find(" - bpf ") == std::string_view::npos) return;
    constexpr int kWordsBefore = 4;
    for (int i = 0; i < kWordsBefore; i++) line.remove_prefix(line.find(' ') + 1);
    mounts.push_back(unescape(line.substr(0, line.find(' '))));
  });
  return mounts;
}

std::string find_pin(uint32_t map_id) {
  namespace fs = std::filesystem;
  for (const std::string& mount : bpf_mounts()) {
    std::error_code error, gone;
    for (fs::recursive_directory_iterator
             it(mount, fs::directory_options::skip_permission_denied, error),
         end;
         !error && it != end; it.increment(error))
      if (it->is_regular_file(gone) && is_pin_of(it->path(), map_id))
        return "the file " + it->path().string();
    if (error) fail("cannot look for pinned BPF maps below {}: {}", mount, error.message());
  }
  return {};
}

}  // namespace

bpf_map_info read_bpf_info(int map, const std::string& what) {
  bpf_map_info info{};
  if (!read_info(map, info)) fail_errno("{}: the kernel does not tell of the BPF map", what);
  return info;
}

std::string bpf_type_name(uint32_t type) {
  return type < kTypeNames.size() ? kTypeNames[type] : std::to_string(type);
}

UniqueFd open_bpf_map(uint32_t id, uint32_t flags, const std::string& what) {
  bpf_attr attr{};
  attr.map_id = id;
  attr.open_flags = flags;
  UniqueFd fd(call(BPF_MAP_GET_FD_BY_ID, attr));
  if (!fd) fail_errno("{}: cannot open the BPF map {}", what, id);
  return fd;
}

// A bucket of a hash is told whole, or not at all (ENOSPC).
BpfEntries read_bpf_entries(int map, const bpf_map_info& info, const std::string& what) {
  constexpr uint32_t kAtOnce = 4096;
  BpfEntries all;
  uint64_t token = 0;  // holds that of a hash, and a key of an array
  bool is_first = true;
  for (uint32_t room = std::min(kAtOnce, info.max_entries);;) {
    std::vector<uint8_t> keys(size_t{room} * info.key_size), values(size_t{room} * info.value_size);
    uint64_t next = 0;
    bpf_attr attr{};
    attr.batch.in_batch = is_first ? 0 : address(&token);
    attr.batch.out_batch = address(&next);
    attr.batch.keys = address(keys.data()), attr.batch.values = address(values.data());
    attr.batch.count = room;
    attr.batch.map_fd = static_cast<uint32_t>(map);
    const bool is_last = call(BPF_MAP_LOOKUP_BATCH, attr) < 0;
    if (is_last && errno == ENOSPC && room < info.max_entries) {
      room = info.max_entries / 2 < room ? info.max_entries : 2 * room;
      continue;
    }
    if (is_last && errno != ENOENT) fail_errno("{}: cannot read the BPF map", what);
    const uint32_t n = std::min(attr.batch.count, room);
    all.count += n;
    all.keys.insert(all.keys.end(), keys.begin(), keys.begin() + size_t{n} * info.key_size);
    all.values.insert(all.values.end(), values.begin(),
                      values.begin() + size_t{n} * info.value_size);
    if (is_last) return all;
    token = next, is_first = false;
  }
}

UniqueFd make_bpf_map(const bpf_map_info& info, const std::string& what) {
  bpf_attr attr{};
  attr.map_type = info.type;
  attr.key_size = info.key_size, attr.value_size = info.value_size;
  attr.max_entries = info.max_entries;
  attr.map_flags = info.map_flags;
  attr.map_extra = info.map_extra;
  static_assert(sizeof attr.map_name == sizeof info.name);
  memcpy(attr.map_name, info.name, sizeof attr.map_name);
  UniqueFd fd(call(BPF_MAP_CREATE, attr));
  if (!fd) fail_errno("cannot make {}", what);
  return fd;
}

void fill_bpf_map(int map, BpfEntries& entries, const std::string& what) {
  if (entries.count == 0) return;
  bpf_attr attr{};
  attr.batch.keys = address(entries.keys.data());
  attr.batch.values = address(entries.values.data());
  attr.batch.count = entries.count;
  attr.batch.map_fd = static_cast<uint32_t>(map);
  if (call(BPF_MAP_UPDATE_BATCH, attr) < 0) fail_errno("cannot fill {}", what);
}

void freeze_bpf_map(int map, const std::string& what) {
  bpf_attr attr{};
  attr.map_fd = static_cast<uint32_t>(map);
  if (call(BPF_MAP_FREEZE, attr) < 0) fail_errno("cannot freeze {}", what);
}

std::string find_bpf_user(uint32_t map_id) {
  std::string user = find_program(map_id);
  return !user.empty() ? user : find_pin(map_id);
}

}  // namespace criu::files
