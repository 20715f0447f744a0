// SPDX-License-Identifier: GPL-2.0-only
//
// Timers that are read from a descriptor: timerfd_create(2).
//
// What is left of a timer is stored, also of one that was set to a point in time: it goes on where
// it was, as all clocks of a restored task do.

#include <linux/ioctl.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>

#include "criu/base/error.h"
#include "criu/files/anon-inode.h"

namespace criu::files {

namespace {

constexpr uint64_t kNsPerSecond = 1000000000;
constexpr unsigned long kSetTicks = _IOW('T', 0, uint64_t);  // TFD_IOC_SET_TICKS, linux/timerfd.h

bool has_time_left(const TimerfdEntry& e) {
  return e.vsec != 0 || e.vnsec != 0;
}
// A periodic timer with something to tell has been set, also if the time left says nothing: it may
// have expired between the reading of the one and of the other, here or in another tool.
bool is_periodic_and_expired(const TimerfdEntry& e) {
  return e.ticks != 0 && (e.isec != 0 || e.insec != 0);
}

class RestoredTimerFd : public RestoredEntry<TimerfdEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override {
    const auto clock = static_cast<clockid_t>(entry_.clockid);
    UniqueFd fd(timerfd_create(clock, TFD_CLOEXEC));
    if (!fd) fail_errno("cannot make a timerfd of clock {}", clock);
    set(fd.get(), clock);
    if (entry_.ticks != 0 && ioctl(fd.get(), kSetTicks, &entry_.ticks) < 0)
      fail_errno("cannot set the expirations of a timerfd (TFD_IOC_SET_TICKS)");
    set_status_flags(fd.get(), entry_.flags, "a timerfd");
    return fd;
  }

 private:
  void set(int fd, clockid_t clock) const {
    itimerspec wanted{};
    wanted.it_interval = {static_cast<time_t>(entry_.isec), static_cast<long>(entry_.insec)};
    wanted.it_value = {static_cast<time_t>(entry_.vsec), static_cast<long>(entry_.vnsec)};
    const bool expired = !has_time_left(entry_) && is_periodic_and_expired(entry_);
    if (expired) wanted.it_value.tv_nsec = 1;
    const bool armed = expired || has_time_left(entry_);
    const int flags = static_cast<int>(entry_.settime_flags);
    if (armed && (flags & TFD_TIMER_ABSTIME) != 0) add_now(wanted.it_value, clock);
    // Without a time it says nothing that it is to be cancelled.
    if (timerfd_settime(fd, armed ? flags : 0, &wanted, nullptr) < 0)
      fail_errno("cannot set a timerfd of clock {}", clock);
  }
  // The clock of a timer that wakes the machine up goes as the one that it is named for.
  static void add_now(timespec& value, clockid_t clock) {
    if (clock == CLOCK_REALTIME_ALARM) clock = CLOCK_REALTIME;
    if (clock == CLOCK_BOOTTIME_ALARM) clock = CLOCK_BOOTTIME;
    timespec now{};
    if (clock_gettime(clock, &now) < 0) fail_errno("cannot read clock {}", clock);
    value.tv_sec += now.tv_sec;
    value.tv_nsec += now.tv_nsec;
    if (value.tv_nsec >= static_cast<long>(kNsPerSecond)) {
      value.tv_sec++;
      value.tv_nsec -= static_cast<long>(kNsPerSecond);
    }
  }
};

class TimerFdKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__TIMERFD; }
  bool recognises(const OpenFile& f) const override { return is_anon_inode(f, "timerfd"); }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<TimerfdEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    read_state(f, *e);
    // One that has run out may not have been told yet.
    if (e->ticks == 0 && !has_time_left(*e)) read_state(look_again(f), *e);
    if (is_periodic_and_expired(*e)) catch_up(f, *e);
    entry->tfd = e;
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    const TimerfdEntry* e = entry.tfd;
    if (e == nullptr) fail("file {} in files.img is no timerfd", entry.id);
    if (e->vnsec >= kNsPerSecond || e->insec >= kNsPerSecond || e->vsec > kMost || e->isec > kMost)
      fail("file {} in files.img has an impossible time", entry.id);
    return std::make_unique<RestoredTimerFd>(*e);
  }

 private:
  static void read_state(const OpenFile& f, TimerfdEntry& e) {
    e.clockid = static_cast<uint32_t>(must_find_info(f, "clockid"));
    e.ticks = must_find_info(f, "ticks");
    e.settime_flags = static_cast<uint32_t>(must_find_info(f, "settime flags", 8));
    std::tie(e.vsec, e.vnsec) = must_find_time(f, "it_value");
    std::tie(e.isec, e.insec) = must_find_time(f, "it_interval");
  }
  // A periodic timer that has expired stands still until somebody reads it or asks for its time;
  // only then its expirations are counted, and it goes on (fs/timerfd.c). No reader can tell.
  static void catch_up(const OpenFile& f, TimerfdEntry& e) {
    itimerspec now{};
    if (timerfd_gettime(f.own.get(), &now) < 0) fail_errno("cannot read {}", f.who());
    read_state(look_again(f), e);
    if (!has_time_left(e)) e.vnsec = 1;
  }
  static OpenFile look_again(const OpenFile& f) {
    OpenFile again;
    again.pid = f.pid, again.fd = f.fd, again.link = f.link;
    again.fdinfo = read_file(fmt::format("/proc/{}/fdinfo/{}", f.pid, f.fd));
    return again;
  }

  static constexpr uint64_t kMost = INT64_MAX / kNsPerSecond;  // in seconds: KTIME_SEC_MAX
};

const KindRegistration registration([] { return std::make_unique<TimerFdKind>(); });

}  // namespace

}  // namespace criu::files
