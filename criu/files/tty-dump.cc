// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-dump.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/files/outside-holders.h"
#include "criu/files/tty-device.h"
#include "criu/files/tty-modes.h"

namespace criu::files {

namespace {

// The number of an end, as the format has it: twice the number of the slave, the odd ones for
// masters. From 1000 on the numbers are those of other kinds: /dev/tty has 1006.
constexpr uint32_t kDevTtyId = 2 * 1006, kFirstOther = 1000, kAbove = 0x10000;

// What it was opened by. A restore of ours only wants it of masters and devices.
uint32_t path_entry(DumpContext& context, const OpenFile& f) {
  FileEntry* entry = context.extra_entry(FD_TYPES__REG);
  auto* reg = context.arena.make<RegFileEntry>();
  reg->id = entry->id;
  reg->flags = static_cast<uint32_t>(f.flags);
  reg->fown = f.fown;
  constexpr std::string_view kHungUp = " (deleted)";
  const bool gone = f.link.ends_with(kHungUp);
  reg->name = context.arena.text(gone ? f.link.substr(0, f.link.size() - kHungUp.size()) : f.link);
  CRIU_SET_OPTIONAL(reg, mode, f.st.st_mode);
  entry->reg = reg;
  return entry->id;
}

bool is_set(int terminal, unsigned long request) {
  int value = 0;
  return ask_terminal(terminal, request, &value) && value != 0;
}

pid_t number(int master, unsigned long request) {
  pid_t pid = 0;
  return ask_terminal(master, request, &pid) ? pid : 0;
}

}  // namespace

void TtyDump::add(DumpContext& context, const OpenFile& f, FileEntry* entry) {
  auto* tty = context.arena.make<TtyFileEntry>();
  tty->id = entry->id;
  tty->flags = static_cast<uint32_t>(f.flags);
  tty->fown = f.fown;
  if (f.link.starts_with('/')) CRIU_SET_OPTIONAL(tty, regf_id, path_entry(context, f));
  entry->tty = tty;
  UniqueFd own(fcntl(f.own.get(), F_DUPFD_CLOEXEC, 0));
  if (!own) fail_errno("cannot duplicate {}", f.who());
  constexpr int kOrdinary = 0;  // N_TTY, linux/tty.h
  int discipline = kOrdinary;
  if (ask_terminal(own.get(), TIOCGETD, &discipline) && discipline != kOrdinary)
    fail("{}: the terminal's line discipline {} is not supported yet", f.who(), discipline);
  files_.push_back({f.who(), f.pid, f.st, std::move(own), tty});
  if (is_ptmx(f.st.st_rdev)) add_master(context, files_.back());
}

uint32_t TtyDump::new_id(uint32_t wanted) {
  while (infos_.contains(wanted)) wanted = std::max(wanted + 2, kAbove);
  return wanted;
}

uint32_t TtyDump::new_pair(dev_t slave) {
  const uint32_t index = minor(slave);
  return new_id(index < kFirstOther ? 2 * index : kAbove + 2 * index);
}

TtyInfoEntry* TtyDump::new_info(DumpContext& context, uint32_t id, TtyType type,
                                const struct stat& st) {
  auto* info = context.arena.make<TtyInfoEntry>();
  info->id = id;
  info->type = type;
  info->rdev = static_cast<uint32_t>(st.st_rdev);
  CRIU_SET_OPTIONAL(info, dev, static_cast<uint32_t>(st.st_dev));
  CRIU_SET_OPTIONAL(info, uid, st.st_uid);
  CRIU_SET_OPTIONAL(info, gid, st.st_gid);
  if (type == TTY_TYPE__PTY) {
    info->pty = context.arena.make<TtyPtyEntry>();
    info->pty->index = minor(st.st_rdev);
  }
  infos_[id] = info;
  return info;
}

void TtyDump::store_session(TtyInfoEntry* info, const proc::Stat& stat) {
  info->sid = static_cast<uint32_t>(stat.session);
  info->pgrp = static_cast<uint32_t>(stat.foreground);
}

void TtyDump::add_master(DumpContext& context, const File& f) {
  const int master = f.own.get();
  struct stat st {};
  if (fstat(open_slave(master, O_PATH).get(), &st) < 0)
    fail_errno("cannot examine the slave of {}", f.who);
  Pty& pty = ptys_[{st.st_dev, st.st_rdev}];
  pty = {&f, new_pair(st.st_rdev), number(master, TIOCGSID)};
  context.holders.add_terminal(st.st_dev, st.st_rdev, master, f.who);
  TtyInfoEntry* slave = new_info(context, pty.id, TTY_TYPE__PTY, st);
  CRIU_SET_OPTIONAL(slave, mode, st.st_mode & 07777);
  slave->sid = static_cast<uint32_t>(pty.session);
  slave->pgrp = static_cast<uint32_t>(number(master, TIOCGPGRP));
  store_modes(context.arena, master, slave);
  f.entry->tty_info_id = pty.id + 1;
  TtyInfoEntry* info = new_info(context, pty.id + 1, TTY_TYPE__PTY, f.st);
  info->pty->index = minor(st.st_rdev);
  info->sid = slave->sid, info->pgrp = slave->pgrp;
  info->locked = is_set(master, TIOCGPTLCK);
  info->packet_mode = is_set(master, TIOCGPKT);
  info->exclusive = is_set(master, TIOCGEXCL);
  store_modes(context.arena, master, info);
  pollfd p{master, POLLPRI, 0};
  if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", f.who);
  pty.slave_was_open = (p.revents & POLLHUP) != 0;
  if (pty.slave_was_open) CRIU_SET_OPTIONAL(info, other_closed, 1);
  if ((p.revents & POLLPRI) != 0)
    fail_for_now("{}: a message of packet mode waits to be read: not supported yet", f.who);
  if ((modes_of(master).c_lflag & EXTPROC) != 0)
    fail("{}: the terminal's line is edited elsewhere (EXTPROC): not supported yet", f.who);
}

void TtyDump::add_slave(DumpContext& context, const File& f) {
  if (!device_of(f.own.get())) {
    add_hung_up(context, f);
  } else if (const auto pty = ptys_.find(node_of(f)); pty != ptys_.end()) {
    f.entry->tty_info_id = pty->second.id;
    pty->second.slave_was_open = true;
    infos_.at(pty->second.id)->exclusive = is_set(f.own.get(), TIOCGEXCL);
  } else {
    add_outer(context, f);
  }
}

// Of two that had the same number it cannot be said which they are: it makes no difference.
void TtyDump::add_hung_up(DumpContext& context, const File& f) {
  const auto [it, is_new] = hung_up_.try_emplace(node_of(f), 0);
  if (is_new) {
    it->second = new_pair(f.st.st_rdev);
    CRIU_SET_OPTIONAL(new_info(context, it->second, TTY_TYPE__PTY, f.st), other_closed, 1);
  }
  f.entry->tty_info_id = it->second;
}

TtyDump::Pty* TtyDump::find_pty(dev_t device, pid_t session) {
  Pty* found = nullptr;
  for (auto& [node, pty] : ptys_)
    if (node.second == device && (found == nullptr || pty.session == session)) found = &pty;
  return found;
}

void TtyDump::add_dev_tty(DumpContext& context, const File& f) {
  const auto device = device_of(f.own.get());
  if (!device) fail("{}: a terminal that was hung up, by that name, is not supported yet", f.who);
  const proc::Stat stat = proc::read_stat(f.pid, f.pid);
  Pty* pty = find_pty(*device, stat.session);
  if (pty == nullptr) {
    refuse_inner_session(f, *device);
    shell_.add(context.options, f.who, f.st, stat.terminal);
  } else {
    pty->slave_was_open = true;
  }
  const auto [it, is_new] = dev_tty_.try_emplace(*device, 0);
  if (is_new) {
    it->second = new_id(kDevTtyId);
    TtyInfoEntry* info = new_info(context, it->second, TTY_TYPE__CTTY, f.st);
    store_modes(context.arena, f.own.get(), info);
    if (pty != nullptr) {
      CRIU_SET_OPTIONAL(info, terminal, pty->id);
      info->sid = infos_.at(pty->id)->sid, info->pgrp = infos_.at(pty->id)->pgrp;
    } else if (stat.terminal != 0) {
      store_session(info, stat);
    }
  }
  f.entry->tty_info_id = it->second;
}

void TtyDump::refuse_inner_session(const File& f, dev_t terminal) const {
  const auto leader = leaders_.find(terminal);
  if (leader == leaders_.end()) return;
  fail(
      "{}: the terminal is that of session {}, which is inside of the tree, but its other end is "
      "not: --external {} allows that, and a restore is then given one by --inherit-fd",
      f.who, leader->second.session, tty_key(terminal, f.st.st_dev));
}

void TtyDump::add_outer(DumpContext& context, const File& f) {
  const dev_t rdev = f.st.st_rdev;
  TtyType type = is_pts(rdev) ? TTY_TYPE__PTY : device_type(rdev);
  const proc::Stat stat = proc::read_stat(f.pid, f.pid);
  if (context.options.external.contains(tty_key(rdev, f.st.st_dev))) {
    type = TTY_TYPE__EXT_TTY;
    stays_.insert(rdev);
  } else if (type == TTY_TYPE__PTY) {
    refuse_inner_session(f, rdev);
    shell_.add(context.options, f.who, f.st, stat.terminal);
  } else if (type == TTY_TYPE__UNKNOWN) {
    fail("{}: a terminal of this type is not supported yet", f.who);
  } else if (const auto device = device_of(f.own.get())) {
    stays_.insert(*device);
  } else {
    fail("{}: a terminal that was hung up is not supported yet", f.who);
  }
  const auto [it, is_new] = outer_.try_emplace(node_of(f), 0);
  if (is_new) {
    it->second = new_pair(rdev);
    TtyInfoEntry* info = new_info(context, it->second, type, f.st);
    store_modes(context.arena, f.own.get(), info);
    if (const auto leader = leaders_.find(rdev); leader != leaders_.end())
      store_session(info, leader->second);
    else if (stat.terminal == rdev)
      store_session(info, stat);
  }
  f.entry->tty_info_id = it->second;
}

void TtyDump::find_leaders(const DumpContext& context) {
  for (const pid_t pid : context.tasks) {
    const pid_t session = getsid(pid);
    if (session < 0) fail_errno("cannot read the session of task {}", pid);
    if (session != pid) continue;
    const proc::Stat stat = proc::read_stat(pid, pid);
    if (stat.terminal != 0) leaders_[stat.terminal] = stat;
  }
}

bool TtyDump::has_terminal(const proc::Stat& leader) {
  if (stays_.contains(leader.terminal)) return true;
  const Pty* pty = find_pty(leader.terminal, leader.session);
  return pty != nullptr && pty->session == leader.session;
}

void TtyDump::check_sessions(const DumpContext& context) {
  for (const auto& [node, pty] : ptys_)
    if (pty.session != 0 && !context.tasks.contains(pty.session))
      fail("{}: the terminal is that of session {}, which is not inside of the tree",
           pty.master->who, pty.session);
  for (const auto& [terminal, leader] : leaders_)
    if (!has_terminal(leader))
      fail(
          "session {}: its terminal ({}:{}) belongs to the outside, and no descriptor of the tree "
          "leads there: not supported yet",
          leader.session, major(terminal), minor(terminal));
}

void TtyDump::look_into_queues() {
  std::vector<TtyData::Ends> ends;
  for (const auto& [node, pty] : ptys_)
    ends.push_back({pty.master->who, pty.master->own.get(), pty.slave_was_open, infos_.at(pty.id),
                    infos_.at(pty.id + 1)});
  std::vector<int> telling;
  for (const File& f : files_)
    if ((f.entry->flags & O_ASYNC) != 0) telling.push_back(f.own.get());
  data_.look(ends, telling);
}

void TtyDump::check(DumpContext& context) {
  find_leaders(context);
  for (const File& f : files_) {
    if (is_dev_tty(f.st.st_rdev))
      add_dev_tty(context, f);
    else if (!is_ptmx(f.st.st_rdev))
      add_slave(context, f);
  }
  check_sessions(context);
  look_into_queues();
}

void TtyDump::write(DumpContext& context) const {
  if (infos_.empty()) return;
  image::Writer img(context.dir, image::Kind::kTtyInfo);
  for (const auto& [id, info] : infos_) img.write(info);
  img.close();
  data_.write(context);
}

}  // namespace criu::files
