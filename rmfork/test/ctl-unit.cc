// SPDX-License-Identifier: GPL-2.0-only
//
// The commands of rmforkctl against a kernel in memory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <sstream>
#include <utility>

#include "rmfork/dump.h"
#include "rmfork/entry.h"
#include "rmfork/meta-file.h"
#include "rmfork/test/memory-kernel.h"
#include "rmfork/tools/ctl.h"

namespace rmfork::ctl {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

constexpr char kUuid[] = "01020300-0000-0000-0000-000000000000";

// A kernel with two snapshots, 0xc000 and 0x18000, that the images of tasks 1 and 2 name.
struct Ctl : testing::Test {
  test::MemoryKernel memory;
  test::TempDir dir;
  std::string out, err;

  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
    Kernel kernel(memory.transport());
    DumpSession session(kernel, dir.fd());
    session.dump_task(1000, 1, {}, true);
    session.dump_task(1001, 2, {}, false);
    session.commit();
    memory.snapshots[0xc000].created_ns = 1'700'000'000'000'000'007;
    memory.snapshots[0xc000].pid = 1000;
  }

  int run_with(const TransportSources& sources, const std::vector<std::string>& args) {
    std::ostringstream to_out, to_err;
    const int status = run(args, {to_out, to_err, sources});
    out = to_out.str();
    err = to_err.str();
    return status;
  }

  int ctl(const std::vector<std::string>& args) { return run_with(memory.sources(), args); }

  std::vector<std::uint64_t> offsets() const {
    std::vector<std::uint64_t> all;
    for (const auto& [offset, info] : memory.snapshots) all.push_back(offset);
    return all;
  }
};

TEST_F(Ctl, ProbeNamesTheFeatures) {
  EXPECT_EQ(ctl({"probe"}), kOk);
  EXPECT_THAT(out, AllOf(HasSubstr("syscall 454\n  usable     yes\n  answers    EFAULT\n"),
                         HasSubstr("features   free info list session verify\n"), HasSubstr(kUuid),
                         HasSubstr("/nonexistent/rmfork does not exist"),
                         EndsWith("rmfork is used by syscall 454\n")));
  EXPECT_EQ(err, "");
}

TEST_F(Ctl, ProbeNamesFeaturesItDoesNotKnow) {
  memory.features = 1ULL << 63 | RMFORK_FEAT_LAZY;
  EXPECT_EQ(ctl({"probe"}), kOk);
  EXPECT_THAT(out, HasSubstr("features   lazy bit 63\n"));
}

TEST_F(Ctl, EveryFeatureHasAName) {
  memory.features = RMFORK_FEAT_IDENTIFY * 2 - 1;
  EXPECT_EQ(ctl({"probe"}), kOk);
  EXPECT_THAT(out, HasSubstr("free info list restore-all zero-skip multi-restore shared-pages "
                             "lazy session verify guests free-generation verify-pool page-sums "
                             "restore-generation identify\n"));
}

TEST_F(Ctl, ProbeRecognisesTheBasicInterface) {
  memory.extensions = false;
  EXPECT_EQ(ctl({"probe"}), kOk);
  EXPECT_THAT(out, HasSubstr("interface  basic: dump and restore, and no extensions"));
  EXPECT_EQ(ctl({"probe", "--json"}), kOk);
  EXPECT_THAT(out, HasSubstr("\"interface\": \"basic\",\n      \"abi_version\": null"));
}

TEST_F(Ctl, ProbeSaysWhyThereIsNone) {
  const TransportSources newer = {[](long, void*) -> long { return -EINVAL; }, "/dev/null"};
  EXPECT_EQ(run_with(newer, {"probe"}), kFailed);
  EXPECT_THAT(out, AllOf(HasSubstr("answers  EINVAL"), Not(HasSubstr("rmfork is used"))));
  EXPECT_EQ(
      err,
      "rmforkctl: rmfork cannot be used: syscall 454 answers EINVAL (it is futex_wake there) "
      "and /dev/null is not the device of the rmfork module: Inappropriate ioctl for device\n");
}

// Nothing but the null pointer may go to a system call that is not rmfork's.
TEST_F(Ctl, ProbeAsksAnotherSystemCallNothingElse) {
  const TransportSources newer = {[](long, void* arg) -> long {
                                    EXPECT_EQ(arg, nullptr);
                                    return 0;
                                  },
                                  "/nonexistent/rmfork"};
  EXPECT_EQ(run_with(newer, {"probe"}), kFailed);
  EXPECT_THAT(err, HasSubstr("syscall 454 returns 0 where rmfork would answer EFAULT"));
}

TEST_F(Ctl, ProbeLooksAtTheWayAskedFor) {
  EXPECT_EQ(ctl({"probe", "--transport", "device"}), kFailed);
  EXPECT_THAT(out, Not(HasSubstr("454")));
  EXPECT_EQ(ctl({"probe", "--transport=syscall"}), kOk);
  EXPECT_THAT(out, Not(HasSubstr("/nonexistent")));
}

TEST_F(Ctl, ProbeSaysThatAPrivilegeIsMissing) {
  const TransportSources refusing = {[](long, void* arg) -> long { return arg ? -EPERM : -EFAULT; },
                                     "/nonexistent/rmfork"};
  EXPECT_EQ(run_with(refusing, {"probe"}), kFailed);
  EXPECT_THAT(err, HasSubstr("wants CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE"));
}

TEST_F(Ctl, StatusTellsAboutThePool) {
  EXPECT_EQ(ctl({"status"}), kOk);
  EXPECT_EQ(out,
            "transport   syscall 454\n"
            "backing     unknown\n"
            "uuid        01020300-0000-0000-0000-000000000000\n"
            "size        3.9 MiB\n"
            "free        3.8 MiB\n"
            "pending     0 B\n"
            "snapshots   2\n"
            "generation  2\n");
}

TEST_F(Ctl, StatusInJson) {
  memory.features = RMFORK_FEAT_FREE | RMFORK_FEAT_LIST;
  EXPECT_EQ(ctl({"--json", "status"}), kOk);
  EXPECT_EQ(out, R"({
  "transport": "syscall 454",
  "abi_version": 1,
  "features": [
    "free",
    "list"
  ],
  "backing": null,
  "uuid": "01020300-0000-0000-0000-000000000000",
  "size_bytes": 4096000,
  "free_bytes": 3997696,
  "pending_bytes": 0,
  "snapshots": 2,
  "generation": 2,
  "role": null,
  "guest_uuid": null,
  "kept_snapshots": null,
  "guests": null
}
)");
}

constexpr char kGuest[] = "09090909-0909-0909-0909-090909090909";

rmfork_guest a_guest() {
  rmfork_guest guest = {};
  memset(guest.uuid, 9, sizeof(guest.uuid));
  memcpy(guest.name, "two\x1b", 4);
  guest.pins = 3;
  return guest;
}

TEST_F(Ctl, StatusTellsOfGuests) {
  memory.features |= RMFORK_FEAT_GUESTS;
  EXPECT_EQ(ctl({"status"}), kOk);
  EXPECT_THAT(out, AllOf(Not(HasSubstr("guest")), Not(HasSubstr("kept"))));
  memory.guests = {a_guest()};
  memory.kept = 1;
  EXPECT_EQ(ctl({"status"}), kOk);
  EXPECT_THAT(out, EndsWith(std::string("kept        1 freed snapshot that guests use\n") +
                            "guest       " + kGuest + " two\\x1b, uses 3 snapshots\n"));
  EXPECT_EQ(ctl({"status", "--json"}), kOk);
  EXPECT_THAT(out, AllOf(HasSubstr("\"role\": \"owner\""), HasSubstr("\"guest_uuid\": null"),
                         HasSubstr("\"kept_snapshots\": 1"), HasSubstr(kGuest)));
}

TEST_F(Ctl, AGuestIsToldWhatItCannotDo) {
  memory.features |= RMFORK_FEAT_GUESTS;
  memory.guest = true;
  EXPECT_EQ(ctl({"status"}), kOk);
  EXPECT_THAT(out, HasSubstr("guest here  07070707-0707-0707-0707-070707070707\n"));
  const auto why = HasSubstr("only the machine that owns it can dump and free");
  EXPECT_EQ(ctl({"free", "--all"}), kFailed);
  EXPECT_THAT(err, why);
  EXPECT_EQ(ctl({"forget-guest", kGuest}), kFailed);
  EXPECT_THAT(err, why);
}

TEST_F(Ctl, AGuestIsForgottenByItsUuid) {
  EXPECT_EQ(ctl({"forget-guest", kGuest}), kFailed);
  EXPECT_THAT(err, HasSubstr("cannot forget guests"));
  memory.features |= RMFORK_FEAT_GUESTS;
  memory.guests = {a_guest()};
  EXPECT_EQ(ctl({"forget-guest", kUuid}), kFailed);
  EXPECT_THAT(err, HasSubstr(std::string("no guest has the uuid ") + kUuid));
  EXPECT_EQ(memory.guests.size(), 1u);
  EXPECT_EQ(ctl({"forget-guest", kGuest}), kOk);
  EXPECT_EQ(out, std::string(kGuest) + "  forgotten\n");
  EXPECT_TRUE(memory.guests.empty());
}

TEST_F(Ctl, ListHasOneLinePerSnapshot) {
  EXPECT_EQ(ctl({"list"}), kOk);
  EXPECT_EQ(out,
            "OFFSET   GENERATION   PID  PAGES    STORED  SHARED  MAPPED  CREATED\n"
            "0xc000            1  1000     10  48.0 KiB     0 B     0 B  2023-11-14 22:13:20\n"
            "0x18000           2     0     10  48.0 KiB     0 B     0 B  1970-01-01 00:00:00\n");
}

TEST_F(Ctl, AnEmptyListIsEmpty) {
  memory.snapshots.clear();
  EXPECT_EQ(ctl({"list"}), kOk);
  EXPECT_EQ(out, "");
  EXPECT_EQ(ctl({"list", "--json"}), kOk);
  EXPECT_EQ(out, "{\n  \"snapshots\": []\n}\n");
}

TEST_F(Ctl, AListWithoutEndIsGivenUp) {
  memory.stuck_cursor = true;
  EXPECT_EQ(ctl({"list"}), kFailed);
  EXPECT_THAT(err, HasSubstr("no end"));
}

TEST_F(Ctl, InfoDescribesOneSnapshot) {
  EXPECT_EQ(ctl({"info", "49152"}), kOk);
  EXPECT_THAT(out, AllOf(HasSubstr("offset          0xc000\n"),
                         HasSubstr("pages           10 (40.0 KiB)\n"),
                         HasSubstr("index checksum  0xabcd0001\n")));
  EXPECT_EQ(ctl({"info", "0xc000", "--json"}), kOk);
  EXPECT_THAT(out, AllOf(HasSubstr("\"offset\": \"0xc000\""), HasSubstr("\"stored_bytes\": 49152"),
                         HasSubstr("\"created\": \"2023-11-14T22:13:20.000000007Z\"")));
}

TEST_F(Ctl, InfoOfNothingAndOfADamagedOne) {
  EXPECT_EQ(ctl({"info", "0x1000"}), kFailed);
  EXPECT_EQ(err, "rmforkctl: no snapshot lies at 0x1000 (rmforkctl list shows all)\n");
  memory.headless = {0xc000};
  EXPECT_EQ(ctl({"info", "0xc000"}), kFailed);
  EXPECT_THAT(err, HasSubstr("the snapshot at 0xc000 is damaged"));
}

TEST_F(Ctl, InfoOfImagesThatFit) {
  EXPECT_EQ(ctl({"info", "--images", dir.path()}), kOk);
  EXPECT_THAT(out, AllOf(HasSubstr("rmfork-1.img: present"), HasSubstr("rmfork-2.img: present"),
                         Not(HasSubstr("differs"))));
  EXPECT_EQ(ctl({"info", "-D", dir.path(), "--json"}), kOk);
  EXPECT_THAT(out, HasSubstr("\"generation\": {\n          \"image\": 1,\n"
                             "          \"ubmem\": 1,\n          \"matches\": true"));
}

struct Difference {
  const char* name;
  void (*make)(test::MemoryKernel& memory);
  const char* state;
  const char* says;
};

void PrintTo(const Difference& d, std::ostream* to) {
  *to << d.name;
}

const Difference kDifferences[] = {
    {"Generation", [](test::MemoryKernel& m) { m.snapshots[0xc000].generation = 9; },
     "other-snapshot", "generation 9 and not 1"},
    {"Pages", [](test::MemoryKernel& m) { m.snapshots[0xc000].nr_pages = 11; }, "other-snapshot",
     "pages 11 and not 10"},
    {"Ranges", [](test::MemoryKernel& m) { m.snapshots[0xc000].nr_ranges = 4; }, "other-snapshot",
     "ranges 4 and not 3"},
    {"Checksum", [](test::MemoryKernel& m) { m.snapshots[0xc000].index_checksum = 1; },
     "other-snapshot", "index checksum 0x00000001 and not 0xabcd0001"},
    {"Header", [](test::MemoryKernel& m) { m.headless = {0xc000}; }, "damaged",
     "the header at 0xc000 is damaged"},
};

struct CtlDifference : Ctl, testing::WithParamInterface<Difference> {};

// What does not fit in one field is named, and is not freed.
TEST_P(CtlDifference, IsNamedAndLeftAlone) {
  GetParam().make(memory);
  EXPECT_EQ(ctl({"info", "--images", dir.path()}), kFailed);
  EXPECT_THAT(out, AllOf(HasSubstr(std::string("rmfork-1.img: ") + GetParam().state),
                         HasSubstr(GetParam().says), HasSubstr("rmfork-2.img: present")));
  EXPECT_EQ(err, "rmforkctl: 1 of 2 snapshots cannot be restored from this ubmem\n");

  EXPECT_EQ(ctl({"free", "--images", dir.path()}), kFailed);
  EXPECT_THAT(out, AllOf(HasSubstr(std::string("rmfork-1.img (0xc000)   ") + GetParam().state),
                         HasSubstr("rmfork-2.img (0x18000)  freed")));
  EXPECT_EQ(err, std::string("rmforkctl: 1 of 2 snapshots could not be freed: rmfork-1.img "
                             "(0xc000) is ") +
                     GetParam().state + "\n");
  EXPECT_THAT(offsets(), ElementsAre(0xc000));
}

INSTANTIATE_TEST_SUITE_P(Each, CtlDifference, testing::ValuesIn(kDifferences),
                         [](const auto& i) { return std::string(i.param.name); });

TEST_F(Ctl, AnotherPoolsSnapshotsAreNeverFreed) {
  memory.uuid[15] = 9;
  EXPECT_EQ(ctl({"info", "--images", dir.path()}), kFailed);
  EXPECT_THAT(out, AllOf(HasSubstr("rmfork-1.img: other-pool"), HasSubstr("differs")));
  EXPECT_EQ(ctl({"free", "--images", dir.path()}), kFailed);
  EXPECT_THAT(err, HasSubstr("2 of 2 snapshots could not be freed"));
  EXPECT_EQ(ctl({"verify", "--images", dir.path()}), kFailed);
  EXPECT_THAT(offsets(), ElementsAre(0xc000, 0x18000));
}

TEST_F(Ctl, AnImageWithoutIdentityFreesNothing) {
  Entry entry;
  entry.meta_off = 0xc000;
  entry.vpid = 1;
  entry.transport = "by\x1b[2Jme";
  write_entry(dir.fd(), entry);
  EXPECT_EQ(ctl({"info", "--images", dir.path()}), kFailed);
  EXPECT_THAT(out, AllOf(HasSubstr("rmfork-1.img: unidentified"), HasSubstr("by\\x1b[2Jme")));
  EXPECT_EQ(ctl({"info", "--images", dir.path(), "--json"}), kFailed);
  EXPECT_THAT(out, HasSubstr("\"by\\u001b[2Jme\""));
  EXPECT_EQ(ctl({"free", "--images", dir.path()}), kFailed);
  EXPECT_THAT(offsets(), ElementsAre(0xc000));
}

TEST_F(Ctl, ADamagedImageDoesNotHideTheOthers) {
  dir.write("rmfork-1.img", "rubbish");
  EXPECT_EQ(ctl({"free", "--images", dir.path()}), kFailed);
  EXPECT_THAT(out, AllOf(HasSubstr("unreadable"), HasSubstr("truncated"), HasSubstr("freed")));
  EXPECT_EQ(err, "rmforkctl: 1 of 2 snapshots could not be freed: rmfork-1.img is unreadable\n");
  EXPECT_THAT(offsets(), ElementsAre(0xc000));
}

// Whatever bit of an image is wrong: what is freed is the snapshot that was saved, or nothing.
TEST_F(Ctl, AChangedImageFreesNothingElse) {
  const std::string whole = dir.read("rmfork-1.img");
  const Entry saved = *read_entry(dir.fd(), 1);
  const auto before = memory.snapshots;
  test::TempDir other;
  int left_alone = 0;
  for (std::size_t bit = 0; bit < whole.size() * 8; bit++) {
    std::string changed = whole;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ 1 << bit % 8);
    other.write("rmfork-1.img", changed);
    memory.snapshots = before;
    ctl({"free", "--images", other.path()});
    EXPECT_EQ(memory.snapshots.count(0x18000), 1u) << "bit " << bit;
    if (memory.snapshots.count(0xc000) == 1) {
      left_alone++;
      continue;
    }
    const Entry now = *read_entry(other.fd(), 1);
    EXPECT_EQ(now.meta_off, saved.meta_off) << "bit " << bit;
    ASSERT_TRUE(now.identity) << "bit " << bit;
    EXPECT_EQ(now.identity->pool_uuid, saved.identity->pool_uuid) << "bit " << bit;
    EXPECT_EQ(now.identity->generation, saved.identity->generation) << "bit " << bit;
    EXPECT_EQ(now.identity->nr_pages, saved.identity->nr_pages) << "bit " << bit;
    EXPECT_EQ(now.identity->nr_ranges, saved.identity->nr_ranges) << "bit " << bit;
    EXPECT_EQ(now.identity->index_checksum, saved.identity->index_checksum) << "bit " << bit;
  }
  EXPECT_GT(left_alone, 300);
}

TEST_F(Ctl, ImagesOfNoDirectoryAndOfOtherKinds) {
  EXPECT_EQ(ctl({"info", "--images", "/nonexistent"}), kFailed);
  EXPECT_EQ(err,
            "rmforkctl: opening the images directory /nonexistent: No such file or directory\n");
  test::TempDir plain;
  EXPECT_EQ(ctl({"free", "--images", plain.path()}), kFailed);
  EXPECT_THAT(err, HasSubstr("has no rmfork-PID.img: these are no images of rmfork"));
  write_meta_file(plain.fd(), 0xc000);
  EXPECT_EQ(ctl({"free", "--images", plain.path()}), kFailed);
  EXPECT_THAT(err, HasSubstr("its rmfork.meta names the snapshot at 0xc000"));
  EXPECT_THAT(offsets(), ElementsAre(0xc000, 0x18000));
}

TEST_F(Ctl, FreeSaysWhatItFreed) {
  EXPECT_EQ(ctl({"free", "0xc000"}), kOk);
  EXPECT_EQ(out, "0xc000  freed\n");
  EXPECT_THAT(offsets(), ElementsAre(0x18000));
  EXPECT_EQ(ctl({"free", "0xc000", "0x18000"}), kFailed);
  EXPECT_EQ(out, "0xc000   gone   no snapshot lies there\n0x18000  freed\n");
  EXPECT_EQ(err, "rmforkctl: 1 of 2 snapshots could not be freed: 0xc000 is gone\n");
  EXPECT_THAT(offsets(), ElementsAre());
}

TEST_F(Ctl, FreeingByImagesTwiceIsNoTrouble) {
  EXPECT_EQ(ctl({"free", "--images", dir.path()}), kOk);
  EXPECT_THAT(offsets(), ElementsAre());
  EXPECT_EQ(ctl({"free", "--images", dir.path(), "--json"}), kOk);
  EXPECT_THAT(out, HasSubstr("\"state\": \"gone\",\n      \"ok\": true"));
}

// Between the look at a snapshot and its being freed somebody else frees it, and another one is
// made there.
TEST_F(Ctl, AnotherOneInItsPlaceIsNotFreed) {
  memory.features |= RMFORK_FEAT_FREE_GENERATION;
  const auto replace = [this] { memory.snapshots[0xc000].generation = 77; };
  memory.before_free = replace;
  EXPECT_EQ(ctl({"free", "--images", dir.path()}), kFailed);
  EXPECT_THAT(err, HasSubstr("rmfork-1.img (0xc000) is other-snapshot"));
  EXPECT_THAT(offsets(), ElementsAre(0xc000));
  memory.snapshots[0xc000].generation = 1;
  memory.before_free = replace;
  EXPECT_EQ(ctl({"free", "--all"}), kOk);  // those that there were are gone
  EXPECT_THAT(offsets(), ElementsAre(0xc000));
  EXPECT_EQ(ctl({"free", "0xc000"}), kOk);
  EXPECT_THAT(offsets(), ElementsAre());
}

TEST_F(Ctl, FreeAllFreesAll) {
  EXPECT_EQ(ctl({"free", "--all"}), kOk);
  EXPECT_THAT(offsets(), ElementsAre());
  EXPECT_EQ(out, "0xc000   freed\n0x18000  freed\n");
}

TEST_F(Ctl, VerifyNamesTheDamagedOnes) {
  EXPECT_EQ(ctl({"verify"}), kOk);
  EXPECT_EQ(out, "0xc000   sound\n0x18000  sound\n");
  memory.damaged = {0x18000};
  EXPECT_EQ(ctl({"verify", "0xc000"}), kOk);
  EXPECT_EQ(ctl({"verify", "0x18000"}), kFailed);
  EXPECT_EQ(ctl({"verify", "--all"}), kFailed);
  EXPECT_EQ(err, "rmforkctl: 1 of 2 snapshots failed the check: 0x18000 is damaged\n");
  EXPECT_EQ(ctl({"verify", "--images", dir.path()}), kFailed);
  EXPECT_THAT(err, HasSubstr("failed the check: rmfork-2.img (0x18000) is damaged"));
}

// ESTALE is no answer to whether a snapshot is sound, as it is to whether it is freed.
TEST_F(Ctl, AGuestThatCannotVerifySaysWhy) {
  memory.guest = true;
  const std::pair<long, const char*> answers[] = {
      {-ESTALE, "the owner has forgotten it, or another pool was made"},
      {-ENOSPC, "use as many snapshots as a guest can pin"}};
  for (const auto& [answer, says] : answers) {
    memory.verify_result = answer;
    for (const std::vector<std::string>& args : {std::vector<std::string>{"verify", "--all"},
                                                 {"verify", "0xc000"},
                                                 {"verify", "--images", dir.path()}}) {
      EXPECT_EQ(ctl(args), kFailed);
      EXPECT_THAT(err, HasSubstr(says));
    }
  }
}

TEST_F(Ctl, VerifyNamesWhatIsDamaged) {
  memory.features |= RMFORK_FEAT_VERIFY_POOL;
  memory.found[0xc000].checked = 1;
  memory.found[0x18000] = {RMFORK_DAMAGE_PAGES, 40, 10, 2, 0x7000, 0x1a000};
  EXPECT_EQ(ctl({"verify"}), kFailed);
  EXPECT_EQ(out,
            "pool     sound\n"
            "0xc000   sound    with the contents of 1 page\n"
            "0x18000  damaged  2 of 10 pages differ, the first is that of 0x7000, at 0x1a000 in "
            "ubmem\n");
  EXPECT_EQ(err, "rmforkctl: 1 of 2 snapshots failed the check: 0x18000 is damaged\n");
  for (unsigned what = RMFORK_DAMAGE_SUPER; what < RMFORK_DAMAGE_PAGES; what++) {
    memory.found[0x18000].what = what;
    EXPECT_EQ(ctl({"verify", "0x18000"}), kFailed);
    EXPECT_THAT(out, AllOf(HasSubstr("is not what was written"), Not(HasSubstr("pool")))) << what;
  }
}

TEST_F(Ctl, VerifyNamesADamagedPool) {
  memory.features |= RMFORK_FEAT_VERIFY_POOL;
  memory.found[0].what = RMFORK_DAMAGE_DIRECTORY;
  EXPECT_EQ(ctl({"verify", "--json"}), kFailed);
  EXPECT_THAT(out, HasSubstr("\"pool\": {\n    \"state\": \"damaged\",\n    \"ok\": false"));
  EXPECT_EQ(err,
            "rmforkctl: the pool is damaged: the directory of ubmem is not what was written\n");
  EXPECT_EQ(ctl({"verify", "0xc000"}), kOk);
}

TEST_F(Ctl, VerifyOfImagesWantsTheSnapshot) {
  memory.snapshots.erase(0xc000);
  EXPECT_EQ(ctl({"verify", "--images", dir.path()}), kFailed);
  EXPECT_THAT(err, HasSubstr("rmfork-1.img (0xc000) is gone"));
}

TEST_F(Ctl, AKernelWithoutExtensionsIsSaidToBeOne) {
  memory.extensions = false;
  const std::vector<std::vector<std::string>> commands = {
      {"status"}, {"list"}, {"info", "0xc000"}, {"verify"}, {"free", "0xc000"}};
  for (const auto& command : commands) {
    EXPECT_EQ(ctl(command), kFailed) << command[0];
    EXPECT_THAT(err, EndsWith(": it has no extensions, only dump and restore\n"));
    EXPECT_EQ(out, "");
  }
}

TEST_F(Ctl, AFeatureThatIsMissingIsSaidToBe) {
  memory.features = RMFORK_FEAT_FREE | RMFORK_FEAT_VERIFY;
  EXPECT_EQ(ctl({"free", "0xc000"}), kOk);
  EXPECT_EQ(ctl({"verify", "0x18000"}), kOk);
  EXPECT_EQ(ctl({"status"}), kOk);
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
           {"list"}, {"info", "0x18000"}, {"verify"}, {"free", "--all"}, {"free", "-D", "/"}}) {
    EXPECT_EQ(ctl(command), kFailed) << command[0];
    EXPECT_THAT(err, EndsWith(": its kernel side lacks that\n"));
  }
  EXPECT_THAT(offsets(), ElementsAre(0x18000));
}

TEST_F(Ctl, WhatCannotBeWrittenIsAFailure) {
  std::ostringstream to_out, to_err;
  to_out.setstate(std::ios::badbit);
  EXPECT_EQ(run({"status"}, {to_out, to_err, memory.sources()}), kFailed);
  EXPECT_EQ(to_err.str(), "rmforkctl: the output could not be written\n");
}

TEST_F(Ctl, WrongUsageDoesNothing) {
  EXPECT_EQ(ctl({"free"}), kWrongUsage);
  EXPECT_EQ(err, "rmforkctl: free needs an offset, --images DIR or --all; try rmforkctl --help\n");
  EXPECT_EQ(ctl({"free", "0xc000", "0x"}), kWrongUsage);
  EXPECT_EQ(ctl({"free", "0xc000", "--all"}), kWrongUsage);
  EXPECT_EQ(offsets().size(), 2u);
}

}  // namespace
}  // namespace rmfork::ctl
