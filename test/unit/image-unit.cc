// SPDX-License-Identifier: GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory_resource>

#include "criu/image/image-file.h"
#include "criu/image/shared-chunks.h"
#include "test/unit/support.h"

namespace criu::image {
namespace {

using testing::HasSubstr;
using unit::error_of;

class ImageFile : public testing::Test {
 protected:
  // Three entries, by which a file is read back.
  void write_tree() const {
    Writer img(dir_, Kind::kPstree);
    Arena arena;
    auto* e = arena.make<PstreeEntry>();
    for (uint32_t pid = 100; pid < 103; pid++) {
      e->pid = e->pgid = e->sid = pid;
      e->threads = arena.copy<uint32_t>(std::vector<uint32_t>{pid, pid + 1000, pid + 2000});
      e->n_threads = 3;
      img.write(e);
    }
    img.close();
  }
  std::vector<uint32_t> read_tree() const {
    Arena arena;
    Reader img(dir_, Kind::kPstree);
    std::vector<uint32_t> pids;
    while (const auto* e = img.next<PstreeEntry>(arena)) pids.push_back(e->pid);
    return pids;
  }
  void write_fs() const {
    Arena arena;
    auto* e = arena.make<FsEntry>();
    e->cwd_id = 300, e->root_id = 70000;
    CRIU_SET_OPTIONAL(e, umask, 022);
    write_single(dir_, Kind::kFs, 7, e);
  }
  std::string read_fs() const {
    return error_of([&] {
      Arena arena;
      read_single<FsEntry>(dir_, Kind::kFs, 7, arena);
    });
  }

  unit::TempDir temp_;
  Directory dir_{temp_.path()};
};

std::string words(std::initializer_list<uint32_t> list) {
  std::string bytes;
  for (const uint32_t w : list) bytes.append(reinterpret_cast<const char*>(&w), sizeof w);
  return bytes;
}

TEST_F(ImageFile, RoundTrips) {
  write_tree();
  EXPECT_THAT(read_tree(), testing::ElementsAre(100, 101, 102));
  Arena arena;
  Reader img(dir_, Kind::kPstree);
  const auto* e = img.must_next<PstreeEntry>(arena);
  ASSERT_EQ(e->n_threads, 3u);
  EXPECT_EQ(e->threads[2], 2100u);
  EXPECT_EQ(img.name(), "pstree.img");
}

// Names and magics as of the format; the inventory alone has one word.
TEST_F(ImageFile, KindsHaveTheirNamesAndMagics) {
  constexpr uint32_t kCommon = 0x54564319, kService = 0x55105940;
  struct Fact {
    Kind kind;
    const char* name;
    uint32_t magic;
  };
  for (const Fact& f :
       {Fact{Kind::kPstree, "pstree.img", 0x50273030}, Fact{Kind::kIds, "ids-17.img", 0x54432030},
        Fact{Kind::kCore, "core-17.img", 0x55053847}, Fact{Kind::kMm, "mm-17.img", 0x57492820},
        Fact{Kind::kPagemap, "pagemap-17.img", 0x56084025},
        Fact{Kind::kShmemPagemap, "pagemap-shmem-17.img", 0x56084025},
        Fact{Kind::kFdinfo, "fdinfo-17.img", 0x56213732},
        Fact{Kind::kFiles, "files.img", 0x56303138}, Fact{Kind::kFs, "fs-17.img", 0x51403912},
        Fact{Kind::kPipesData, "pipes-data.img", 0x56453709},
        Fact{Kind::kFifoData, "fifo-data.img", 0x59333054},
        Fact{Kind::kGhostFile, "ghost-file-11.img", 0x52583605},
        Fact{Kind::kRemapFpath, "remap-fpath.img", 0x59133954},
        Fact{Kind::kIpcShm, "ipcns-shm-17.img", 0x46283044},
        Fact{Kind::kTtyInfo, "tty-info.img", 0x59453036}}) {
    Writer(dir_, f.kind, 17).close();
    EXPECT_EQ(temp_.read(f.name), words({kCommon, f.magic})) << f.name;
  }
  Writer(dir_, Kind::kInventory).close();
  EXPECT_EQ(temp_.read("inventory.img"), words({0x58313116}));
  Writer(dir_, Kind::kStats, "dump").close();
  EXPECT_EQ(temp_.read("stats-dump"), words({kService, 0x57093306}));
  EXPECT_EQ(file_name(Kind::kPages, 3), "pages-3.img");
}

TEST_F(ImageFile, OfOneEntryIsRefusedWhereverItIsCut) {
  write_fs();
  ASSERT_EQ(read_fs(), "no error");
  const std::string whole = temp_.read("fs-7.img");
  for (size_t n = 0; n < whole.size(); n++) {
    temp_.write("fs-7.img", whole.substr(0, n));
    EXPECT_THAT(read_fs(), HasSubstr("fs-7.img")) << n << " of " << whole.size() << " bytes";
  }
}

TEST_F(ImageFile, ListIsRefusedWhereverItIsCutWithinAnEntry) {
  write_tree();
  const std::string whole = temp_.read("pstree.img");
  const size_t entry = (whole.size() - 8) / 3;
  ASSERT_EQ(8 + 3 * entry, whole.size());
  for (size_t n = 0; n < whole.size(); n++) {
    temp_.write("pstree.img", whole.substr(0, n));
    if (n >= 8 && (n - 8) % entry == 0)
      EXPECT_EQ(read_tree().size(), (n - 8) / entry);
    else
      EXPECT_THAT(error_of([&] { read_tree(); }), HasSubstr("pstree.img")) << n << " bytes";
  }
}

TEST_F(ImageFile, DamagedBytesNeverDoMoreThanThrow) {
  write_tree();
  const std::string whole = temp_.read("pstree.img");
  size_t refused = 0;
  for (size_t at = 0; at < whole.size(); at++) {
    for (int bit = 0; bit < 8; bit++) {
      std::string bytes = whole;
      bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
      temp_.write("pstree.img", bytes);
      refused += error_of([&] { read_tree(); }) != "no error";
    }
  }
  EXPECT_GE(refused, 8u * 8);  // each bit of the magic at the least
}

TEST_F(ImageFile, OversizedLengthsAreRefused) {
  write_fs();
  const std::string whole = temp_.read("fs-7.img");
  const auto with_length = [&](uint32_t length) {
    temp_.write("fs-7.img", whole.substr(0, 8) + words({length}) + whole.substr(12));
    return read_fs();
  };
  const auto right = static_cast<uint32_t>(whole.size() - 12);
  EXPECT_EQ(with_length(right), "no error");
  EXPECT_THAT(with_length(right + 1), HasSubstr("is truncated"));
  EXPECT_THAT(with_length(64 * 1024 * 1024), HasSubstr("is truncated"));
  EXPECT_THAT(with_length(64 * 1024 * 1024 + 1), HasSubstr("is impossible"));
  EXPECT_THAT(with_length(0xffffffff), HasSubstr("is impossible"));
  EXPECT_THAT(with_length(right - 1), HasSubstr("fs-7.img"));
}

TEST_F(ImageFile, ForeignMagicIsRefused) {
  write_tree();
  std::string bytes = temp_.read("pstree.img");
  temp_.write("pstree.img", words({0x54564319, 0x55053847}) + bytes.substr(8));
  EXPECT_EQ(error_of([&] { read_tree(); }),
            "pstree.img is not what its name says: magic 0x55053847 where 0x50273030 belongs");
  temp_.write("pstree.img", words({0x50273030, 0x54564319}) + bytes.substr(8));
  EXPECT_THAT(error_of([&] { read_tree(); }), HasSubstr("magic 0x50273030 where 0x54564319"));
}

TEST_F(ImageFile, RubbishBehindTheLastEntryIsRefused) {
  write_tree();
  temp_.write("pstree.img", temp_.read("pstree.img") + "xyz");
  EXPECT_THAT(error_of([&] { read_tree(); }), HasSubstr("is truncated"));
  write_fs();
  temp_.write("fs-7.img", temp_.read("fs-7.img") + "x");
  EXPECT_THAT(read_fs(), HasSubstr("fs-7.img"));
}

TEST_F(ImageFile, MissingFilesAndDirectoriesAreNamed) {
  EXPECT_THAT(read_fs(), HasSubstr("cannot open the image " + temp_.file("fs-7.img")));
  EXPECT_THAT(error_of([] { Directory("/nowhere/at/all"); }),
              HasSubstr("cannot open the images directory /nowhere/at/all"));
  Writer(dir_, Kind::kFs, 7).close();
  EXPECT_EQ(read_fs(), "fs-7.img has no entry where one is needed");
}

TEST_F(ImageFile, RawDataFollowsEntries) {
  // Larger than any buffer, so that each path through them is taken.
  std::string payload(700 * 1024, 0);
  for (size_t i = 0; i < payload.size(); i++) payload[i] = static_cast<char>(i * 7 + i / 251);
  temp_.write("payload", payload);
  {
    Writer img(dir_, Kind::kPipesData);
    Arena arena;
    auto* e = arena.make<PipeDataEntry>();
    for (const size_t size : {10UL, 300UL * 1024, payload.size()}) {
      e->pipe_id = 5, e->bytes = static_cast<uint32_t>(size);
      img.write(e);
      if (size == payload.size()) {
        const UniqueFd fd = open_path(temp_.file("payload"), O_RDONLY);
        img.write_from(fd.get(), size);
      } else {
        img.write_raw(payload.data(), size);
      }
    }
    img.close();
  }
  Arena arena;
  Reader img(dir_, Kind::kPipesData);
  size_t entries = 0;
  while (const auto* e = img.next<PipeDataEntry>(arena)) {
    std::string data(e->bytes, 0);
    img.read_raw(data.data(), data.size());
    EXPECT_TRUE(data == payload.substr(0, e->bytes)) << e->bytes;
    entries++;
  }
  EXPECT_EQ(entries, 3u);
  char more = 0;
  EXPECT_THAT(error_of([&] { img.read_raw(&more, 1); }), HasSubstr("is truncated: 1 bytes"));
}

TEST_F(ImageFile, AFileThatEndsBeforeItsPayloadIsNoPayload) {
  temp_.write("short", "abc");
  Writer img(dir_, Kind::kPipesData);
  const UniqueFd fd = open_path(temp_.file("short"), O_RDONLY);
  EXPECT_NE(error_of([&] { img.write_from(fd.get(), 4); }), "no error");
}

// Tells how much was taken of it.
class Counted : public std::pmr::memory_resource {
 public:
  size_t bytes = 0;

 private:
  void* do_allocate(size_t size, size_t align) override {
    bytes += size;
    return std::pmr::new_delete_resource()->allocate(size, align);
  }
  void do_deallocate(void* at, size_t size, size_t align) override {
    std::pmr::new_delete_resource()->deallocate(at, size, align);
  }
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
};

TEST(Arena, ManyMessagesTakeTheRoomOfWhatIsInThem) {
  constexpr size_t kWords = 500, kMessages = 300;
  Arena source;
  auto* mm = source.make<MmEntry>();
  mm->n_mm_saved_auxv = kWords;
  mm->mm_saved_auxv = source.array<uint64_t>(kWords);
  for (size_t i = 0; i < kWords; i++) mm->mm_saved_auxv[i] = i;
  std::vector<uint8_t> packed(protobuf_c_message_get_packed_size(&mm->base));
  protobuf_c_message_pack(&mm->base, packed.data());

  Counted memory;
  Arena arena(memory, 4096);
  std::vector<const MmEntry*> all;
  for (size_t i = 0; i < kMessages; i++) all.push_back(arena.unpack<MmEntry>(packed));
  for (const MmEntry* e : all) {
    ASSERT_EQ(e->n_mm_saved_auxv, kWords);
    for (size_t i = 0; i < kWords; i++) ASSERT_EQ(e->mm_saved_auxv[i], i);
  }
  // What the pool takes is up to twice of what is taken of the pool.
  EXPECT_LT(memory.bytes, 2 * kMessages * (sizeof(MmEntry) + kWords * sizeof(uint64_t) + 512));
}

TEST(SharedChunks, AreReadByOtherProcessesAndChangedByNobody) {
  SharedChunks chunks;
  Arena arena(chunks, 1 << 16);
  auto* e = arena.make<FsEntry>();
  uint32_t* many = arena.array<uint32_t>(1 << 20);  // beyond the first chunk
  const pid_t child = fork();
  if (child == 0) {
    // Private memory would be a copy by now.
    e->cwd_id = 17, many[12345] = 18;
    _exit(0);
  }
  waitpid(child, nullptr, 0);
  EXPECT_EQ(e->cwd_id, 17u);
  EXPECT_EQ(many[12345], 18u);
  chunks.seal();
  EXPECT_EQ(e->cwd_id, 17u);
  EXPECT_DEATH(e->cwd_id = 1, "");
  EXPECT_DEATH(many[0] = 1, "");
  EXPECT_THAT(error_of([&] { arena.array<uint32_t>(1 << 24); }), HasSubstr("shared already"));
}

}  // namespace
}  // namespace criu::image
