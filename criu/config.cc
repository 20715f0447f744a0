// SPDX-License-Identifier: GPL-2.0-only
#include "criu/config.h"

#include <fcntl.h>
#include <getopt.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string_view>
#include <utility>

#include "criu/base/error.h"

namespace criu {

namespace {

enum class Argument { kNone, kRequired, kOptional };

struct Row {
  const char* name;
  char letter;  // 0: none
  Argument argument;
  const char* argument_name;
  const char* help;  // null: known, but not supported yet
  std::function<void(Options&, const std::string&)> set;
  bool Options::*undo = nullptr;  // what --no-NAME makes false; null: there is no such form
};

uint64_t parse_size(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const uint64_t n = strtoull(text.c_str(), &end, 10);
  const std::string unit(end);
  if (end == text.c_str() || errno != 0 || text[0] == '-' || unit.size() > 1)
    fail("--ghost-limit: {} is no size", text);
  const char u = unit.empty() ? 0 : static_cast<char>(toupper(unit[0]));
  const int shift = u == 0 ? 0 : u == 'K' ? 10 : u == 'M' ? 20 : u == 'G' ? 30 : -1;
  if (shift < 0) fail("--ghost-limit: the unit of {} is none of K, M, G", text);
  if (n > UINT64_MAX >> shift) fail("--ghost-limit: {} is no size", text);
  return n << shift;
}

int parse_pid(const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const long n = strtol(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != 0 || errno != 0 || n <= 0 || n > 4194304)
    fail("--tree: {} is no pid", text);
  return static_cast<int>(n);
}

// Whether key is head, so many numbers with colons between them, and "]"; in the one way of writing
// that the tool itself has.
bool is_key(const std::string& key, std::string_view head, size_t numbers, int base) {
  if (!key.starts_with(head)) return false;
  const char *at = key.data() + head.size(), *const end = key.data() + key.size();
  for (size_t i = 0; i < numbers; i++) {
    uint64_t value = 0;
    const auto [next, error] = std::from_chars(at, end, value, base);
    const bool is_usual = std::none_of(at, next, [](char c) { return c >= 'A' && c <= 'F'; }) &&
                          (*at != '0' || next == at + 1);
    if (error != std::errc() || !is_usual || next == end) return false;
    if (*next != (i + 1 == numbers ? ']' : ':')) return false;
    at = next + 1;
  }
  return at == end;
}

// Keys of the outside: "pipe:[INODE]", "socket:[INODE]", "unix[INODE]", and in hexadecimal
// "tty[RDEV:DEV]" of a terminal and "file[MNT_ID:INODE]".
bool is_external_key(const std::string& key) {
  return is_key(key, "pipe:[", 1, 10) || is_key(key, "socket:[", 1, 10) ||
         is_key(key, "tty[", 2, 16) || is_key(key, "unix[", 1, 10) || is_key(key, "file[", 2, 16);
}

std::string parse_external(const std::string& key) {
  if (!is_external_key(key))
    fail(
        "--external {}: only pipe:[INODE], socket:[INODE], tty[RDEV:DEV], unix[INODE] and "
        "file[MNT_ID:INODE] are supported yet",
        key);
  return key;
}

void parse_external_unix(Options& o, const std::string& inode) {
  if (inode.empty())
    o.external_unix_sockets = true;
  else
    o.external.insert(parse_external("unix[" + inode + "]"));
}

std::pair<std::string, int> parse_inherited(const std::string& text) {
  int fd = -1, end = 0;
  if (sscanf(text.c_str(), "fd[%d]:%n", &fd, &end) != 1 || end == 0 || fd < 0 ||
      text.size() == static_cast<size_t>(end))
    fail("--inherit-fd {}: the form is fd[N]:KEY", text);
  const std::string key = text.substr(static_cast<size_t>(end));
  for (const std::string_view later : {"unix[", "net[", "pid["})
    if (key.starts_with(later)) fail("--inherit-fd {}: this key is not supported yet", text);
  if (fcntl(fd, F_GETFD) < 0) fail("--inherit-fd {}: descriptor {} is not open", text, fd);
  return {key, fd};
}

NetworkLockMethod parse_network_lock(const std::string& text) {
  if (text == "nftables") return NetworkLockMethod::kNftables;
  if (text == "skip") return NetworkLockMethod::kSkip;
  if (text == "iptables") return NetworkLockMethod::kIptables;
  fail("--network-lock: {} is none of nftables, iptables, skip", text);
}

unsigned parse_timeout(const std::string& text) {
  constexpr unsigned long kMost = 1000000;
  char* end = nullptr;
  const unsigned long n = strtoul(text.c_str(), &end, 10);
  if (end == text.c_str() || *end != 0 || n == 0 || n > kMost || text[0] == '-')
    fail("--timeout: {} is no number of seconds", text);
  return static_cast<unsigned>(n);
}

void parse_verbosity(Options& o, const std::string& text) {
  if (text.empty()) {
    o.verbosity = o.verbosity == 2 ? 3 : o.verbosity + 1;
    return;
  }
  if (text.find_first_not_of('v') == std::string::npos) {
    o.verbosity = std::min(4, 3 + static_cast<int>(text.size()));
    return;
  }
  if (text.size() != 1 || text[0] < '0' || text[0] > '4') fail("-v: {} is no level (0 to 4)", text);
  o.verbosity = text[0] - '0';
}

template <bool Options::*Member>
void set_flag(Options& o, const std::string&) {
  o.*Member = true;
}

template <std::string Options::*Member>
void set_text(Options& o, const std::string& value) {
  o.*Member = value;
}

const std::vector<Row>& table() {
  using A = Argument;
  static const std::vector<Row> rows = {
      {"tree", 't', A::kRequired, "PID", "the process tree to dump, by its root's pid",
       [](Options& o, const std::string& v) { o.tree = parse_pid(v); }},
      {"images-dir", 'D', A::kRequired, "DIR", "directory for the images (default: .)",
       set_text<&Options::images_dir>},
      {"work-dir", 'W', A::kRequired, "DIR",
       "directory for logs, pidfiles and statistics (default: the images directory)",
       set_text<&Options::work_dir>},
      {"log-file", 'o', A::kRequired, "FILE", "write the log to FILE instead of stderr",
       set_text<&Options::log_file>},
      {"verbosity", 'v', A::kOptional, "LEVEL",
       "log level: 0 messages, 1 errors, 2 warnings (default), 3 information, 4 debug",
       parse_verbosity},
      {"restore-detached", 'd', A::kNone, "", "leave once the tasks are restored",
       set_flag<&Options::restore_detached>, &Options::restore_detached},
      {"leave-stopped", 's', A::kNone, "", "leave the tasks stopped when done",
       set_flag<&Options::leave_stopped>},
      {"leave-running", 'R', A::kNone, "", "leave the tasks running after the dump",
       set_flag<&Options::leave_running>},
      {"shell-job", 'j', A::kNone, "",
       "the tree was started from a shell, whose session and terminal it uses",
       set_flag<&Options::shell_job>, &Options::shell_job},
      {"restore-sibling", 'S', A::kNone, "",
       "restore the root task as a sibling of criu (with --restore-detached)",
       set_flag<&Options::restore_sibling>, &Options::restore_sibling},
      {"exec-cmd", 0, A::kNone, "",
       "after the restore execute what follows --, as the parent of the root task",
       set_flag<&Options::exec_cmd>},
      {"pidfile", 0, A::kRequired, "FILE", "write the root task's pid to FILE",
       set_text<&Options::pidfile>},
      {"link-remap", 0, A::kNone, "",
       "make temporary hard links for open files whose name is gone but that have others",
       set_flag<&Options::link_remap>, &Options::link_remap},
      {"file-locks", 'l', A::kNone, "",
       "dump locks of files, which only a tree that has them alone can keep",
       set_flag<&Options::file_locks>, &Options::file_locks},
      {"tcp-established", 0, A::kNone, "",
       "dump and restore TCP connections, to be continued where they were",
       set_flag<&Options::tcp_established>, &Options::tcp_established},
      {"tcp-close", 0, A::kNone, "",
       "dump or restore TCP connections as ones that have ended: nothing of them is stored",
       set_flag<&Options::tcp_close>, &Options::tcp_close},
      {"skip-in-flight", 0, A::kNone, "",
       "dump though TCP connections wait to be accepted, which are dropped",
       set_flag<&Options::skip_in_flight>, &Options::skip_in_flight},
      {"network-lock", 0, A::kRequired, "HOW",
       "what keeps segments from TCP connections from the dump to the restore: nftables (default), "
       "iptables or skip",
       [](Options& o, const std::string& v) { o.network_lock = parse_network_lock(v); }},
      {"force-irmap", 0, A::kNone, "",
       "find what is watched by its name, also where the file system could open it by a handle",
       set_flag<&Options::force_irmap>, &Options::force_irmap},
      {"irmap-scan-path", 0, A::kRequired, "PATH",
       "look for what is watched, and has no other name that can be found, below this directory",
       [](Options& o, const std::string& v) { o.irmap_scan_paths.push_back(v); }},
      {"separate-shared-memory", 0, A::kNone, "",
       "dump also memory that a process outside of the tree shares: the tree gets a copy",
       set_flag<&Options::separate_shared_memory>, &Options::separate_shared_memory},
      {"external", 0, A::kRequired, "KEY",
       "dump though this belongs to the outside: pipe:[INODE], tty[RDEV:DEV], unix[INODE], "
       "file[MNT_ID:INODE]; a restore is given it by --inherit-fd",
       [](Options& o, const std::string& v) { o.external.insert(parse_external(v)); }},
      {"ext-unix-sk", 'x', A::kOptional, "INODE",
       "dump datagram sockets that are connected to a UNIX socket outside of the tree, of that "
       "inode or of any",
       parse_external_unix},
      {"inherit-fd", 0, A::kRequired, "fd[N]:KEY",
       "at a restore take the descriptor N in place of pipe:[INODE], tty[RDEV:DEV], "
       "socket:[INODE], file[MNT_ID:INODE] or the file KEY, a path without its leading slash",
       [](Options& o, const std::string& v) { o.inherited.insert(parse_inherited(v)); }},
      {"ghost-fiemap", 0, A::kNone, "",
       "find the data of unlinked sparse files by the extents of the file system",
       set_flag<&Options::ghost_fiemap>, &Options::ghost_fiemap},
      {"file-validation", 0, A::kRequired, "HOW",
       "what tells that a program or library is another than at the dump: buildid (default) or "
       "filesize",
       [](Options& o, const std::string& v) {
         if (v != "buildid" && v != "filesize")
           fail("--file-validation: {} is neither buildid nor filesize", v);
         o.validate_build_ids = v == "buildid";
       }},
      {"skip-file-rwx-check", 0, A::kNone, "",
       "restore files whose permissions have changed since the dump",
       set_flag<&Options::skip_file_rwx_check>, &Options::skip_file_rwx_check},
      {"ghost-limit", 0, A::kRequired, "SIZE",
       "largest unlinked file to store in the images, with K, M or G (default: 1M)",
       [](Options& o, const std::string& v) { o.ghost_limit = parse_size(v); }},
      {"display-stats", 0, A::kNone, "", "print what was counted and how long it took",
       set_flag<&Options::display_stats>, &Options::display_stats},
      {"timeout", 0, A::kRequired, "SECONDS",
       "how long stopping the tree may take before all is let go again (default: 10)",
       [](Options& o, const std::string& v) { o.timeout = parse_timeout(v); }},
      {"extra", 0, A::kNone, "", "check also what only some programs need",
       set_flag<&Options::check_extra>, &Options::check_extra},
      {"experimental", 0, A::kNone, "", "check also what few programs need",
       set_flag<&Options::check_experimental>, &Options::check_experimental},
      {"all", 0, A::kNone, "", "check all of it",
       [](Options& o, const std::string&) { o.check_extra = o.check_experimental = true; }},
      {"feature", 0, A::kRequired, "NAME",
       "check for one feature only; exit 0 where the kernel has it; list: print the names",
       [](Options& o, const std::string& v) { o.features.push_back(v); }},
      {"enable-rmfork", 0, A::kNone, "",
       "move private memory by the kernel: copied into ubmem at dump, inserted from there at "
       "restore",
       set_flag<&Options::enable_rmfork>},
      {"rmfork-transport", 0, A::kRequired, "HOW",
       "how rmfork is called: auto (default), syscall or device",
       [](Options& o, const std::string& v) {
         if (v != "auto" && v != "syscall" && v != "device")
           fail("--rmfork-transport: {} is none of auto, syscall, device", v);
         o.rmfork_transport = v;
       }},
      {"rmfork-mode", 0, A::kRequired, "HOW",
       "how a restore takes pages out of ubmem: shared (default), copy or lazy",
       [](Options& o, const std::string& v) {
         if (v != "shared" && v != "copy" && v != "lazy")
           fail("--rmfork-mode: {} is none of shared, copy, lazy", v);
         o.rmfork_mode = v;
       }},
      {"skip-pages", 0, A::kNone, "",
       "write no page data: such images can be inspected, not restored",
       set_flag<&Options::skip_pages>},
      {"lazy-pages", 0, A::kNone, "", nullptr, set_flag<&Options::lazy_pages>},
      {"page-server", 0, A::kNone, "", nullptr, set_flag<&Options::page_server>,
       &Options::page_server},
      {"prev-images-dir", 0, A::kRequired, "DIR", nullptr, set_text<&Options::prev_images_dir>},
  };
  return rows;
}

// Options of the interface that are not there yet, so that they are told from a misspelling.
struct NotYet {
  const char* name;
  char letter;  // 0: none
  Argument argument;
  bool negatable;  // --no-NAME is known, too
};
constexpr NotYet kNotYet[] = {
    {"join-ns", 'J', Argument::kRequired, false},
    {"root", 'r', Argument::kRequired, false},
    {"close", 0, Argument::kRequired, false},
    {"log-pid", 0, Argument::kNone, true},
    {"evasive-devices", 0, Argument::kNone, true},
    {"veth-pair", 0, Argument::kRequired, false},
    {"action-script", 0, Argument::kRequired, false},
    {"address", 0, Argument::kRequired, false},
    {"port", 0, Argument::kRequired, false},
    {"daemon", 0, Argument::kNone, true},
    {"ms", 0, Argument::kNone, false},
    {"track-mem", 0, Argument::kNone, true},
    {"auto-dedup", 0, Argument::kNone, true},
    {"libdir", 'L', Argument::kRequired, false},
    {"cpu-cap", 0, Argument::kOptional, false},
    {"ext-mount-map", 'M', Argument::kRequired, false},
    {"manage-cgroups", 0, Argument::kOptional, false},
    {"cgroup-root", 0, Argument::kRequired, false},
    {"skip-mnt", 0, Argument::kRequired, false},
    {"enable-fs", 0, Argument::kRequired, false},
    {"enable-external-sharing", 0, Argument::kNone, false},
    {"enable-external-masters", 0, Argument::kNone, false},
    {"freeze-cgroup", 0, Argument::kRequired, false},
    {"lsm-profile", 0, Argument::kRequired, false},
    {"empty-ns", 0, Argument::kRequired, false},
    {"cgroup-props", 0, Argument::kRequired, false},
    {"cgroup-props-file", 0, Argument::kRequired, false},
    {"cgroup-dump-controller", 0, Argument::kRequired, false},
    {"deprecated", 0, Argument::kNone, true},
    {"weak-sysctls", 0, Argument::kNone, true},
    {"status-fd", 0, Argument::kRequired, false},
    {"ps-socket", 0, Argument::kRequired, false},
    {"stream", 0, Argument::kNone, true},
    {"tls-cacert", 0, Argument::kRequired, false},
    {"tls-cacrl", 0, Argument::kRequired, false},
    {"tls-cert", 0, Argument::kRequired, false},
    {"tls-key", 0, Argument::kRequired, false},
    {"tls", 0, Argument::kNone, true},
    {"tls-no-cn-verify", 0, Argument::kNone, false},
    {"cgroup-yard", 0, Argument::kRequired, false},
    {"pre-dump-mode", 0, Argument::kRequired, false},
    {"lsm-mount-context", 0, Argument::kRequired, false},
    {"mntns-compat-mode", 0, Argument::kNone, true},
    {"unprivileged", 0, Argument::kNone, true},
    {"allow-uprobes", 0, Argument::kNone, true},
};
constexpr const char* kCommandsNotYet[] = {"pre-dump", "page-server", "service", "swrk",
                                           "dedup",    "lazy-pages",  "cpuinfo", "show"};

[[noreturn]] void unknown_option(const std::string& word) {
  fail("unknown option {}; try --help", word);
}

int getopt_argument(Argument argument) {
  return argument == Argument::kNone       ? no_argument
         : argument == Argument::kRequired ? required_argument
                                           : optional_argument;
}

// One run of getopt over words; sets options and returns what is no option.
class Parser {
 public:
  explicit Parser(Options& options) : options_(options) {
    for (const Row& r : table()) {
      add(r.name, r.letter, r.argument, [&r](Options& o, const std::string& v) { r.set(o, v); });
      if (r.undo == nullptr) continue;
      const std::string undo = std::string("no-") + r.name;
      if (r.help == nullptr)
        add(undo, 0, Argument::kNone, refusal(undo));
      else
        add(undo, 0, Argument::kNone, [&r](Options& o, const std::string&) { o.*r.undo = false; });
    }
    for (const NotYet& n : kNotYet) {
      add(n.name, n.letter, n.argument, refusal(n.name));
      const std::string undo = std::string("no-") + n.name;
      if (n.negatable) add(undo, 0, Argument::kNone, refusal(undo));
    }
    add("help", 'h', Argument::kNone,
        [](Options& o, const std::string&) { o.command = Command::kHelp; });
    add("version", 'V', Argument::kNone,
        [](Options& o, const std::string&) { o.command = Command::kVersion; });
    add("config", 0, Argument::kRequired, [this](Options&, const std::string& v) { config_ = v; });
    add("no-default-config", 0, Argument::kNone,
        [this](Options&, const std::string&) { default_config_ = false; });
  }

  // words[0] is the program's name.
  std::vector<std::string> parse(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    const int argc = static_cast<int>(words.size());
    std::vector<option> known;
    for (size_t i = 0; i < known_.size(); i++)
      known.push_back({known_[i].name.c_str(), getopt_argument(known_[i].argument), nullptr,
                       kFirstLong + static_cast<int>(i)});
    known.push_back({nullptr, 0, nullptr, 0});
    optind = 0;
    opterr = 0;
    for (;;) {
      const int c = getopt_long(argc, argv.data(), letters_.c_str(), known.data(), nullptr);
      if (c == -1) break;
      // getopt has passed over the commands in front: the option is what it took last.
      const bool letter = c == '?' && optopt > 0 && optopt < kFirstLong;
      take(c, letter ? std::string("-") + static_cast<char>(optopt) : argv[optind - 1]);
    }
    std::vector<std::string> rest;
    for (int i = optind; i < argc; i++) rest.emplace_back(argv[i]);
    return rest;
  }

  const std::optional<std::string>& config() const { return config_; }
  bool default_config() const { return default_config_; }

 private:
  using Set = std::function<void(Options&, const std::string&)>;
  struct Known {
    std::string name;
    char letter;
    Argument argument;
    Set set;
  };
  static constexpr int kFirstLong = 1000;  // behind all letters

  static Set refusal(const std::string& name) {
    return [name](Options&, const std::string&) { fail("--{} is not supported yet", name); };
  }

  void add(std::string name, char letter, Argument argument, Set set) {
    known_.push_back({std::move(name), letter, argument, std::move(set)});
    if (letter == 0) return;
    letters_ += letter;
    letters_.append(static_cast<size_t>(getopt_argument(argument)), ':');
  }

  void take(int c, const std::string& word) {
    if (c == '?') unknown_option(word);
    if (c == ':') fail("{} needs an argument", word);
    const auto it = c >= kFirstLong
                        ? known_.begin() + (c - kFirstLong)
                        : std::ranges::find(known_, static_cast<char>(c), &Known::letter);
    it->set(options_, optarg == nullptr ? "" : optarg);
  }

  Options& options_;
  std::string letters_ = ":";
  std::vector<Known> known_;
  std::optional<std::string> config_;
  bool default_config_ = true;
};

// A line of a configuration file as words for getopt: `option` or `option value`, `#` starts a
// comment, a value in double quotes keeps its blanks.
std::vector<std::string> config_words(const std::string& line, const std::string& where) {
  std::istringstream in(line);
  std::string name;
  if (!(in >> name) || name[0] == '#') return {};
  std::string value;
  in >> std::ws;
  if (in.peek() == '"') {
    in.get();
    if (!std::getline(in, value, '"') || in.eof()) fail("{}: a quote is not closed", where);
  } else {
    in >> value;
    if (!value.empty() && value[0] == '#') return {"--" + name};
  }
  std::string more;
  if (in >> more && more[0] != '#') fail("{}: one value only, please: {}", where, more);
  if (value.empty()) return {"--" + name};
  return {"--" + name + "=" + value};
}

void read_config(Options& options, const std::string& path, bool must_exist) {
  std::ifstream file(path);
  if (!file) {
    if (must_exist) fail_errno("cannot open the configuration file {}", path);
    return;
  }
  std::string line;
  for (int number = 1; std::getline(file, line); number++) {
    const std::string where = fmt::format("{}:{}", path, number);
    std::vector<std::string> words = config_words(line, where);
    if (words.empty()) continue;
    words.insert(words.begin(), "criu");
    try {
      const std::vector<std::string> rest = Parser(options).parse(words);
      if (!rest.empty()) fail("{} takes no value", words[1]);
    } catch (const Error& e) {
      fail("{}: {}", where, e.what());
    }
  }
}

void read_configs(Options& options, const Parser& command_line) {
  if (command_line.default_config()) {
    read_config(options, "/etc/criu/default.conf", false);
    if (const char* home = getenv("HOME"))
      read_config(options, std::string(home) + "/.criu/default.conf", false);
  }
  if (const char* file = getenv("CRIU_CONFIG_FILE")) read_config(options, file, true);
  if (command_line.config()) read_config(options, *command_line.config(), true);
}

Command command_by_name(const std::string& name) {
  if (name == "dump") return Command::kDump;
  if (name == "restore") return Command::kRestore;
  if (name == "check") return Command::kCheck;
  if (std::ranges::find(kCommandsNotYet, name) != std::end(kCommandsNotYet)) {
    if (name == "show") fail("images are shown by crit: crit show FILE");
    return Command::kNone;
  }
  fail("unknown command {}; try --help", name);
}

// Rules between options, each with the sentence a user gets.
void validate(const Options& o) {
  const std::string& name = o.command_name;
  if (o.enable_rmfork && o.command != Command::kDump && o.command != Command::kRestore)
    fail("--enable-rmfork is only valid for dump and restore");
  if (o.skip_pages && o.command != Command::kDump && name != "pre-dump")
    fail("--skip-pages is only valid for dump and pre-dump");
  if (o.skip_pages && o.lazy_pages) fail("--skip-pages and --lazy-pages are mutually exclusive");
  if (o.skip_pages && o.page_server) fail("--skip-pages cannot be used with page server");
  const char* other = o.lazy_pages                 ? "--lazy-pages"
                      : o.page_server              ? "--page-server"
                      : !o.prev_images_dir.empty() ? "--prev-images-dir"
                                                   : nullptr;
  if (o.enable_rmfork && other != nullptr) fail("--enable-rmfork cannot be used with {}", other);
  if (other != nullptr) fail("{} is not supported yet", other);
  if (o.command == Command::kNone) fail("the command {} is not supported yet", name);
  if (o.command == Command::kDump && o.tree == 0) fail("dump needs --tree PID");
  if (o.leave_running && o.leave_stopped)
    fail("--leave-running and --leave-stopped exclude each other");
  if (o.restore_sibling && !o.restore_detached)
    fail("--restore-sibling only makes sense with --restore-detached");
  if (o.exec_cmd && o.exec_argv.empty()) fail("--exec-cmd needs a command behind --");
  if (o.exec_cmd && o.restore_detached)
    fail("--restore-detached and --exec-cmd cannot be used together");
}

}  // namespace

Options parse_options(int argc, char** argv) {
  std::vector<std::string> words(argv, argv + argc);
  std::vector<std::string> behind;
  const auto dashes = std::find(words.begin(), words.end(), "--");
  if (dashes != words.end()) behind.assign(dashes + 1, words.end());
  words.erase(dashes, words.end());

  // The first pass only finds the configuration files; the command line is then read again, last.
  Options scratch;
  Parser first(scratch);
  first.parse(words);
  Options options;
  if (scratch.command == Command::kNone) read_configs(options, first);
  Parser parser(options);
  const std::vector<std::string> rest = parser.parse(words);
  if (options.command != Command::kNone) return options;  // --help, --version

  if (rest.empty()) fail("no command is given; try --help");
  options.command_name = rest[0];
  options.command = command_by_name(rest[0]);
  if (rest.size() > 1) fail("{}: what is {} for?", rest[0], rest[1]);
  options.exec_argv = behind;
  if (!behind.empty() && !options.exec_cmd) fail("a command behind -- needs --exec-cmd");
  validate(options);
  if (options.work_dir.empty()) options.work_dir = options.images_dir;
  return options;
}

std::string help_text() {
  std::string text =
      "Usage:\n"
      "  criu dump -t PID -D DIR [options]     stop a process tree and store it in images\n"
      "  criu restore -D DIR [options]         bring it back\n"
      "  criu check [--feature NAME]           say what this kernel can do\n"
      "\nOptions:\n";
  for (const Row& r : table()) {
    if (r.help == nullptr) continue;
    std::string head = r.letter != 0 ? fmt::format("  -{}, ", r.letter) : "      ";
    head += fmt::format("--{}", r.name);
    if (r.argument == Argument::kRequired) head += fmt::format(" {}", r.argument_name);
    if (r.argument == Argument::kOptional) head += fmt::format("[={}]", r.argument_name);
    text += fmt::format("{:<34}{}\n", head, r.help);
  }
  text +=
      "      --config FILE               read this configuration file too\n"
      "      --no-default-config         do not read the default configuration files\n"
      "      --no-restore-detached, --no-restore-sibling, --no-shell-job, --no-link-remap,\n"
      "      --no-file-locks, --no-display-stats, --no-ghost-fiemap, --no-skip-file-rwx-check,\n"
      "      --no-separate-shared-memory, --no-tcp-established, --no-tcp-close,\n"
      "      --no-skip-in-flight, --no-force-irmap, --no-extra, --no-experimental\n"
      "                                  undo what a configuration file has set\n"
      "  -h, --help                      this text\n"
      "  -V, --version                   the version\n";
  return text;
}

std::vector<std::string> option_names() {
  std::vector<std::string> names = {"config", "no-default-config", "help", "version"};
  for (const Row& r : table())
    if (r.help != nullptr) names.emplace_back(r.name);
  return names;
}

}  // namespace criu
