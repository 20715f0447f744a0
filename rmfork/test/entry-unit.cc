// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/entry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "rmfork/error.h"
#include "rmfork/test/memory-kernel.h"

namespace rmfork {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::uint8_t>;

Entry sample() {
  Entry e;
  e.meta_off = 0x123000;
  e.vpid = 42;
  e.nr_iovs = 7;
  e.transport = "memory";
  e.identity = EntryIdentity{{9, 8, 7}, 5, 100, 3, 0xdeadbeef, 1};
  return e;
}

std::string refusal(const Bytes& bytes) {
  try {
    parse_entry(bytes, "f.img");
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

void put_u32(Bytes& b, std::size_t at, std::uint32_t v) {
  memcpy(b.data() + at, &v, 4);
}

TEST(Entry, RoundTrips) {
  Entry e = parse_entry(pack_entry(sample()), "f.img");
  EXPECT_EQ(e.meta_off, 0x123000u);
  EXPECT_EQ(e.vpid, 42);
  EXPECT_EQ(e.nr_iovs, 7u);
  EXPECT_EQ(e.transport, "memory");
  ASSERT_TRUE(e.identity);
  EXPECT_EQ(e.identity->pool_uuid, sample().identity->pool_uuid);
  EXPECT_EQ(e.identity->generation, 5u);
  EXPECT_EQ(e.identity->nr_pages, 100u);
  EXPECT_EQ(e.identity->nr_ranges, 3u);
  EXPECT_EQ(e.identity->index_checksum, 0xdeadbeefu);
  EXPECT_EQ(e.identity->abi_version, 1u);
}

TEST(Entry, RoundTripsWithoutIdentity) {
  Entry e = sample();
  e.identity.reset();
  e.nr_iovs = 0;
  e = parse_entry(pack_entry(e), "f.img");
  EXPECT_FALSE(e.identity);
  EXPECT_EQ(e.nr_iovs, 0u);
}

TEST(Entry, HasTheFramingOfImages) {
  Bytes b = pack_entry(sample());
  const Bytes head = {0x19, 0x43, 0x56, 0x54, 0x4b, 0x46, 0x4d, 0x52};
  EXPECT_EQ(Bytes(b.begin(), b.begin() + 8), head);
  std::uint32_t length;
  memcpy(&length, b.data() + 8, 4);
  EXPECT_EQ(b.size(), 12 + length);
}

TEST(Entry, EveryTruncationIsRefused) {
  Bytes whole = pack_entry(sample());
  for (std::size_t n = 0; n < whole.size(); n++)
    EXPECT_THAT(refusal(Bytes(whole.begin(), whole.begin() + n)), HasSubstr("truncated")) << n;
}

TEST(Entry, WrongMagicsAreRefused) {
  Bytes b = pack_entry(sample());
  put_u32(b, 0, 0x55105940);
  EXPECT_THAT(refusal(b), HasSubstr("is no image: it begins with 0x55105940"));
  b = pack_entry(sample());
  put_u32(b, 4, 0x55053847);
  EXPECT_THAT(refusal(b), HasSubstr("another kind: its magic is 0x55053847"));
}

TEST(Entry, TrailingBytesAreRefused) {
  Bytes b = pack_entry(sample());
  b.push_back(0);
  EXPECT_THAT(refusal(b), HasSubstr("has 1 bytes after its entry"));
}

TEST(Entry, OversizedLengthsAreRefused) {
  for (std::uint32_t length : {4097u, 0x7fffffffu, 0xffffffffu}) {
    Bytes b = pack_entry(sample());
    put_u32(b, 8, length);
    EXPECT_THAT(refusal(b), HasSubstr("more than 4096"));
  }
}

TEST(Entry, RubbishMessagesAreRefused) {
  Bytes b = pack_entry(sample());
  std::fill(b.begin() + 12, b.end(), 0xff);
  EXPECT_THAT(refusal(b), HasSubstr("not an rmfork_entry message"));
  b.resize(12);
  put_u32(b, 8, 0);
  EXPECT_THAT(refusal(b), HasSubstr("not an rmfork_entry message"));
}

// Whatever byte is damaged, the result is an error or an entry within bounds; never a crash.
TEST(Entry, NoSingleDamagedByteBreaksTheReader) {
  const Bytes whole = pack_entry(sample());
  for (std::size_t at = 0; at < whole.size(); at++) {
    for (int bit = 0; bit < 8; bit++) {
      Bytes b = whole;
      b[at] ^= static_cast<std::uint8_t>(1 << bit);
      try {
        Entry e = parse_entry(b, "f.img");
        EXPECT_NE(e.meta_off, 0u);
        EXPECT_GT(e.vpid, 0);
      } catch (const Error&) {
        EXPECT_NE(refusal(b), "accepted");
      }
    }
  }
}

TEST(Entry, ImpossibleValuesAreRefused) {
  Entry e = sample();
  e.meta_off = 0;
  EXPECT_THAT(refusal(pack_entry(e)), HasSubstr("impossible meta offset 0x0"));
  e.meta_off = ~0ULL;
  EXPECT_THAT(refusal(pack_entry(e)), HasSubstr("impossible meta offset"));
  e = sample();
  e.vpid = 0;
  EXPECT_THAT(refusal(pack_entry(e)), HasSubstr("impossible pid 0"));
  e.vpid = -1;
  EXPECT_THAT(refusal(pack_entry(e)), HasSubstr("impossible pid 4294967295"));
}

// The pool uuid is a bytes field: 4, wire type 2. Cut one byte out of it.
TEST(Entry, AUuidOfAnotherLengthIsRefused) {
  Bytes b = pack_entry(sample());
  const std::uint8_t tag[] = {0x22, 16};
  auto at = std::search(b.begin() + 12, b.end(), tag, tag + 2);
  ASSERT_NE(at, b.end());
  at[1] = 15;
  b.erase(at + 2);
  put_u32(b, 8, static_cast<std::uint32_t>(b.size() - 12));
  EXPECT_THAT(refusal(b), HasSubstr("pool uuid of 15 bytes"));
}

// Field 9 (abi version, one byte of value) comes before field 10.
TEST(Entry, APartialIdentityIsRefused) {
  Bytes b = pack_entry(sample());
  const std::uint8_t tag[] = {0x48, 1, 0x50};
  auto at = std::search(b.begin() + 12, b.end(), tag, tag + 3);
  ASSERT_NE(at, b.end());
  b.erase(at, at + 2);
  put_u32(b, 8, static_cast<std::uint32_t>(b.size() - 12));
  EXPECT_THAT(refusal(b), HasSubstr("only a part"));
}

TEST(EntryFile, IsReadBackByPidAndByOffset) {
  test::TempDir dir;
  Entry a = sample(), b = sample();
  b.vpid = 43;
  b.meta_off = 0x456000;
  write_entry(dir.fd(), a);
  write_entry(dir.fd(), b);
  EXPECT_EQ(read_entry(dir.fd(), 43)->meta_off, 0x456000u);
  EXPECT_EQ(find_entry(dir.fd(), 0x123000)->vpid, 42);
  EXPECT_FALSE(find_entry(dir.fd(), 0x999000));
  EXPECT_FALSE(read_entry(dir.fd(), 44));
}

TEST(EntryFile, AnotherTasksEntryIsRefused) {
  test::TempDir dir;
  write_entry(dir.fd(), sample());
  dir.write("rmfork-41.img", dir.read("rmfork-42.img"));
  EXPECT_THROW(read_entry(dir.fd(), 41), Error);
}

TEST(EntryFile, OtherFilesAreNotTakenForEntries) {
  test::TempDir dir;
  for (const char* name : {"rmfork-.img", "rmfork-x.img", "rmfork--1.img", "rmfork-1.img.bak",
                           "rmfork-99999999999.img", "pages-1.img"})
    dir.write(name, "x");
  EXPECT_TRUE(list_entries(dir.fd()).empty());
}

TEST(EntryFile, AnEnormousFileIsRefused) {
  test::TempDir dir;
  dir.write("rmfork-42.img", std::string(100000, 'x'));
  EXPECT_THROW(read_entry(dir.fd(), 42), Error);
}

}  // namespace
}  // namespace rmfork
