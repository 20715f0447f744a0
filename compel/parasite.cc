// SPDX-License-Identifier: GPL-2.0-only
#include "compel/parasite.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>

#include "compel/error.h"
#include "compel/pie/thread-control.h"
#include "compel/rseq.h"

namespace compel {

namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kRedZone = 128;  // System V ABI for x86-64, 3.2.2
constexpr uint64_t kFrameAlign = 64;
constexpr size_t kStackSize = 16 * 1024;
constexpr uint64_t kLowestAddr = 0x10000;  // vm.mmap_min_addr
constexpr uint64_t kHighestAddr = 0x7ffffffff000;
// TF, DF and AC: they are of the code that a task runs itself, which may be stepping.
constexpr unsigned long long kOwnFlags = 0x40500;
constexpr int kAttempts = 3;  // to bring home a thread that a request has failed for
constexpr long kDonePollNs = 5'000'000;
// The end of the mapping, by which it is known should it be left behind.
constexpr std::array<uint8_t, 64> kMark = {0xf0, 0x9f, 'c',  'o',  'm',  'p', 'e', 'l',
                                           ' ',  'p',  'a',  'r',  'a',  's', 'i', 't',
                                           'e',  0,    0x3d, 0x8e, 0x51, 0xc2};
constexpr int kMaxDonePolls = 4000;  // 20 s: a blob does no more than a few dozen system calls

constexpr uint64_t kSigsys = 1ULL << (SIGSYS - 1);

bool has_sigsys(const std::vector<siginfo_t>& queue) {
  return std::ranges::any_of(queue, [](const siginfo_t& i) { return i.si_signo == SIGSYS; });
}

// Whether a thread may be about to take a SIGSYS, which then is its own: a seccomp filter has sent
// it in the place of a system call (SECCOMP_RET_TRAP), for example.
bool may_get_sigsys(const Tracee& tracee) {
  return has_sigsys(tracee.queued_signals(false)) || has_sigsys(tracee.queued_signals(true));
}

// The mask of a thread while it does not run its own code: all signals wait. But the first call of
// a thread that diverts its system calls ends in SIGSYS, and the kernel takes the handler of that
// away if it is blocked. Not every kernel tells which do.
uint64_t busy_mask(const StoppedThread& t) {
  if (t.diverts ? !*t.diverts : may_get_sigsys(*t.tracee)) return ~0ULL;
  return ~kSigsys | t.blocked;
}

const char* why_not_mapped(int64_t ret) {
  if (ret == -EACCES)
    return " (it is denied memory that is executable, by a security module: not supported yet)";
  if (ret == -ENOMEM)
    return " (its limits RLIMIT_AS and RLIMIT_DATA, how many mappings a process may have "
           "(vm.max_map_count), or what the machine promises (vm.overcommit_memory) leave no room "
           "for it)";
  if (ret == -EAGAIN) return " (it locks all it maps, and its limit of locked memory is reached)";
  return "";
}

uint64_t page_up(uint64_t n) {
  return (n + kPage - 1) & ~(kPage - 1);
}

}  // namespace

// What lies where in the mapping: blob and a mark; from another page on the done word, the mutex
// that shows that the tracer lives, data, then per thread control, frame and stack; the mark.
class Parasite::Layout {
 public:
  Layout(size_t blob, size_t data, std::span<const Saved> threads) {
    done_word_ = page_up(blob + kMark.size());
    code_mark_ = done_word_ - kMark.size();
    alive_ = done_word_ + kFrameAlign;
    data_ = alive_ + kFrameAlign;
    uint64_t at = page_up(data_ + data);
    for (const Saved& t : threads) {
      control_.push_back(at);
      frame_.push_back(at + kFrameAlign);
      at += page_up(kFrameAlign + signal_frame_size(t.regs) + kStackSize);
      stack_top_.push_back(at);
    }
    size_ = page_up(at + kMark.size());
    mark_ = size_ - kMark.size();
  }
  uint64_t done_word() const { return done_word_; }
  uint64_t alive() const { return alive_; }
  uint64_t data() const { return data_; }
  uint64_t control(size_t i) const { return control_[i]; }
  uint64_t frame(size_t i) const { return frame_[i]; }
  uint64_t stack_top(size_t i) const { return stack_top_[i]; }
  uint64_t code_mark() const { return code_mark_; }
  uint64_t mark() const { return mark_; }
  uint64_t code_size() const { return done_word_; }
  uint64_t size() const { return size_; }

 private:
  uint64_t done_word_, code_mark_, alive_, data_, mark_, size_;
  std::vector<uint64_t> control_, frame_, stack_top_;
};

Parasite::Parasite(std::span<const StoppedThread> threads, std::span<const Range> ranges,
                   GadgetMemo& memo, const Blob& blob, size_t data_size)
    : memory_(threads.front().tracee->tid()), blob_(blob) {
  static_assert(sizeof(pie::ThreadControl) <= kFrameAlign);
  static_assert(sizeof(pthread_mutex_t) <= kFrameAlign);
  for (const StoppedThread& t : threads)
    threads_.push_back({t.tracee, t.regs, t.blocked, busy_mask(t), true});
  gadgets_ = find_gadgets(memory_, ranges, memo);
  layout_ = std::make_unique<Layout>(blob.size, data_size, threads_);
  area_ = find_hole(ranges, layout_->size());
  prepare_escape(ranges);
  begin_to_map(PROT_READ | PROT_WRITE | PROT_EXEC);
}

Parasite::~Parasite() {
  // The leader last: until the area is unmapped, it is on a way that ends with unmapping it.
  bool is_free = true;
  for (size_t i = threads_.size(); i-- > 1;) is_free = take_back_quietly(threads_[i]) && is_free;
  if (is_free) unmap_area();
  take_back_quietly(threads_.front());
  // It may still come by the frames that lie there.
  if (!threads_.front().is_home) escape_->forget();
  if (local_ == nullptr) return;
  pthread_mutex_unlock(alive());
  pthread_mutex_destroy(alive());
  munmap(local_, layout_->size());
}

pthread_mutex_t* Parasite::alive() {
  return reinterpret_cast<pthread_mutex_t*>(local_ + layout_->alive());
}

// Taken by this thread, the tracer: threads in the area wait for the kernel to say that it has
// died.
void Parasite::show_that_we_live() {
  pthread_mutexattr_t attr;
  pthread_mutexattr_init(&attr);
  pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(alive(), &attr);
  pthread_mutexattr_destroy(&attr);
  pthread_mutex_lock(alive());
}

void* Parasite::data() {
  share_area();
  return local_ + layout_->data();
}

uint64_t Parasite::find_hole(std::span<const Range> ranges, uint64_t size) const {
  // From the top down, below the stack's guard gap; a page stays free on both sides.
  uint64_t upper = kHighestAddr;
  for (auto it = ranges.rbegin(); it != ranges.rend(); ++it) {
    if (it->start >= kHighestAddr) continue;
    // A stack grows into the gap below it (up to its limit): do not stand there.
    if (upper > it->end && upper - it->end >= size + 2 * kPage) return upper - kPage - size;
    upper = it->growsdown ? it->start - std::min<uint64_t>(it->start, 1ULL << 30) : it->start;
  }
  if (upper > kLowestAddr && upper - kLowestAddr >= size + 2 * kPage) return upper - kPage - size;
  throw Error("the address space of task " + std::to_string(threads_.front().tracee->tid()) +
              " has no free range of " + std::to_string(size) + " bytes");
}

// Where the leader's frames can lie: below the red zone of its stack nothing is alive. A leader
// that runs elsewhere (a coroutine's stack, an alternate stack) leaves the far end of its main
// stack, which is borrowed and put back.
uint64_t Parasite::find_frame_place(std::span<const Range> ranges, size_t size) const {
  const uint64_t sp = threads_.front().regs.general.rsp;
  const Range* own = nullptr;
  const Range* main_stack = nullptr;
  for (const Range& r : ranges) {
    if (sp > r.start && sp <= r.end) own = &r;
    if (r.growsdown) main_stack = &r;
  }
  const uint64_t need = size + kRedZone + 2 * kFrameAlign;
  const uint64_t below = (sp - kRedZone - size - kFrameAlign) & ~(kFrameAlign - 1);
  // The main stack grows where it is too small, by the access alone (mm/memory.c,
  // access_remote_vm).
  if (own != nullptr && own == main_stack) return below;
  if (main_stack != nullptr && main_stack->end - main_stack->start > need)
    return (main_stack->start + kFrameAlign) & ~(kFrameAlign - 1);
  if (own != nullptr && sp - own->start > need) return below;
  throw Error("no room for " + std::to_string(need) + " bytes below the stack pointer of thread " +
              std::to_string(threads_.front().tracee->tid()));
}

// Two frames: the first unmaps the area and goes on to the second, which brings the leader home.
void Parasite::prepare_escape(std::span<const Range> ranges) {
  const Saved& leader = threads_.front();
  Registers unmap;  // no xstate: the second frame brings that
  const size_t first = signal_frame_size(unmap) + kFrameAlign + gadgets_.drop;
  const size_t second = signal_frame_size(leader.regs);
  const size_t margin = gadgets_.drop + kFrameAlign;
  const uint64_t at = find_frame_place(ranges, first + second + 2 * margin) + margin;
  const uint64_t first_at = (at + kFrameAlign - 1) & ~(kFrameAlign - 1);
  const uint64_t second_at = (first_at + first + margin + kFrameAlign - 1) & ~(kFrameAlign - 1);

  const SignalFrame home(leader.regs, leader.sigmask, second_at, gadgets_.sigreturn);
  unmap.general = leader.regs.general;
  unmap.general.orig_rax = static_cast<unsigned long>(-1);
  unmap.general.eflags &= ~kOwnFlags;
  unmap.general.rip = gadgets_.syscall_ret;
  unmap.general.rax = SYS_munmap;
  unmap.general.rdi = area_;
  unmap.general.rsi = layout_->size();
  unmap.general.rsp = home.ret_sp() - gadgets_.drop;
  const SignalFrame unmapping(unmap, leader.sigmask, first_at, gadgets_.sigreturn);

  const uint64_t from = first_at - margin;
  escape_ = std::make_unique<BorrowedMemory>(memory_, from, second_at + second - from);
  memory_.write(home.addr(), home.bytes().data(), home.bytes().size());
  memory_.write(unmapping.addr(), unmapping.bytes().data(), unmapping.bytes().size());
  home_sp_ = home.ret_sp();
  unmap_sp_ = unmapping.ret_sp();
}

// One system call by the leader. If nobody is there to see its end, the `ret` behind the syscall
// instruction takes the frame at ret_sp.
void Parasite::begin_call(long nr, std::span<const uint64_t> args, uint64_t ret_sp) {
  Tracee& leader = *threads_.front().tracee;
  user_regs_struct r = threads_.front().regs.general;
  unsigned long long* const slots[] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9};
  for (size_t i = 0; i < std::size(slots); i++) *slots[i] = i < args.size() ? args[i] : 0;
  r.rax = static_cast<unsigned long>(nr);
  r.orig_rax = static_cast<unsigned long>(-1);
  r.eflags &= ~kOwnFlags;
  r.rip = gadgets_.syscall_ret;
  r.rsp = ret_sp - gadgets_.drop;
  threads_.front().is_home = false;
  leader.set_general(r);
  leader.set_blocked_signals(threads_.front().busy_mask);
  leader.start_to_syscall_stop();
  call_ = Call::kBegun;
}

// What fails leaves open how far the call has come.
void Parasite::go_on() {
  if (call_ != Call::kBegun) return;
  call_ = Call::kLost;
  threads_.front().tracee->await_syscall_stop();
  threads_.front().tracee->start_to_syscall_stop();
  call_ = Call::kEntered;
}

int64_t Parasite::finish_call() {
  go_on();
  call_ = Call::kLost;
  threads_.front().tracee->await_syscall_stop();
  const user_regs_struct regs = threads_.front().tracee->general();
  call_ = Call::kNone;
  return static_cast<int64_t>(regs.rax);
}

void Parasite::begin_to_map(int prot) {
  const std::array<uint64_t, 6> args = {area_,
                                        layout_->size(),
                                        static_cast<uint64_t>(prot),
                                        MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
                                        static_cast<uint64_t>(-1),
                                        0};
  try {
    begin_call(SYS_mmap, args, unmap_sp_);
    may_be_mapped_ = true;
  } catch (const Error&) {
    take_back_quietly(threads_.front());
    throw;
  }
}

// From its end on the leader stands behind the call, before the `ret` to unmap_sp_.
int64_t Parasite::finish_mapping() {
  const int64_t ret = finish_call();
  may_be_mapped_ = ret == static_cast<int64_t>(area_);
  return ret;
}

// For a task that denies itself memory which is writable and executable, or becomes executable
// (PR_SET_MDWE of prctl(2); mm/mprotect.c): all may be executed at first, and what is no code may
// be written instead.
int64_t Parasite::map_in_two() {
  begin_to_map(PROT_READ | PROT_EXEC);
  const int64_t mapped = finish_mapping();
  if (!may_be_mapped_) return mapped;
  const std::array<uint64_t, 3> args = {
      area_ + layout_->code_size(), layout_->size() - layout_->code_size(), PROT_READ | PROT_WRITE};
  begin_call(SYS_mprotect, args, unmap_sp_);
  const int64_t ret = finish_call();
  return ret < 0 ? ret : mapped;
}

void Parasite::share_area() {
  if (local_ != nullptr) return;
  const pid_t pid = threads_.front().tracee->tid();
  uint64_t first_part = layout_->size();
  int64_t ret = finish_mapping();
  if (ret == -EACCES) {
    first_part = layout_->code_size();
    ret = map_in_two();
  }
  if (ret != static_cast<int64_t>(area_))
    throw Error("mapping the parasite into task " + std::to_string(pid) + why_not_mapped(ret),
                static_cast<int>(ret < 0 ? -ret : EEXIST));

  char path[96];
  snprintf(path, sizeof path, "/proc/%d/map_files/%lx-%lx", pid, static_cast<unsigned long>(area_),
           static_cast<unsigned long>(area_ + first_part));
  const int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) throw Error(std::string("sharing ") + path, errno);
  void* here = mmap(nullptr, layout_->size(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int mmap_err = errno;
  close(fd);
  if (here == MAP_FAILED) throw Error(std::string("sharing ") + path, mmap_err);
  local_ = static_cast<uint8_t*>(here);
  memcpy(local_, blob_.image, blob_.size);
  for (const uint64_t mark : {layout_->code_mark(), layout_->mark()})
    memcpy(local_ + mark, kMark.data(), kMark.size());
  show_that_we_live();
}

bool Parasite::is_leftover(const Memory& memory, uint64_t start, uint64_t end) {
  std::array<uint8_t, kMark.size()> found{};
  return end - start > found.size() &&
         memory.read_some(end - found.size(), found.data(), found.size()) == found.size() &&
         found == kMark;
}

void Parasite::unmap(const Range& range) {
  share_area();
  const std::array<uint64_t, 2> args = {range.start, range.end - range.start};
  begin_call(SYS_munmap, args, unmap_sp_);
  const int64_t ret = finish_call();
  if (ret != 0)
    throw Error("unmapping what a killed dump has left in " +
                    std::to_string(threads_.front().tracee->tid()),
                static_cast<int>(-ret));
}

void Parasite::begin_to_unmap() {
  const std::array<uint64_t, 2> args = {area_, layout_->size()};
  threads_.front().tracee->interrupt();
  begin_call(SYS_munmap, args, home_sp_);
}

// Also where that, or the mapping itself, has only been begun, or is lost.
void Parasite::unmap_area() noexcept {
  for (int i = 0; i < kAttempts && may_be_mapped_; i++) {
    try {
      if (call_ == Call::kLost) {
        threads_.front().tracee->come_to_rest();
        call_ = Call::kNone;
      }
      if (call_ == Call::kNone) begin_to_unmap();
      may_be_mapped_ = finish_call() == static_cast<int64_t>(area_);
    } catch (const Error&) {
      // What there is to say about the leader, take_back() finds out.
    }
  }
}

void Parasite::start_thread(size_t i) {
  Saved& t = threads_[i];
  // The leader of a single-threaded task leaves by way of the stack's frames, which unmap the area
  // behind it; another thread cannot, the rest may still be in there.
  const SignalFrame frame(t.regs, t.sigmask, area_ + layout_->frame(i), gadgets_.sigreturn);
  memcpy(local_ + layout_->frame(i), frame.bytes().data(), frame.bytes().size());
  pie::ThreadControl ctl{};
  ctl.index = static_cast<uint32_t>(i);
  ctl.data = area_ + layout_->data();
  ctl.done_count = area_ + layout_->done_word();
  ctl.tracer = area_ + layout_->alive() + offsetof(pthread_mutex_t, __data.__lock);
  ctl.sigreturn_sp = threads_.size() == 1 ? unmap_sp_ + 8 : frame.sigreturn_sp();
  memcpy(local_ + layout_->control(i), &ctl, sizeof ctl);

  user_regs_struct r = t.regs.general;
  r.orig_rax = static_cast<unsigned long>(-1);
  r.rip = area_;
  r.rdi = area_ + layout_->control(i);
  r.rsp = area_ + layout_->stack_top(i);
  r.eflags &= ~kOwnFlags;
  t.is_home = false;
  t.tracee->set_general(r);
  t.tracee->set_blocked_signals(t.busy_mask);
  t.tracee->resume();
}

void Parasite::run() {
  start();
  ask_to_stop();
  finish();
}

void Parasite::start() {
  share_area();
  __atomic_store_n(reinterpret_cast<uint32_t*>(local_ + layout_->done_word()), 0, __ATOMIC_SEQ_CST);
  for (size_t i = 0; i < threads_.size(); i++) start_thread(i);
}

void Parasite::ask_to_stop() {
  wait_until_done();
  for (const Saved& t : threads_) t.tracee->ask_to_stop();
}

void Parasite::finish() {
  for (size_t i = threads_.size(); i-- > 0;) catch_parked(i);
}

void Parasite::leave() {
  for (size_t i = threads_.size(); i-- > 1;) take_back(threads_[i]);
  begin_to_unmap();
}

void Parasite::forget() noexcept {
  for (Saved& t : threads_) t.is_home = true;
  may_be_mapped_ = false;
  escape_->forget();
}

void Parasite::enter() {
  start();
  wait_until_done();
}

void Parasite::wait_until_done() {
  auto* done = reinterpret_cast<uint32_t*>(local_ + layout_->done_word());
  for (int polls = 0;; polls++) {
    const uint32_t seen = __atomic_load_n(done, __ATOMIC_SEQ_CST);
    if (seen >= threads_.size()) break;
    const timespec ts{0, kDonePollNs};
    const long rc = syscall(SYS_futex, done, FUTEX_WAIT, seen, &ts, nullptr, 0);
    if (rc == 0 || errno != ETIMEDOUT) continue;
    for (Saved& t : threads_)
      if (const auto how = t.tracee->unexpected_stop()) throw Error("in the parasite, " + *how);
    if (polls >= kMaxDonePolls) throw Error("the parasite does not answer");
  }
}

// Stops a thread that has done its work. All but the leader get their registers back; then the
// leader, alone in the area, unmaps it should it have to leave by itself.
void Parasite::catch_parked(size_t i) {
  Saved& t = threads_[i];
  t.tracee->interrupt();
  if (i != 0) {
    take_back(t);
    return;
  }
  auto* ctl = reinterpret_cast<pie::ThreadControl*>(local_ + layout_->control(i));
  __atomic_store_n(&ctl->sigreturn_sp, unmap_sp_ + 8, __ATOMIC_SEQ_CST);
}

// False where the thread is gone, and with it all that was done to it, or goes home by itself.
bool Parasite::take_back_quietly(Saved& t) noexcept {
  for (int i = 0; i < kAttempts && !t.is_home; i++) {
    try {
      take_back(t);
    } catch (const Error&) {
      // What is asked for may be refused once only.
    }
  }
  return t.is_home;
}

// Gives a stopped thread its own mask and registers again.
void Parasite::take_back(Saved& t) {
  if (t.is_home) return;
  t.tracee->interrupt();
  t.tracee->set_blocked_signals(t.sigmask);
  t.tracee->set_general(t.regs.general);
  t.is_home = true;
}

}  // namespace compel
