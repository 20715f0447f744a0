// SPDX-License-Identifier: GPL-2.0-only
//
// What the tests of the kernel side share: issuing operations, child processes that do a step
// when told, patterned memory, and the list of tests.
//
//   KERNEL_TEST(dump_refuses_pid_zero) { CHECK_EQ(dump(0), -EINVAL); }
#ifndef RMFORK_TEST_KERNEL_HARNESS_H
#define RMFORK_TEST_KERNEL_HARNESS_H

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "rmfork/restore-call.h"
#include "rmfork/uapi.h"

namespace kernel_test {

inline constexpr std::size_t kPage = RMFORK_PAGE_SIZE;
// Of each mapping a restore copies one page at once.
inline constexpr std::size_t kCopied = 1;

// Where tests map what they save, in every process: nothing else lies there.
inline char* const kRegion = reinterpret_cast<char*>(0x100000000000);

struct Failure {
  std::string text;
};
struct Skipped {
  std::string why;
};

using TestFn = void (*)();
struct Registration {
  Registration(const char* name, TestFn fn);
};

#define KERNEL_TEST(name)                                              \
  static void name();                                                  \
  static const ::kernel_test::Registration name##_entry(#name, &name); \
  static void name()

// A test of lazy restores, skipped where there are none; interface-test.cc looks that there are.
#define LAZY_KERNEL_TEST(name)           \
  static void name##_body();             \
  KERNEL_TEST(name) {                    \
    ::kernel_test::need_lazy_restores(); \
    name##_body();                       \
  }                                      \
  static void name##_body()

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) ::kernel_test::fail(__FILE__, __LINE__, #condition, ""); \
  } while (0)

#define CHECK_EQ(a, b) \
  ::kernel_test::check_equal(__FILE__, __LINE__, #a " == " #b, (long)(a), (long)(b))

[[noreturn]] void fail(const char* file, int line, const char* what, const std::string& more);
void check_equal(const char* file, int line, const char* what, long a, long b);

// The transport under test, as a restorer would get it.
rmfork_restore_call call_template();
bool over_device();
void close_device();  // so that only what the test is about pins the module
void open_device();

// rmfork.ko as a file, for tests that reload it; skips the test if none was named.
const char* module_file();

std::string pool_parameters();  // those of the loaded module that say where its pool is
void load_module(const char* file, const std::string& parameters);
// Closes the device, which other processes must not have open, and tries to unload the module: 0 or
// -errno. Afterwards it is there, loaded anew if need be, and the device is open.
long try_unload();

// Issues an operation; >= 0 or -errno.
long issue(const rmfork_kargs& kargs);
// As issue(), but the kernel writes results into `kargs`.
long issue_at(rmfork_kargs* kargs);

// DUMP: the offset (positive) or -errno. `ranges` empty: everything.
long dump(pid_t pid, const std::vector<iovec>& ranges = {});
long restore(pid_t pid, std::uint64_t off, const std::vector<iovec>& ranges = {});
long free_snapshot(std::uint64_t off);
rmfork_query query();
bool lazy_restores();        // there are such
void need_lazy_restores();  // or the test is skipped
bool kept_pool();           // the pool keeps its contents without the module
long info(std::uint64_t off, rmfork_info* out);

inline iovec region(std::size_t pages, std::size_t from = 0) {
  return {kRegion + from * kPage, pages * kPage};
}

// Maps at kRegion; fails the test (or the child) where that is impossible.
char* map_region(std::size_t pages, int flags = 0, int fd = -1);

// Page `i` gets content that depends on i and seed, and is never zero.
void fill(char* at, std::size_t pages, unsigned seed);
// first: the number that the page at `at` had when it was filled.
bool holds(const char* at, std::size_t pages, unsigned seed, std::size_t first = 0);

// A child process. Its body runs at once; it and the test take turns: the body's sync() returns
// when the test calls next(), and next() returns when the body reaches its following sync() or
// its end. Killed and reaped by the destructor.
class Child {
 public:
  class Turn {
   public:
    Turn(int in, int out) : in_(in), out_(out) {}
    void sync();

   private:
    int in_;
    int out_;
  };

  explicit Child(const std::function<bool(Turn&)>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  pid_t pid() const { return pid_; }
  void wait_ready();  // the body's first sync()
  void next();
  // Lets the body go on from its sync() without waiting for the following one.
  bool start();
  // Lets the body run to its end, past a sync() it waits in: whether it returned true.
  bool finish();
  void kill();  // and reap

 private:
  void expect_byte();

  pid_t pid_ = -1;
  int to_child_ = -1;
  int from_child_ = -1;
};

// A child with `pages` patterned pages at kRegion, ready.
struct Patterned {
  explicit Patterned(std::size_t pages, unsigned seed);
  Child child;
};

// Whether a new process that maps the region and is restored to holds the pattern.
bool restores_to(std::uint64_t off, std::size_t pages, unsigned seed);

// Frees the snapshot at the end of a test.
struct Snapshot {
  explicit Snapshot(long off);
  ~Snapshot();
  std::uint64_t off;
};

}  // namespace kernel_test

#endif  // RMFORK_TEST_KERNEL_HARNESS_H
