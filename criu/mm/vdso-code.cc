// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/vdso-code.h"

#include <elf.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "criu/base/error.h"

namespace criu::mm {

namespace {

// Reads of an ELF object that may be damaged. All addresses are offsets: a vDSO has one segment,
// which begins at 0 (arch/x86/entry/vdso/vdso-layout.lds.S).
class Object {
 public:
  explicit Object(std::span<const uint8_t> code) : code_(code) {
    const auto head = at<Elf64_Ehdr>(0);
    if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_machine != EM_X86_64)
      fail("a vDSO that is no object of this architecture");
    for (size_t i = 0; i < head.e_phnum; i++) {
      const auto segment = at<Elf64_Phdr>(head.e_phoff + i * sizeof(Elf64_Phdr));
      if (segment.p_type == PT_DYNAMIC) read_dynamic(segment);
    }
  }

  uint64_t symbols() const {
    if (hash_) return at<uint32_t>(*hash_ + sizeof(uint32_t));  // after nbucket: nchain
    if (gnu_hash_) return count_by_gnu_hash();
    fail("a vDSO without a table of its symbols");
  }
  Elf64_Sym symbol(uint64_t i) const { return at<Elf64_Sym>(symbols_ + i * sizeof(Elf64_Sym)); }
  std::string name(const Elf64_Sym& symbol) const {
    const uint64_t begin = strings_ + symbol.st_name;
    check(begin, 1);
    const auto* text = reinterpret_cast<const char*>(&code_[begin]);
    return std::string(text, strnlen(text, code_.size() - begin));
  }

 private:
  void check(uint64_t offset, uint64_t size) const {
    if (offset > code_.size() || size > code_.size() - offset) fail("a vDSO that is damaged");
  }
  template <typename T>
  T at(uint64_t offset) const {
    T value;
    check(offset, sizeof value);
    std::memcpy(&value, &code_[offset], sizeof value);
    return value;
  }

  void read_dynamic(const Elf64_Phdr& segment) {
    for (uint64_t i = 0; i < segment.p_filesz / sizeof(Elf64_Dyn); i++) {
      const auto entry = at<Elf64_Dyn>(segment.p_offset + i * sizeof(Elf64_Dyn));
      if (entry.d_tag == DT_SYMTAB) symbols_ = entry.d_un.d_ptr;
      if (entry.d_tag == DT_STRTAB) strings_ = entry.d_un.d_ptr;
      if (entry.d_tag == DT_HASH) hash_ = entry.d_un.d_ptr;
      if (entry.d_tag == DT_GNU_HASH) gnu_hash_ = entry.d_un.d_ptr;
    }
  }

  // The last symbol is the end of the chain that begins last.
  uint64_t count_by_gnu_hash() const {
    const auto [buckets, first, bloom, shift] = at<std::array<uint32_t, 4>>(*gnu_hash_);
    const uint64_t heads = *gnu_hash_ + 4 * sizeof(uint32_t) + bloom * sizeof(uint64_t);
    const uint64_t chains = heads + buckets * sizeof(uint32_t);
    uint64_t last = 0;
    for (uint64_t i = 0; i < buckets; i++)
      last = std::max<uint64_t>(last, at<uint32_t>(heads + i * sizeof(uint32_t)));
    if (last < first) return first;
    while ((at<uint32_t>(chains + (last - first) * sizeof(uint32_t)) & 1) == 0) last++;
    return last + 1;
  }

  std::span<const uint8_t> code_;
  uint64_t symbols_ = 0, strings_ = 0;
  std::optional<uint64_t> hash_, gnu_hash_;
};

// The names come with a prefix and, for programs that are older than it, without.
std::string_view plain(std::string_view name) {
  constexpr std::string_view kPrefix = "__vdso_";
  if (name.starts_with(kPrefix)) name.remove_prefix(kPrefix.size());
  return name;
}

// Which system call does the same, with the same arguments and the same answer.
std::optional<uint32_t> call_instead(std::string_view name) {
  struct Known {
    std::string_view name;
    uint32_t call;
  };
  constexpr std::array<Known, 6> kKnown = {{{"clock_gettime", SYS_clock_gettime},
                                            {"clock_getres", SYS_clock_getres},
                                            {"gettimeofday", SYS_gettimeofday},
                                            {"time", SYS_time},
                                            {"getcpu", SYS_getcpu},
                                            {"getrandom", SYS_getrandom}}};
  const auto known = std::ranges::find(kKnown, plain(name), &Known::name);
  return known == kKnown.end() ? std::nullopt : std::optional(known->call);
}

// It enters an enclave, and needs nothing of the kernel's for that.
bool needs_no_data(const VdsoFunction& f) {
  return f.name == "__vdso_sgx_enter_enclave";
}

template <typename T>
void append(std::vector<uint8_t>& code, T value) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
  code.insert(code.end(), bytes, bytes + sizeof value);
}

// The function may use rax: its answer comes there.
std::vector<uint8_t> jump_to(uint64_t address) {
  std::vector<uint8_t> code = {0x48, 0xb8};  // movabs $address, %rax
  append(code, address);
  code.insert(code.end(), {0xff, 0xe0});  // jmp *%rax
  return code;
}

// A system call finds its first three arguments where a function does, and none that is done here
// has more: of getrandom()'s five the last two tell where the vDSO keeps its state.
std::vector<uint8_t> call_kernel(uint32_t number) {
  std::vector<uint8_t> code = {0xb8};  // mov $number, %eax
  append(code, number);
  code.insert(code.end(), {0x0f, 0x05, 0xc3});  // syscall; ret
  return code;
}

}  // namespace

std::vector<VdsoFunction> vdso_functions(std::span<const uint8_t> code) {
  const Object object(code);
  std::vector<VdsoFunction> found;
  for (uint64_t i = 0, n = object.symbols(); i < n; i++) {
    const Elf64_Sym symbol = object.symbol(i);
    if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || symbol.st_shndx == SHN_UNDEF) continue;
    VdsoFunction f{object.name(symbol), symbol.st_value, symbol.st_size};
    if (f.at > code.size() || f.size > code.size() - f.at)
      fail("a vDSO whose function {} lies outside of it", f.name);
    found.push_back(std::move(f));
  }
  return found;
}

void redirect_vdso(std::span<uint8_t> code, std::span<const uint8_t> other, uint64_t other_at) {
  std::vector<VdsoFunction> there;
  if (!other.empty()) there = vdso_functions(other);
  for (const VdsoFunction& f : vdso_functions(code)) {
    std::vector<uint8_t> instead;
    const auto same = std::ranges::find(there, plain(f.name),
                                        [](const VdsoFunction& t) { return plain(t.name); });
    if (same != there.end()) {
      instead = jump_to(other_at + same->at);
    } else if (const auto call = call_instead(f.name)) {
      instead = call_kernel(*call);
    } else if (needs_no_data(f)) {
      continue;
    } else {
      fail("a vDSO with a function {}, which that of this kernel has not", f.name);
    }
    if (f.size < instead.size())
      fail("a vDSO whose function {} is too short to be redirected", f.name);
    std::ranges::copy(instead, code.begin() + static_cast<std::ptrdiff_t>(f.at));
  }
}

}  // namespace criu::mm
