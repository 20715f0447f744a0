// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace criu {

enum class Command { kNone, kDump, kRestore, kCheck, kHelp, kVersion };

// How connections are locked; as the inventory has it (the RPC counts from 1).
enum class NetworkLockMethod : uint32_t { kIptables = 0, kNftables = 1, kSkip = 2 };

// What the user asked for. config.cc holds the one table that says which option sets which
// member, which commands take it, and what --help and the man page say of it.
struct Options {
  Command command = Command::kNone;
  std::string command_name;

  int tree = 0;
  std::string images_dir = ".";
  std::string work_dir;  // empty: the images directory
  std::string log_file;  // empty: stderr
  int verbosity = 2;
  bool restore_detached = false;
  bool leave_stopped = false;
  bool leave_running = false;
  bool shell_job = false;
  bool restore_sibling = false;
  bool link_remap = false;
  bool file_locks = false;
  bool tcp_established = false;
  bool tcp_close = false;
  bool skip_in_flight = false;
  NetworkLockMethod network_lock = NetworkLockMethod::kNftables;
  bool separate_shared_memory = false;
  bool force_irmap = false;
  std::vector<std::string> irmap_scan_paths;
  std::set<std::string> external;        // keys of what belongs to the outside
  bool external_unix_sockets = false;    // peers of datagram sockets may do so without a key
  std::map<std::string, int> inherited;  // by such a key, a descriptor of ours
  bool validate_build_ids = true;        // --file-validation buildid
  bool skip_file_rwx_check = false;
  bool exec_cmd = false;
  std::vector<std::string> exec_argv;  // what follows `--`
  std::string pidfile;
  bool ghost_fiemap = false;
  uint64_t ghost_limit = 1024 * 1024;  // bytes
  bool display_stats = false;
  unsigned timeout = 10;              // seconds, for stopping the tree
  std::vector<std::string> features;  // check --feature
  bool check_extra = false;
  bool check_experimental = false;

  // Known, so that what contradicts them is told; not supported yet.
  bool lazy_pages = false;
  bool page_server = false;
  std::string prev_images_dir;

  bool enable_rmfork = false;
  bool skip_pages = false;
  std::string rmfork_transport = "auto";
  std::string rmfork_mode = "shared";
};

// Reads the configuration files and the command line; throws Error with one clear sentence.
// Configuration files, each overriding what came before: /etc/criu/default.conf,
// $HOME/.criu/default.conf, $CRIU_CONFIG_FILE, --config FILE; then the command line.
Options parse_options(int argc, char** argv);

// The text of --help.
std::string help_text();

// Long names of all supported options, for the man page check.
std::vector<std::string> option_names();

}  // namespace criu
