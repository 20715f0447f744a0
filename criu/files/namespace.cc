// SPDX-License-Identifier: GPL-2.0-only
//
// Descriptors of namespaces: those that the tree lives in, which a task then has again by its own
// /proc/PID/ns.

#include <fcntl.h>

#include <algorithm>
#include <string_view>

#include "criu/base/error.h"
#include "criu/base/namespace-kinds.h"
#include "criu/base/proc.h"
#include "criu/files/file-kind.h"

namespace criu::files {

namespace {

// "net:[4026531840]"
const NamespaceKind* kind_of(std::string_view link) {
  const auto* kind = std::ranges::find_if(kNamespaceKinds, [&](const NamespaceKind& k) {
    return link.starts_with(k.name) &&
           link.substr(std::string_view(k.name).size()).starts_with(":[");
  });
  return kind == kNamespaceKinds.end() ? nullptr : kind;
}

std::string link_of(pid_t pid, const NamespaceKind& kind) {
  return proc::path(pid, fmt::format("ns/{}", kind.name));
}

bool is_of_time(const NamespaceKind& kind) {
  return kind.name == std::string_view("time");
}

class RestoredNamespace : public RestoredFile {
 public:
  RestoredNamespace(const NsFileEntry& entry, const NamespaceKind& kind)
      : entry_(entry), kind_(kind) {}
  // The coordinator lives in another time namespace, maybe.
  bool opens_late() const override { return is_of_time(kind_); }
  bool opens_in_place() const override { return true; }
  UniqueFd open() override {
    const auto flags = static_cast<int>(entry_.flags) & ~(O_CREAT | O_EXCL | O_TRUNC | O_ASYNC);
    return open_path(fmt::format("/proc/self/ns/{}", kind_.name), flags);
  }
  uint32_t flags() const override { return entry_.flags; }
  const FownEntry* fown() const override { return nullptr; }

 private:
  const NsFileEntry& entry_;
  const NamespaceKind& kind_;
};

class NamespaceFileKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__NS; }
  bool recognises(const OpenFile& f) const override {
    return (f.flags & O_PATH) == 0 && kind_of(f.link) != nullptr;
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    const NamespaceKind& kind = *kind_of(f.link);
    if (read_link(link_of(f.pid, kind)) != f.link)
      fail("{}: a namespace that the tree does not live in is not supported yet", f.who());
    if (is_of_time(kind)) context.late.insert(entry->id);
    auto* e = context.arena.make<NsFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->ns_cflag = static_cast<uint32_t>(kind.flag);
    e->ns_id = static_cast<uint32_t>(&kind - kNamespaceKinds.data()) + 1;
    if (is_of_time(kind) && read_link(link_of(getpid(), kind)) != f.link)
      e->ns_id = kOtherTimeNamespace;
    entry->nsf = e;
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    const NsFileEntry* e = entry.nsf;
    if (e == nullptr) fail("file {} in files.img is no namespace", entry.id);
    const auto* kind =
        std::ranges::find(kNamespaceKinds, static_cast<int>(e->ns_cflag), &NamespaceKind::flag);
    if (kind == kNamespaceKinds.end())
      fail("file {} in files.img is a namespace of kind {:#x}, which is not known", entry.id,
           e->ns_cflag);
    return std::make_unique<RestoredNamespace>(*e, *kind);
  }
};

const KindRegistration registration([] { return std::make_unique<NamespaceFileKind>(); });

}  // namespace

}  // namespace criu::files
