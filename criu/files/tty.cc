// SPDX-License-Identifier: GPL-2.0-only
//
// The terminal that a task has from the shell it was started by (--shell-job). The terminal itself
// is not restored: the task gets the one that criu restore runs on.

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/file-kind.h"

namespace criu::files {

namespace {

// Documentation/admin-guide/devices.txt
constexpr unsigned kTtyMajor = 4, kTtyAuxMajor = 5, kPtsFirst = 136, kPtsLast = 143;
constexpr unsigned kDevTtyMinor = 0, kPtmxMinor = 2;

bool is_pts(dev_t rdev) {
  return major(rdev) >= kPtsFirst && major(rdev) <= kPtsLast;
}
bool is_dev_tty(dev_t rdev) {
  return major(rdev) == kTtyAuxMajor && minor(rdev) == kDevTtyMinor;
}

// The kernel's struct has 19 control characters (asm-generic/termbits.h), the libc's 32. The format
// has that many numbers, and four characters in each, the first in the lowest bits: most are unused
// and mean nothing.
constexpr size_t kControlCharacters = 19, kInOne = sizeof(uint32_t);

TermiosEntry* termios_entry(image::Arena& arena, const termios& t) {
  auto* e = arena.make<TermiosEntry>();
  e->c_iflag = t.c_iflag, e->c_oflag = t.c_oflag, e->c_cflag = t.c_cflag, e->c_lflag = t.c_lflag;
  e->c_line = t.c_line, e->c_ispeed = t.c_ispeed, e->c_ospeed = t.c_ospeed;
  e->n_c_cc = kControlCharacters;
  e->c_cc = arena.array<uint32_t>(kControlCharacters);
  for (size_t i = 0; i < kControlCharacters; i++)
    e->c_cc[i / kInOne] |= static_cast<uint32_t>(t.c_cc[i]) << (8 * (i % kInOne));
  return e;
}

// Which modes of the terminal are locked: ioctl_tty(2) TIOCGLCKTRMIOS, which has the kernel's
// struct.
termios locked_modes(int terminal) {
  struct {
    uint32_t iflag, oflag, cflag, lflag;
    uint8_t line, cc[kControlCharacters];
  } kernel{};
  termios t{};
  if (ioctl(terminal, TIOCGLCKTRMIOS, &kernel) < 0) return t;
  t.c_iflag = kernel.iflag, t.c_oflag = kernel.oflag, t.c_cflag = kernel.cflag;
  t.c_lflag = kernel.lflag, t.c_line = kernel.line;
  std::copy_n(kernel.cc, kControlCharacters, t.c_cc);
  return t;
}

termios termios_of(const TermiosEntry& e) {
  termios t{};
  t.c_iflag = e.c_iflag, t.c_oflag = e.c_oflag, t.c_cflag = e.c_cflag, t.c_lflag = e.c_lflag;
  t.c_line = static_cast<cc_t>(e.c_line), t.c_ispeed = e.c_ispeed, t.c_ospeed = e.c_ospeed;
  for (size_t i = 0; i < kControlCharacters && i / kInOne < e.n_c_cc; i++)
    t.c_cc[i] = static_cast<cc_t>(e.c_cc[i / kInOne] >> (8 * (i % kInOne)));
  return t;
}

class RestoredTty : public RestoredFile {
 public:
  RestoredTty(std::string path, const TtyFileEntry& entry)
      : path_(std::move(path)), entry_(entry) {}
  UniqueFd open() override {
    const int flags = static_cast<int>(entry_.flags) & ~O_ASYNC;
    return open_path(path_, flags | O_NOCTTY);
  }
  uint32_t flags() const override { return entry_.flags; }
  const FownEntry* fown() const override { return entry_.fown; }

 private:
  std::string path_;
  const TtyFileEntry& entry_;
};

// The modes of a terminal, as a program that has put it into raw mode expects them. The window's
// size is the new terminal's own. What it had before is set again, unless keep() is called.
class TerminalModes {
 public:
  ~TerminalModes() {
    if (changed_) set(before_);
  }
  TerminalModes(const TerminalModes&) = delete;
  TerminalModes& operator=(const TerminalModes&) = delete;
  TerminalModes(int terminal, const termios& wanted) : terminal_(terminal) {
    // Somebody else's, for now.
    if (const pid_t has_it = tcgetpgrp(terminal); has_it > 0 && has_it != getpgrp()) return;
    changed_ = tcgetattr(terminal_, &before_) == 0 && set(wanted);
    if (!changed_) log::warn("The terminal's modes could not be set: {}", strerror(errno));
  }
  void keep() { changed_ = false; }

 private:
  // From the background as well: the terminal may have been given away by then.
  bool set(const termios& modes) const {
    const auto before = signal(SIGTTOU, SIG_IGN);
    const bool done = tcsetattr(terminal_, TCSANOW, &modes) == 0;
    const int error = errno;
    signal(SIGTTOU, before);
    errno = error;
    return done;
  }

  int terminal_;
  termios before_{};
  bool changed_ = false;
};

class TtyKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__TTY; }

  bool recognises(const OpenFile& f) const override {
    if (!S_ISCHR(f.st.st_mode)) return false;
    const unsigned m = major(f.st.st_rdev);
    return is_pts(f.st.st_rdev) || m == kTtyMajor || m == kTtyAuxMajor;
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    const dev_t rdev = f.st.st_rdev;
    if (major(rdev) == kTtyAuxMajor && minor(rdev) == kPtmxMinor)
      fail("{}: the master of a pseudo-terminal is not supported yet", f.who());
    if (!is_pts(rdev) && !is_dev_tty(rdev))
      fail("{}: a terminal of this type is not supported yet", f.who());
    used_.push_back({f.who(), f.pid, is_dev_tty(rdev) ? 0 : rdev});
    if (is_pts(rdev) && context.options.shell_job) check_terminal(f);
    auto* tty = context.arena.make<TtyFileEntry>();
    tty->id = entry->id;
    tty->tty_info_id = info_id(rdev);
    tty->flags = static_cast<uint32_t>(f.flags);
    tty->fown = f.fown;
    if (f.link.starts_with('/')) CRIU_SET_OPTIONAL(tty, regf_id, path_entry(context, f));
    entry->tty = tty;
    add_info(context, f, tty->tty_info_id);
  }

  // A terminal comes from criu's own session: not for one that had its own.
  void check_dump(DumpContext& context) override {
    if (used_.empty()) return;
    std::map<dev_t, pid_t> sessions;  // by terminal, those inside of the tree
    std::map<pid_t, dev_t> own;
    for (const pid_t pid : context.tasks) {
      const proc::Stat stat = proc::read_stat(pid, pid);
      own[pid] = stat.terminal;
      if (stat.terminal != 0 && context.tasks.contains(stat.session))
        sessions[stat.terminal] = stat.session;
    }
    for (const Use& use : used_) {
      const dev_t terminal = use.terminal != 0 ? use.terminal : own.at(use.pid);
      if (const auto inside = sessions.find(terminal); inside != sessions.end())
        fail("{}: a terminal whose session ({}) is inside of the tree is not supported yet",
             use.who, inside->second);
    }
    if (!context.options.shell_job)
      fail("{}: the terminal belongs to a session outside of the tree: use --shell-job",
           used_.front().who);
  }

  void finish_dump(DumpContext& context) override {
    if (infos_.empty()) return;
    image::Writer img(context.dir, image::Kind::kTtyInfo);
    for (const TtyInfoEntry* info : infos_) img.write(info);
    img.close();
  }

  void prepare_restore(RestoreContext& context) override {
    if (!context.dir.has(image::file_name(image::Kind::kTtyInfo))) return;
    if (!context.options.shell_job)
      fail("the tasks use the terminal of the shell they were started by: use --shell-job");
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO && !terminal_; fd++)
      if (isatty(fd) != 0) terminal_ = context.fds.raise(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 3)));
    if (!terminal_) fail("--shell-job: criu itself has no terminal to hand on");
    image::Reader img(context.dir, image::Kind::kTtyInfo);
    while (const auto* info = img.next<TtyInfoEntry>(context.arena)) {
      if (info->type == TTY_TYPE__CTTY)
        ctty_.insert(info->id);
      else if (info->termios != nullptr)
        wanted_ = termios_of(*info->termios);
    }
  }

  void before_release() override {
    if (wanted_) modes_.emplace(terminal_.get(), *wanted_);
  }
  void finish_restore() override {
    if (modes_) modes_->keep();
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    if (entry.tty == nullptr) fail("file {} in files.img is no terminal", entry.id);
    if (ctty_.contains(entry.tty->tty_info_id))
      return std::make_unique<RestoredTty>("/dev/tty", *entry.tty);
    if (!terminal_) fail("tty-info.img does not know the terminal of file {}", entry.id);
    return std::make_unique<RestoredTty>(self_fd(terminal_.get()), *entry.tty);
  }

 private:
  // Twice the number of the slave, as the format has it, the odd ones being for masters. From 1000
  // on the numbers are those of other kinds: /dev/tty has 1006.
  static uint32_t info_id(dev_t rdev) {
    constexpr uint32_t kDevTty = 1006, kFirstOther = 1000, kAbove = 0x10000;
    if (is_dev_tty(rdev)) return 2 * kDevTty;
    const uint32_t index = minor(rdev);
    return index < kFirstOther ? 2 * index : kAbove + 2 * index;
  }

  // What it was opened by. Not for us, who have criu's own terminal to open: other readers want it.
  static uint32_t path_entry(DumpContext& context, const OpenFile& f) {
    FileEntry* entry = context.extra_entry(FD_TYPES__REG);
    auto* reg = context.arena.make<RegFileEntry>();
    reg->id = entry->id;
    reg->flags = static_cast<uint32_t>(f.flags);
    reg->fown = f.fown;
    reg->name = context.arena.text(f.link);
    CRIU_SET_OPTIONAL(reg, mode, f.st.st_mode);
    entry->reg = reg;
    return entry->id;
  }

  void add_info(DumpContext& context, const OpenFile& f, uint32_t id) {
    for (const TtyInfoEntry* known : infos_)
      if (known->id == id) return;
    auto* info = context.arena.make<TtyInfoEntry>();
    info->id = id;
    info->rdev = static_cast<uint32_t>(f.st.st_rdev);
    info->type = is_dev_tty(f.st.st_rdev) ? TTY_TYPE__CTTY : TTY_TYPE__PTY;
    if (const proc::Stat stat = proc::read_stat(f.pid, f.pid);
        stat.terminal == f.st.st_rdev || (info->type == TTY_TYPE__CTTY && stat.terminal != 0)) {
      info->sid = static_cast<uint32_t>(stat.session);
      info->pgrp = static_cast<uint32_t>(stat.foreground);
    }
    CRIU_SET_OPTIONAL(info, dev, static_cast<uint32_t>(f.st.st_dev));
    CRIU_SET_OPTIONAL(info, uid, f.st.st_uid);
    CRIU_SET_OPTIONAL(info, gid, f.st.st_gid);
    termios t{};
    if (tcgetattr(f.own.get(), &t) == 0) info->termios = termios_entry(context.arena, t);
    info->termios_locked = termios_entry(context.arena, locked_modes(f.own.get()));
    winsize ws{};
    if (ioctl(f.own.get(), TIOCGWINSZ, &ws) == 0) {
      info->winsize = context.arena.make<WinsizeEntry>();
      info->winsize->ws_row = ws.ws_row, info->winsize->ws_col = ws.ws_col;
      info->winsize->ws_xpixel = ws.ws_xpixel, info->winsize->ws_ypixel = ws.ws_ypixel;
    }
    if (info->type == TTY_TYPE__PTY) {
      info->pty = context.arena.make<TtyPtyEntry>();
      info->pty->index = minor(f.st.st_rdev);
    }
    infos_.push_back(info);
  }

  // All will be given one terminal: they must have had one.
  void check_terminal(const OpenFile& f) {
    const dev_t own = proc::read_stat(f.pid, f.pid).terminal;
    const std::pair<dev_t, dev_t> this_one{f.st.st_dev, f.st.st_rdev};
    if ((own != 0 && own != f.st.st_rdev) || (seen_ && *seen_ != this_one))
      fail("{}: another terminal than that of the session is not supported yet", f.who());
    seen_ = this_one;
  }

  struct Use {
    std::string who;
    pid_t pid;
    dev_t terminal;  // 0: the task's controlling one
  };
  std::vector<Use> used_;
  std::optional<std::pair<dev_t, dev_t>> seen_;  // the file system of the terminal, its number
  std::vector<TtyInfoEntry*> infos_;
  std::set<uint32_t> ctty_;
  UniqueFd terminal_;
  std::optional<termios> wanted_;
  std::optional<TerminalModes> modes_;  // of terminal_: goes before it
};

const KindRegistration registration([] { return std::make_unique<TtyKind>(); });

}  // namespace

}  // namespace criu::files
