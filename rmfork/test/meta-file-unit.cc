// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/meta-file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "rmfork/error.h"
#include "rmfork/test/memory-kernel.h"

namespace rmfork {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string refusal(std::string_view contents) {
  try {
    parse_meta(contents);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

TEST(MetaParse, TakesTheLine) {
  EXPECT_EQ(parse_meta("0x1000\n"), 0x1000u);
  EXPECT_EQ(parse_meta("0xABCdef000"), 0xabcdef000u);
  EXPECT_EQ(parse_meta("0x7fffffffffffffff\n"), 0x7fffffffffffffffu);
}

TEST(MetaParse, SaysWhatIsWrong) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("-0x1000\n"), HasSubstr("negative"));
  EXPECT_THAT(refusal("4096\n"), HasSubstr("does not begin with 0x"));
  EXPECT_THAT(refusal(" 0x1000\n"), HasSubstr("does not begin with 0x"));
  EXPECT_THAT(refusal("rubbish"), HasSubstr("does not begin with 0x"));
  EXPECT_THAT(refusal("0x"), HasSubstr("no hexadecimal number"));
  EXPECT_THAT(refusal("0x-1"), HasSubstr("no hexadecimal number"));
  EXPECT_THAT(refusal("0x0\n"), HasSubstr("says 0"));
  EXPECT_THAT(refusal("0x10000000000000000\n"), HasSubstr("17 digits"));
  EXPECT_THAT(refusal("0xffffffffffffffff\n"), HasSubstr("no ubmem is large enough"));
  EXPECT_THAT(refusal("0x1000 "), HasSubstr("after the number"));
  EXPECT_THAT(refusal("0x1000\n\n"), HasSubstr("after the number"));
  EXPECT_THAT(refusal("0x1000g\n"), HasSubstr("after the number"));
  EXPECT_THAT(refusal(std::string_view("0x1000\0", 7)), HasSubstr("after the number"));
}

TEST(MetaFile, IsReadBack) {
  test::TempDir dir;
  write_meta_file(dir.fd(), 0x123000);
  EXPECT_EQ(dir.read(kMetaFileName), "0x123000\n");
  EXPECT_EQ(read_meta_file(dir.fd()), 0x123000u);
  write_meta_file(dir.fd(), 0x5000);
  EXPECT_EQ(read_meta_file(dir.fd()), 0x5000u);
  EXPECT_THAT(dir.names(), ElementsAre(kMetaFileName));
}

TEST(MetaFile, MissingIsNotAnError) {
  test::TempDir dir;
  EXPECT_EQ(read_meta_file(dir.fd()), std::nullopt);
}

TEST(MetaFile, OverlongAndStrangeFilesAreRefused) {
  test::TempDir dir;
  dir.write(kMetaFileName, std::string(5000, '0'));
  EXPECT_THROW(read_meta_file(dir.fd()), Error);
  unlinkat(dir.fd(), kMetaFileName, 0);
  ASSERT_EQ(mkfifoat(dir.fd(), kMetaFileName, 0600), 0);
  EXPECT_THROW(read_meta_file(dir.fd()), Error);  // and does not hang
}

// In a process of its own, for the limit: 0 if writing fails with an errno and leaves no file.
int failing_write(rlim_t limit, int dirfd, const std::string& dir_of_names) {
  pid_t pid = fork();
  if (pid == 0) {
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit r = {limit, limit};
    setrlimit(RLIMIT_FSIZE, &r);
    try {
      write_meta_file(dirfd, 0x1000);
      _exit(1);
    } catch (const Error& e) {
      if (e.err() == 0) _exit(2);
    }
    _exit(access((dir_of_names + "/" + kMetaFileName).c_str(), F_OK) == 0 ? 3 : 0);
  }
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

TEST(MetaFile, AFileSizeLimitFailsTheWrite) {
  test::TempDir dir;
  EXPECT_EQ(failing_write(0, dir.fd(), dir.path()), 0);
  EXPECT_EQ(failing_write(3, dir.fd(), dir.path()), 0);
  EXPECT_TRUE(dir.names().empty());
}

TEST(MetaFile, ADirectoryThatTakesNoFilesFailsTheWrite) {
  int proc = open("/proc/self", O_RDONLY | O_DIRECTORY);
  ASSERT_GE(proc, 0);
  EXPECT_EQ(failing_write(RLIM_INFINITY, proc, "/proc/self"), 0);
  close(proc);
}

TEST(MetaFile, AnObstacleFailsTheWriteAndStays) {
  test::TempDir dir;
  ASSERT_EQ(mkdirat(dir.fd(), kMetaFileName, 0700), 0);
  dir.write(std::string(kMetaFileName) + "/inside", "x");
  EXPECT_THROW(write_meta_file(dir.fd(), 0x1000), Error);
  EXPECT_THAT(dir.names(), ElementsAre(kMetaFileName));
}

}  // namespace
}  // namespace rmfork
