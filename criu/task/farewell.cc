// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/farewell.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/pie/farewell-args.h"

extern "C" const uint8_t farewell_blob[], farewell_blob_end[];

namespace criu {

namespace {

bool is_shared(uint64_t address, const std::vector<mm::Vma>& vmas) {
  const auto above = std::ranges::upper_bound(vmas, address, {}, &mm::Vma::start);
  return above != vmas.begin() && address < std::prev(above)->end && std::prev(above)->shared;
}

template <typename T>
std::optional<T> read(const compel::Memory& memory, uint64_t address) {
  T value{};
  if (memory.read_some(address, &value, sizeof value) != sizeof value) return std::nullopt;
  return value;
}

}  // namespace

bool holds_shared_mutex(const compel::Memory& memory, uint64_t head,
                        const std::vector<mm::Vma>& vmas) {
  if (head == 0) return false;
  const auto list = read<robust_list_head>(memory, head);
  if (!list) return false;
  // The lowest bit of a pointer says that the mutex inherits priority.
  const auto address = [](const void* p) { return reinterpret_cast<uint64_t>(p) & ~1ULL; };
  const auto futex = [&](uint64_t entry) {
    return entry + static_cast<uint64_t>(list->futex_offset);
  };
  if (const uint64_t pending = address(list->list_op_pending);
      pending != 0 && is_shared(futex(pending), vmas))
    return true;
  uint64_t at = address(list->list.next);
  for (int i = 0; i < ROBUST_LIST_LIMIT && at != head; i++) {
    if (is_shared(futex(at), vmas)) return true;
    const auto next = read<robust_list>(memory, at);
    if (!next) return false;
    at = address(next->next);
  }
  return false;
}

void Farewell::say(pid_t pid, std::span<const compel::StoppedThread> threads,
                   const std::vector<compel::Range>& ranges, const std::vector<mm::Vma>& vmas,
                   const TaskAnswer& answer) noexcept {
  try {
    if (std::ranges::none_of(vmas, &mm::Vma::shared)) return;
    const compel::Memory memory(pid);
    std::vector<pie::Farewell> each(threads.size());
    bool needed = false;
    for (size_t i = 0; i < threads.size(); i++) {
      uint64_t head = 0, size = 0;
      if (syscall(SYS_get_robust_list, threads[i].tracee->tid(), &head, &size) == 0 &&
          holds_shared_mutex(memory, head, vmas))
        each[i].robust_list = head, each[i].robust_list_len = size;
      const uint64_t tid = answer.thread(i).tid_address;
      if (is_shared(tid, vmas)) each[i].clear_tid_address = tid;
      needed |= each[i].robust_list != 0 || each[i].clear_tid_address != 0;
    }
    if (!needed) return;
    const compel::Blob blob{farewell_blob, static_cast<size_t>(farewell_blob_end - farewell_blob)};
    compel::Parasite& parasite =
        parasites_.emplace_back(threads, ranges, memo_, blob, each.size() * sizeof each[0]);
    std::ranges::copy(each, static_cast<pie::Farewell*>(parasite.data()));
    parasite.enter();
    log::debug("Task {}: its mutexes in shared memory stay locked", pid);
  } catch (const std::exception& e) {
    log::warn("task {}: mutexes that it holds in shared memory are told to be of a dead owner: {}",
              pid, e.what());
  }
}

void Farewell::done() {
  for (compel::Parasite& p : parasites_) p.forget();
}

}  // namespace criu
