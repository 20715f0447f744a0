// SPDX-License-Identifier: GPL-2.0-only
#include "criu/config.h"

#include <getopt.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "criu/base/error.h"

namespace criu {

namespace {

constexpr int kFirstLongOnly = 1000;

enum class Argument { kNone, kRequired, kOptional };

struct Row {
  const char* name;
  char letter;  // 0: none
  Argument argument;
  const char* argument_name;
  const char* help;  // null: known, but not supported yet
  std::function<void(Options&, const std::string&)> set;
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
       set_flag<&Options::restore_detached>},
      {"leave-stopped", 's', A::kNone, "", "leave the tasks stopped when done",
       set_flag<&Options::leave_stopped>},
      {"leave-running", 'R', A::kNone, "", "leave the tasks running after the dump",
       set_flag<&Options::leave_running>},
      {"shell-job", 'j', A::kNone, "",
       "the tree was started from a shell, whose session and terminal it uses",
       set_flag<&Options::shell_job>},
      {"restore-sibling", 0, A::kNone, "",
       "restore the root task as a sibling of criu (with --restore-detached)",
       set_flag<&Options::restore_sibling>},
      {"exec-cmd", 0, A::kNone, "",
       "after the restore execute what follows --, as the parent of the root task",
       set_flag<&Options::exec_cmd>},
      {"pidfile", 0, A::kRequired, "FILE", "write the root task's pid to FILE",
       set_text<&Options::pidfile>},
      {"link-remap", 0, A::kNone, "",
       "make temporary hard links for open files whose name is gone but that have others",
       set_flag<&Options::link_remap>},
      {"separate-shared-memory", 0, A::kNone, "",
       "dump also memory that a process outside of the tree shares: the tree gets a copy",
       set_flag<&Options::separate_shared_memory>},
      {"ghost-fiemap", 0, A::kNone, "",
       "find the data of unlinked sparse files by the extents of the file system",
       set_flag<&Options::ghost_fiemap>},
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
       set_flag<&Options::skip_file_rwx_check>},
      {"ghost-limit", 0, A::kRequired, "SIZE",
       "largest unlinked file to store in the images, with K, M or G (default: 1M)",
       [](Options& o, const std::string& v) { o.ghost_limit = parse_size(v); }},
      {"display-stats", 0, A::kNone, "", "print what was counted and how long it took",
       set_flag<&Options::display_stats>},
      {"feature", 0, A::kRequired, "NAME",
       "check for one feature only; exit 0 where the kernel has it",
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
      {"page-server", 0, A::kNone, "", nullptr, set_flag<&Options::page_server>},
      {"prev-images-dir", 0, A::kRequired, "DIR", nullptr, set_text<&Options::prev_images_dir>},
  };
  return rows;
}

// Options of the interface that are not there yet, so that they are told from a misspelling.
constexpr const char* kNotYet[] = {"join-ns",
                                   "root",
                                   "ext-unix-sk",
                                   "tcp-established",
                                   "close",
                                   "log-pid",
                                   "evasive-devices",
                                   "veth-pair",
                                   "action-script",
                                   "file-locks",
                                   "address",
                                   "port",
                                   "daemon",
                                   "ms",
                                   "track-mem",
                                   "auto-dedup",
                                   "libdir",
                                   "cpu-cap",
                                   "force-irmap",
                                   "ext-mount-map",
                                   "manage-cgroups",
                                   "cgroup-root",
                                   "inherit-fd",
                                   "skip-mnt",
                                   "enable-fs",
                                   "enable-external-sharing",
                                   "enable-external-masters",
                                   "freeze-cgroup",
                                   "irmap-scan-path",
                                   "lsm-profile",
                                   "timeout",
                                   "external",
                                   "empty-ns",
                                   "extra",
                                   "experimental",
                                   "all",
                                   "cgroup-props",
                                   "cgroup-props-file",
                                   "cgroup-dump-controller",
                                   "skip-in-flight",
                                   "deprecated",
                                   "weak-sysctls",
                                   "status-fd",
                                   "tcp-close",
                                   "ps-socket",
                                   "stream",
                                   "tls-cacert",
                                   "tls-cacrl",
                                   "tls-cert",
                                   "tls-key",
                                   "tls",
                                   "tls-no-cn-verify",
                                   "cgroup-yard",
                                   "pre-dump-mode",
                                   "lsm-mount-context",
                                   "network-lock",
                                   "mntns-compat-mode",
                                   "unprivileged",
                                   "allow-uprobes"};
constexpr const char* kCommandsNotYet[] = {"pre-dump", "page-server", "service", "swrk",
                                           "dedup",    "lazy-pages",  "cpuinfo", "show"};

std::string dashless(const std::string& word) {
  return word.substr(std::min(word.find_first_not_of('-'), word.size()));
}

[[noreturn]] void unknown_option(const std::string& word) {
  std::string name = dashless(word);
  name = name.substr(0, name.find('='));
  if (std::ranges::find(kNotYet, name) != std::end(kNotYet))
    fail("--{} is not supported yet", name);
  fail("unknown option {}; try --help", word);
}

// A table row is seen by getopt as the letter or as a number behind all letters.
int getopt_value(size_t row) {
  return kFirstLongOnly + static_cast<int>(row);
}

// One run of getopt over words; sets options and returns what is no option.
class Parser {
 public:
  explicit Parser(Options& options) : options_(options) {
    const auto& rows = table();
    letters_ = ":hV";
    for (size_t i = 0; i < rows.size(); i++) {
      const Row& r = rows[i];
      const int has = r.argument == Argument::kNone       ? no_argument
                      : r.argument == Argument::kRequired ? required_argument
                                                          : optional_argument;
      long_.push_back({r.name, has, nullptr, getopt_value(i)});
      if (r.letter == 0) continue;
      letters_ += r.letter;
      letters_.append(static_cast<size_t>(has), ':');
    }
    for (const char* negatable :
         {"restore-detached", "restore-sibling", "shell-job", "link-remap", "display-stats"})
      negated_.push_back(std::string("no-") + negatable);
    for (size_t i = 0; i < negated_.size(); i++)
      long_.push_back({negated_[i].c_str(), no_argument, nullptr, kNegated + static_cast<int>(i)});
    long_.push_back({"help", no_argument, nullptr, 'h'});
    long_.push_back({"version", no_argument, nullptr, 'V'});
    long_.push_back({"config", required_argument, nullptr, kConfig});
    long_.push_back({"no-default-config", no_argument, nullptr, kNoDefaultConfig});
    long_.push_back({nullptr, 0, nullptr, 0});
  }

  // words[0] is the program's name.
  std::vector<std::string> parse(std::vector<std::string> words) {
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    const int argc = static_cast<int>(words.size());
    optind = 0;
    opterr = 0;
    for (;;) {
      const int c = getopt_long(argc, argv.data(), letters_.c_str(), long_.data(), nullptr);
      if (c == -1) break;
      // getopt has passed over the commands in front: the option is what it took last.
      const bool letter = c == '?' && optopt > 0 && optopt < kConfig;
      take(c, letter ? std::string("-") + static_cast<char>(optopt) : argv[optind - 1]);
    }
    std::vector<std::string> rest;
    for (int i = optind; i < argc; i++) rest.emplace_back(argv[i]);
    return rest;
  }

  const std::optional<std::string>& config() const { return config_; }
  bool default_config() const { return default_config_; }

 private:
  static constexpr int kConfig = 900, kNoDefaultConfig = 901, kNegated = 910;

  void take(int c, const std::string& word) {
    const auto& rows = table();
    if (c == '?') unknown_option(word);
    if (c == ':') fail("{} needs an argument", word);
    if (c == 'h') {
      options_.command = Command::kHelp;
    } else if (c == 'V') {
      options_.command = Command::kVersion;
    } else if (c == kConfig) {
      config_ = optarg;
    } else if (c == kNoDefaultConfig) {
      default_config_ = false;
    } else if (c >= kNegated && c < kFirstLongOnly) {
      negate(negated_[static_cast<size_t>(c - kNegated)].substr(3));
    } else {
      size_t i = 0;
      if (c >= kFirstLongOnly)
        i = static_cast<size_t>(c - kFirstLongOnly);
      else
        while (i < rows.size() && rows[i].letter != c) i++;
      rows.at(i).set(options_, optarg == nullptr ? "" : optarg);
    }
  }

  void negate(const std::string& name) {
    if (name == "restore-detached") options_.restore_detached = false;
    if (name == "restore-sibling") options_.restore_sibling = false;
    if (name == "shell-job") options_.shell_job = false;
    if (name == "link-remap") options_.link_remap = false;
    if (name == "display-stats") options_.display_stats = false;
  }

  Options& options_;
  std::string letters_;
  std::vector<option> long_;
  std::vector<std::string> negated_;
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
      "      --no-display-stats          undo what a configuration file has set\n"
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
