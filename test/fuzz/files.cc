// SPDX-License-Identifier: GPL-2.0-only
//
// files.img and the images that hang on it: whatever they hold is either refused by an Error or
// becomes open files to be restored. None is opened.
//
// An input is a list of messages, each behind kSeparator and a byte that says of which image it is;
// the lengths between them are made here, so that most of what libFuzzer does to an input is a
// change of messages. What one image needs behind its messages is one of kRaw.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string_view>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/service-fds.h"
#include "criu/files/file-restore.h"
#include "criu/image/image-file.h"

namespace {

using criu::image::Kind;

constexpr std::string_view kSeparator = "\xff\xfeMSG";
// In the order of test/fuzz/fuzz-files. Of kinds with an id that one is 1.
constexpr std::array kKinds = {
    Kind::kFiles,     Kind::kRemapFpath, Kind::kGhostFile,    Kind::kTtyInfo,
    Kind::kTtyData,   Kind::kPipesData,  Kind::kFifoData,     Kind::kMemfdInode,
    Kind::kFileLocks, Kind::kTcpStream,  Kind::kSocketQueues,
};
constexpr uint8_t kRaw = 0x80;  // added to the byte of the image

// A root directory of our own: ghost files are made by the paths that images give them.
class OwnRoot {
 public:
  OwnRoot() {
    char scratch[] = "/tmp/fuzz-files.XXXXXX";
    if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        mkdtemp(scratch) == nullptr || mount("none", scratch, "tmpfs", 0, "size=64m") < 0)
      give_up("cannot make a root directory (this is for root)");
    path_ = scratch;
    for (const char* name : {"/proc", "/images", "/tmp"}) mkdir((path_ + name).c_str(), 0755);
    const std::string proc = path_ + "/proc";
    if (mount("/proc", proc.c_str(), nullptr, MS_BIND, nullptr) < 0 ||
        mount(nullptr, proc.c_str(), nullptr, MS_BIND | MS_REMOUNT | MS_RDONLY, nullptr) < 0)
      give_up("cannot mount /proc");
    outside_ = criu::open_path("/", O_RDONLY | O_DIRECTORY);
  }
  void enter() const {
    if (chroot(path_.c_str()) < 0 || chdir("/") < 0) give_up("cannot enter the root directory");
  }
  void leave() const {
    if (fchdir(outside_.get()) < 0 || chroot(".") < 0) give_up("cannot leave the root directory");
  }

 private:
  [[noreturn]] static void give_up(const char* why) {
    perror(why);
    _exit(1);
  }
  criu::UniqueFd outside_;
  std::string path_;
};

void write_images(const criu::image::Directory& dir, std::string_view input) {
  std::map<Kind, criu::image::Writer> images;
  images.try_emplace(Kind::kFiles, dir, Kind::kFiles, 1);
  size_t at = input.find(kSeparator);
  while (at != std::string_view::npos) {
    at += kSeparator.size();
    const size_t end = input.find(kSeparator, at);
    const std::string_view part = input.substr(at, end - at);
    at = end;
    if (part.empty()) continue;
    const auto which = static_cast<uint8_t>(part[0]);
    const Kind kind = kKinds[(which & ~kRaw) % kKinds.size()];
    auto& image = images.try_emplace(kind, dir, kind, 1).first->second;
    const auto size = static_cast<uint32_t>(part.size() - 1);
    if ((which & kRaw) == 0) image.write_raw(&size, sizeof size);
    image.write_raw(part.data() + 1, size);
  }
  for (auto& [kind, image] : images) image.close();
}

// As if one task had them all.
std::vector<criu::files::TableEntry> table_of(const criu::image::Directory& dir) {
  std::vector<criu::files::TableEntry> table;
  criu::image::Arena arena;
  criu::image::Reader files(dir, Kind::kFiles);
  while (const auto* e = files.next<FileEntry>(arena))
    table.push_back({static_cast<uint32_t>(table.size()), 0, e->type, e->id});
  return table;
}

void read_files(std::string_view input) {
  criu::Options options;
  options.validate_build_ids = false;  // the root directory has no programs
  const criu::image::Directory dir("/images");
  for (const auto& old : std::filesystem::directory_iterator("/images"))
    std::filesystem::remove(old);
  write_images(dir, input);
  const auto table = table_of(dir);
  static const criu::ServiceFds fds({2});
  criu::files::FileRestore files(
      options, dir, fds,
      {.shmem_fd = [](uint64_t) -> int { criu::fail("no shared memory"); },
       .fill_shmem = [](uint64_t, uint64_t, int) { criu::fail("no shared memory"); },
       .note_directory = [](const std::string&) {},
       .note_connections = [](const std::vector<int>&) {}});
  files.need_table(table);
  files.read();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const OwnRoot root;
  root.enter();
  try {
    read_files({reinterpret_cast<const char*>(data), size});
  } catch (const criu::Error&) {
  }
  root.leave();
  return 0;
}
