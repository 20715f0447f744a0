// SPDX-License-Identifier: GPL-2.0-only
#include "compel/signal-frame.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "compel/error.h"
#include "compel/xstate.h"

namespace compel {

namespace {

// arch/x86/include/uapi/asm/sigcontext.h
constexpr uint32_t kFpXstateMagic1 = 0x46505853;
constexpr uint32_t kFpXstateMagic2 = 0x46505845;
constexpr size_t kSwReservedOffset = 464;
constexpr size_t kXstateBvOffset = 512;
constexpr size_t kFxsaveSize = 512;
constexpr size_t kXstateAlign = 64;

struct FpxSwBytes {
  uint32_t magic1;
  uint32_t extended_size;
  uint64_t xfeatures;
  uint32_t xstate_size;
  uint32_t padding[7];
};
static_assert(sizeof(FpxSwBytes) == 48);

struct SigContext {
  uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
  uint16_t cs, gs, fs, ss;
  uint64_t err, trapno, oldmask, cr2, fpstate, reserved1[8];
};
static_assert(sizeof(SigContext) == 256);

struct StackT {
  uint64_t sp;
  int32_t flags, pad;
  uint64_t size;
};

struct UContext {
  uint64_t flags, link;
  StackT stack;
  SigContext mcontext;
  uint64_t sigmask;
};

struct RtSigframe {
  uint64_t pretcode;
  UContext uc;
  uint8_t info[128];
};

// arch/x86/include/uapi/asm/ucontext.h
constexpr uint64_t kUcFpXstate = 1, kUcSigcontextSs = 2, kUcStrictRestoreSs = 4;
// No mode of sigaltstack(2): rt_sigreturn then leaves the alternate stack alone.
constexpr int32_t kNoAltstackChange = 0x7fff;

size_t xstate_offset() {
  return (sizeof(RtSigframe) + kXstateAlign - 1) / kXstateAlign * kXstateAlign;
}

// Components that a thread has only after asking (arch_prctl(2) ARCH_REQ_XCOMP_PERM): AMX.
constexpr uint64_t kDynamicXfeatures = (1ULL << 17) | (1ULL << 18);

uint64_t word_at(const std::vector<uint8_t>& bytes, size_t offset) {
  uint64_t word = 0;
  memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

// What a frame of this thread holds. ptrace gives room for every component of the processor; the
// kernel takes a frame back only up to the size of the components that the thread has.
struct XstateShape {
  uint64_t features = 0;
  size_t size = 0;
};

XstateShape xstate_shape(const Registers& regs) {
  XstateShape shape;
  if (regs.xstate.size() <= kFxsaveSize) {
    shape.size = regs.xstate.size();
    return shape;
  }
  // ptrace leaves the features that the kernel has enabled (XCR0) where the frame has its own.
  const uint64_t enabled = word_at(regs.xstate, kSwReservedOffset);
  const uint64_t in_use = word_at(regs.xstate, kXstateBvOffset);
  shape.features = enabled & ~(kDynamicXfeatures & ~in_use);
  shape.size = kFxsaveSize + 64;
  for (unsigned i = 2; i < 63; i++) {
    if ((shape.features >> i & 1) == 0) continue;
    shape.size = std::max(shape.size, xstate_place(i).end());
  }
  shape.size = std::min(shape.size, regs.xstate.size());
  return shape;
}

SigContext to_sigcontext(const user_regs_struct& r) {
  SigContext c{};
  c.r8 = r.r8, c.r9 = r.r9, c.r10 = r.r10, c.r11 = r.r11;
  c.r12 = r.r12, c.r13 = r.r13, c.r14 = r.r14, c.r15 = r.r15;
  c.di = r.rdi, c.si = r.rsi, c.bp = r.rbp, c.bx = r.rbx;
  c.dx = r.rdx, c.ax = r.rax, c.cx = r.rcx, c.sp = r.rsp;
  c.ip = r.rip, c.flags = r.eflags;
  c.cs = static_cast<uint16_t>(r.cs), c.ss = static_cast<uint16_t>(r.ss);
  return c;
}

}  // namespace

size_t signal_frame_size(const Registers& regs) {
  const size_t size = xstate_offset() + regs.xstate.size() + sizeof kFpXstateMagic2;
  return (size + kXstateAlign - 1) / kXstateAlign * kXstateAlign;
}

SignalFrame::SignalFrame(const Registers& regs, uint64_t sigmask, uint64_t addr, uint64_t restorer)
    : addr_(addr), bytes_(signal_frame_size(regs)) {
  if (addr % kXstateAlign != 0) throw Error("a signal frame must be 64-byte aligned");
  RtSigframe frame{};
  frame.pretcode = restorer;
  frame.uc.flags = kUcSigcontextSs | kUcStrictRestoreSs;
  frame.uc.stack.flags = kNoAltstackChange;
  frame.uc.mcontext = to_sigcontext(without_pending_restart(regs.general));
  frame.uc.sigmask = sigmask;

  const XstateShape shape = xstate_shape(regs);
  if (shape.size != 0) {
    frame.uc.mcontext.fpstate = addr + xstate_offset();
    uint8_t* x = bytes_.data() + xstate_offset();
    memcpy(x, regs.xstate.data(), shape.size);
    FpxSwBytes sw{};
    if (shape.size > kFxsaveSize) {
      frame.uc.flags |= kUcFpXstate;
      sw.magic1 = kFpXstateMagic1;
      sw.extended_size = static_cast<uint32_t>(shape.size + sizeof kFpXstateMagic2);
      sw.xfeatures = shape.features;
      sw.xstate_size = static_cast<uint32_t>(shape.size);
      memcpy(x + shape.size, &kFpXstateMagic2, sizeof kFpXstateMagic2);
    }
    memcpy(x + kSwReservedOffset, &sw, sizeof sw);
  }
  memcpy(bytes_.data(), &frame, sizeof frame);
}

}  // namespace compel
