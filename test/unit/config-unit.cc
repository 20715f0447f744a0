// SPDX-License-Identifier: GPL-2.0-only
#include "criu/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/support.h"

namespace criu {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using unit::error_of;
using Words = std::vector<std::string>;

// Without the configuration of whoever runs the tests.
class Config : public testing::Test {
 protected:
  void SetUp() override {
    setenv("HOME", home_.path().c_str(), 1);
    unsetenv("CRIU_CONFIG_FILE");
  }

  static Options parse(Words words) {
    words.insert(words.begin(), "criu");
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    return parse_options(static_cast<int>(argv.size()), argv.data());
  }
  static std::string refusal(const Words& words) {
    return error_of([&] { parse(words); });
  }
  Options with_config(const std::string& text, Words words = {"check"}) const {
    home_.write("c.conf", text);
    words.insert(words.end(), {"--config", conf()});
    return parse(words);
  }
  std::string config_refusal(const std::string& text) const {
    return error_of([&] { with_config(text); });
  }
  std::string conf() const { return home_.file("c.conf"); }

  unit::TempDir home_;
};

TEST_F(Config, HasDefaults) {
  const Options o = parse({"dump", "-t", "17"});
  EXPECT_EQ(o.command, Command::kDump);
  EXPECT_EQ(o.command_name, "dump");
  EXPECT_EQ(o.tree, 17);
  EXPECT_EQ(o.images_dir, ".");
  EXPECT_EQ(o.work_dir, ".");
  EXPECT_EQ(o.log_file, "");
  EXPECT_EQ(o.verbosity, 2);
  EXPECT_EQ(o.ghost_limit, 1024u * 1024);
  EXPECT_EQ(o.rmfork_transport, "auto");
  EXPECT_FALSE(o.enable_rmfork || o.skip_pages || o.leave_running || o.leave_stopped ||
               o.shell_job || o.restore_detached || o.link_remap || o.exec_cmd);
}

TEST_F(Config, TakesEveryFlag) {
  const Options d = parse({"dump", "--tree", "3", "--leave-running", "--shell-job", "--link-remap",
                           "--display-stats", "--enable-rmfork", "--skip-pages"});
  EXPECT_TRUE(d.leave_running && d.shell_job && d.link_remap && d.display_stats &&
              d.enable_rmfork && d.skip_pages);
  const Options r = parse({"restore", "-d", "-s", "-j", "--restore-sibling", "--pidfile", "p", "-D",
                           "img", "-W", "work", "-o", "log", "--rmfork-transport", "device"});
  EXPECT_TRUE(r.restore_detached && r.leave_stopped && r.shell_job && r.restore_sibling);
  EXPECT_EQ(r.pidfile, "p");
  EXPECT_EQ(r.images_dir, "img");
  EXPECT_EQ(r.work_dir, "work");
  EXPECT_EQ(r.log_file, "log");
  EXPECT_EQ(r.rmfork_transport, "device");
  EXPECT_EQ(parse({"restore", "-D", "img"}).work_dir, "img");
}

TEST_F(Config, TakesOptionsBeforeAndBehindTheCommand) {
  EXPECT_EQ(parse({"-t", "5", "-D", "x", "dump"}).tree, 5);
  EXPECT_EQ(parse({"-D", "x", "dump", "--tree=5"}).tree, 5);
}

TEST_F(Config, KnowsItsCommands) {
  EXPECT_EQ(parse({"restore"}).command, Command::kRestore);
  EXPECT_EQ(parse({"check"}).command, Command::kCheck);
  EXPECT_EQ(parse({"--help"}).command, Command::kHelp);
  EXPECT_EQ(parse({"dump", "-h"}).command, Command::kHelp);
  EXPECT_EQ(parse({"-V"}).command, Command::kVersion);
  EXPECT_EQ(refusal({}), "no command is given; try --help");
  EXPECT_EQ(refusal({"dmup"}), "unknown command dmup; try --help");
  EXPECT_EQ(refusal({"pre-dump"}), "the command pre-dump is not supported yet");
  EXPECT_EQ(refusal({"show"}), "images are shown by crit: crit show FILE");
  EXPECT_EQ(refusal({"check", "more"}), "check: what is more for?");
}

TEST_F(Config, RmforkIsForDumpAndRestore) {
  const std::string sentence = "--enable-rmfork is only valid for dump and restore";
  EXPECT_EQ(refusal({"check", "--enable-rmfork"}), sentence);
  EXPECT_EQ(refusal({"pre-dump", "--enable-rmfork"}), sentence);
  EXPECT_EQ(refusal({"page-server", "--enable-rmfork"}), sentence);
  EXPECT_EQ(refusal({"lazy-pages", "--enable-rmfork"}), sentence);
  EXPECT_TRUE(parse({"dump", "-t", "1", "--enable-rmfork"}).enable_rmfork);
  EXPECT_TRUE(parse({"restore", "--enable-rmfork"}).enable_rmfork);
}

TEST_F(Config, SkipPagesIsForDumpAndPreDump) {
  const std::string sentence = "--skip-pages is only valid for dump and pre-dump";
  EXPECT_EQ(refusal({"restore", "--skip-pages"}), sentence);
  EXPECT_EQ(refusal({"check", "--skip-pages"}), sentence);
  EXPECT_EQ(refusal({"pre-dump", "--skip-pages"}), "the command pre-dump is not supported yet");
  EXPECT_TRUE(parse({"dump", "-t", "1", "--skip-pages"}).skip_pages);
}

TEST_F(Config, SkipPagesExcludesLazyPagesAndPageServer) {
  EXPECT_EQ(refusal({"dump", "-t", "1", "--skip-pages", "--lazy-pages"}),
            "--skip-pages and --lazy-pages are mutually exclusive");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--skip-pages", "--page-server"}),
            "--skip-pages cannot be used with page server");
}

TEST_F(Config, RmforkExcludesWhatMovesPagesOtherwise) {
  EXPECT_EQ(refusal({"restore", "--enable-rmfork", "--lazy-pages"}),
            "--enable-rmfork cannot be used with --lazy-pages");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--enable-rmfork", "--page-server"}),
            "--enable-rmfork cannot be used with --page-server");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--enable-rmfork", "--prev-images-dir", "x"}),
            "--enable-rmfork cannot be used with --prev-images-dir");
}

TEST_F(Config, HoldsItsOtherRules) {
  EXPECT_EQ(refusal({"dump"}), "dump needs --tree PID");
  EXPECT_EQ(refusal({"dump", "-t", "1", "-R", "-s"}),
            "--leave-running and --leave-stopped exclude each other");
  EXPECT_EQ(refusal({"restore", "--restore-sibling"}),
            "--restore-sibling only makes sense with --restore-detached");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--lazy-pages"}), "--lazy-pages is not supported yet");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--page-server"}), "--page-server is not supported yet");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--prev-images-dir", "x"}),
            "--prev-images-dir is not supported yet");
}

TEST_F(Config, TellsUnknownOptionsFromThoseToCome) {
  EXPECT_EQ(refusal({"dump", "--nonsense"}), "unknown option --nonsense; try --help");
  EXPECT_EQ(refusal({"dump", "--nonsense=3"}), "unknown option --nonsense=3; try --help");
  EXPECT_EQ(refusal({"dump", "-Q"}), "unknown option -Q; try --help");
  EXPECT_EQ(refusal({"dump", "-J", "x"}), "--join-ns is not supported yet");
  EXPECT_EQ(refusal({"dump", "--no-page-server"}), "--no-page-server is not supported yet");
  EXPECT_EQ(refusal({"dump", "--weak-sysctls"}), "--weak-sysctls is not supported yet");
  EXPECT_EQ(refusal({"dump", "--external=mnt[]:x"}),
            "--external mnt[]:x: only pipe:[INODE], socket:[INODE], tty[RDEV:DEV], unix[INODE] and "
            "file[MNT_ID:INODE] are supported yet");
  EXPECT_EQ(refusal({"dump", "-t"}), "-t needs an argument");
  EXPECT_EQ(refusal({"dump", "--tree"}), "--tree needs an argument");
}

TEST_F(Config, ReadsWhatBelongsToTheOutside) {
  EXPECT_EQ(parse({"dump", "-t1", "--external", "pipe:[12]", "--external", "socket:[7]"}).external,
            (std::set<std::string>{"pipe:[12]", "socket:[7]"}));
  EXPECT_EQ(parse({"dump", "-t1", "--external", "unix[3]", "--external", "file[1c:af]"}).external,
            (std::set<std::string>{"unix[3]", "file[1c:af]"}));
  for (const char* bad : {"pipe:[]", "pipe:[1x]", "pipe:12", "file[1]", "file[1:2:3]", "file[:2]",
                          "file[1:]", "unix[a]", "unix[]", "socket:[]", "socket[1]", "pipe:[012]",
                          "pipe:[+1]", "pipe:[1", "tty[1C:2]", "file[1:2]x"})
    EXPECT_EQ(refusal({"dump", "-t1", "--external", bad}),
              std::string("--external ") + bad +
                  ": only pipe:[INODE], socket:[INODE], tty[RDEV:DEV], unix[INODE] and "
                  "file[MNT_ID:INODE] are supported yet");
  EXPECT_TRUE(parse({"dump", "-t1", "-x"}).external_unix_sockets);
  EXPECT_FALSE(parse({"dump", "-t1"}).external_unix_sockets);
  EXPECT_EQ(parse({"dump", "-t1", "--ext-unix-sk=12"}).external,
            (std::set<std::string>{"unix[12]"}));
  EXPECT_EQ(parse({"restore", "--inherit-fd", "fd[0]:pipe:[12]", "--inherit-fd", "fd[0]:tmp/x"})
                .inherited,
            (std::map<std::string, int>{{"pipe:[12]", 0}, {"tmp/x", 0}}));
  for (const char* bad : {"fd[0]", "fd[0]:", "fd[-1]:x", "fd[x]:y", "0:x"})
    EXPECT_EQ(refusal({"restore", "--inherit-fd", bad}),
              std::string("--inherit-fd ") + bad + ": the form is fd[N]:KEY");
}

TEST_F(Config, ReadsPids) {
  EXPECT_EQ(parse({"dump", "-t4194304"}).tree, 4194304);
  for (const char* bad : {"0", "-1", "x", "1x", "", "4194305", "99999999999999999999", "1.5"})
    EXPECT_EQ(refusal({"dump", "-t", bad}), std::string("--tree: ") + bad + " is no pid");
}

TEST_F(Config, ReadsSizes) {
  const auto limit = [](const char* text) {
    return parse({"dump", "-t", "1", "--ghost-limit", text}).ghost_limit;
  };
  EXPECT_EQ(limit("0"), 0u);
  EXPECT_EQ(limit("1000"), 1000u);
  EXPECT_EQ(limit("3k"), 3u << 10);
  EXPECT_EQ(limit("3K"), 3u << 10);
  EXPECT_EQ(limit("5M"), 5u << 20);
  EXPECT_EQ(limit("7g"), 7ull << 30);
  for (const char* bad : {"", "-1", "x", "K", "1KB", "99999999999999999999", "17179869184G"})
    EXPECT_EQ(refusal({"dump", "-t", "1", "--ghost-limit", bad}),
              std::string("--ghost-limit: ") + bad + " is no size");
  EXPECT_EQ(refusal({"dump", "-t", "1", "--ghost-limit", "3T"}),
            "--ghost-limit: the unit of 3T is none of K, M, G");
}

TEST_F(Config, ReadsLevels) {
  const auto level = [](Words words) {
    words.insert(words.begin(), "check");
    return parse(words).verbosity;
  };
  EXPECT_EQ(level({}), 2);
  EXPECT_EQ(level({"-v0"}), 0);
  EXPECT_EQ(level({"-v4"}), 4);
  EXPECT_EQ(level({"-v"}), 3);
  EXPECT_EQ(level({"-v", "-v"}), 4);
  EXPECT_EQ(level({"-vv"}), 4);
  EXPECT_EQ(level({"-vvv"}), 4);
  EXPECT_EQ(level({"-vvvv"}), 4);
  EXPECT_EQ(level({"-vvvvvvvv"}), 4);
  EXPECT_EQ(level({"--verbosity=1"}), 1);
  for (const char* bad : {"-v5", "-v44", "-vx"})
    EXPECT_THAT(refusal({"check", bad}), HasSubstr("is no level (0 to 4)"));
}

TEST_F(Config, ReadsTransports) {
  for (const char* good : {"auto", "syscall", "device"})
    EXPECT_EQ(parse({"restore", "--rmfork-transport", good}).rmfork_transport, good);
  EXPECT_EQ(refusal({"restore", "--rmfork-transport", "pigeon"}),
            "--rmfork-transport: pigeon is none of auto, syscall, device");
}

TEST_F(Config, ReadsRmforkModes) {
  EXPECT_EQ(parse({"restore"}).rmfork_mode, "shared");
  for (const char* good : {"shared", "copy", "lazy"})
    EXPECT_EQ(parse({"restore", "--rmfork-mode", good}).rmfork_mode, good);
  EXPECT_EQ(refusal({"restore", "--rmfork-mode", "steal"}),
            "--rmfork-mode: steal is none of shared, copy, lazy");
}

TEST_F(Config, ReadsTimeouts) {
  EXPECT_EQ(parse({"dump", "-t", "1"}).timeout, 10u);
  EXPECT_EQ(parse({"dump", "-t", "1", "--timeout", "3"}).timeout, 3u);
  for (const char* bad : {"0", "-1", "x", "1x", "", "99999999999"})
    EXPECT_EQ(refusal({"dump", "-t", "1", "--timeout", bad}),
              std::string("--timeout: ") + bad + " is no number of seconds");
}

TEST_F(Config, AllIsExtraAndExperimental) {
  const Options all = parse({"check", "--all"});
  EXPECT_TRUE(all.check_extra && all.check_experimental);
  EXPECT_FALSE(parse({"check", "--extra"}).check_experimental);
  EXPECT_FALSE(parse({"check", "--extra", "--no-extra"}).check_extra);
}

TEST_F(Config, NegatesFlags) {
  EXPECT_FALSE(parse({"restore", "-d", "--no-restore-detached"}).restore_detached);
  EXPECT_TRUE(parse({"restore", "--no-restore-detached", "-d"}).restore_detached);
  EXPECT_FALSE(parse({"restore", "-j", "--no-shell-job"}).shell_job);
  EXPECT_TRUE(parse({"restore", "-d", "-S"}).restore_sibling);
  EXPECT_FALSE(parse({"restore", "-d", "-S", "--no-restore-sibling"}).restore_sibling);
  EXPECT_FALSE(parse({"dump", "-t", "1", "--link-remap", "--no-link-remap"}).link_remap);
  EXPECT_FALSE(parse({"dump", "-t", "1", "--display-stats", "--no-display-stats"}).display_stats);
  EXPECT_EQ(refusal({"dump", "--no-leave-running"}),
            "unknown option --no-leave-running; try --help");
}

TEST_F(Config, KeepsTheCommandBehindDashes) {
  const Options o = parse({"restore", "--exec-cmd", "--", "prog", "-t", "--nonsense"});
  EXPECT_THAT(o.exec_argv, ElementsAre("prog", "-t", "--nonsense"));
  EXPECT_EQ(o.tree, 0);
  EXPECT_EQ(refusal({"restore", "--exec-cmd"}), "--exec-cmd needs a command behind --");
  EXPECT_EQ(refusal({"restore", "--exec-cmd", "--"}), "--exec-cmd needs a command behind --");
  EXPECT_EQ(refusal({"restore", "--", "prog"}), "a command behind -- needs --exec-cmd");
  EXPECT_EQ(refusal({"restore", "-d", "--exec-cmd", "--", "prog"}),
            "--restore-detached and --exec-cmd cannot be used together");
}

TEST_F(Config, CollectsFeatures) {
  EXPECT_THAT(parse({"check", "--feature", "a", "--feature", "b"}).features, ElementsAre("a", "b"));
}

TEST_F(Config, ReadsFiles) {
  const Options o = with_config(
      "# a comment\n"
      "\n"
      "   \t \n"
      "  # another\n"
      "images-dir \"a dir with blanks\"  # why\n"
      "\ttree\t12\n"
      "link-remap   # a flag\n"
      "log-file restore.log");
  EXPECT_EQ(o.images_dir, "a dir with blanks");
  EXPECT_EQ(o.tree, 12);
  EXPECT_TRUE(o.link_remap);
  EXPECT_EQ(o.log_file, "restore.log");
}

TEST_F(Config, TheCommandLineOverridesFiles) {
  home_.write("env.conf", "tree 1\nimages-dir env\nlog-file env\n");
  std::filesystem::create_directory(home_.file(".criu"));
  home_.write(".criu/default.conf", "tree 2\nimages-dir home\nlog-file home\nwork-dir home\n");
  setenv("CRIU_CONFIG_FILE", home_.file("env.conf").c_str(), 1);
  const Options o =
      with_config("images-dir file\nlink-remap\n", {"dump", "-t", "4", "--no-link-remap"});
  EXPECT_EQ(o.tree, 4);
  EXPECT_EQ(o.images_dir, "file");
  EXPECT_EQ(o.log_file, "env");
  EXPECT_EQ(o.work_dir, "home");
  EXPECT_FALSE(o.link_remap);
  const Options bare = parse({"dump", "-t", "4", "--no-default-config"});
  EXPECT_EQ(bare.work_dir, "env");
}

TEST_F(Config, ErrorsInFilesNameTheLine) {
  const std::string at = conf() + ":2: ";
  EXPECT_EQ(config_refusal("#\nnonsense"), at + "unknown option --nonsense; try --help");
  EXPECT_EQ(config_refusal("#\ntree x"), at + "--tree: x is no pid");
  EXPECT_EQ(config_refusal("#\nlog-file \"open"), at + "a quote is not closed");
  EXPECT_EQ(config_refusal("#\nlog-file a b"), at + "one value only, please: b");
  EXPECT_EQ(config_refusal("#\nweak-sysctls"), at + "--weak-sysctls is not supported yet");
  EXPECT_THAT(config_refusal("#\nlink-remap yes"), HasSubstr(at));
  EXPECT_THAT(config_refusal("#\ntree"), HasSubstr(at));
}

TEST_F(Config, FilesThatAreNamedMustExist) {
  EXPECT_THAT(refusal({"check", "--config", "/nowhere/x"}),
              HasSubstr("cannot open the configuration file /nowhere/x"));
  setenv("CRIU_CONFIG_FILE", "/nowhere/y", 1);
  EXPECT_THAT(refusal({"check"}), HasSubstr("cannot open the configuration file /nowhere/y"));
}

TEST_F(Config, HelpNamesEverySupportedOption) {
  const std::string help = help_text();
  for (const std::string& name : option_names()) EXPECT_THAT(help, HasSubstr("--" + name));
  EXPECT_THAT(option_names(), Not(IsEmpty()));
  EXPECT_THAT(option_names(), Not(Contains("lazy-pages")));
}

}  // namespace
}  // namespace criu
