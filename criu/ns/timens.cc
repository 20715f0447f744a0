// SPDX-License-Identifier: GPL-2.0-only
#include "criu/ns/timens.h"

#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080  // linux/sched.h
#endif

namespace criu::ns {

namespace {

constexpr int64_t kSecond = 1000000000;
// kernel/time/namespace.c refuses clocks of half of KTIME_SEC_MAX and more.
constexpr uint64_t kMaxSeconds = INT64_MAX / kSecond / 2;
constexpr const char* kOwnTimens = "/proc/self/ns/time";

int64_t read_clock(clockid_t clock) {
  timespec ts{};
  if (clock_gettime(clock, &ts) < 0) fail_errno("cannot read clock {}", clock);
  return ts.tv_sec * kSecond + ts.tv_nsec;
}

// The line of /proc/pid/timens_offsets that begins with that name: "monotonic    -3000    0".
int64_t offset_of(std::string_view text, std::string_view name) {
  int64_t offset = 0;
  proc::each_line(text, [&](std::string_view line) {
    if (!line.starts_with(name)) return;
    int64_t seconds = 0, nanoseconds = 0;
    if (sscanf(std::string(line.substr(name.size())).c_str(), "%ld %ld", &seconds, &nanoseconds) ==
        2)
      offset = seconds * kSecond + nanoseconds;
  });
  return offset;
}

bool has_time_namespaces() {
  if (access(kOwnTimens, F_OK) == 0) return true;
  if (errno != ENOENT) fail_errno("cannot look for {}", kOwnTimens);
  return false;
}

// Of the namespace that children of the task are made in, which is its own unless it has changed
// it. None where the kernel knows no such thing.
Clocks read_offsets(pid_t pid) {
  if (!has_time_namespaces()) return {};
  const std::string text = read_file(proc::path(pid, "timens_offsets"));
  return {offset_of(text, "monotonic"), offset_of(text, "boottime")};
}

// The clocks of the machine itself.
Clocks machine_clocks() {
  const Clocks own = read_offsets(getpid());
  return {read_clock(CLOCK_MONOTONIC) - own.monotonic, read_clock(CLOCK_BOOTTIME) - own.boottime};
}

std::string boot_id() {
  std::string id = read_file("/proc/sys/kernel/random/boot_id");
  if (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

Timespec* timespec_entry(image::Arena& arena, int64_t ns) {
  auto* e = arena.make<Timespec>();
  e->tv_sec = static_cast<uint64_t>(ns / kSecond);
  e->tv_nsec = static_cast<uint64_t>(ns % kSecond);
  return e;
}

int64_t nanoseconds(const Timespec& e, const std::string& image) {
  if (e.tv_sec >= kMaxSeconds || e.tv_nsec >= static_cast<uint64_t>(kSecond))
    fail("{}: the clock {}.{:09} is impossible", image, e.tv_sec, e.tv_nsec);
  return static_cast<int64_t>(e.tv_sec) * kSecond + static_cast<int64_t>(e.tv_nsec);
}

// As /proc/pid/timens_offsets takes it: the nanoseconds count forward, also from a negative second.
std::string offset_line(clockid_t clock, int64_t ns) {
  int64_t seconds = ns / kSecond, rest = ns % kSecond;
  if (rest < 0) seconds--, rest += kSecond;
  return fmt::format("{} {} {}\n", clock, seconds, rest);
}

}  // namespace

TimensDump::TimensDump(pid_t root) : offsets_(read_offsets(root)) {
  const Clocks machine = machine_clocks();
  now_ = {machine.monotonic + offsets_.monotonic, machine.boottime + offsets_.boottime};
}

void TimensDump::write(const image::Directory& dir, uint32_t ns_id) const {
  image::Arena arena;
  auto* e = arena.make<TimensEntry>();
  e->monotonic = timespec_entry(arena, now_.monotonic);
  e->boottime = timespec_entry(arena, now_.boottime);
  CRIU_SET_OPTIONAL(e, monotonic_offset, offsets_.monotonic);
  CRIU_SET_OPTIONAL(e, boottime_offset, offsets_.boottime);
  e->boot_id = arena.text(boot_id());
  image::write_single(dir, image::Kind::kTimens, ns_id, e);
}

Clocks wanted_offsets(const TimensWish& wish, const std::string& boot, const Clocks& machine_now) {
  if (!wish.boot_at_dump.empty() && wish.boot_at_dump == boot) return wish.offsets_at_dump;
  return {wish.at_dump.monotonic - machine_now.monotonic,
          wish.at_dump.boottime - machine_now.boottime};
}

TimensRestore::TimensRestore(const image::Directory& dir, uint32_t ns_id, bool must_exist)
    : own_(read_offsets(getpid())) {
  const std::string name = image::file_name(image::Kind::kTimens, ns_id);
  if (!must_exist && !dir.has(name)) return;
  image::Arena arena;
  const auto* e = image::read_single<TimensEntry>(dir, image::Kind::kTimens, ns_id, arena);
  TimensWish wish;
  wish.at_dump = {nanoseconds(*e->monotonic, name), nanoseconds(*e->boottime, name)};
  wish.offsets_at_dump = {e->monotonic_offset, e->boottime_offset};
  if (e->boot_id != nullptr) wish.boot_at_dump = e->boot_id;
  const Clocks machine = machine_clocks();
  wanted_ = wanted_offsets(wish, boot_id(), machine);
  needed_ = wanted_ != own_;
  if (!needed_ || has_time_namespaces()) return;
  needed_ = false;
  if (wanted_.monotonic > 0 || wanted_.boottime > 0)
    fail(
        "the clocks of this machine are behind those of the dump by {} s and would go back for "
        "the tasks: that takes a kernel with time namespaces (CONFIG_TIME_NS)",
        std::max(wanted_.monotonic, wanted_.boottime) / kSecond);
  log::warn("The clocks go on by {} s for the tasks: this kernel has no time namespaces",
            -wanted_.monotonic / kSecond);
}

TimensRestore::Scope::Scope(const Clocks* offsets) {
  if (offsets == nullptr) return;
  before_ = open_path(kOwnTimens, O_RDONLY);
  if (unshare(CLONE_NEWTIME) < 0) fail_errno("cannot make a time namespace");
  const std::string path = "/proc/self/timens_offsets";
  const std::string lines = offset_line(CLOCK_MONOTONIC, offsets->monotonic) +
                            offset_line(CLOCK_BOOTTIME, offsets->boottime);
  const UniqueFd fd = open_path(path, O_WRONLY);
  write_all(fd.get(), lines.data(), lines.size(), path);
  log::info("The tasks get a time namespace: monotonic {:+} s, boottime {:+} s",
            offsets->monotonic / kSecond, offsets->boottime / kSecond);
}

TimensRestore::Scope::~Scope() {
  if (before_ && setns(before_.get(), CLONE_NEWTIME) < 0)
    log::warn("criu itself cannot go back to its time namespace: {}", strerror(errno));
}

}  // namespace criu::ns
