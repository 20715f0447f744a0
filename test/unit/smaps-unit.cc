// SPDX-License-Identifier: GPL-2.0-only
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "criu/mm/vma.h"
#include "test/unit/support.h"

namespace criu::mm {
namespace {

using testing::HasSubstr;

// What each mapping of smaps has between its first line and its flags.
constexpr const char* kCounts =
    "Size:                 16 kB\n"
    "KernelPageSize:        4 kB\n"
    "Rss:                  12 kB\n"
    "Pss_Dirty:             0 kB\n"
    "AnonHugePages:         0 kB\n"
    "THPeligible:    0\n"
    "ProtectionKey:         0\n";

std::string area(const std::string& head, const std::string& flags) {
  return head + "\n" + kCounts + "VmFlags: " + flags + " \n";
}
Vma one(const std::string& head, const std::string& flags) {
  const std::vector<Vma> vmas = parse_smaps(area(head, flags));
  EXPECT_EQ(vmas.size(), 1u);
  return vmas.empty() ? Vma{} : vmas[0];
}

TEST(Smaps, PrivateFile) {
  const Vma v =
      one("55d0c1a2b000-55d0c1a2f000 r-xp 00002000 fd:01 1835426                    /usr/bin/cat",
          "rd ex mr mw me sd");
  EXPECT_EQ(v.start, 0x55d0c1a2b000u);
  EXPECT_EQ(v.end, 0x55d0c1a2f000u);
  EXPECT_EQ(v.size(), 0x4000u);
  EXPECT_EQ(v.offset, 0x2000u);
  EXPECT_EQ(v.prot, PROT_READ | PROT_EXEC);
  EXPECT_FALSE(v.shared);
  EXPECT_EQ(v.dev, makedev(0xfd, 1));
  EXPECT_EQ(v.inode, 1835426u);
  EXPECT_EQ(v.name, "/usr/bin/cat");
  EXPECT_TRUE(v.may_write);
  EXPECT_TRUE(v.is_file() && v.is_private_data());
  EXPECT_EQ(v.madvise, 0u);
}

TEST(Smaps, PagesThatMayBeSharedSinceFork) {
  const auto may_share = [](std::string_view shared_clean, std::string_view shared_dirty,
                            std::string_view anonymous, std::string_view swap) {
    const std::vector<Vma> vmas = parse_smaps(fmt::format(
        "7f0000000000-7f0000008000 rw-p 00000000 00:00 0 \nRss: 32 kB\nShared_Clean: {} kB\n"
        "Shared_Dirty: {} kB\nAnonymous: {} kB\nSwap: {} kB\nVmFlags: rd wr mr mw me\n",
        shared_clean, shared_dirty, anonymous, swap));
    return vmas.at(0).may_share_pages();
  };
  EXPECT_FALSE(may_share("0", "0", "32", "0"));
  EXPECT_FALSE(may_share("32", "0", "0", "0"));  // a file's
  EXPECT_TRUE(may_share("0", "4", "32", "0"));
  EXPECT_TRUE(may_share("4", "0", "32", "0"));
  EXPECT_TRUE(may_share("0", "0", "0", "4"));  // of those nobody knows
  EXPECT_TRUE(Vma{}.may_share_pages());
}

TEST(Smaps, SealedDroppableAndProtectedMemory) {
  const std::string head = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ";
  const Vma plain = one(head, "rd wr mr mw me");
  EXPECT_FALSE(plain.sealed || plain.droppable || plain.pkey != 0);
  EXPECT_TRUE(one(head, "rd wr mr mw me sl").sealed);
  EXPECT_TRUE(one(head, "rd wr mr mw me dp").droppable);
  const std::vector<Vma> with_key =
      parse_smaps(head + "\nProtectionKey:        13\nVmFlags: rd wr mr mw me \n");
  ASSERT_EQ(with_key.size(), 1u);
  EXPECT_EQ(with_key[0].pkey, 13u);
}

TEST(Smaps, NamesOfAnonymousMemory) {
  const std::string place = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ";
  EXPECT_EQ(one(place + " [anon:a name]", "rd").anon_name(), "a name");
  EXPECT_EQ(one(place + " [anon_shmem:other]", "rd").anon_name(), "other");
  for (const char* name : {"", " [heap]", " [stack]", " /tmp/[anon:x]"})
    EXPECT_EQ(one(place + name, "rd").anon_name(), "") << name;
}

TEST(Smaps, NamesKeepTheirBlanks) {
  EXPECT_EQ(
      one("7f0000000000-7f0000001000 r--p 00000000 00:1c 77   /tmp/a  name with blanks ", "rd")
          .name,
      "/tmp/a  name with blanks ");
}

TEST(Smaps, DeletedFilesKeepTheirMark) {
  const Vma v = one(
      "7f0000000000-7f0000001000 rw-s 00000000 00:01 2049                       /memfd:x (deleted)",
      "rd wr sh mr mw me ms sd");
  EXPECT_EQ(v.name, "/memfd:x (deleted)");
  EXPECT_TRUE(v.shared && v.is_file());
  EXPECT_FALSE(v.is_private_data());
}

TEST(Smaps, AnonymousMappingsHaveNoName) {
  const Vma v = one("7f0000000000-7f0000001000 ---p 00000000 00:00 0 ", "mr mw me nr sd");
  EXPECT_EQ(v.name, "");
  EXPECT_EQ(v.prot, PROT_NONE);
  EXPECT_TRUE(v.no_reserve);
  EXPECT_FALSE(v.is_file());
  EXPECT_TRUE(v.is_private_data());
}

TEST(Smaps, HeapAndStack) {
  EXPECT_EQ(one("556600000000-556600021000 rw-p 00000000 00:00 0                          [heap]",
                "rd wr mr mw me ac sd")
                .name,
            "[heap]");
  const Vma stack =
      one("7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0                          [stack]",
          "rd wr mr mw me gd ac");
  EXPECT_TRUE(stack.grows_down);
  EXPECT_FALSE(stack.is_file());
}

TEST(Smaps, TheVdsoAndItsDataNeedNoCare) {
  for (const char* name : {"[vvar]", "[vvar_vclock]"}) {
    const Vma v =
        one(std::string("7ffc00100000-7ffc00104000 r--p 00000000 00:00 0                 ") + name,
            "rd mr pf io de dd sd");
    EXPECT_TRUE(v.is_vvar()) << name;
    EXPECT_FALSE(v.io_or_pfn);
    EXPECT_EQ(v.madvise, 0u);
    EXPECT_FALSE(v.is_private_data());
  }
  EXPECT_TRUE(one("7ffc00104000-7ffc00106000 r-xp 00000000 00:00 0    [vdso]", "rd ex mr mw me de")
                  .is_vdso());
}

TEST(Smaps, TheVsyscallPageIsLeftOut) {
  const std::string text =
      area("7ffc00104000-7ffc00106000 r-xp 00000000 00:00 0                 [vdso]", "rd ex") +
      area("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0         [vsyscall]", "ex lo");
  const std::vector<Vma> vmas = parse_smaps(text);
  ASSERT_EQ(vmas.size(), 1u);
  EXPECT_TRUE(vmas[0].is_vdso());
  EXPECT_FALSE(vmas[0].locked);
}

TEST(Smaps, EveryFlagHasItsMember) {
  const auto flag = [](const char* f) {
    return one("7f0000000000-7f0000001000 rw-p 00000000 00:00 0 ", std::string("rd wr ") + f);
  };
  EXPECT_TRUE(flag("mw").may_write);
  EXPECT_TRUE(flag("gd").grows_down);
  EXPECT_TRUE(flag("lo").locked);
  EXPECT_TRUE(flag("lf").lock_on_fault);
  EXPECT_TRUE(flag("lo ??").lock_on_fault);  // where it has no name
  EXPECT_FALSE(flag("??").lock_on_fault);
  EXPECT_TRUE(flag("nr").no_reserve);
  EXPECT_TRUE(flag("ht").huge_tlb);
  EXPECT_TRUE(flag("io").io_or_pfn);
  EXPECT_TRUE(flag("pf").io_or_pfn);
  EXPECT_TRUE(flag("mm").mixed);
  EXPECT_TRUE(flag("um").userfault);
  EXPECT_TRUE(flag("uw").userfault);
  EXPECT_TRUE(flag("ui").userfault);
  EXPECT_TRUE(flag("ss").shadow_stack);
  const std::pair<const char*, int> advices[] = {{"sr", MADV_SEQUENTIAL}, {"rr", MADV_RANDOM},
                                                 {"dc", MADV_DONTFORK},   {"wf", MADV_WIPEONFORK},
                                                 {"mg", MADV_MERGEABLE},  {"hg", MADV_HUGEPAGE},
                                                 {"nh", MADV_NOHUGEPAGE}, {"dd", MADV_DONTDUMP}};
  for (const auto& [name, advice] : advices) EXPECT_EQ(flag(name).madvise, 1ull << advice) << name;
  EXPECT_EQ(flag("zz").madvise, 0u);
}

TEST(Smaps, UntouchedIsOnlyWhatIsKnownToBe) {
  const std::string memory = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n";
  const std::string file = "7f0000000000-7f0000001000 rw-p 00000000 fd:01 7    /usr/bin/cat\n";
  const auto untouched = [](const std::string& head, int resident, int anonymous, int swapped,
                            const char* flags) {
    const std::string text = fmt::format(
        "{}Rss: {} kB\nAnonymous: {} kB\nAnonHugePages: 0 kB\nSwap: {} kB\nSwapPss: 4 kB\n"
        "VmFlags: rd wr {} \n",
        head, resident, anonymous, swapped, flags);
    return parse_smaps(text).at(0).is_untouched();
  };
  EXPECT_TRUE(untouched(memory, 0, 0, 0, ""));
  EXPECT_FALSE(untouched(memory, 4, 4, 0, ""));
  EXPECT_FALSE(untouched(memory, 4, 0, 0, ""));  // inserted by rmfork
  EXPECT_FALSE(untouched(memory, 0, 0, 8, ""));
  EXPECT_FALSE(untouched(memory, 0, 0, 0, "mm"));  // it may have been restored lazily
  EXPECT_TRUE(untouched(file, 4, 0, 0, ""));
  EXPECT_FALSE(untouched(file, 8, 4, 0, ""));
  EXPECT_FALSE(parse_smaps(memory).at(0).is_untouched());  // of maps
}

TEST(Smaps, LinesOfMapsAreEnough) {
  const std::vector<Vma> vmas = parse_smaps(
      "400000-401000 r--p 00000000 00:1c 5 /x\n"
      "401000-402000 r-xp 00001000 00:1c 5 /x");
  ASSERT_EQ(vmas.size(), 2u);
  EXPECT_EQ(vmas[1].start, 0x401000u);
  EXPECT_TRUE(parse_smaps("").empty());
}

TEST(Smaps, WhatIsNoMappingIsRefused) {
  for (const char* line : {"400000", "400000-401000", "400000 401000-", "400000-401000 r-",
                           "400000-401000 r--p 00000000 001c 5"})
    EXPECT_THAT(unit::error_of([&] { parse_smaps(line); }), HasSubstr("cannot be read")) << line;
}

TEST(Smaps, OfThisProcess) {
  void* p = mmap(nullptr, 3 * kPage, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(p, MAP_FAILED);
  const auto at = reinterpret_cast<uint64_t>(p);
  uint64_t end = 0;
  bool found = false, vdso = false;
  for (const Vma& v : read_vmas(getpid())) {
    EXPECT_LE(end, v.start);
    end = v.end;
    vdso = vdso || v.is_vdso();
    if (v.start != at) continue;
    found = true;
    EXPECT_EQ(v.size(), 3 * kPage);
    EXPECT_TRUE(v.shared);
    EXPECT_EQ(v.prot, PROT_READ);
    EXPECT_TRUE(v.may_write);
  }
  EXPECT_TRUE(found && vdso);
  munmap(p, 3 * kPage);
}

}  // namespace
}  // namespace criu::mm
