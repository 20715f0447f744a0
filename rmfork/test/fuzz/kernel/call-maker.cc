// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/call-maker.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "rmfork/error.h"

namespace rmfork::fuzz {
namespace {

constexpr std::uint64_t kUserEnd = 0x7ffffffff000;  // TASK_SIZE_MAX with four levels of tables

int weight(std::uint64_t op) {
  switch (op) {
    case RMFORK_OP_DUMP:
      return 8;
    case RMFORK_OP_RESTORE_ONE:
    case RMFORK_OP_RESTORE_ALL:
    case RMFORK_OP_RESTORE_LAZY:
      return 5;
    case RMFORK_OP_FREE:
    case RMFORK_OP_SETTLE:
    case RMFORK_OP_VERIFY:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

CallMaker::CallMaker(const Module& module, Shared& shared, Random& random)
    : module_(module), shared_(shared), random_(random) {
  for (const Operation& op : operations())
    if (module.can(op)) operations_.insert(operations_.end(), weight(op.number), &op);
  void* at = mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED || munmap(static_cast<char*>(at) + kPage, kPage) != 0)
    throw Error("mapping a page with nothing behind it", errno);
  edge_ = static_cast<char*>(at);
}

pid_t CallMaker::some_target() {
  for (int i = 0; i < 8; i++)
    if (pid_t pid = random_.pick(shared_.targets)) return pid;
  return getpid();
}

void CallMaker::give_ranges(Call& call) {
  call.iovs.clear();
  if (random_.one_in(4)) {
    call.iovs = {arena_range()};
  } else {
    std::size_t want = random_.one_in(20) ? 3000 : random_.up_to(12);
    std::size_t most = kArenaPages / want;
    for (std::size_t i = 0; i < want; i++) {
      std::size_t pages = random_.up_to(most);
      call.iovs.push_back(arena_range(i * most + random_.below(most - pages + 1), pages));
    }
    // Any order will do.
    if (random_.one_in(2)) std::ranges::reverse(call.iovs);
  }
  call.kargs.iovs = reinterpret_cast<std::uint64_t>(call.iovs.data());
  call.kargs.nr_iovs = call.iovs.size();
}

void CallMaker::give_out(Call& call, std::size_t least) {
  std::size_t room = call.out.size() - kPage;
  call.kargs.va = reinterpret_cast<std::uint64_t>(call.out.data());
  call.kargs.nr_iovs = random_.one_in(4) ? least + random_.below(room - least + 1) : least;
}

void CallMaker::make_valid(Call& call, std::uint64_t session) {
  rmfork_kargs& k = call.kargs;
  k = {};
  k.rmfork_opt = random_.pick(operations_)->number;
  switch (k.rmfork_opt) {
    case RMFORK_OP_DUMP:
      k.va = random_.one_in(3) ? session : 0;
      k.pid = static_cast<std::uint64_t>(some_target());
      if (!random_.one_in(6)) give_ranges(call);
      break;
    case RMFORK_OP_RESTORE_ONE:
    case RMFORK_OP_RESTORE_ALL:
    case RMFORK_OP_RESTORE_LAZY:
      k.pid = static_cast<std::uint64_t>(some_target());
      k.va = random_.one_in(4) ? random_.below(100) : 0;
      k.pa = random_.pick(shared_.snapshots);
      // Never without ranges: it could change the arguments of the calls to come.
      give_ranges(call);
      break;
    case RMFORK_OP_QUERY:
      give_out(call, RMFORK_QUERY_SIZE_V1);
      break;
    case RMFORK_OP_INFO:
    case RMFORK_OP_IDENTIFY:
    case RMFORK_OP_LIST:
      k.pa = random_.pick(shared_.snapshots);
      give_out(call, RMFORK_INFO_SIZE_V1);
      break;
    case RMFORK_OP_FREE:
      k.va = random_.one_in(4) ? random_.below(100) : 0;
      k.pa = random_.pick(shared_.snapshots);
      break;
    case RMFORK_OP_VERIFY:
      k.pa = random_.pick(shared_.snapshots);
      if (random_.one_in(8)) k.pa = 0;
      if (random_.one_in(2)) give_out(call, RMFORK_DAMAGE_SIZE_V1);
      break;
    case RMFORK_OP_GUESTS:
      k.pa = random_.below(3);
      give_out(call, RMFORK_GUEST_SIZE_V1);
      break;
    case RMFORK_OP_FORGET:
      give_out(call, RMFORK_UUID_BYTES);
      break;
    case RMFORK_OP_COMMIT:
      k.va = session;
      break;
    case RMFORK_OP_SETTLE:
      k.pid = static_cast<std::uint64_t>(some_target());
      break;
  }
}

std::uint64_t CallMaker::bad_address() {
  const std::uint64_t end = reinterpret_cast<std::uint64_t>(edge_) + kPage;
  const std::uint64_t bad[] = {
      1,
      kPage,
      end,
      end - 8,
      end - 40,
      kUserEnd - 8,
      kUserEnd,
      0x800000000000,
      ~0ULL,
      ~0ULL - 4095,
      1 << 16,
      end - random_.below(sizeof(rmfork_kargs)),
      // The direct map, the kernel's text.
      0xffff888000000000 + random_.below(1 << 30),
      0xffffffff81000000,
  };
  return random_.pick(bad);
}

std::uint64_t CallMaker::interesting() {
  const std::uint64_t values[] = {
      0,
      1,
      2,
      kPage,
      kPage - 1,
      RMFORK_MAX_IOVS,
      RMFORK_MAX_IOVS + 1,
      1ULL << 31,
      (1ULL << 32) - 1,
      1ULL << 32,
      1ULL << 63,
      ~0ULL,
      static_cast<std::uint64_t>(getpid()),
      reinterpret_cast<std::uint64_t>(kArena),
      kArenaBytes,
      kUserEnd,
      bad_address(),
      random_.pick(shared_.snapshots) + kPage,
      random_.pick(shared_.snapshots) + 1,
      RMFORK_IN_SESSION(module_.device()),
      RMFORK_IN_SESSION(random_.below(12)),
      random_.next(),
      1ULL << random_.below(64),
      random_.below(20),
  };
  return random_.pick(values);
}

void CallMaker::spoil_ranges(Call& call) {
  if (call.iovs.empty()) give_ranges(call);
  iovec& one = call.iovs[random_.below(call.iovs.size())];
  switch (random_.below(8)) {
    case 0:
      one.iov_base = static_cast<char*>(one.iov_base) + 1 + random_.below(kPage - 1);
      break;
    case 1:
      one.iov_len += random_.below(kPage);
      break;
    case 2:
      one.iov_len = 0;
      break;
    case 3:
      one = call.iovs[random_.below(call.iovs.size())];  // twice the same
      break;
    case 4:
      one.iov_len = interesting() & ~(kPage - 1);
      break;
    case 5:
      one.iov_base = reinterpret_cast<void*>(interesting() & ~(kPage - 1));
      break;
    case 6:
      one = {nullptr, kUserEnd};  // everything
      break;
    default:
      one = {reinterpret_cast<void*>(kUserEnd - kPage), random_.below(3) * kPage};
  }
}

void CallMaker::spoil(Call& call) {
  __u64* fields[] = {&call.kargs.rmfork_opt, &call.kargs.pid,  &call.kargs.va,
                     &call.kargs.pa,         &call.kargs.iovs, &call.kargs.nr_iovs};
  switch (random_.below(5)) {
    case 0:
      spoil_ranges(call);
      break;
    case 1:
      *fields[random_.below(2) == 0 ? 2 : 4] = bad_address();
      break;
    case 2:
      call.kargs.pid = random_.one_in(2) ? random_.below(200) : interesting();
      break;
    case 3:
      *random_.pick(fields) ^= 1ULL << random_.below(64);
      break;
    default:
      *random_.pick(fields) = interesting();
  }
}

void CallMaker::make_wild(Call& call) {
  __u64* fields[] = {&call.kargs.rmfork_opt, &call.kargs.pid,  &call.kargs.va,
                     &call.kargs.pa,         &call.kargs.iovs, &call.kargs.nr_iovs};
  for (__u64* field : fields) *field = interesting();
  if (random_.one_in(2)) call.kargs.rmfork_opt = random_.below(16);
}

}  // namespace rmfork::fuzz
