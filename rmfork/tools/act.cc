// SPDX-License-Identifier: GPL-2.0-only
//
// rmforkctl verify and free: one operation on each of the snapshots that are meant.
#include <cerrno>
#include <functional>
#include <optional>
#include <ostream>

#include "rmfork/error.h"
#include "rmfork/src/format.h"
#include "rmfork/tools/commands.h"
#include "rmfork/tools/image-check.h"
#include "rmfork/tools/text.h"

namespace rmfork::ctl {
namespace {

// What became of one snapshot.
struct Outcome {
  std::string file;  // empty: not named by an image
  std::optional<std::uint64_t> offset;
  std::string state;
  std::string note;  // empty: the state says all
  bool good = false;
};

// What one command does, and how it takes what it meets.
struct Action {
  // On the snapshot at an offset, of a generation (0: any). Throws Error.
  std::function<void(Kernel&, std::uint64_t, std::uint64_t, Outcome&)> act;
  const char* done;     // the state after it: "sound", "freed"
  bool gone_is_good;    // of snapshots that images name: the aim is reached without us
  bool names_it;        // the kernel is told the generation: ESTALE is that of another snapshot
  const char* trouble;  // "2 of 3 snapshots TROUBLE: 0x3000 is gone"
};

// `gone_is_good`: that it does not lie there is no trouble.
Outcome act_on(Kernel& kernel, const Action& action, std::uint64_t offset, std::uint64_t generation,
               bool gone_is_good) {
  Outcome outcome;
  outcome.offset = offset;
  try {
    outcome.state = action.done;
    outcome.good = true;
    action.act(kernel, offset, generation, outcome);
  } catch (const Error& e) {
    outcome.good = false;
    if (e.err() == ENOENT) {
      outcome.state = "gone";
      outcome.note = "no snapshot lies there";
      outcome.good = gone_is_good;
    } else if (e.err() == ESTALE && action.names_it && generation != 0) {
      outcome.state = state_name(ImageState::kOtherSnapshot);
      outcome.note =
          "it was freed meanwhile, and another one lies there; or another machine has taken ubmem "
          "over";
    } else if (e.err() == EBADMSG) {
      outcome.state = "damaged";
      outcome.note = "ubmem does not hold what was written";
    } else {
      throw;
    }
  }
  return outcome;
}

Outcome act_on_image(Kernel& kernel, const Action& action, const ImageCheck& check) {
  Outcome outcome;
  if (check.state == ImageState::kPresent) {
    outcome = act_on(kernel, action, check.entry->meta_off, check.info ? check.info->generation : 0,
                     action.gone_is_good);
  } else {
    if (check.entry) outcome.offset = check.entry->meta_off;
    outcome.state = state_name(check.state);
    outcome.note = check.note;
    outcome.good = check.state == ImageState::kGone && action.gone_is_good;
  }
  outcome.file = check.file;
  return outcome;
}

std::vector<Outcome> act_on_each(Kernel& kernel, const Action& action, const Request& request) {
  std::vector<Outcome> outcomes;
  if (!request.images.empty()) {
    for (const ImageCheck& check : check_images(kernel, request.images))
      outcomes.push_back(act_on_image(kernel, action, check));
  } else if (!request.offsets.empty()) {
    for (const std::uint64_t offset : request.offsets)
      outcomes.push_back(act_on(kernel, action, offset, 0, false));
  } else {
    // Somebody else may free one meanwhile.
    for (const rmfork_info& info : kernel.list()) {
      outcomes.push_back(act_on(kernel, action, info.meta_off, info.generation, true));
      if (outcomes.back().state == state_name(ImageState::kOtherSnapshot))
        outcomes.back().good = true;
    }
  }
  return outcomes;
}

std::string name_of(const Outcome& outcome) {
  const std::string offset = outcome.offset ? offset_text(*outcome.offset) : std::string();
  if (outcome.file.empty()) return offset;
  return offset.empty() ? outcome.file : rmfork::format("{} ({})", outcome.file, offset);
}

// What is said of the pool itself is in `pool`, if anything is.
void print(const Environment& env, const Request& request, const std::vector<Outcome>& outcomes,
           const std::optional<Outcome>& pool) {
  if (request.json) {
    Json list = Json::array();
    for (const Outcome& outcome : outcomes) {
      Json json = Json::object();
      if (!outcome.file.empty()) json.set("file", outcome.file);
      json.set("offset", outcome.offset ? Json(offset_text(*outcome.offset)) : nullptr);
      json.set("state", outcome.state).set("ok", outcome.good);
      json.set("note", outcome.note.empty() ? Json(nullptr) : Json(outcome.note));
      list.push(json);
    }
    Json all = Json::object().set("snapshots", list);
    if (pool)
      all.set("pool", Json::object()
                          .set("state", pool->state)
                          .set("ok", pool->good)
                          .set("note", pool->note.empty() ? Json(nullptr) : Json(pool->note)));
    return print_json(env, all);
  }
  Table table({Table::Align::kLeft, Table::Align::kLeft, Table::Align::kLeft});
  if (pool) table.add({"pool", pool->state, pool->note});
  for (const Outcome& outcome : outcomes)
    table.add({name_of(outcome), outcome.state, printable(outcome.note)});
  env.out << table.text();
}

int run_action(const Environment& env, const Request& request, Kernel& kernel, const Action& action,
               const std::optional<Outcome>& pool = std::nullopt) {
  const std::vector<Outcome> outcomes = act_on_each(kernel, action, request);
  print(env, request, outcomes, pool);
  std::size_t bad = 0;
  std::string names;
  for (const Outcome& outcome : outcomes) {
    if (outcome.good) continue;
    bad++;
    names +=
        rmfork::format("{}{} is {}", names.empty() ? "" : ", ", name_of(outcome), outcome.state);
  }
  if (pool && !pool->good) complain(env, "the pool is damaged: " + pool->note);
  if (bad == 0) return pool && !pool->good ? kFailed : kOk;
  complain(env, rmfork::format("{} of {} {}: {}", bad, counted(outcomes.size(), "snapshot"),
                               action.trouble, names));
  return kFailed;
}

// What finding the snapshots takes.
std::uint64_t finding(const Request& request) {
  if (!request.images.empty()) return RMFORK_FEAT_INFO;
  return request.offsets.empty() ? RMFORK_FEAT_LIST : 0;
}

// What VERIFY found, as the end of a sentence.
std::string damage_text(const rmfork_damage& damage) {
  switch (damage.what) {
    case RMFORK_DAMAGE_SUPER:
      return "a superblock of ubmem is not what was written";
    case RMFORK_DAMAGE_DIRECTORY:
      return "the directory of ubmem is not what was written";
    case RMFORK_DAMAGE_HEADER:
      return "its header is not what was written";
    case RMFORK_DAMAGE_INDEX:
      return "its index is not what was written";
    case RMFORK_DAMAGE_SUMS:
      return "the list of its checksums is not what was written";
    case RMFORK_DAMAGE_PAGES:
      return rmfork::format("{} of {} differ, the first is that of {:#x}, at {:#x} in ubmem",
                            damage.pages, counted(damage.checked, "page"), damage.vaddr,
                            damage.off);
    default:
      return "ubmem does not hold what was written";
  }
}

void verify_one(Kernel& kernel, std::uint64_t offset, std::uint64_t, Outcome& outcome) {
  const rmfork_damage damage = kernel.verify(offset);
  outcome.good = damage.what == RMFORK_DAMAGE_NONE;
  if (!outcome.good) {
    outcome.state = "damaged";
    outcome.note = damage_text(damage);
  } else if (damage.checked != 0) {
    outcome.note = rmfork::format("with the contents of {}", counted(damage.checked, "page"));
  }
}

void free_one(Kernel& kernel, std::uint64_t offset, std::uint64_t generation, Outcome&) {
  kernel.free(offset, generation);
}

}  // namespace

int verify_snapshots(const Environment& env, const Request& request) {
  Kernel kernel =
      open_kernel(env, request, RMFORK_FEAT_VERIFY | finding(request), "verify snapshots");
  std::optional<Outcome> pool;
  if (request.images.empty() && request.offsets.empty() && kernel.has(RMFORK_FEAT_VERIFY_POOL)) {
    pool.emplace();
    verify_one(kernel, 0, 0, *pool);
    if (pool->state.empty()) pool->state = "sound";
  }
  return run_action(env, request, kernel, {verify_one, "sound", false, false, "failed the check"},
                    pool);
}

int free_snapshots(const Environment& env, const Request& request) {
  Kernel kernel = open_kernel(env, request, RMFORK_FEAT_FREE | finding(request), "free snapshots");
  return run_action(env, request, kernel, {free_one, "freed", true, true, "could not be freed"});
}

}  // namespace rmfork::ctl
