// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-identity.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "criu/base/error.h"
#include "criu/base/fd.h"

namespace criu::files {

namespace {

constexpr uint64_t kMaxNotes = 64 * 1024;  // bytes; a linker makes some hundred
constexpr size_t kMaxBuildId = 64;         // bytes; SHA-1 gives 20

// What there is of that part of the file.
std::vector<uint8_t> read_part(int fd, uint64_t offset, uint64_t size) {
  std::vector<uint8_t> bytes(size);
  const ssize_t n = pread(fd, bytes.data(), size, static_cast<off_t>(offset));
  // EINVAL: no file has that offset.
  if (n < 0 && errno != EINVAL) fail_errno("cannot read a mapped file");
  bytes.resize(n < 0 ? 0 : static_cast<size_t>(n));
  return bytes;
}

// A note is a header, a name and a descriptor, each filled up to 4 bytes (elf(5)).
std::vector<uint8_t> find_in_notes(std::span<const uint8_t> notes) {
  const auto round = [](uint64_t n) { return (n + 3) & ~uint64_t{3}; };
  Elf64_Nhdr head{};
  while (notes.size() >= sizeof head) {
    std::memcpy(&head, notes.data(), sizeof head);
    const uint64_t name = sizeof head, value = name + round(head.n_namesz);
    if (value + head.n_descsz > notes.size()) break;
    if (head.n_type == NT_GNU_BUILD_ID && head.n_namesz == sizeof ELF_NOTE_GNU &&
        std::memcmp(notes.data() + name, ELF_NOTE_GNU, sizeof ELF_NOTE_GNU) == 0 &&
        head.n_descsz <= kMaxBuildId) {
      const auto id = notes.subspan(value, head.n_descsz);
      return {id.begin(), id.end()};
    }
    notes = notes.subspan(std::min<uint64_t>(value + round(head.n_descsz), notes.size()));
  }
  return {};
}

// FNV-1a, 64 bits, of what is there of the part.
uint64_t sum_of(int fd, uint64_t offset, uint64_t length) {
  uint64_t hash = 0xcbf29ce484222325;
  std::vector<uint8_t> piece(256 * 1024);
  while (length != 0) {
    const ssize_t n = pread(fd, piece.data(), std::min<uint64_t>(length, piece.size()),
                            static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno("cannot read a mapped file");
    if (n == 0) break;
    for (ssize_t i = 0; i < n; i++) hash = (hash ^ piece[static_cast<size_t>(i)]) * 0x100000001b3;
    offset += static_cast<uint64_t>(n), length -= static_cast<uint64_t>(n);
  }
  return hash;
}

// In the images it stands in words of the processor's order, the last one filled up with zeros.
std::vector<uint32_t> words_of(const std::vector<uint8_t>& id) {
  std::vector<uint32_t> words((id.size() + 3) / 4);
  if (!id.empty()) std::memcpy(words.data(), id.data(), id.size());
  return words;
}

}  // namespace

std::vector<uint8_t> read_build_id(int fd) {
  Elf64_Ehdr head{};
  const std::vector<uint8_t> beginning = read_part(fd, 0, sizeof head);
  if (beginning.size() != sizeof head) return {};
  std::memcpy(&head, beginning.data(), sizeof head);
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
      head.e_phentsize != sizeof(Elf64_Phdr))
    return {};
  const std::vector<uint8_t> table =
      read_part(fd, head.e_phoff, uint64_t{head.e_phnum} * sizeof(Elf64_Phdr));
  for (size_t at = 0; at + sizeof(Elf64_Phdr) <= table.size(); at += sizeof(Elf64_Phdr)) {
    Elf64_Phdr part{};
    std::memcpy(&part, table.data() + at, sizeof part);
    if (part.p_type != PT_NOTE) continue;
    std::vector<uint8_t> id =
        find_in_notes(read_part(fd, part.p_offset, std::min<uint64_t>(part.p_filesz, kMaxNotes)));
    if (!id.empty()) return id;
  }
  return {};
}

void store_identity(image::Arena& arena, RegFileEntry& reg, int fd, const FileParts& parts) {
  if (const std::vector<uint32_t> id = words_of(read_build_id(fd)); !id.empty()) {
    reg.n_build_id = id.size();
    reg.build_id = arena.array<uint32_t>(id.size());
    std::ranges::copy(id, reg.build_id);
    return;
  }
  reg.n_parts = parts.size();
  reg.parts = arena.array<FilePartEntry*>(parts.size());
  size_t i = 0;
  for (const auto& [offset, length] : parts) {
    auto* part = arena.make<FilePartEntry>();
    part->offset = offset, part->length = length;
    part->sum = sum_of(fd, offset, length);
    reg.parts[i++] = part;
  }
}

void check_identity(const RegFileEntry& reg, const std::string& path) {
  if (reg.n_build_id == 0 && reg.n_parts == 0) return;
  const UniqueFd fd = open_path(path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
  constexpr std::string_view kAdvice =
      "put the right one there, or restore with --file-validation filesize";
  if (reg.n_build_id != 0) {
    const std::vector<uint32_t> now = words_of(read_build_id(fd.get()));
    if (!std::ranges::equal(now, std::span(reg.build_id, reg.n_build_id)))
      fail("{} is another build than at the dump: {}", reg.name, kAdvice);
    return;
  }
  for (const FilePartEntry* part : std::span(reg.parts, reg.n_parts))
    if (sum_of(fd.get(), part->offset, part->length) != part->sum)
      fail("{} has other contents than at the dump, where it was mapped as a program: {}", reg.name,
           kAdvice);
}

}  // namespace criu::files
