// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "criu/base/fd.h"
#include "criu/base/service-fds.h"
#include "criu/config.h"
#include "criu/image/image-file.h"

// Open files: one class per kind of thing that a descriptor can refer to.
//
// A kind has four duties: recognise a descriptor, write it, read it, reopen it. It registers
// itself:
//
//   class EventFdKind : public FileKind { ... };
//   const KindRegistration registration([] { return std::make_unique<EventFdKind>(); });
//
// so that adding one adds a pair of files and edits nothing else.
namespace criu::files {

class OutsideHolders;
class PathRemaps;
class ShmemObjects;
class RestoredRemaps;

// What a dump knows of a target's descriptor.
struct OpenFile {
  pid_t pid = 0;
  int fd = -1;   // the target's number; -1: a directory or program, not a descriptor
  UniqueFd own;  // the same open file, ours (pidfd_getfd(2)); or O_PATH of the place
  struct stat st {};
  std::string link;    // where /proc/pid/fd/N points to
  std::string fdinfo;  // /proc/pid/fdinfo/N, whole
  int flags = 0;       // F_GETFL, without O_CLOEXEC
  uint64_t position = 0;
  FownEntry* fown = nullptr;

  std::string place;  // without a descriptor: what in /proc/pid leads there, cwd for example

  // The link of /proc that leads to it.
  std::string path() const;
  // "task 12, fd 5 (pipe:[44])", for messages.
  std::string who() const;
};

// What a kind may use while it dumps.
struct DumpContext {
  const Options& options;
  const image::Directory& dir;
  image::Arena& arena;
  PathRemaps& remaps;
  ShmemObjects& shmem;
  OutsideHolders& holders;
  const std::set<pid_t>& tasks;  // whose tables have been seen: in check_dump(), all
  // Makes one more entry of files.img, with an id of its own, that no descriptor refers to.
  std::function<FileEntry*(FdTypes)> extra_entry;
};

// What a kind may use while it restores.
struct RestoreContext {
  const Options& options;
  const image::Directory& dir;
  image::Arena& arena;
  RestoredRemaps& remaps;
  const ServiceFds& fds;
  // The path entry of that id; throws Error where files.img has none.
  std::function<const RegFileEntry&(uint32_t)> reg_file;
  // A descriptor of shared anonymous memory, by its id; made if it is not there yet, which is
  // for the coordinator to do.
  std::function<int(uint64_t)> shmem_fd;
};

// An open file to be restored.
class RestoredFile {
 public:
  virtual ~RestoredFile() = default;
  // Opens it anew. Called once: in the task that has it, or, where several share it, before the
  // tasks are made (they inherit it).
  virtual UniqueFd open() = 0;
  // As F_GETFL gave them at the dump. O_ASYNC is set later, once there is an owner.
  virtual uint32_t flags() const = 0;
  virtual const FownEntry* fown() const = 0;
};

class FileKind {
 public:
  virtual ~FileKind() = default;
  virtual FdTypes type() const = 0;
  virtual bool recognises(const OpenFile& file) const = 0;
  // Whether an entry of its type is of this kind, where several have one type.
  virtual bool reads(const FileEntry&) const { return true; }
  // Fills in the entry, whose id is set, and changes nothing anywhere; throws Error where this
  // file cannot be dumped.
  virtual void dump(DumpContext& context, const OpenFile& file, FileEntry* entry) = 0;
  // All descriptors of all tasks have been seen. Throws Error for what shows only then; changes
  // nothing. Called once.
  virtual void check_dump(DumpContext&) {}
  // Writes what the files of this kind need besides their entries. Called once, last.
  virtual void finish_dump(DumpContext&) {}
  // Reads what finish_dump() wrote. Called once, before read().
  virtual void prepare_restore(RestoreContext&) {}
  virtual std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) = 0;
  // The tasks are whole and about to run: changes what they expect of things that are not theirs
  // alone. The destructor undoes it, unless finish_restore() says that they run.
  virtual void before_release() {}
  virtual void finish_restore() {}
};

// Makes a kind known. For objects at namespace scope.
class KindRegistration {
 public:
  explicit KindRegistration(std::function<std::unique_ptr<FileKind>()> make);
};

// One of each kind that is registered, for one dump or restore.
std::vector<std::unique_ptr<FileKind>> make_kinds();

}  // namespace criu::files
