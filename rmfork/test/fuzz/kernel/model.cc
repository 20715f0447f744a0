// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/model.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <sstream>

#include "rmfork/test/fuzz/kernel/process.h"

namespace rmfork::fuzz {
namespace {

constexpr int kReadWrite = PROT_READ | PROT_WRITE;

bool is_mapped(const char* page) {
  unsigned char resident;
  return mincore(const_cast<char*>(page), kPage, &resident) == 0;
}

bool holds_byte(const char* page, std::uint32_t value) {
  return std::all_of(page, page + kPage, [&](char c) { return c == static_cast<char>(value); });
}

}  // namespace

std::string Model::entry_of(std::size_t page) {
  std::uint64_t entry = 0;
  const auto where = reinterpret_cast<std::uintptr_t>(at(page)) / kPage * sizeof entry;
  const Fd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
  std::ostringstream text;
  if (pread(pagemap.get(), &entry, sizeof entry, static_cast<off_t>(where)) == sizeof entry)
    text << std::hex << entry;
  return text.str();
}

Model::Model(const Module& module, Random& random)
    : module_(module), random_(random), pages_(kPages) {}

void Model::note(const char* what, Range r, const std::string& more) {
  history_ += "# " + std::string(what) + " " + std::to_string(r.from) + "+" +
              std::to_string(r.pages) + more + "\n";
}

void Model::set(Range r, Kind kind, std::uint32_t what) {
  std::fill_n(pages_.begin() + static_cast<std::ptrdiff_t>(r.from), r.pages, Page{kind, what});
}

Model::Range Model::range() {
  std::size_t pages = random_.up_to(random_.one_in(4) ? 600 : 40);
  return {random_.below(kPages - pages), pages};
}

void Model::map_pieces(std::size_t pages) {
  for (std::size_t from = 0; from < pages;) {
    Range r = {from, std::min(pages - from, 1 + random_.below(pages))};
    map_arena(r.from, r.pages);
    // Neighbours that differ stay apart.
    if (random_.one_in(2)) madvise(at(r.from), r.pages * kPage, MADV_DONTDUMP);
    note("mapping", r);
    set(r, Kind::kZeros);
    from += r.pages;
  }
}

void Model::restored(const std::vector<bool>& filled, std::uint64_t seed) {
  seed_ = seed;
  for (std::size_t i = 0; i < filled.size(); i++)
    if (filled[i]) pages_[i] = {Kind::kRestored, static_cast<std::uint32_t>(i)};
}

std::string Model::step() {
  using Step = std::string (Model::*)();
  static constexpr Step kSteps[] = {
      &Model::give_up,  &Model::give_up,  &Model::unmap,      &Model::map,
      &Model::move,     &Model::move,     &Model::resize,     &Model::resize,
      &Model::write,    &Model::write,    &Model::read,       &Model::split,
      &Model::page_out, &Model::fork_off, &Model::dump_again, &Model::settle,
  };
  return (this->*random_.pick(kSteps))();
}

std::string Model::check_page(std::size_t number) const {
  const Page& page = pages_[number];
  const std::string name = "page " + std::to_string(number);
  const bool mapped = is_mapped(at(number));
  if (mapped != (page.kind != Kind::kUnmapped)) return name + " is mapped, or is not, wrongly";
  switch (page.kind) {
    case Kind::kUnmapped:
      return {};
    case Kind::kZeros:
      return holds_byte(at(number), 0) ? "" : name + " should read as zeros";
    case Kind::kRestored:
      return page_holds(at(number), page.what, seed_)
                 ? ""
                 : name + " should hold restored page " + std::to_string(page.what) +
                       (holds_byte(at(number), 0) ? " and reads as zeros" : "");
    default:
      return holds_byte(at(number), page.what) ? "" : name + " has lost what was written to it";
  }
}

std::string Model::check() const {
  for (std::size_t i = 0; i < kPages; i++) {
    std::string wrong = check_page(i);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

std::string Model::describe_wrong() const {
  std::string all;
  std::size_t from = kPages;
  for (std::size_t i = 0; i <= kPages; i++) {
    const bool wrong = i < kPages && !check_page(i).empty();
    if (wrong && from == kPages) {
      if (all.empty()) all = check_page(i) + ", entry " + entry_of(i) + ", wrong are";
      from = i;
    } else if (!wrong && from != kPages) {
      all += " " + std::to_string(from) + "+" + std::to_string(i - from);
      from = kPages;
    }
  }
  return all;
}

// After a call that failed half-way: what is not there any more, is not.
void Model::look_again(Range r) {
  for (std::size_t i = r.from; i < r.from + r.pages; i++)
    if (!is_mapped(at(i))) pages_[i] = {};
}

std::string Model::give_up() {
  Range r = range();
  note("DONTNEED", r);
  // Over a hole it says ENOMEM, and does the rest.
  madvise(at(r.from), r.pages * kPage, MADV_DONTNEED);
  for (std::size_t i = r.from; i < r.from + r.pages; i++)
    if (pages_[i].kind != Kind::kUnmapped) pages_[i] = {Kind::kZeros, 0};
  return {};
}

std::string Model::unmap() {
  Range r = range();
  note("munmap", r);
  munmap(at(r.from), r.pages * kPage);
  set(r, Kind::kUnmapped);
  return {};
}

std::string Model::map() {
  Range r = range();
  note("mmap", r);
  if (map_arena(r.from, r.pages)) set(r, Kind::kZeros);
  return {};
}

// To another place, with more or less room there.
std::string Model::move() {
  Range from = range();
  Range to = range();
  bool keep = random_.one_in(4);
  if (keep || random_.one_in(2)) to.pages = std::min(from.pages, kPages - to.from);
  keep = keep && to.pages == from.pages;
  if (from.from < to.from + to.pages && to.from < from.from + from.pages) return {};
  int flags = MREMAP_MAYMOVE | MREMAP_FIXED | (keep ? MREMAP_DONTUNMAP : 0);
  if (mremap(at(from.from), from.pages * kPage, to.pages * kPage, flags, at(to.from)) !=
      at(to.from)) {
    note("mremap fails", from, " to " + std::to_string(to.from) + "+" + std::to_string(to.pages));
    look_again(from);
    look_again(to);
    return {};
  }
  note(keep ? "mremap, keeping," : "mremap", from,
       " to " + std::to_string(to.from) + "+" + std::to_string(to.pages));
  for (std::size_t i = 0; i < to.pages; i++)
    pages_[to.from + i] = i < from.pages ? pages_[from.from + i] : Page{Kind::kZeros, 0};
  set(from, keep ? Kind::kZeros : Kind::kUnmapped);
  return {};
}

std::string Model::resize() {
  Range r = range();
  // To grow it must end where its mapping does.
  if (random_.one_in(2)) {
    while (r.from + r.pages < kPages && pages_[r.from + r.pages].kind != Kind::kUnmapped) r.pages++;
    r.from = std::max(r.from, r.from + r.pages - std::min<std::size_t>(r.pages, 3));
    std::size_t end = r.from + 3;
    r.pages = end > kPages ? kPages - r.from : 3;
  }
  std::size_t pages = std::min(random_.up_to(200), kPages - r.from);
  if (mremap(at(r.from), r.pages * kPage, pages * kPage, 0) != at(r.from)) {
    look_again(r);
    return {};
  }
  note("resize", r, " to " + std::to_string(pages));
  if (pages > r.pages)
    set({r.from + r.pages, pages - r.pages}, Kind::kZeros);
  else
    set({r.from + pages, r.pages - pages}, Kind::kUnmapped);
  return {};
}

std::string Model::write() {
  Range r = range();
  note("write", r);
  auto value = static_cast<std::uint32_t>(1 + random_.below(255));
  for (std::size_t i = r.from; i < r.from + r.pages; i++) {
    if (pages_[i].kind == Kind::kUnmapped) continue;
    memset(at(i), static_cast<int>(value), kPage);
    pages_[i] = {Kind::kWritten, value};
  }
  return {};
}

std::string Model::read() {
  Range r = range();
  note("read", r);
  for (std::size_t i = r.from; i < r.from + r.pages; i++) {
    std::string wrong = check_page(i);
    if (!wrong.empty()) return wrong;
  }
  return {};
}

// In a child: what it has found is for people, and its parent hears of it.
void Model::end_child_body(bool good) const {
  if (!good) {
    std::printf("# in a child: %s\n%s", describe_wrong().c_str(), history_.c_str());
    std::fflush(stdout);
  }
  _exit(good ? 0 : 1);
}

// A child sees the same, and what it does stays its own.
std::string Model::fork_off() {
  note("fork", {0, kPages});
  pid_t pid = fork_mortal();
  if (pid == 0) {
    bool good = check().empty();
    for (int i = 0; i < 8 && good; i++) good = step().empty();
    end_child_body(good && check().empty());
  }
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || status == 0) return {};
  // Memory may have run out: nobody else kills it so.
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return {};
  return WIFEXITED(status) ? "a child finds wrong contents"
                           : "a child ends by signal " + std::to_string(WTERMSIG(status));
}

std::string Model::split() {
  Range r = range();
  note("mprotect", r);
  mprotect(at(r.from), r.pages * kPage, PROT_READ);
  mprotect(kArena, kPages * kPage, kReadWrite);
  // It stops at a hole.
  for (std::size_t i = r.from; i < r.from + r.pages; i++)
    if (pages_[i].kind != Kind::kUnmapped) mprotect(at(i), kPage, kReadWrite);
  return {};
}

std::string Model::settle() {
  if (!module_.has(RMFORK_FEAT_LAZY) || !random_.one_in(4)) return {};
  note("SETTLE", {0, kPages});
  module_.issue({.rmfork_opt = RMFORK_OP_SETTLE, .pid = static_cast<std::uint64_t>(getpid())});
  return {};
}

std::string Model::page_out() {
  Range r = range();
  note("PAGEOUT", r);
  madvise(at(r.from), r.pages * kPage, MADV_PAGEOUT);
  return {};
}

// Saved as it is now, it comes back in a child; where nothing was mapped there are zeros.
std::string Model::dump_again() {
  if (!random_.one_in(4)) return {};
  note("DUMP", {0, kPages});
  const std::vector<iovec> region = {arena_range(0, kPages)};
  std::uint64_t off = 0;
  if (module_.dump(getpid(), region, &off) != 0) return {};
  const std::uint64_t generation = module_.generation_of(off, getpid());
  if (generation == 0) return {};
  pid_t pid = fork_mortal();
  if (pid == 0) {
    map_arena(0, kPages);
    for (Page& page : pages_)
      if (page.kind == Kind::kUnmapped) page.kind = Kind::kZeros;
    bool restored = module_.restore(RMFORK_OP_RESTORE_ONE, 0, off, region, generation) == 0;
    end_child_body(!restored || check().empty());
  }
  int status = 0;
  bool bad =
      pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) != 0;
  module_.on_snapshot(RMFORK_OP_FREE, off);
  return bad ? "what was dumped again comes back wrong" : "";
}

}  // namespace rmfork::fuzz
