// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/faults.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <string>

#include "rmfork/error.h"
#include "rmfork/test/fuzz/kernel/fail-nth.h"
#include "rmfork/test/fuzz/kernel/source.h"

namespace rmfork::fuzz {
namespace {

constexpr unsigned kDeepest = 5000;
// One operation that is to fail. `before` and `after` run without faults; `after` gets the result,
// undoes what was done and says what is wrong with it.
struct Case {
  std::string name;
  std::vector<int> errors;
  std::function<void()> before;
  std::function<long()> call;
  std::function<std::string(long)> after;
};

class Faults {
 public:
  Faults(const Module& module, Report& report) : module_(module), report_(report) {}

  void run(const Case& c) {
    const rmfork_query pool = module_.query();
    unsigned n = 1;
    unsigned failed = 0;
    bool struck = true;
    std::string wrong;
    for (; wrong.empty() && struck && n <= kDeepest; n++) {
      if (c.before) c.before();
      fail_.arm(n);
      long ret = c.call();
      struck = fail_.disarm();
      failed += ret < 0;
      wrong = judge(c, ret, struck);
      std::string left = c.after ? c.after(ret) : std::string();
      if (wrong.empty()) wrong = left;
      if (wrong.empty()) wrong = pool_differs(module_, pool);
      if (!wrong.empty()) wrong = "failing number " + std::to_string(n) + ": " + wrong;
    }
    if (wrong.empty() && struck) wrong = "there is no end to what can fail";
    if (wrong.empty())
      std::printf("# %s: %u can fail, %u calls failed\n", c.name.c_str(), n - 2, failed);
    report_.settle("faults: " + c.name, wrong);
  }

 private:
  static std::string judge(const Case& c, long ret, bool struck) {
    if (ret >= 0) return {};
    if (!struck) return "it answers " + result_text(ret) + " though nothing failed";
    // The arguments could not be read, or the answer not written.
    if (ret == -EFAULT) return {};
    if (std::ranges::find(c.errors, static_cast<int>(-ret)) != c.errors.end()) return {};
    return "it answers " + result_text(ret);
  }

  const Module& module_;
  Report& report_;
  FailNth fail_;
};

// The cases, and what they work on.
class Cases {
 public:
  explicit Cases(const Module& module) : module_(module) {}

  std::vector<Case> all() {
    std::vector<Case> cases = {dump(),
                               dump_in_session(),
                               query(),
                               on_snapshot(RMFORK_OP_FREE, {}),
                               describe(RMFORK_OP_INFO),
                               describe(RMFORK_OP_LIST)};
    for (std::uint64_t op : {RMFORK_OP_RESTORE_ONE, RMFORK_OP_RESTORE_ALL, RMFORK_OP_RESTORE_LAZY})
      if (module_.can(*operation(op))) cases.push_back(restore(op));
    if (module_.has(RMFORK_FEAT_IDENTIFY)) cases.push_back(describe(RMFORK_OP_IDENTIFY));
    if (module_.has(RMFORK_FEAT_LAZY)) cases.push_back(settle());
    if (module_.has(RMFORK_FEAT_VERIFY)) cases.push_back(on_snapshot(RMFORK_OP_VERIFY, {ENOMEM}));
    if (module_.has(RMFORK_FEAT_SESSION)) {
      cases.push_back(open_session());
      cases.push_back(commit());
      cases.push_back(close_session());
    } else {
      std::erase_if(cases, [](const Case& c) { return c.name.ends_with("session"); });
    }
    return cases;
  }

 private:
  void must_dump() {
    long ret = module_.dump(source_.pid(), Source::region(), &off_, session_);
    if (ret != 0) throw Error("dumping for a test", static_cast<int>(-ret));
  }

  void must_open_session() {
    long fd = module_.issue({.rmfork_opt = RMFORK_OP_SESSION});
    if (fd < 0) throw Error("opening a session for a test", static_cast<int>(-fd));
    session_ = RMFORK_IN_SESSION(fd);
  }

  std::string drop() {
    long ret = module_.on_snapshot(RMFORK_OP_FREE, off_);
    return ret == 0 ? "" : "the snapshot cannot be freed: " + result_text(ret);
  }

  long close_owner() {
    int fd = static_cast<int>(static_cast<std::uint32_t>(session_));
    session_ = 0;
    return close(fd);
  }

  Case dump() {
    return {"DUMP",
            {ENOMEM},
            {},
            [this] { return module_.dump(source_.pid(), Source::region(), &off_); },
            [this](long ret) { return ret == 0 ? drop() : ""; }};
  }

  Case dump_in_session() {
    return {"DUMP in a session",
            {ENOMEM},
            [this] { must_open_session(); },
            [this] { return module_.dump(source_.pid(), Source::region(), &off_, session_); },
            [this](long) { return close_owner() == 0 ? "" : "the session cannot be closed"; }};
  }

  Case restore(std::uint64_t op) {
    return {operation(op)->name,
            {ENOMEM},
            [this] {
              must_dump();
              map_arena(0, Source::kPages);
            },
            [this, op] { return module_.restore(op, 0, off_, Source::region()); },
            [this](long ret) {
              std::string wrong = ret == 0 ? Source::check() : "";
              munmap(kArena, Source::kPages * kPage);
              return wrong + drop();
            }};
  }

  Case settle() {
    return {"SETTLE",
            {ENOMEM},
            [this] {
              must_dump();
              map_arena(0, Source::kPages);
              module_.restore(RMFORK_OP_RESTORE_LAZY, 0, off_, Source::region());
            },
            [this] { return module_.issue({.rmfork_opt = RMFORK_OP_SETTLE}); },
            [this](long) {
              // Whether or not it has settled, the contents are there.
              std::string wrong = Source::check();
              munmap(kArena, Source::kPages * kPage);
              return wrong + drop();
            }};
  }

  Case on_snapshot(std::uint64_t op, std::vector<int> errors) {
    return {operation(op)->name, std::move(errors), [this] { must_dump(); },
            [this, op] { return module_.on_snapshot(op, off_); },
            [this, op](long ret) { return op == RMFORK_OP_FREE && ret == 0 ? "" : drop(); }};
  }

  Case describe(std::uint64_t op) {
    return {operation(op)->name,
            {},
            [this] { must_dump(); },
            [this, op] {
              rmfork_kargs kargs = {.rmfork_opt = op};
              kargs.pa = op == RMFORK_OP_LIST ? 0 : off_;
              kargs.va = reinterpret_cast<std::uint64_t>(&info_);
              kargs.nr_iovs = sizeof(info_);
              return module_.issue(kargs);
            },
            [this](long) { return drop(); }};
  }

  Case query() {
    return {"QUERY",
            {},
            {},
            [this] {
              rmfork_kargs kargs = {.rmfork_opt = RMFORK_OP_QUERY};
              kargs.va = reinterpret_cast<std::uint64_t>(&query_);
              kargs.nr_iovs = sizeof(query_);
              return module_.issue(kargs);
            },
            {}};
  }

  Case open_session() {
    return {"SESSION",
            {ENOMEM, ENFILE, EMFILE},
            {},
            [this] { return module_.issue({.rmfork_opt = RMFORK_OP_SESSION}); },
            [](long ret) {
              if (ret >= 0) close(static_cast<int>(ret));
              return "";
            }};
  }

  Case commit() {
    return {"COMMIT",
            {},
            [this] {
              must_open_session();
              must_dump();
            },
            [this] { return module_.issue({.rmfork_opt = RMFORK_OP_COMMIT, .va = session_}); },
            [this](long ret) {
              close_owner();
              return ret == 0 ? drop() : "";
            }};
  }

  Case close_session() {
    return {"the end of a session",
            {},
            [this] {
              must_open_session();
              must_dump();
            },
            [this] { return close_owner(); },
            {}};
  }

  const Module& module_;
  Source source_;
  std::uint64_t off_ = 0;
  std::uint64_t session_ = 0;
  rmfork_info info_{};
  rmfork_query query_{};
};

}  // namespace

void fail_everything(const Module& module, Report& report) {
  if (!FailNth::prepare()) {
    report.skipped("faults", "this kernel cannot let allocations fail");
    return;
  }
  Faults faults(module, report);
  Cases cases(module);
  for (const Case& c : cases.all()) faults.run(c);
}

}  // namespace rmfork::fuzz
