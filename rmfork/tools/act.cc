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
  std::function<void(Kernel&, std::uint64_t)> act;  // throws Error
  const char* done;                                 // the state after it: "sound", "freed"
  bool gone_is_good;    // of snapshots that images name: the aim is reached without us
  const char* trouble;  // "2 of 3 snapshots TROUBLE: 0x3000 is gone"
};

// `gone_is_good`: that nothing lies there is no trouble.
Outcome act_on(Kernel& kernel, const Action& action, std::uint64_t offset, bool gone_is_good) {
  Outcome outcome;
  outcome.offset = offset;
  try {
    action.act(kernel, offset);
    outcome.state = action.done;
    outcome.good = true;
  } catch (const Error& e) {
    if (e.err() == ENOENT) {
      outcome.state = "gone";
      outcome.note = "no snapshot lies there";
      outcome.good = gone_is_good;
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
    outcome = act_on(kernel, action, check.entry->meta_off, action.gone_is_good);
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
      outcomes.push_back(act_on(kernel, action, offset, false));
  } else {
    // Somebody else may free one meanwhile.
    for (const rmfork_info& info : kernel.list())
      outcomes.push_back(act_on(kernel, action, info.meta_off, true));
  }
  return outcomes;
}

std::string name_of(const Outcome& outcome) {
  const std::string offset = outcome.offset ? offset_text(*outcome.offset) : std::string();
  if (outcome.file.empty()) return offset;
  return offset.empty() ? outcome.file : fmt::format("{} ({})", outcome.file, offset);
}

void print(const Environment& env, const Request& request, const std::vector<Outcome>& outcomes) {
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
    return print_json(env, Json::object().set("snapshots", list));
  }
  Table table({Table::Align::kLeft, Table::Align::kLeft, Table::Align::kLeft});
  for (const Outcome& outcome : outcomes)
    table.add({name_of(outcome), outcome.state, printable(outcome.note)});
  env.out << table.text();
}

int run_action(const Environment& env, const Request& request, Kernel& kernel,
               const Action& action) {
  const std::vector<Outcome> outcomes = act_on_each(kernel, action, request);
  print(env, request, outcomes);
  std::size_t bad = 0;
  std::string names;
  for (const Outcome& outcome : outcomes) {
    if (outcome.good) continue;
    bad++;
    names += fmt::format("{}{} is {}", names.empty() ? "" : ", ", name_of(outcome), outcome.state);
  }
  if (bad == 0) return kOk;
  complain(env, fmt::format("{} of {} {}: {}", bad, counted(outcomes.size(), "snapshot"),
                            action.trouble, names));
  return kFailed;
}

// What finding the snapshots takes.
std::uint64_t finding(const Request& request) {
  if (!request.images.empty()) return RMFORK_FEAT_INFO;
  return request.offsets.empty() ? RMFORK_FEAT_LIST : 0;
}

}  // namespace

int verify_snapshots(const Environment& env, const Request& request) {
  Kernel kernel =
      open_kernel(env, request, RMFORK_FEAT_VERIFY | finding(request), "verify snapshots");
  return run_action(env, request, kernel, {&Kernel::verify, "sound", false, "failed the check"});
}

int free_snapshots(const Environment& env, const Request& request) {
  Kernel kernel = open_kernel(env, request, RMFORK_FEAT_FREE | finding(request), "free snapshots");
  return run_action(env, request, kernel, {&Kernel::free, "freed", true, "could not be freed"});
}

}  // namespace rmfork::ctl
