// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "criu/base/fd.h"
#include "criu/base/service-fds.h"
#include "criu/config.h"
#include "criu/files/descriptor-table.h"
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
//
// Descriptors know each other: an epoll set names files, a socket has a peer. So a restore goes in
// passes, and a kind says what it does in each; what it does not override is nothing.
//
//   read     FileKind::prepare_restore(), read(): the images, into objects. Files that no table has
//            but this one needs are asked for by RestoreContext::need.
//   make     FileKind::make_devices(), then make(): what belongs together is made at once, such as
//            both ends of a pair. Then RestoredFile::open(): each file, once; one that several
//            have before there are tasks, which inherit it, any other in its task.
//   fill     FileKind::fill(): what is under way in it, before there are tasks.
//   settle   FileKind::settle_session(), settle_groups(), in a leader: what its session has.
//   tell     FileKind::fill_late(): what is under way and names a task. All tasks exist, and stand
//            still: each has all descriptors of the coordinator.
//   hand on  each task puts its descriptors in their places.
//   link     RestoredFile::link(), in the first task that has it: what it says of other files, and
//            what has to be said by a task itself; link_each(), in every task that has it. All
//            tasks exist, and each has its descriptors.
//
// The first three and fill_late() are the coordinator's, where nothing is in anybody's way; a
// failure in any of them leaves nothing behind.
namespace criu::files {

class OutsideHolders;
class PathRemaps;
class ShmemObjects;
class RestoredRemaps;

// Whom the signals of an open file go to, and which (fcntl(2) F_GETOWN_EX, F_GETSIG).
struct SignalOwner {
  int signal = 0;  // 0: the usual one
  int type = 0;    // F_OWNER_*
  pid_t pid = 0;   // 0: nobody
  uint32_t uids[2] = {};
};

// What a dump knows of a target's descriptor.
struct OpenFile {
  pid_t pid = 0;
  int fd = -1;        // the target's number; -1: a directory or program, not a descriptor
  OwnDescriptor own;  // the same open file, ours (pidfd_getfd(2)); or O_PATH of the place
  struct stat st {};
  uint64_t attributes = 0;  // STATX_ATTR_*, statx(2)
  std::string link;         // where /proc/pid/fd/N points to
  std::string fdinfo;       // /proc/pid/fdinfo/N, whole
  int flags = 0;            // F_GETFL, without O_CLOEXEC
  uint64_t position = 0;
  SignalOwner owner;
  FownEntry* fown = nullptr;  // the same, from dump() on

  std::string place;   // without a descriptor: what in /proc/pid leads there, cwd for example
  std::string within;  // of one under way, whose descriptor is ours: the file that has it

  // The link of /proc that leads to it.
  std::string path() const;
  // What --external calls a file of a file system, "file[1c:2f01]": its mount and inode.
  std::string external_key() const;
  // "task 12, fd 5 (pipe:[44])", for messages.
  std::string who() const;
};

// PIDFD_THREAD of linux/pidfd.h, since Linux 6.9.
constexpr int kPidfdThread = O_EXCL;

// A file that an epoll set watches: set is its number in the table of pid. The kernel knows it by
// the number it was added as; where several were, at is which of them, in the order of fdinfo.
struct Watched {
  pid_t pid;
  int set;
  int number;
  uint32_t at;
  dev_t dev;
  ino_t inode;
};

// Where an open file of the tree is: by its id, and a descriptor of it, in the table that was asked
// for if that has one.
struct Whereabouts {
  uint32_t file_id;
  pid_t pid;
  int fd;
};

// A message in the queue of a socket, as sk-queues.img has it.
struct StoredMessage {
  const SkPacketEntry* entry;
  std::vector<uint8_t> data;
};

// A mapping of a socket: a packet socket's ring, or where a TCP connection puts what it has
// received (TCP_ZEROCOPY_RECEIVE). Bytes; resident: those of its pages. who: for messages.
struct MappedSocket {
  uint32_t file_id;
  uint64_t offset, bytes, resident;
  bool shared;
  std::string who;
};

// What a kind may use while it dumps.
struct DumpContext {
  const Options& options;
  // The id of this dump (make_run_id()), which the inventory tells if it was asked for.
  std::function<const std::string&()> run_id;
  const image::Directory& dir;
  image::Arena& arena;
  PathRemaps& remaps;
  ShmemObjects& shmem;
  OutsideHolders& holders;
  const std::set<pid_t>& tasks;  // whose tables have been seen: in check_dump(), all
  // Ids of files that only the restorer opens: nothing else can refer to them. For check_dump(),
  // when all are known.
  std::set<uint32_t>& of_threads;
  // Ids of files that only a task can open, when all exist (RestoredFile::opens_late()): they
  // cannot be under way, which the coordinator sees to before.
  std::set<uint32_t>& late;
  // Makes one more entry of files.img, with an id of its own, that no descriptor refers to.
  std::function<FileEntry*(FdTypes)> extra_entry;
  // For check_dump(), when all tables are known: nothing where no task has that file.
  std::function<std::optional<Whereabouts>(const Watched&)> find_watched;
  // For look_inside(): the id of an open file that is under way to a task, within a file of the
  // tree, which is what messages name it by.
  std::function<uint32_t(UniqueFd, const std::string& within)> add_under_way;
  // Stores one message in the queue of a socket, behind those that were stored for it before.
  std::function<void(const SkPacketEntry*, std::vector<uint8_t>)> add_message;
  // What a descriptor with that link tells in a line of fdinfo: a dump is refused where a process
  // outside of the tree has such a one. what: for the message.
  std::function<void(const std::string& link, const std::string& line, const std::string& what)>
      refuse_outside;
  // A dump is refused where a process outside of the tree has that socket (its link) too, unless
  // --external names it.
  std::function<void(const std::string& link, const std::string& what)> refuse_shared_socket;
};

// What the files need of the rest of a restore.
struct RestoreServices {
  // A descriptor of shared anonymous memory, by its id; made if it is not there yet, which is
  // for the coordinator to do.
  std::function<int(uint64_t)> shmem_fd;
  // Gives a new, empty file in memory the size, in bytes, and the contents of shared memory of an
  // id.
  std::function<void(uint64_t shmid, uint64_t size, int fd)> fill_shmem;
  // A directory (its absolute path) that is about to be made, and goes with all that is in it
  // should the restore be killed before it has succeeded. For the coordinator, while it has one
  // thread.
  std::function<void(const std::string&)> note_directory;
  // TCP connections under repair: so they are again, if the restore is killed before it has
  // succeeded, or fails, and whoever closes them last takes no leave of their peers. For the
  // coordinator, as above.
  std::function<void(const std::vector<int>&)> note_connections;
};

// What a kind may use while it restores.
struct RestoreContext : RestoreServices {
  const Options& options;
  const image::Directory& dir;
  image::Arena& arena;
  RestoredRemaps& remaps;
  const ServiceFds& fds;
  // The path entry of that id; throws Error where files.img has none.
  std::function<const RegFileEntry&(uint32_t)> reg_file;
  // Files that are put into their places when all tasks are ready, by their absolute paths there,
  // and where they are until then. Complete after make().
  std::map<std::string, std::string>& placed_last;
  // What was given in the place of something outside (--inherit-fd), by its key.
  const std::map<std::string, UniqueFd>& inherited;
  // For read(): a file that the coordinator shall have, though perhaps no table does. Throws Error
  // where files.img has none of that id.
  std::function<void(uint32_t)> need;
  // For fill(): the descriptor of one that was asked for so.
  std::function<int(uint32_t)> needed_fd;
  // What stood in the queue of a socket, by the id of its file.
  std::function<const std::vector<StoredMessage>&(uint32_t)> messages_of;
};

// What link() finds in its task.
struct Links {
  int own;  // a descriptor of the file itself
  // The file that the table has at a number, if any.
  std::function<std::optional<uint32_t>(uint32_t)> file_at;
  // A descriptor of a file that is in the table, or was named by linked(). Throws Error.
  std::function<int(uint32_t)> fd_of;
  // Calls f while the number stands for another open file; then it is what it was before.
  std::function<void(uint32_t number, int fd, const std::function<void()>& f)> while_at;
};

// An open file to be restored.
class RestoredFile {
 public:
  virtual ~RestoredFile() = default;
  // Opens it anew. Called once: in the task that has it, or, where several share it, before the
  // tasks are made (they inherit it).
  virtual UniqueFd open() = 0;
  // Whether it needs and leaves no other descriptor: then it is opened where it belongs.
  virtual bool opens_in_place() const { return false; }
  // Whether that can be done in a task alone, when all tasks exist. Where several share it, the
  // first one opens it and hands it to the others.
  virtual bool opens_late() const { return false; }
  // A pidfd of a thread other than the first of its process: nothing to be opened before that
  // exists, which is last. The restorer opens it.
  virtual std::optional<pid_t> thread() const { return std::nullopt; }
  // The ids of those that link() wants and the images name, wherever they are.
  virtual std::vector<uint32_t> linked() const { return {}; }
  virtual void link(const Links&) {}
  // own: a descriptor of the file itself.
  virtual void link_each(int /*own*/) {}
  // Whether its kind uses it, or the coordinator's descriptor, when the tasks run. All others go
  // before: a task that closes its last end of a pipe is told so.
  virtual bool is_used_to_the_end() const { return false; }
  // As F_GETFL gave them at the dump. O_ASYNC is set later, once there is an owner.
  virtual uint32_t flags() const = 0;
  virtual const FownEntry* fown() const = 0;
};

// One whose image has its flags and owner as most have.
template <typename Entry>
class RestoredEntry : public RestoredFile {
 public:
  explicit RestoredEntry(const Entry& entry) : entry_(entry) {}
  uint32_t flags() const override { return entry_.flags; }
  const FownEntry* fown() const override { return entry_.fown; }

 protected:
  const Entry& entry_;
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
  // All descriptors of all tasks have been seen: adds what its files have under way. Called until
  // nothing more is found; changes nothing.
  virtual void look_inside(DumpContext&) {}
  // All there is has been seen. Throws Error for what shows only then; changes nothing. Called
  // once.
  virtual void check_dump(DumpContext&) {}
  // A task has mapped the file of an entry, a socket. Throws Error where that cannot be restored.
  virtual void check_mapping(const FileEntry& entry, const MappedSocket& mapped) const;
  // The dump will most likely succeed: holds what would go on while the tasks stand still, and
  // tells in the entries what is known only then. The destructor undoes it.
  virtual void hold(DumpContext&) {}
  // The tasks are about to go on: undoes it.
  virtual void release() {}
  // The tasks are about to be killed, and all images are there. One that has to change what they
  // see until they are gone kills them (context.tasks) itself, so that both happen or neither.
  virtual void before_kill(DumpContext&) {}
  // Writes what the files of this kind need besides their entries. Called once, last.
  virtual void finish_dump(DumpContext&) {}
  // Reads what finish_dump() wrote. Called once, before read().
  virtual void prepare_restore(RestoreContext&) {}
  virtual std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) = 0;
  // All entries have been read. First come network devices: what others make may be bound to them.
  virtual void make_devices(RestoreContext&) {}
  virtual void make(RestoreContext&) {}
  // All that the coordinator opens is open.
  virtual void fill(RestoreContext&) {}
  // All tasks exist, and have nothing of their own yet. What is closed here is open until they have
  // their descriptors.
  virtual void fill_late(RestoreContext&) {}
  // In the leader of a session, before it makes those who inherit what it has;
  virtual void settle_session(pid_t) {}
  // and when all groups exist.
  virtual void settle_groups(pid_t) {}
  // The tasks are whole and about to run: changes what they expect of things that are not theirs
  // alone, and closes what would hide that they close them. The destructor undoes it, unless
  // finish_restore() says that they run.
  virtual void before_release() {}
  // Last of all: looks at files from now on, as what a restore does to them is nothing that
  // anybody waits for. By then the descriptors that only this process has of files are closed.
  virtual void watch(RestoreContext&) {}
  virtual void finish_restore() {}
};

// Makes a kind known. For objects at namespace scope.
class KindRegistration {
 public:
  explicit KindRegistration(std::function<std::unique_ptr<FileKind>()> make);
};

// One of each kind that is registered, for one dump or restore.
std::vector<std::unique_ptr<FileKind>> make_kinds();

// Sets the status flags of a file that was opened without them, fcntl(2) F_SETFL. what: for the
// message. O_ASYNC is not set: see RestoredFile.
void set_status_flags(int fd, uint32_t flags, const std::string& what);

}  // namespace criu::files
