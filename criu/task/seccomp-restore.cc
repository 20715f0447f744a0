// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/seccomp-restore.h"

#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>

#include "compel/seccomp.h"
#include "criu/task/capabilities.h"

namespace criu {

namespace {

static_assert(kAdmin == uint64_t{1} << CAP_SYS_ADMIN);

// The arguments of capset(2), as they lie in the scratch. Of seccomp(2) it is the program's head,
// and its instructions behind it.
struct Capabilities {
  __user_cap_header_struct header;
  std::array<__user_cap_data_struct, 2> data;
};

bool is_strict(const PlannedTask& task, size_t i) {
  return task.cores[i]->thread_core->seccomp_mode == SECCOMP_MODE__strict;
}

void set_filter(compel::Tracee& thread, bool is_main, const SeccompFilter& filter,
                compel::Memory& memory, const ToldByRestorer& told) {
  const uint64_t code = told.scratch + sizeof(sock_fprog);
  const sock_fprog head{static_cast<unsigned short>(filter.filter.len / sizeof(sock_filter)),
                        reinterpret_cast<sock_filter*>(code)};
  memory.write(told.scratch, &head, sizeof head);
  memory.write(code, filter.filter.data, filter.filter.len);
  // Other writers have the main thread set for all threads what they have in common.
  const uint32_t kept = SECCOMP_FILTER_FLAG_LOG | (is_main ? SECCOMP_FILTER_FLAG_TSYNC : 0);
  const uint32_t flags = filter.has_flags ? filter.flags & kept : 0;
  call_from_restorer(thread, told, SYS_seccomp, {SECCOMP_SET_MODE_FILTER, flags, told.scratch},
                     "its seccomp filter cannot be set");
}

void drop_admin(compel::Tracee& thread, const CredsEntry& e, compel::Memory& memory,
                const ToldByRestorer& told) {
  const uint64_t effective = capability_set(e.n_cap_eff, e.cap_eff);
  const uint64_t permitted = capability_set(e.n_cap_prm, e.cap_prm);
  const uint64_t inheritable = capability_set(e.n_cap_inh, e.cap_inh);
  Capabilities c{{_LINUX_CAPABILITY_VERSION_3, 0}, {}};
  for (size_t i = 0; i < c.data.size(); i++)
    c.data[i] = {static_cast<uint32_t>(effective >> (32 * i)),
                 static_cast<uint32_t>(permitted >> (32 * i)),
                 static_cast<uint32_t>(inheritable >> (32 * i))};
  memory.write(told.scratch, &c, sizeof c);
  call_from_restorer(thread, told, SYS_capset,
                     {told.scratch, told.scratch + offsetof(Capabilities, data), 0},
                     "its capabilities cannot be set");
}

}  // namespace

bool lends_admin(const PlannedTask& task, size_t i) {
  if (task.filters[i].empty()) return false;
  const CredsEntry& e = *task.cores[i]->thread_core->creds;
  return !(e.has_no_new_privs && e.no_new_privs != 0) &&
         (capability_set(e.n_cap_eff, e.cap_eff) & kAdmin) == 0;
}

size_t seccomp_scratch_size(const PlannedTask& task) {
  size_t size = 0;
  for (const SeccompChain& chain : task.filters)
    for (const SeccompFilter* filter : chain)
      size = std::max({size, sizeof(sock_fprog) + filter->filter.len, sizeof(Capabilities)});
  return size;
}

void restore_seccomp(const PlannedTask& task, const std::vector<compel::Tracee*>& threads,
                     compel::Memory& memory, const ToldByRestorer& told) {
  for (size_t i = 0; i < threads.size(); i++) {
    compel::Tracee& thread = *threads[i];
    if (task.filters[i].empty() && !is_strict(task, i)) continue;
    // Each filter sees the next one being set, and what the tracer still asks for.
    compel::suspend_seccomp(thread.tid(), true);
    for (const SeccompFilter* filter : task.filters[i])
      set_filter(thread, i == 0, *filter, memory, told);
    if (lends_admin(task, i)) drop_admin(thread, *task.cores[i]->thread_core->creds, memory, told);
    if (is_strict(task, i))
      call_from_restorer(thread, told, SYS_seccomp, {SECCOMP_SET_MODE_STRICT, 0, 0},
                         "the strict mode of seccomp cannot be set");
  }
}

}  // namespace criu
