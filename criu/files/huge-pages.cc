// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/huge-pages.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <bit>
#include <filesystem>
#include <map>

#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

// A memfd without a page of its own shows which one it is.
std::map<dev_t, uint32_t> find_all() {
  std::map<dev_t, uint32_t> all;
  constexpr std::string_view kPrefix = "hugepages-";  // "hugepages-2048kB"
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", none)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    const uint64_t bytes = proc::to_u64(std::string_view(name).substr(kPrefix.size())) << 10;
    const uint32_t flag = static_cast<uint32_t>(std::countr_zero(bytes)) << MAP_HUGE_SHIFT;
    const UniqueFd fd(memfd_create("criu", MFD_CLOEXEC | MFD_HUGETLB | flag));
    struct stat st {};
    if (fd && fstat(fd.get(), &st) == 0) all[st.st_dev] = flag;
  }
  return all;
}

}  // namespace

uint32_t own_hugetlbfs(dev_t dev) {
  static const std::map<dev_t, uint32_t> all = find_all();
  const auto it = all.find(dev);
  return it == all.end() ? 0 : it->second;
}

}  // namespace criu::files
