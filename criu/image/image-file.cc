// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/image-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace criu::image {

namespace {

// Integers of the format are little-endian, as this processor's are.
constexpr uint32_t kCommonMagic = 0x54564319;
constexpr uint32_t kServiceMagic = 0x55105940;
constexpr uint32_t kNoMagic = 0;
constexpr size_t kFlushAt = 256 * 1024;
constexpr size_t kReadAhead = 64 * 1024;
constexpr uint32_t kMaxEntry = 64 * 1024 * 1024;  // a mm entry of 64k mappings has 5 MiB

struct Description {
  Kind kind;
  const char* name;  // {} stands for the id
  uint32_t magic;
};

constexpr std::array kTable = {
    Description{Kind::kInventory, "inventory.img", 0x58313116},
    Description{Kind::kPstree, "pstree.img", 0x50273030},
    Description{Kind::kIds, "ids-{}.img", 0x54432030},
    Description{Kind::kCore, "core-{}.img", 0x55053847},
    Description{Kind::kMm, "mm-{}.img", 0x57492820},
    Description{Kind::kPagemap, "pagemap-{}.img", 0x56084025},
    Description{Kind::kShmemPagemap, "pagemap-shmem-{}.img", 0x56084025},
    Description{Kind::kPages, "pages-{}.img", kNoMagic},
    Description{Kind::kFdinfo, "fdinfo-{}.img", 0x56213732},
    Description{Kind::kFiles, "files.img", 0x56303138},
    Description{Kind::kFs, "fs-{}.img", 0x51403912},
    Description{Kind::kPipesData, "pipes-data.img", 0x56453709},
    Description{Kind::kFifoData, "fifo-data.img", 0x59333054},
    Description{Kind::kSocketQueues, "sk-queues.img", 0x56264026},
    Description{Kind::kTcpStream, "tcp-stream-{:x}.img", 0x51465506},
    Description{Kind::kNetdev, "netdev-{}.img", 0x57373951},
    Description{Kind::kIfaddr, "ifaddr-{}.img", kNoMagic},  // as `ip addr save` has it
    Description{Kind::kRoute, "route-{}.img", kNoMagic},    // `ip route save`
    Description{Kind::kRoute6, "route6-{}.img", kNoMagic},
    Description{Kind::kMemfdInode, "memfd.img", 0x48453499},
    Description{Kind::kBpfmapData, "bpfmap-data.img", 0x64324033},
    Description{Kind::kFileLocks, "filelocks.img", 0x54323616},
    Description{Kind::kGhostFile, "ghost-file-{:x}.img", 0x52583605},
    Description{Kind::kRemapFpath, "remap-fpath.img", 0x59133954},
    Description{Kind::kTtyInfo, "tty-info.img", 0x59453036},
    Description{Kind::kTtyData, "tty-data.img", 0x59413026},
    Description{Kind::kIpcShm, "ipcns-shm-{}.img", 0x46283044},
    Description{Kind::kTimens, "timens-{}.img", 0x43114433},
    Description{Kind::kSeccomp, "seccomp.img", 0x64413049},
    Description{Kind::kStats, "stats-{}", 0x57093306},
};

const Description& describe(Kind kind) {
  const Description& d = kTable[static_cast<size_t>(kind)];
  if (d.kind != kind) throw std::logic_error("the image table is out of order");
  return d;
}

// The words in front of the entries: the inventory has its own magic alone, a raw file none.
std::vector<uint32_t> magic_words(const Description& d) {
  if (d.magic == kNoMagic) return {};
  if (d.kind == Kind::kInventory) return {d.magic};
  return {d.kind == Kind::kStats ? kServiceMagic : kCommonMagic, d.magic};
}

}  // namespace

std::string file_name(Kind kind, uint64_t id) {
  return fmt::format(fmt::runtime(describe(kind).name), id);
}

Directory::Directory(const std::string& path)
    : path_(path), fd_(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (!fd_) fail_errno("cannot open the images directory {}", path);
}

bool Directory::has(const std::string& name) const {
  if (::faccessat(fd_.get(), name.c_str(), F_OK, 0) == 0) return true;
  if (errno != ENOENT) fail_errno("cannot tell whether {}/{} is there", path_, name);
  return false;
}

UniqueFd Directory::create(const std::string& name) const {
  UniqueFd fd(::openat(fd_.get(), name.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) fail_errno("cannot create the image {}/{}", path_, name);
  return fd;
}

UniqueFd Directory::open(const std::string& name) const {
  UniqueFd fd(::openat(fd_.get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail_errno("cannot open the image {}/{}", path_, name);
  return fd;
}

Writer::Writer(const Directory& dir, Kind kind, uint64_t id)
    : name_(file_name(kind, id)), fd_(dir.create(name_)) {
  for (const uint32_t word : magic_words(describe(kind))) write_raw(&word, sizeof word);
}

Writer::Writer(const Directory& dir, Kind kind, const std::string& suffix)
    : name_(fmt::format(fmt::runtime(describe(kind).name), suffix)), fd_(dir.create(name_)) {
  for (const uint32_t word : magic_words(describe(kind))) write_raw(&word, sizeof word);
}

Writer::~Writer() {
  try {
    close();
  } catch (const Error&) {
    // Whoever minds calls close().
  }
}

void Writer::write_message(const ProtobufCMessage* message) {
  const auto size = static_cast<uint32_t>(protobuf_c_message_get_packed_size(message));
  write_raw(&size, sizeof size);
  const size_t at = buffer_.size();
  buffer_.resize(at + size);
  protobuf_c_message_pack(message, buffer_.data() + at);
}

void Writer::write_raw(const void* data, size_t size) {
  if (buffer_.size() + size > kFlushAt) flush();
  if (size > kFlushAt) {
    write_all(fd_.get(), data, size, name_);
    return;
  }
  const auto* bytes = static_cast<const uint8_t*>(data);
  buffer_.insert(buffer_.end(), bytes, bytes + size);
}

void Writer::write_from(int fd, uint64_t size) {
  std::vector<uint8_t> piece(kFlushAt);
  while (size != 0) {
    const size_t n = std::min<uint64_t>(size, piece.size());
    read_exact(fd, piece.data(), n, "what belongs into " + name_);
    write_raw(piece.data(), n);
    size -= n;
  }
}

void Writer::flush() {
  write_all(fd_.get(), buffer_.data(), buffer_.size(), name_);
  buffer_.clear();
}

void Writer::close() {
  if (!fd_) return;
  flush();
  fd_.close(name_);
}

Reader::Reader(const Directory& dir, Kind kind, uint64_t id)
    : name_(file_name(kind, id)), fd_(dir.open(name_)) {
  struct stat st {};
  if (fstat(fd_.get(), &st) < 0) fail_errno("cannot examine {}", name_);
  size_ = static_cast<uint64_t>(st.st_size);
  for (const uint32_t expected : magic_words(describe(kind))) {
    uint32_t word = 0;
    if (left() < sizeof word) fail("{} is no image: it is too short for its magic", name_);
    read_raw(&word, sizeof word);
    if (word != expected)
      fail("{} is not what its name says: magic {:#x} where {:#x} belongs", name_, word, expected);
  }
}

void Reader::read_raw(void* data, size_t size) {
  if (size > left())
    fail("{} is truncated: {} bytes are needed at byte {}, {} are there", name_, size, offset_,
         left());
  auto* to = static_cast<uint8_t*>(data);
  offset_ += size;
  const size_t buffered = std::min(size, buffer_.size() - used_);
  std::copy_n(buffer_.data() + used_, buffered, to);
  used_ += buffered;
  to += buffered;
  size -= buffered;
  if (size == 0) return;
  const uint64_t ahead = left();
  if (size >= kReadAhead || ahead == 0) {
    read_exact(fd_.get(), to, size, name_);
    return;
  }
  buffer_.resize(std::min<uint64_t>(kReadAhead, size + ahead));
  read_exact(fd_.get(), buffer_.data(), buffer_.size(), name_);
  std::copy_n(buffer_.data(), size, to);
  used_ = size;
}

bool Reader::next_packed(std::vector<uint8_t>& packed) {
  if (left() == 0) return false;
  uint32_t size = 0;
  read_raw(&size, sizeof size);
  if (size > kMaxEntry)
    fail("{}: an entry of {} bytes at byte {} is impossible", name_, size, offset_);
  packed.resize(size);
  read_raw(packed.data(), size);
  return true;
}

}  // namespace criu::image
