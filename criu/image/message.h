// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <protobuf-c/protobuf-c.h>

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

#include "images/core.pb-c.h"
#include "images/fdinfo.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/ghost.pb-c.h"
#include "images/file-lock.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/ipc.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/netdev.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "images/sk-packet.pb-c.h"
#include "images/stats.pb-c.h"
#include "images/tcp-stream.pb-c.h"
#include "images/timens.pb-c.h"

namespace criu::image {

// The descriptor that protobuf-c generates for a message type.
template <typename T>
struct Describes;

#define CRIU_IMAGE_MESSAGE(Type, name)                                             \
  template <>                                                                      \
  struct Describes<Type> {                                                         \
    static const ProtobufCMessageDescriptor* get() { return &name##__descriptor; } \
  }

CRIU_IMAGE_MESSAGE(AioRingEntry, aio_ring_entry);
CRIU_IMAGE_MESSAGE(BpfmapDataEntry, bpfmap_data_entry);
CRIU_IMAGE_MESSAGE(BpfmapFileEntry, bpfmap_file_entry);
CRIU_IMAGE_MESSAGE(CoreEntry, core_entry);
CRIU_IMAGE_MESSAGE(CredsEntry, creds_entry);
CRIU_IMAGE_MESSAGE(DumpStatsEntry, dump_stats_entry);
CRIU_IMAGE_MESSAGE(EventfdFileEntry, eventfd_file_entry);
CRIU_IMAGE_MESSAGE(EventpollFileEntry, eventpoll_file_entry);
CRIU_IMAGE_MESSAGE(EventpollTfdEntry, eventpoll_tfd_entry);
CRIU_IMAGE_MESSAGE(FanotifyFileEntry, fanotify_file_entry);
CRIU_IMAGE_MESSAGE(FanotifyInodeMarkEntry, fanotify_inode_mark_entry);
CRIU_IMAGE_MESSAGE(FanotifyMarkEntry, fanotify_mark_entry);
CRIU_IMAGE_MESSAGE(FanotifyMountMarkEntry, fanotify_mount_mark_entry);
CRIU_IMAGE_MESSAGE(FdinfoEntry, fdinfo_entry);
CRIU_IMAGE_MESSAGE(FhEntry, fh_entry);
CRIU_IMAGE_MESSAGE(FifoEntry, fifo_entry);
CRIU_IMAGE_MESSAGE(FileEntry, file_entry);
CRIU_IMAGE_MESSAGE(FileLockEntry, file_lock_entry);
CRIU_IMAGE_MESSAGE(FilePartEntry, file_part_entry);
CRIU_IMAGE_MESSAGE(FilePermsEntry, file_perms_entry);
CRIU_IMAGE_MESSAGE(FownEntry, fown_entry);
CRIU_IMAGE_MESSAGE(FsEntry, fs_entry);
CRIU_IMAGE_MESSAGE(GhostChunkEntry, ghost_chunk_entry);
CRIU_IMAGE_MESSAGE(GhostFileEntry, ghost_file_entry);
CRIU_IMAGE_MESSAGE(InetOptionEntry, inet_option_entry);
CRIU_IMAGE_MESSAGE(InetSkEntry, inet_sk_entry);
CRIU_IMAGE_MESSAGE(InotifyFileEntry, inotify_file_entry);
CRIU_IMAGE_MESSAGE(InotifyWdEntry, inotify_wd_entry);
CRIU_IMAGE_MESSAGE(InventoryEntry, inventory_entry);
CRIU_IMAGE_MESSAGE(IpcDescEntry, ipc_desc_entry);
CRIU_IMAGE_MESSAGE(IpcShmEntry, ipc_shm_entry);
CRIU_IMAGE_MESSAGE(IpOptsEntry, ip_opts_entry);
CRIU_IMAGE_MESSAGE(IpOptsRawEntry, ip_opts_raw_entry);
CRIU_IMAGE_MESSAGE(ItimerEntry, itimer_entry);
CRIU_IMAGE_MESSAGE(MemfdFileEntry, memfd_file_entry);
CRIU_IMAGE_MESSAGE(MemfdInodeEntry, memfd_inode_entry);
CRIU_IMAGE_MESSAGE(MmEntry, mm_entry);
CRIU_IMAGE_MESSAGE(NetDeviceEntry, net_device_entry);
CRIU_IMAGE_MESSAGE(NetlinkSkEntry, netlink_sk_entry);
CRIU_IMAGE_MESSAGE(PacketMclist, packet_mclist);
CRIU_IMAGE_MESSAGE(PacketRing, packet_ring);
CRIU_IMAGE_MESSAGE(PacketSockEntry, packet_sock_entry);
CRIU_IMAGE_MESSAGE(PagemapEntry, pagemap_entry);
CRIU_IMAGE_MESSAGE(PagemapHead, pagemap_head);
CRIU_IMAGE_MESSAGE(PidfdEntry, pidfd_entry);
CRIU_IMAGE_MESSAGE(PipeDataEntry, pipe_data_entry);
CRIU_IMAGE_MESSAGE(PipeEntry, pipe_entry);
CRIU_IMAGE_MESSAGE(PosixTimerEntry, posix_timer_entry);
CRIU_IMAGE_MESSAGE(PstreeEntry, pstree_entry);
CRIU_IMAGE_MESSAGE(RegFileEntry, reg_file_entry);
CRIU_IMAGE_MESSAGE(RemapFilePathEntry, remap_file_path_entry);
CRIU_IMAGE_MESSAGE(RestoreStatsEntry, restore_stats_entry);
CRIU_IMAGE_MESSAGE(RlimitEntry, rlimit_entry);
CRIU_IMAGE_MESSAGE(RseqEntry, rseq_entry);
CRIU_IMAGE_MESSAGE(SaEntry, sa_entry);
CRIU_IMAGE_MESSAGE(NsFileEntry, ns_file_entry);
CRIU_IMAGE_MESSAGE(SeccompEntry, seccomp_entry);
CRIU_IMAGE_MESSAGE(SeccompFilter, seccomp_filter);
CRIU_IMAGE_MESSAGE(SignalfdEntry, signalfd_entry);
CRIU_IMAGE_MESSAGE(ScmEntry, scm_entry);
CRIU_IMAGE_MESSAGE(SiginfoEntry, siginfo_entry);
CRIU_IMAGE_MESSAGE(SignalQueueEntry, signal_queue_entry);
CRIU_IMAGE_MESSAGE(SkOptsEntry, sk_opts_entry);
CRIU_IMAGE_MESSAGE(SkPacketEntry, sk_packet_entry);
CRIU_IMAGE_MESSAGE(SoNumberEntry, so_number_entry);
CRIU_IMAGE_MESSAGE(StatsEntry, stats_entry);
CRIU_IMAGE_MESSAGE(TaskCoreEntry, task_core_entry);
CRIU_IMAGE_MESSAGE(TaskKobjIdsEntry, task_kobj_ids_entry);
CRIU_IMAGE_MESSAGE(TaskRlimitsEntry, task_rlimits_entry);
CRIU_IMAGE_MESSAGE(TaskTimersEntry, task_timers_entry);
CRIU_IMAGE_MESSAGE(TcpOptsEntry, tcp_opts_entry);
CRIU_IMAGE_MESSAGE(TcpStreamEntry, tcp_stream_entry);
CRIU_IMAGE_MESSAGE(TermiosEntry, termios_entry);
CRIU_IMAGE_MESSAGE(ThreadCoreEntry, thread_core_entry);
CRIU_IMAGE_MESSAGE(ThreadInfoX86, thread_info_x86);
CRIU_IMAGE_MESSAGE(ThreadSasEntry, thread_sas_entry);
CRIU_IMAGE_MESSAGE(TimensEntry, timens_entry);
CRIU_IMAGE_MESSAGE(TimerfdEntry, timerfd_entry);
CRIU_IMAGE_MESSAGE(Timespec, timespec);
CRIU_IMAGE_MESSAGE(Timeval, timeval);
CRIU_IMAGE_MESSAGE(TtyDataEntry, tty_data_entry);
CRIU_IMAGE_MESSAGE(TtyFileEntry, tty_file_entry);
CRIU_IMAGE_MESSAGE(TtyInfoEntry, tty_info_entry);
CRIU_IMAGE_MESSAGE(TtyPtyEntry, tty_pty_entry);
CRIU_IMAGE_MESSAGE(TunfileEntry, tunfile_entry);
CRIU_IMAGE_MESSAGE(TunLinkEntry, tun_link_entry);
CRIU_IMAGE_MESSAGE(UnixSkEntry, unix_sk_entry);
CRIU_IMAGE_MESSAGE(UserX86FpregsEntry, user_x86_fpregs_entry);
CRIU_IMAGE_MESSAGE(UserX86RegsEntry, user_x86_regs_entry);
CRIU_IMAGE_MESSAGE(UserX86XsaveEntry, user_x86_xsave_entry);
CRIU_IMAGE_MESSAGE(VmaEntry, vma_entry);
CRIU_IMAGE_MESSAGE(WinsizeEntry, winsize_entry);

#undef CRIU_IMAGE_MESSAGE

// Owns messages and everything they point to, unpacked or being built: all live as long as
// the arena, and nothing in them is ever freed singly.
//
//   Arena arena;
//   auto* e = arena.make<PipeEntry>();
//   e->fown = arena.make<FownEntry>();
class Arena {
 public:
  Arena();
  // The memory comes from `from`, which must last; at first that many bytes.
  Arena(std::pmr::memory_resource& from, size_t first);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  template <typename T>
  T* make() {
    auto* message = static_cast<T*>(allocate(sizeof(T)));
    protobuf_c_message_init(Describes<T>::get(), message);
    return message;
  }
  // An array of n zeroed elements, for a repeated field; null where n is 0.
  template <typename T>
  T* array(size_t n) {
    if (n == 0) return nullptr;
    void* p = allocate(n * sizeof(T));
    std::memset(p, 0, n * sizeof(T));
    return static_cast<T*>(p);
  }
  // A copy, for the pointer and count of a repeated field.
  template <typename T>
  T* copy(std::span<const T> from) {
    T* to = array<T>(from.size());
    if (to != nullptr) std::memcpy(to, from.data(), from.size_bytes());
    return to;
  }
  char* text(std::string_view s);
  ProtobufCBinaryData bytes(const void* data, size_t size);

  // Null where the bytes are not such a message.
  template <typename T>
  T* unpack(std::span<const uint8_t> packed) {
    lent_.clear();
    return reinterpret_cast<T*>(
        protobuf_c_message_unpack(Describes<T>::get(), &allocator_, packed.size(), packed.data()));
  }

 private:
  struct Block {
    void* at;
    size_t size;
  };

  void describe_allocator();
  void* allocate(size_t size) { return pool_.allocate(size, alignof(std::max_align_t)); }
  void* lend(size_t size);
  void take_back(void* at);

  std::pmr::monotonic_buffer_resource pool_;
  ProtobufCAllocator allocator_;
  // While it unpacks, the library notes where each field is, in several times the room that the
  // message takes. So large blocks that it gives back are for the next message.
  std::vector<Block> lent_, spare_;  // lent_: in the unpack() that is under way
};

// Sets an optional scalar field of a message: SET_OPTIONAL(entry, flags, 3).
#define CRIU_SET_OPTIONAL(message, field, value) \
  do {                                           \
    (message)->has_##field = 1;                  \
    (message)->field = (value);                  \
  } while (0)

}  // namespace criu::image
