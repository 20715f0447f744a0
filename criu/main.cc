// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/version.h"
#include "criu/base/write-signals.h"
#include "criu/config.h"
#include "criu/cr-check.h"
#include "criu/cr-dump.h"
#include "criu/cr-restore.h"
#include "criu/mm/rmfork-bridge.h"

namespace {

using criu::Command;
using criu::Options;

void print_version() {
  fmt::print("Version: {}\n", criu::kVersion);
}

// The statistics are written there when all is done, which is too late to see that it is not there.
void check_work_dir(const Options& options) {
  if (options.work_dir == options.images_dir) return;
  struct stat st {};
  if (stat(options.work_dir.c_str(), &st) < 0)
    criu::fail_errno("cannot open the work directory {}", options.work_dir);
  if (!S_ISDIR(st.st_mode)) criu::fail("the work directory {} is no directory", options.work_dir);
}

// Opens the log below the work directory, as -o says it.
void open_log(const Options& options) {
  std::string path = options.log_file;
  if (!path.empty() && path[0] != '/' && path != "-") path = options.work_dir + "/" + path;
  criu::log::open(path, options.verbosity);
  criu::mm::route_rmfork_log();
  criu::log::info("Version: {}", criu::kVersion);
}

// What is opened here must not come to stand in for a standard descriptor that whoever started us
// has closed.
void occupy_standard_descriptors() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0) open("/dev/null", O_RDWR);
}

int run(const Options& options) {
  switch (options.command) {
    case Command::kHelp:
      fmt::print("{}", criu::help_text());
      return 0;
    case Command::kVersion:
      print_version();
      return 0;
    case Command::kDump:
      check_work_dir(options);
      open_log(options);
      criu::dump(options);
      return 0;
    case Command::kRestore:
      check_work_dir(options);
      open_log(options);
      return criu::restore(options);
    case Command::kCheck:
      open_log(options);
      return criu::check(options);
    case Command::kNone:
      break;
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  criu::ignore_write_signals();
  std::string doing;
  try {
    const Options options = criu::parse_options(argc, argv);
    if (options.command == Command::kDump) doing = "Dumping FAILED.";
    if (options.command == Command::kRestore) doing = "Restoring FAILED.";
    return run(options);
  } catch (const std::exception& e) {
    criu::log::error("{}", e.what());
    if (!doing.empty()) criu::log::error("{}", doing);
    return 1;
  }
}
