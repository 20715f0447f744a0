// SPDX-License-Identifier: GPL-2.0-only
#include "compel/gadgets.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

#include "compel/error.h"
#include "criu/mm/vma.h"

namespace compel {
namespace {

using Code = std::vector<uint8_t>;

// The offset, and how much the tail drops: "5/16", or "none".
std::string syscall_ret(const Code& code) {
  uint32_t drop = 9999;
  const int64_t at = find_syscall_ret(code, drop);
  return at < 0 ? "none" : std::to_string(at) + "/" + std::to_string(drop);
}

TEST(SyscallRet, IsFoundWhereItIs) {
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0xc3}), "0/0");
  EXPECT_EQ(syscall_ret({0x90, 0x90, 0x0f, 0x05, 0xc3, 0x90}), "2/0");
}

TEST(SyscallRet, PopsAreDropped) {
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x5d, 0xc3}), "0/8");                     // pop %rbp
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x5b, 0x5d, 0xc3}), "0/16");              // pop %rbx, %rbp
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x41, 0x5c, 0xc3}), "0/8");               // pop %r12
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x48, 0x83, 0xc4, 0x18, 0xc3}), "0/24");  // add $24, %rsp
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x48, 0x83, 0xc4, 0x08, 0x5b, 0x41, 0x5f, 0xc3}), "0/24");
}

TEST(SyscallRet, TailsThatDoMoreAreNone) {
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x5c, 0xc3}), "none");                    // pop %rsp
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x48, 0x83, 0xc4, 0xf8, 0xc3}), "none");  // add $-8, %rsp
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xc3}), "none");  // cmp
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x41, 0x90, 0xc3}), "none");
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0xc2, 0x08, 0x00}), "none");  // ret $8
}

TEST(SyscallRet, TheFirstUsableOneCounts) {
  EXPECT_EQ(syscall_ret({0x0f, 0x05, 0x90, 0xc3, 0x0f, 0x05, 0x5d, 0xc3}), "4/8");
  EXPECT_EQ(syscall_ret({0x0f, 0x0f, 0x05, 0xc3}), "1/0");
}

TEST(SyscallRet, TextMayEndAnywhere) {
  const Code whole = {0x0f, 0x05, 0x48, 0x83, 0xc4, 0x08, 0x41, 0x5c, 0x5d, 0xc3};
  ASSERT_EQ(syscall_ret(whole), "0/24");
  for (size_t n = 0; n < whole.size(); n++)
    EXPECT_EQ(syscall_ret(Code(whole.begin(), whole.begin() + static_cast<long>(n))), "none") << n;
}

TEST(SyscallRet, AVeryLongTailIsNotFollowed) {
  Code code = {0x0f, 0x05};
  code.resize(code.size() + 64, 0x58);
  code.push_back(0xc3);
  EXPECT_EQ(syscall_ret(code), "none");
}

TEST(Sigreturn, IsFoundInBothForms) {
  EXPECT_EQ(find_sigreturn(Code{0x90, 0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05}), 1);
  EXPECT_EQ(find_sigreturn(Code{0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05}), 0);
}

TEST(Sigreturn, OtherCallsAreNone) {
  EXPECT_EQ(find_sigreturn(Code{0x48, 0xc7, 0xc0, 0x0e, 0, 0, 0, 0x0f, 0x05}), -1);
  EXPECT_EQ(find_sigreturn(Code{0xb8, 0x0f, 0, 0, 1, 0x0f, 0x05}), -1);
  EXPECT_EQ(find_sigreturn(Code{0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f}), -1);
  EXPECT_EQ(find_sigreturn(Code{}), -1);
}

TEST(Gadgets, AreInEveryProgramWithALibc) {
  std::vector<Range> ranges;
  for (const criu::mm::Vma& v : criu::mm::read_vmas(getpid()))
    ranges.push_back({v.start, v.end, (v.prot & 1) != 0, (v.prot & 4) != 0, false, v.is_vdso()});
  GadgetMemo memo;
  const Gadgets g = find_gadgets(Memory(getpid()), ranges, memo);
  const auto* call = reinterpret_cast<const uint8_t*>(g.syscall_ret);
  EXPECT_TRUE(call[0] == 0x0f && call[1] == 0x05);
  EXPECT_EQ(find_sigreturn({reinterpret_cast<const uint8_t*>(g.sigreturn), 16}), 0);
  EXPECT_NE(memo.sigreturn.range_bytes, 0u);
  const Gadgets again = find_gadgets(Memory(getpid()), ranges, memo);
  EXPECT_EQ(again.syscall_ret, g.syscall_ret);
  EXPECT_EQ(again.drop, g.drop);
  EXPECT_EQ(again.sigreturn, g.sigreturn);
}

// Text with both in it.
class Text {
 public:
  Text(size_t syscall_at, size_t sigreturn_at) {
    place_syscall(syscall_at);
    place({0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90}, sigreturn_at);
  }
  void place_syscall(size_t offset) { place({0x0f, 0x05, 0x5d, 0xc3}, offset); }
  Range range(bool file = false) const {
    return {at(0), at(bytes_.size()), true, true, false, false, file};
  }
  uint64_t at(size_t offset) const { return reinterpret_cast<uint64_t>(bytes_.data() + offset); }

 private:
  void place(std::initializer_list<uint8_t> code, size_t offset) {
    std::copy(code.begin(), code.end(), bytes_.begin() + static_cast<long>(offset));
  }
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(8192, 0x90);
};

TEST(Gadgets, AreLookedForFirstWhereTheTaskBeforeHadThem) {
  Text text(100, 200);
  GadgetMemo memo;
  EXPECT_EQ(find_gadgets(Memory(getpid()), {{text.range()}}, memo).syscall_ret, text.at(100));
  text.place_syscall(50);
  EXPECT_EQ(find_gadgets(Memory(getpid()), {{text.range()}}, memo).syscall_ret, text.at(100));
  GadgetMemo none;
  EXPECT_EQ(find_gadgets(Memory(getpid()), {{text.range()}}, none).syscall_ret, text.at(50));
}

TEST(Gadgets, AreSearchedWhereThatPlaceHasAnother) {
  const Text first(100, 200), second(50, 200);
  GadgetMemo memo;
  find_gadgets(Memory(getpid()), {{first.range()}}, memo);
  const Gadgets g = find_gadgets(Memory(getpid()), {{second.range()}}, memo);
  EXPECT_EQ(g.syscall_ret, second.at(50));
  EXPECT_EQ(g.drop, 8u);
  EXPECT_EQ(g.sigreturn, second.at(200));
  EXPECT_EQ(memo.syscall_ret.offset, 50u);
}

TEST(Gadgets, AreTakenFromFilesFirst) {
  const Text one(100, 200), other(100, 200);
  for (const auto& [file, made] : {std::pair(&one, &other), {&other, &one}}) {
    GadgetMemo memo;
    const Gadgets g = find_gadgets(Memory(getpid()), {{file->range(true), made->range()}}, memo);
    EXPECT_EQ(g.syscall_ret, file->at(100));
    EXPECT_EQ(g.sigreturn, file->at(200));
  }
}

TEST(Gadgets, AreMissedByName) {
  try {
    GadgetMemo memo;
    find_gadgets(Memory(getpid()), {}, memo);
    FAIL() << "found some in no text";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("no rt_sigreturn in its text"), std::string::npos);
  }
}

}  // namespace
}  // namespace compel
