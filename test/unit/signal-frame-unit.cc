// SPDX-License-Identifier: GPL-2.0-only
#include "compel/signal-frame.h"

#include <cpuid.h>
#include <elf.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "compel/error.h"

extern "C" {
// The restorer that a frame enters, and where its registers lead to.
void unit_restorer();
void unit_landing();
}
asm(".pushsection .text\n"
    "unit_restorer: mov $15, %eax\n"
    "syscall\n"
    "unit_landing: int3\n"
    ".popsection\n");

namespace compel {
namespace {

constexpr size_t kXmm = 160, kSwReserved = 464, kXstateBv = 512;
constexpr uint64_t kYmmBit = 4;

struct Place {
  size_t offset = 0, size = 0;
};

Place ymm_place(const std::vector<uint8_t>& xstate) {
  uint64_t enabled = 0;
  memcpy(&enabled, xstate.data() + kSwReserved, sizeof enabled);
  if (xstate.size() <= kXstateBv || (enabled & kYmmBit) == 0) return {};
  unsigned size = 0, offset = 0, ecx = 0, edx = 0;
  __cpuid_count(0xd, 2, size, offset, ecx, edx);
  return {offset, size};
}

Registers read_registers(pid_t pid) {
  Registers r;
  iovec general{&r.general, sizeof r.general};
  EXPECT_EQ(ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &general), 0);
  r.xstate.resize(16384);
  iovec xstate{r.xstate.data(), r.xstate.size()};
  EXPECT_EQ(ptrace(PTRACE_GETREGSET, pid, NT_X86_XSTATE, &xstate), 0);
  r.xstate.resize(xstate.iov_len);
  return r;
}

uint64_t read_sigmask(pid_t pid) {
  uint64_t mask = 0;
  EXPECT_EQ(ptrace(static_cast<__ptrace_request>(0x420a), pid, sizeof mask, &mask), 0);
  return mask;
}

// A child that is traced and stopped, and memory that it shares with this process.
class TracedChild {
 public:
  TracedChild() {
    shared_ = mmap(nullptr, kShared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_ = fork();
    if (pid_ == 0) {
      ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      raise(SIGSTOP);
      _exit(1);
    }
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  ~TracedChild() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    munmap(shared_, kShared);
  }
  TracedChild(const TracedChild&) = delete;
  TracedChild& operator=(const TracedChild&) = delete;

  pid_t pid() const { return pid_; }
  uint64_t frame_addr() const { return reinterpret_cast<uint64_t>(shared_); }
  uint64_t stack() const { return frame_addr() + kShared; }
  // Puts the frame in its place and goes on at `ip` with `sp`; returns the signal of the next stop.
  int enter(const SignalFrame& frame, uint64_t ip, uint64_t sp) {
    memcpy(shared_, frame.bytes().data(), frame.bytes().size());
    user_regs_struct r = read_registers(pid_).general;
    r.rip = ip, r.rsp = sp, r.orig_rax = ~0UL;
    EXPECT_EQ(ptrace(PTRACE_SETREGS, pid_, nullptr, &r), 0);
    EXPECT_EQ(ptrace(PTRACE_CONT, pid_, nullptr, nullptr), 0);
    int status = 0;
    waitpid(pid_, &status, 0);
    return WIFSTOPPED(status) ? WSTOPSIG(status) : -1;
  }

 private:
  static constexpr size_t kShared = 64 * 1024;
  void* shared_ = nullptr;
  pid_t pid_ = 0;
};

// Other values than any the child had.
Registers changed(Registers r, uint64_t stack) {
  user_regs_struct& g = r.general;
  uint64_t n = 0x1234567800000000;
  for (auto* reg : {&g.rax, &g.rbx, &g.rcx, &g.rdx, &g.rsi, &g.rdi, &g.rbp, &g.r8, &g.r9, &g.r10,
                    &g.r11, &g.r12, &g.r13, &g.r14, &g.r15})
    *reg = n++;
  g.rip = reinterpret_cast<uint64_t>(unit_landing);
  g.rsp = stack - 0x100;
  g.eflags = 0x202 | 0x400;  // interrupts, and the direction flag
  g.orig_rax = ~0UL;
  uint64_t in_use = 3;
  for (size_t i = 0; i < 256; i++) r.xstate[kXmm + i] = static_cast<uint8_t>(i * 5 + 1);
  const Place ymm = ymm_place(r.xstate);
  if (ymm.size != 0) in_use |= kYmmBit;
  for (size_t i = 0; i < ymm.size; i++) r.xstate[ymm.offset + i] = static_cast<uint8_t>(77 - i * 3);
  if (r.xstate.size() > kXstateBv) memcpy(r.xstate.data() + kXstateBv, &in_use, sizeof in_use);
  return r;
}

void expect_same(const Registers& now, Registers wanted) {
  wanted.general.rip++;  // behind the breakpoint
  const auto* a = reinterpret_cast<const unsigned long*>(&now.general);
  const auto* b = reinterpret_cast<const unsigned long*>(&wanted.general);
  for (size_t i = 0; i < sizeof now.general / sizeof *a; i++)
    EXPECT_EQ(a[i], b[i]) << "word " << i << " of user_regs_struct";
  EXPECT_EQ(memcmp(now.xstate.data() + kXmm, wanted.xstate.data() + kXmm, 256), 0) << "xmm";
  const Place ymm = ymm_place(wanted.xstate);
  EXPECT_EQ(memcmp(now.xstate.data() + ymm.offset, wanted.xstate.data() + ymm.offset, ymm.size), 0)
      << "ymm";
}

TEST(SignalFrame, RtSigreturnGivesTheRegistersBack) {
  TracedChild child;
  const Registers wanted = changed(read_registers(child.pid()), child.stack());
  const uint64_t mask = 1ULL << (SIGUSR1 - 1) | 1ULL << (SIGRTMAX - 1);
  const auto restorer = reinterpret_cast<uint64_t>(unit_restorer);
  const SignalFrame frame(wanted, mask, child.frame_addr(), restorer);
  ASSERT_EQ(child.enter(frame, restorer, frame.sigreturn_sp()), SIGTRAP);
  expect_same(read_registers(child.pid()), wanted);
  EXPECT_EQ(read_sigmask(child.pid()), mask);
}

// As a handler would end: `ret` with %rsp at the frame.
TEST(SignalFrame, ARetEntersTheRestorer) {
  TracedChild child;
  const Registers wanted = changed(read_registers(child.pid()), child.stack());
  const SignalFrame frame(wanted, 0, child.frame_addr(), reinterpret_cast<uint64_t>(unit_restorer));
  static const uint8_t kRet = 0xc3;
  uint64_t ret = 0;
  for (auto at = reinterpret_cast<uint64_t>(unit_restorer);; at++)
    if (*reinterpret_cast<const uint8_t*>(at) == kRet) {
      ret = at;
      break;
    }
  ASSERT_EQ(child.enter(frame, ret, frame.ret_sp()), SIGTRAP);
  expect_same(read_registers(child.pid()), wanted);
  EXPECT_EQ(read_sigmask(child.pid()), 0u);
}

TEST(SignalFrame, IsLaidOutAsTheLibcSaysOfUcontext) {
  Registers r;
  unsigned long n = 100;
  user_regs_struct& g = r.general;
  for (auto* reg : {&g.r8, &g.r9, &g.r10, &g.r11, &g.r12, &g.r13, &g.r14, &g.r15, &g.rdi, &g.rsi,
                    &g.rbp, &g.rbx, &g.rdx, &g.rax, &g.rcx, &g.rsp, &g.rip, &g.eflags})
    *reg = n++;
  g.orig_rax = ~0UL, g.cs = 0x33, g.ss = 0x2b;
  r.xstate.resize(512);
  const SignalFrame frame(r, 0xfedcba9876543210, 0x10000, 0x4444);
  const uint8_t* bytes = frame.bytes().data();
  uint64_t first = 0;
  memcpy(&first, bytes, sizeof first);
  EXPECT_EQ(first, 0x4444u);
  EXPECT_EQ(frame.ret_sp(), 0x10000u);
  EXPECT_EQ(frame.sigreturn_sp(), 0x10008u);

  ucontext_t uc;
  constexpr size_t kKernelPart = offsetof(ucontext_t, uc_sigmask) + sizeof(uint64_t);
  memcpy(&uc, bytes + 8, kKernelPart);
  EXPECT_EQ(uc.uc_link, nullptr);
  for (int reg = REG_R8; reg <= REG_EFL; reg++) EXPECT_EQ(uc.uc_mcontext.gregs[reg], 100 + reg);
  EXPECT_EQ(static_cast<uint64_t>(uc.uc_mcontext.gregs[REG_CSGSFS]) & 0xffff, 0x33u);
  EXPECT_EQ(static_cast<uint64_t>(uc.uc_mcontext.gregs[REG_CSGSFS]) >> 48, 0x2bu);
  uint64_t mask = 0;
  memcpy(&mask, &uc.uc_sigmask, sizeof mask);
  EXPECT_EQ(mask, 0xfedcba9876543210u);
  const auto fp = reinterpret_cast<uint64_t>(uc.uc_mcontext.fpregs);
  EXPECT_EQ(fp % 64, 0u);
  EXPECT_GE(fp, 0x10000 + 8 + kKernelPart + 128);  // behind siginfo
  EXPECT_LE(fp + 512, 0x10000 + frame.bytes().size());
}

TEST(SignalFrame, WantsAnAlignedPlace) {
  Registers r;
  EXPECT_THROW(SignalFrame(r, 0, 0x10008, 0), Error);
  EXPECT_EQ(signal_frame_size(r) % 64, 0u);
  EXPECT_EQ(SignalFrame(r, 0, 0x10000, 0).bytes().size(), signal_frame_size(r));
}

}  // namespace
}  // namespace compel
