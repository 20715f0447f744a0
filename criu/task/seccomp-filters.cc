// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/seccomp-filters.h"

#include <linux/bpf_common.h>
#include <linux/seccomp.h>

#include <algorithm>
#include <cstring>

#include "criu/base/error.h"

namespace criu {

namespace {

bool same(const compel::SeccompFilter& a, const compel::SeccompFilter& b) {
  return a.flags == b.flags && a.code.size() == b.code.size() &&
         std::memcmp(a.code.data(), b.code.data(), a.code.size() * sizeof(sock_filter)) == 0;
}

bool asks_another(const sock_filter& i) {
  return i.code == (BPF_RET | BPF_K) && (i.k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_USER_NOTIF;
}

}  // namespace

void check_seccomp_filters(pid_t tid, const std::vector<compel::SeccompFilter>& chain) {
  for (const compel::SeccompFilter& filter : chain)
    if (std::ranges::any_of(filter.code, asks_another))
      fail(
          "thread {} has a seccomp filter that asks another process (SECCOMP_RET_USER_NOTIF): "
          "not supported yet",
          tid);
}

uint32_t SeccompFilters::add(const std::vector<compel::SeccompFilter>& chain) {
  std::optional<uint32_t> next;
  for (auto filter = chain.rbegin(); filter != chain.rend(); ++filter) {
    const auto found = std::ranges::find_if(
        stored_, [&](const Stored& s) { return s.next == next && same(*s.filter, *filter); });
    const auto number = static_cast<uint32_t>(found - stored_.begin());
    if (found == stored_.end()) stored_.push_back({next, &*filter});
    next = number;
  }
  return next.value();
}

void SeccompFilters::write(const image::Directory& dir) const {
  if (stored_.empty()) return;
  image::Arena arena;
  SeccompEntry all = SECCOMP_ENTRY__INIT;
  all.n_seccomp_filters = stored_.size();
  all.seccomp_filters = arena.array<SeccompFilter*>(stored_.size());
  for (size_t i = 0; i < stored_.size(); i++) {
    const compel::SeccompFilter& from = *stored_[i].filter;
    auto* e = all.seccomp_filters[i] = arena.make<SeccompFilter>();
    e->filter = arena.bytes(from.code.data(), from.code.size() * sizeof(sock_filter));
    if (stored_[i].next) CRIU_SET_OPTIONAL(e, prev, *stored_[i].next);
    CRIU_SET_OPTIONAL(e, flags, from.flags);
  }
  image::write_single(dir, image::Kind::kSeccomp, 0, &all);
}

SeccompImage::SeccompImage(const image::Directory& dir, image::Arena& arena)
    : entry_(image::read_single<SeccompEntry>(dir, image::Kind::kSeccomp, 0, arena)) {
  for (size_t i = 0; i < entry_->n_seccomp_filters; i++) {
    const SeccompFilter& f = *entry_->seccomp_filters[i];
    if (f.filter.len == 0 || f.filter.len % sizeof(sock_filter) != 0 ||
        f.filter.len / sizeof(sock_filter) > BPF_MAXINSNS)
      fail("seccomp.img: filter {} of {} bytes", i, f.filter.len);
    if (f.has_prev && f.prev >= i)
      fail("seccomp.img: filter {} is not before filter {}", f.prev, i);
    if (f.has_flags && (f.flags & ~(SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_TSYNC)) != 0)
      fail("seccomp.img: filter {} has the flags {:#x}: not supported yet", i, f.flags);
  }
}

SeccompChain SeccompImage::chain(uint32_t first, pid_t tid) const {
  if (first >= entry_->n_seccomp_filters)
    fail("core-{}.img: there is no filter {} in seccomp.img", tid, first);
  SeccompChain chain;
  for (uint32_t i = first;; i = entry_->seccomp_filters[i]->prev) {
    chain.push_back(entry_->seccomp_filters[i]);
    if (!chain.back()->has_prev) return chain;
  }
}

}  // namespace criu
