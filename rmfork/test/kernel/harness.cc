// SPDX-License-Identifier: GPL-2.0-only
//
// See harness.h. The runner checks after every test that ubmem is as it was before.
#include "rmfork/test/kernel/harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kernel_test {
namespace {

struct Test {
  const char* name;
  TestFn fn;
};

std::vector<Test>& tests() {
  static std::vector<Test> list;
  return list;
}

bool use_device = false;
int device_fd = -1;
const char* module_path = nullptr;

}  // namespace

Registration::Registration(const char* name, TestFn fn) {
  tests().push_back({name, fn});
}

void fail(const char* file, int line, const char* what, const std::string& more) {
  throw Failure{std::string(file) + ":" + std::to_string(line) + ": " + what + more};
}

void check_equal(const char* file, int line, const char* what, long a, long b) {
  if (a != b) fail(file, line, what, ": " + std::to_string(a) + " and " + std::to_string(b));
}

const char* module_file() {
  if (!module_path) throw Skipped{"no --module was given"};
  return module_path;
}

bool over_device() {
  return use_device;
}

void open_device() {
  if (!use_device) return;
  device_fd = open(RMFORK_DEVICE_PATH, O_RDWR | O_CLOEXEC);
  if (device_fd < 0) fail(__FILE__, __LINE__, "open " RMFORK_DEVICE_PATH, strerror(errno));
}

void close_device() {
  if (device_fd >= 0) close(device_fd);
  device_fd = -1;
}

namespace {

std::string module_parameter(const char* name) {
  char text[64] = "";
  FILE* f = fopen((std::string("/sys/module/rmfork/parameters/") + name).c_str(), "r");
  CHECK(f != nullptr && fscanf(f, "%63s", text) == 1);
  fclose(f);
  return std::string(name) + "=" + text;
}

}  // namespace

std::string pool_parameters() {
  if (!kept_pool()) return module_parameter("ubmem_mb");
  return module_parameter("ubmem_phys") + " " + module_parameter("ubmem_size");
}

void load_module(const char* file, const std::string& parameters) {
  int fd = open(file, O_RDONLY | O_CLOEXEC);
  long ret = syscall(SYS_finit_module, fd, parameters.c_str(), 0) ? -errno : 0;
  if (fd >= 0) close(fd);
  CHECK_EQ(ret, 0);
}

long try_unload() {
  const std::string parameters = pool_parameters();
  close_device();
  long ret = syscall(SYS_delete_module, "rmfork", O_NONBLOCK) ? -errno : 0;
  if (ret == 0) load_module(module_file(), parameters);
  open_device();
  return ret;
}

rmfork_restore_call call_template() {
  rmfork_restore_call call = {};
  call.how = use_device ? RMFORK_HOW_IOCTL : RMFORK_HOW_SYSCALL;
  call.fd = device_fd;
  call.request = RMFORK_IOCTL;
  call.nr = RMFORK_SYSCALL_NR;
  return call;
}

long issue(const rmfork_kargs& kargs) {
  rmfork_restore_call call = call_template();
  call.kargs = kargs;
  return rmfork_issue(&call);
}

long issue_at(rmfork_kargs* kargs) {
  long at = reinterpret_cast<long>(kargs);
  if (use_device)
    return rmfork_raw_syscall(RMFORK_NR_IOCTL, device_fd, static_cast<long>(RMFORK_IOCTL), at);
  return rmfork_raw_syscall(RMFORK_SYSCALL_NR, at, 0, 0);
}

static rmfork_kargs make_kargs(std::uint64_t op, std::uint64_t pid, std::uint64_t pa,
                               const std::vector<iovec>& ranges) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = op;
  kargs.pid = pid;
  kargs.pa = pa;
  kargs.iovs = ranges.empty() ? 0 : reinterpret_cast<std::uint64_t>(ranges.data());
  kargs.nr_iovs = ranges.size();
  return kargs;
}

long dump(pid_t pid, const std::vector<iovec>& ranges) {
  rmfork_kargs kargs = make_kargs(RMFORK_OP_DUMP, static_cast<std::uint64_t>(pid), 0, ranges);
  long ret = issue_at(&kargs);
  return ret < 0 ? ret : static_cast<long>(kargs.pa);
}

long restore(pid_t pid, std::uint64_t off, const std::vector<iovec>& ranges) {
  return issue(make_kargs(RMFORK_OP_RESTORE_ONE, static_cast<std::uint64_t>(pid), off, ranges));
}

long free_snapshot(std::uint64_t off) {
  return issue(make_kargs(RMFORK_OP_FREE, 0, off, {}));
}

rmfork_query query() {
  rmfork_query out = {};
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_QUERY;
  kargs.va = reinterpret_cast<std::uint64_t>(&out);
  kargs.nr_iovs = sizeof(out);
  CHECK_EQ(issue(kargs), 0);
  return out;
}

bool lazy_restores() {
  return (query().features & RMFORK_FEAT_LAZY) != 0;
}

void need_lazy_restores() {
  if (!lazy_restores()) throw Skipped{"no lazy restores on this kernel"};
}

bool kept_pool() {
  return memcmp(query().backing, "allocated", sizeof("allocated")) != 0;
}

long info(std::uint64_t off, rmfork_info* out) {
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_INFO;
  kargs.pa = off;
  kargs.va = reinterpret_cast<std::uint64_t>(out);
  kargs.nr_iovs = sizeof(*out);
  return issue(kargs);
}

char* map_region(std::size_t pages, int flags, int fd) {
  flags |= MAP_FIXED_NOREPLACE;
  if (!(flags & MAP_SHARED)) flags |= MAP_PRIVATE;
  if (fd < 0) flags |= MAP_ANONYMOUS;
  void* at = mmap(kRegion, pages * kPage, PROT_READ | PROT_WRITE, flags, fd, 0);
  if (at != kRegion) fail(__FILE__, __LINE__, "mmap at kRegion: ", strerror(errno));
  return kRegion;
}

void fill(char* at, std::size_t pages, unsigned seed) {
  for (std::size_t i = 0; i < pages; i++) {
    auto* words = reinterpret_cast<std::uint64_t*>(at + i * kPage);
    for (std::size_t w = 0; w < kPage / 8; w++)
      words[w] = (std::uint64_t{seed} + 1) << 40 | (i + 1) << 12 | w;
  }
}

bool holds(const char* at, std::size_t pages, unsigned seed, std::size_t first) {
  for (std::size_t i = 0; i < pages; i++) {
    auto* words = reinterpret_cast<const std::uint64_t*>(at + i * kPage);
    for (std::size_t w = 0; w < kPage / 8; w++) {
      if (words[w] == ((std::uint64_t{seed} + 1) << 40 | (first + i + 1) << 12 | w)) continue;
      printf("# page %zu word %zu: %#llx\n", i, w, (unsigned long long)words[w]);
      fflush(stdout);
      return false;
    }
  }
  return true;
}

void Child::Turn::sync() {
  char byte = 'r';
  if (write(out_, &byte, 1) != 1 || read(in_, &byte, 1) != 1) _exit(3);
}

Child::Child(const std::function<bool(Turn&)>& body) {
  int down[2], up[2];
  CHECK_EQ(pipe2(down, O_CLOEXEC), 0);
  CHECK_EQ(pipe2(up, O_CLOEXEC), 0);
  pid_ = fork();
  CHECK(pid_ >= 0);
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(down[1]);
    close(up[0]);
    Turn turn(down[0], up[1]);
    int status = 2;
    try {
      status = body(turn) ? 0 : 1;
    } catch (const Failure& f) {
      printf("# in child: %s\n", f.text.c_str());
      fflush(stdout);
    }
    _exit(status);
  }
  close(down[0]);
  close(up[1]);
  to_child_ = down[1];
  from_child_ = up[0];
}

Child::~Child() {
  kill();
  close(to_child_);
  close(from_child_);
}

void Child::expect_byte() {
  char byte;
  CHECK_EQ(read(from_child_, &byte, 1), 1);
}

void Child::wait_ready() {
  expect_byte();
}

void Child::next() {
  CHECK_EQ(write(to_child_, "n", 1), 1);
  expect_byte();
}

bool Child::start() {
  return write(to_child_, "n", 1) == 1;
}

bool Child::finish() {
  // The body may have ended already; then nobody reads this.
  signal(SIGPIPE, SIG_IGN);
  ssize_t ignored = write(to_child_, "n", 1);
  (void)ignored;
  int status = -1;
  CHECK_EQ(waitpid(pid_, &status, 0), pid_);
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void Child::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

Patterned::Patterned(std::size_t pages, unsigned seed)
    : child([=](Child::Turn& turn) {
        fill(map_region(pages), pages, seed);
        turn.sync();
        return holds(kRegion, pages, seed);
      }) {
  child.wait_ready();
}

bool restores_to(std::uint64_t off, std::size_t pages, unsigned seed) {
  Child child([=](Child::Turn&) {
    map_region(pages);
    CHECK_EQ(restore(0, off, {region(pages)}), 0);
    return holds(kRegion, pages, seed);
  });
  return child.finish();
}

Snapshot::Snapshot(long got) : off(static_cast<std::uint64_t>(got)) {
  if (got <= 0) fail(__FILE__, __LINE__, "dump: ", std::to_string(got));
}

Snapshot::~Snapshot() {
  long ret = free_snapshot(off);
  if (ret) printf("# freeing %#llx: %ld\n", (unsigned long long)off, ret);
}

namespace {

// A test that hangs ends the run; generous, for emulated machines.
constexpr unsigned kTestSeconds = 300;

constexpr std::size_t kMostRegionBytes = 256u << 20;  // nothing else lies there

int passed = 0, failed = 0, skipped = 0, number = 0;

void check_no_leak(const rmfork_query& before) {
  rmfork_query after = query();
  CHECK_EQ(after.snapshots, before.snapshots);
  CHECK_EQ(after.pending_bytes, before.pending_bytes);
  CHECK_EQ(after.free_bytes, before.free_bytes);
}

// A test that failed leaves snapshots and mappings, which must not fail the others.
void clear_up(std::uint64_t generation) {
  munmap(kRegion, kMostRegionBytes);
  rmfork_info left = {};
  rmfork_kargs kargs = {};
  kargs.rmfork_opt = RMFORK_OP_LIST;
  kargs.pa = generation;
  kargs.va = reinterpret_cast<std::uint64_t>(&left);
  kargs.nr_iovs = sizeof(left);
  while (issue_at(&kargs) == 1) free_snapshot(left.meta_off);
}

void run(const Test& test) {
  number++;
  alarm(kTestSeconds);
  rmfork_query before = {};
  try {
    before = query();
    test.fn();
    check_no_leak(before);
    printf("ok %d - %s\n", number, test.name);
    passed++;
  } catch (const Skipped& s) {
    printf("ok %d - %s # SKIP %s\n", number, test.name, s.why.c_str());
    skipped++;
  } catch (const Failure& f) {
    printf("not ok %d - %s\n# %s\n", number, test.name, f.text.c_str());
    failed++;
    clear_up(before.generation);
  }
  fflush(stdout);
}

int usage(const char* self) {
  fprintf(stderr, "usage: %s --transport device|syscall [--module rmfork.ko] [TEST...]\n", self);
  return 2;
}

bool wanted(const char* name, char** names) {
  if (!*names) return true;
  for (; *names; names++)
    if (strcmp(*names, name) == 0) return true;
  return false;
}

}  // namespace
}  // namespace kernel_test

int main(int argc, char** argv) {
  using namespace kernel_test;

  if (argc < 3 || strcmp(argv[1], "--transport") != 0) return usage(argv[0]);
  if (strcmp(argv[2], "device") != 0 && strcmp(argv[2], "syscall") != 0) return usage(argv[0]);
  use_device = strcmp(argv[2], "device") == 0;
  char** names = argv + 3;
  if (argc > 4 && strcmp(argv[3], "--module") == 0) {
    module_path = argv[4];
    names += 2;
  }
  try {
    open_device();
  } catch (const Failure& f) {
    printf("Bail out! %s\n", f.text.c_str());
    return 1;
  }
  printf("1..%zu\n", tests().size());
  fflush(stdout);
  for (const Test& test : tests())
    if (wanted(test.name, names)) run(test);
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  // A name that is no test's must not look like success.
  return failed || number == 0 ? 1 : 0;
}
