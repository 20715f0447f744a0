// SPDX-License-Identifier: GPL-2.0-only
#include "criu/arch/x86_64/thread-info.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "compel/xstate.h"
#include "criu/base/error.h"

namespace criu::arch {

namespace {

// The legacy region of an XSAVE area (Intel SDM vol. 1, 13.4.1) and its header (13.4.2).
struct Fxsave {
  uint16_t cwd, swd, twd, fop;
  uint64_t rip, rdp;
  uint32_t mxcsr, mxcsr_mask;
  uint32_t st_space[32];
  uint32_t xmm_space[64];
  uint32_t padding[24];
};
static_assert(sizeof(Fxsave) == 512);

constexpr size_t kHeader = 512;
constexpr size_t kExtended = kHeader + 64;
constexpr uint64_t kX87AndSse = 3;

// The components that the format knows, by their bit in XSTATE_BV, and the size of each in bytes.
enum Component : unsigned {
  kYmm = 2,
  kBndRegs = 3,
  kBndCsr = 4,
  kOpmask = 5,
  kZmmUpper = 6,
  kHi16Zmm = 7,
  kPkru = 9,
  kTileConfig = 17,
};
constexpr uint64_t kKnown = kX87AndSse | 1 << kYmm | 1 << kBndRegs | 1 << kBndCsr | 1 << kOpmask |
                            1 << kZmmUpper | 1 << kHi16Zmm | 1 << kPkru | 1 << kTileConfig |
                            1 << kTileData;
constexpr uint64_t kTiles = 1 << kTileConfig | 1 << kTileData;

template <typename T>
void put(image::Arena& arena, const std::vector<uint8_t>& area, unsigned component, size_t& n,
         T*& to, size_t bytes) {
  const compel::XstatePlace p = compel::xstate_place(component);
  if (p.size == 0 || p.end() > area.size()) return;
  n = bytes / sizeof(T);
  to = arena.array<T>(n);
  memcpy(to, area.data() + p.offset, std::min(bytes, p.size));
}

template <typename T>
void take(std::vector<uint8_t>& area, uint64_t in_use, unsigned component, size_t n,
          const T* from) {
  if ((in_use >> component & 1) == 0) return;
  const compel::XstatePlace p = compel::xstate_place(component);
  if (p.size == 0 || p.end() > area.size())
    fail("the images hold processor state (XSAVE component {}) that this processor lacks",
         component);
  memcpy(area.data() + p.offset, from, std::min(n * sizeof(T), p.size));
}

UserX86XsaveEntry* xsave_entry(image::Arena& arena, const std::vector<uint8_t>& area) {
  auto* x = arena.make<UserX86XsaveEntry>();
  memcpy(&x->xstate_bv, area.data() + kHeader, sizeof x->xstate_bv);
  if ((x->xstate_bv & ~kKnown) != 0)
    fail("processor state that is not supported yet is in use (XSAVE components {:#x})",
         x->xstate_bv & ~kKnown);
  put(arena, area, kYmm, x->n_ymmh_space, x->ymmh_space, 256);
  put(arena, area, kBndRegs, x->n_bndreg_state, x->bndreg_state, 64);
  put(arena, area, kBndCsr, x->n_bndcsr_state, x->bndcsr_state, 64);
  put(arena, area, kOpmask, x->n_opmask_reg, x->opmask_reg, 64);
  put(arena, area, kZmmUpper, x->n_zmm_upper, x->zmm_upper, 512);
  put(arena, area, kHi16Zmm, x->n_hi16_zmm, x->hi16_zmm, 1024);
  put(arena, area, kPkru, x->n_pkru, x->pkru, 8);
  if ((x->xstate_bv & kTiles) == 0) return x;
  put(arena, area, kTileConfig, x->n_tile_config, x->tile_config, 64);
  put(arena, area, kTileData, x->n_tile_data, x->tile_data, 8192);
  return x;
}

UserX86FpregsEntry* fpregs_entry(image::Arena& arena, const std::vector<uint8_t>& area) {
  Fxsave fx;
  if (area.size() < sizeof fx) fail("the kernel gave {} bytes of xstate", area.size());
  memcpy(&fx, area.data(), sizeof fx);
  auto* f = arena.make<UserX86FpregsEntry>();
  f->cwd = fx.cwd, f->swd = fx.swd, f->twd = fx.twd, f->fop = fx.fop;
  f->rip = fx.rip, f->rdp = fx.rdp, f->mxcsr = fx.mxcsr, f->mxcsr_mask = fx.mxcsr_mask;
  f->st_space = arena.copy<uint32_t>(fx.st_space), f->n_st_space = std::size(fx.st_space);
  f->xmm_space = arena.copy<uint32_t>(fx.xmm_space), f->n_xmm_space = std::size(fx.xmm_space);
  f->padding = arena.array<uint32_t>(std::size(fx.padding)), f->n_padding = std::size(fx.padding);
  if (area.size() >= kExtended) f->xsave = xsave_entry(arena, area);
  return f;
}

UserX86RegsEntry* regs_entry(image::Arena& arena, const user_regs_struct& r) {
  auto* e = arena.make<UserX86RegsEntry>();
  e->r15 = r.r15, e->r14 = r.r14, e->r13 = r.r13, e->r12 = r.r12, e->bp = r.rbp, e->bx = r.rbx;
  e->r11 = r.r11, e->r10 = r.r10, e->r9 = r.r9, e->r8 = r.r8, e->ax = r.rax, e->cx = r.rcx;
  e->dx = r.rdx, e->si = r.rsi, e->di = r.rdi, e->orig_ax = r.orig_rax, e->ip = r.rip;
  e->cs = r.cs, e->flags = r.eflags, e->sp = r.rsp, e->ss = r.ss, e->fs_base = r.fs_base;
  e->gs_base = r.gs_base, e->ds = r.ds, e->es = r.es, e->fs = r.fs, e->gs = r.gs;
  CRIU_SET_OPTIONAL(e, mode, USER_X86_REGS_MODE__NATIVE);
  return e;
}

user_regs_struct regs_of(const UserX86RegsEntry& e) {
  user_regs_struct r{};
  r.r15 = e.r15, r.r14 = e.r14, r.r13 = e.r13, r.r12 = e.r12, r.rbp = e.bp, r.rbx = e.bx;
  r.r11 = e.r11, r.r10 = e.r10, r.r9 = e.r9, r.r8 = e.r8, r.rax = e.ax, r.rcx = e.cx;
  r.rdx = e.dx, r.rsi = e.si, r.rdi = e.di, r.orig_rax = e.orig_ax, r.rip = e.ip;
  r.cs = e.cs, r.eflags = e.flags, r.rsp = e.sp, r.ss = e.ss, r.fs_base = e.fs_base;
  r.gs_base = e.gs_base, r.ds = e.ds, r.es = e.es, r.fs = e.fs, r.gs = e.gs;
  return r;
}

std::vector<uint8_t> xstate_of(const UserX86FpregsEntry& f) {
  if (f.n_st_space != 32 || f.n_xmm_space != 64)
    fail("the floating-point registers are incomplete");
  std::vector<uint8_t> area(std::max<size_t>(compel::xstate_size(), kExtended));
  Fxsave fx{};
  fx.cwd = static_cast<uint16_t>(f.cwd), fx.swd = static_cast<uint16_t>(f.swd);
  fx.twd = static_cast<uint16_t>(f.twd), fx.fop = static_cast<uint16_t>(f.fop);
  fx.rip = f.rip, fx.rdp = f.rdp, fx.mxcsr = f.mxcsr, fx.mxcsr_mask = f.mxcsr_mask;
  memcpy(fx.st_space, f.st_space, sizeof fx.st_space);
  memcpy(fx.xmm_space, f.xmm_space, sizeof fx.xmm_space);
  memcpy(area.data(), &fx, sizeof fx);
  uint64_t in_use = kX87AndSse;
  if (const UserX86XsaveEntry* x = f.xsave) {
    in_use = x->xstate_bv;
    if ((in_use & ~kKnown) != 0) fail("XSAVE components {:#x} are unknown", in_use & ~kKnown);
    take(area, in_use, kYmm, x->n_ymmh_space, x->ymmh_space);
    take(area, in_use, kBndRegs, x->n_bndreg_state, x->bndreg_state);
    take(area, in_use, kBndCsr, x->n_bndcsr_state, x->bndcsr_state);
    take(area, in_use, kOpmask, x->n_opmask_reg, x->opmask_reg);
    take(area, in_use, kZmmUpper, x->n_zmm_upper, x->zmm_upper);
    take(area, in_use, kHi16Zmm, x->n_hi16_zmm, x->hi16_zmm);
    take(area, in_use, kPkru, x->n_pkru, x->pkru);
    take(area, in_use, kTileConfig, x->n_tile_config, x->tile_config);
    take(area, in_use, kTileData, x->n_tile_data, x->tile_data);
  }
  memcpy(area.data() + kHeader, &in_use, sizeof in_use);
  return area;
}

}  // namespace

ThreadInfoX86* thread_info(image::Arena& arena, const compel::Registers& regs,
                           uint64_t clear_tid_addr) {
  if (compel::is_compat(regs.general)) fail("32-bit tasks are not supported yet");
  auto* info = arena.make<ThreadInfoX86>();
  info->clear_tid_addr = clear_tid_addr;
  info->gpregs = regs_entry(arena, compel::without_pending_restart(regs.general));
  if (const unsigned error = compel::pending_restart(regs.general); error != 0)
    CRIU_SET_OPTIONAL(info->gpregs, left_by, error);
  info->fpregs = fpregs_entry(arena, regs.xstate);
  return info;
}

compel::Registers registers_of(const ThreadInfoX86& info) {
  if (info.gpregs->has_mode && info.gpregs->mode != USER_X86_REGS_MODE__NATIVE)
    fail("32-bit tasks are not supported yet");
  compel::Registers regs;
  regs.general = regs_of(*info.gpregs);
  // Another tool's images do not tell: there the call is made as if it had not begun.
  regs.general.orig_rax = static_cast<unsigned long>(-1);
  if (info.gpregs->has_left_by)
    regs.general = compel::with_pending_restart(regs.general, info.gpregs->left_by);
  regs.xstate = xstate_of(*info.fpregs);
  return regs;
}

bool uses_tiles(const ThreadInfoX86& info) {
  const UserX86XsaveEntry* x = info.fpregs->xsave;
  return x != nullptr && (x->xstate_bv >> kTileData & 1) != 0;
}

void check_asked_for(const TaskCoreEntry& task, std::span<const CoreEntry* const> threads) {
  if (!task.has_xcomp_asked_for) {
    for (const CoreEntry* thread : threads)
      if (uses_tiles(*thread->thread_info))
        fail("a thread uses AMX, which by the images its task has not asked for");
    return;
  }
  if (task.xcomp_asked_for != kTileData)
    fail("the task had asked for XSAVE component {}, which is unknown", task.xcomp_asked_for);
  constexpr int kArchGetXcompSupp = 0x1021;  // asm/prctl.h
  uint64_t supported = 0;
  if (syscall(SYS_arch_prctl, kArchGetXcompSupp, &supported) < 0 ||
      (supported >> kTileData & 1) == 0)
    fail("the task had asked for AMX (ARCH_REQ_XCOMP_PERM), which this machine does not have");
}

}  // namespace criu::arch
