// SPDX-License-Identifier: GPL-2.0-only
//
// Descriptors of BPF maps: bpf(2). Arrays and hashes that nothing but the tree has come back with
// what is in them.

#include <fcntl.h>

#include <array>
#include <cstring>
#include <map>

#include "criu/base/error.h"
#include "criu/files/anon-inode.h"
#include "criu/files/bpf-map.h"

namespace criu::files {

namespace {

constexpr const char* kLink = "anon_inode:bpf-map";
// What a map may be made with. Of BPF_F_NUMA_NODE the kernel does not tell which node.
constexpr uint32_t kMapFlags = BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG |
                               BPF_F_WRONLY_PROG | BPF_F_MMAPABLE | BPF_F_INNER_MAP;

// A map that is being restored.
struct Map {
  const BpfmapFileEntry* entry = nullptr;
  BpfEntries entries;
  UniqueFd fd;
};

std::string name_of(const BpfmapFileEntry& e) {
  return fmt::format("the BPF map {} ({})", e.map_id, e.map_name);
}

class RestoredBpfMap : public RestoredEntry<BpfmapFileEntry> {
 public:
  RestoredBpfMap(const BpfmapFileEntry& entry, const Map& map) : RestoredEntry(entry), map_(map) {}

  // A descriptor that may read, or write, only is one of the same map.
  UniqueFd open() override {
    const uint32_t access = entry_.flags & O_ACCMODE;
    UniqueFd fd = open_bpf_map(read_bpf_info(map_.fd.get(), name_of(entry_)).id,
                               access == O_RDONLY   ? uint32_t{BPF_F_RDONLY}
                               : access == O_WRONLY ? uint32_t{BPF_F_WRONLY}
                                                    : 0,
                               name_of(entry_));
    set_status_flags(fd.get(), entry_.flags, name_of(entry_));
    return fd;
  }

 private:
  const Map& map_;
};

class BpfMapKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__BPFMAP; }
  bool recognises(const OpenFile& f) const override { return f.link == kLink; }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    const bpf_map_info info = read_bpf_info(f.own.get(), f.who());
    check(f, info);
    auto* e = context.arena.make<BpfmapFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->pos = f.position;
    e->fown = f.fown;
    e->map_type = info.type;
    e->key_size = info.key_size, e->value_size = info.value_size;
    e->map_id = info.id;
    e->max_entries = info.max_entries;
    e->map_flags = info.map_flags;
    e->memlock = must_find_info(f, "memlock");
    e->frozen = must_find_info(f, "frozen") != 0;
    e->map_name = context.arena.text({info.name, strnlen(info.name, sizeof info.name)});
    if (info.map_extra != 0) CRIU_SET_OPTIONAL(e, map_extra, info.map_extra);
    entry->bpf = e;
    if (!dumped_.try_emplace(info.id, info).second) return;
    context.refuse_outside(kLink, fmt::format("map_id:\t{}", info.id), f.who());
    if (const std::string user = find_bpf_user(info.id); !user.empty())
      fail("{}: {} has the BPF map too: not supported yet", f.who(), user);
  }

  void finish_dump(DumpContext& context) override {
    if (dumped_.empty()) return;
    image::Writer img(context.dir, image::Kind::kBpfmapData);
    for (const auto& [id, info] : dumped_) {
      const std::string what = fmt::format("BPF map {}", id);
      const BpfEntries entries = read_bpf_entries(open_bpf_map(id, 0, what).get(), info, what);
      auto* e = context.arena.make<BpfmapDataEntry>();
      e->map_id = id;
      e->keys_bytes = static_cast<uint32_t>(entries.keys.size());
      e->values_bytes = static_cast<uint32_t>(entries.values.size());
      e->count = entries.count;
      img.write(e);
      img.write_raw(entries.keys.data(), entries.keys.size());
      img.write_raw(entries.values.data(), entries.values.size());
    }
    img.close();
  }

  void prepare_restore(RestoreContext& context) override {
    if (!context.dir.has(image::file_name(image::Kind::kBpfmapData))) return;
    image::Reader img(context.dir, image::Kind::kBpfmapData);
    while (const auto* e = img.next<BpfmapDataEntry>(context.arena)) {
      if (uint64_t{e->keys_bytes} + e->values_bytes > img.left())
        fail("{} is truncated: the BPF map {} is to have {} and {} bytes", img.name(), e->map_id,
             e->keys_bytes, e->values_bytes);
      BpfEntries& entries = maps_[e->map_id].entries;
      entries.count = e->count;
      entries.keys.resize(e->keys_bytes);
      entries.values.resize(e->values_bytes);
      img.read_raw(entries.keys.data(), entries.keys.size());
      img.read_raw(entries.values.data(), entries.values.size());
    }
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    const BpfmapFileEntry* e = entry.bpf;
    if (e == nullptr) fail("file {} in files.img is no BPF map", entry.id);
    check(*e);
    const auto it = maps_.find(e->map_id);
    if (it == maps_.end()) fail("bpfmap-data.img does not tell of {}", name_of(*e));
    Map& map = it->second;
    if (map.entry == nullptr) {
      check(*e, map.entries);
      map.entry = e;
    }
    return std::make_unique<RestoredBpfMap>(*e, map);
  }

  void make(RestoreContext& context) override {
    for (auto& [id, map] : maps_) {
      if (map.entry == nullptr) continue;
      const BpfmapFileEntry& e = *map.entry;
      bpf_map_info info{};
      info.type = e.map_type;
      info.key_size = e.key_size, info.value_size = e.value_size;
      info.max_entries = e.max_entries;
      info.map_flags = e.map_flags;
      info.map_extra = e.map_extra;
      strncpy(info.name, e.map_name, sizeof info.name - 1);
      map.fd = context.fds.raise(make_bpf_map(info, name_of(e)));
      fill_bpf_map(map.fd.get(), map.entries, name_of(e));
      if (e.frozen) freeze_bpf_map(map.fd.get(), name_of(e));
    }
  }
  void finish_restore() override { maps_.clear(); }

 private:
  static bool is_supported(uint32_t type) {
    return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_HASH;
  }

  static void check(const OpenFile& f, const bpf_map_info& info) {
    if (!is_supported(info.type))
      fail("{}: a BPF map of the type {} is not supported yet", f.who(), bpf_type_name(info.type));
    if ((info.map_flags & ~kMapFlags) != 0)
      fail("{}: a BPF map with the flags {:#x} is not supported yet", f.who(), info.map_flags);
    if (info.btf_id != 0 || info.btf_vmlinux_value_type_id != 0)
      fail("{}: a BPF map whose types are described (BTF) is not supported yet", f.who());
    if (info.ifindex != 0) fail("{}: a BPF map in a network device is not supported yet", f.who());
    const uint64_t entry = std::max(info.key_size, info.value_size);
    if (entry * info.max_entries > UINT32_MAX)
      fail("{}: a BPF map of more than 4 GiB is not supported yet", f.who());
  }

  static void check(const BpfmapFileEntry& e) {
    if (!is_supported(e.map_type))
      fail("{} is of the type {}: not supported yet", name_of(e), bpf_type_name(e.map_type));
    if (e.ifindex != 0) fail("{} is in a network device: not supported yet", name_of(e));
    if (strlen(e.map_name) >= sizeof bpf_map_info::name)
      fail("{} has a name that is too long", name_of(e));
  }

  // What another tool has written may have room for more entries than there are.
  static void check(const BpfmapFileEntry& e, const BpfEntries& entries) {
    if (entries.count > e.max_entries ||
        uint64_t{entries.count} * e.key_size > entries.keys.size() ||
        uint64_t{entries.count} * e.value_size > entries.values.size())
      fail("bpfmap-data.img: {} has {} entries of {} in {} and {} bytes", name_of(e), entries.count,
           e.max_entries, entries.keys.size(), entries.values.size());
  }

  std::map<uint32_t, bpf_map_info> dumped_;  // by id
  std::map<uint32_t, Map> maps_;             // by id at the dump
};

const KindRegistration registration([] { return std::make_unique<BpfMapKind>(); });

}  // namespace

}  // namespace criu::files
