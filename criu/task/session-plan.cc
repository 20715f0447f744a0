// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/session-plan.h"

#include <signal.h>

#include <algorithm>
#include <map>
#include <optional>

#include "criu/base/error.h"
#include "criu/task/spare-pids.h"
#include "criu/task/tree-plan.h"

namespace criu {

namespace {

using Role = PlannedTask::Role;

constexpr pid_t kAnySession = 0;

class SessionPlan {
 public:
  SessionPlan(std::vector<PlannedTask>& tasks, pid_t outer_sid)
      : tasks_(tasks), outer_sid_(outer_sid), places_(tasks.size()) {
    for (size_t i = 0; i < tasks_.size(); i++) {
      const PlannedTask& t = tasks_[i];
      index_[t.pid] = i;
      if (i != 0) places_[i].parent = index_.at(t.ppid), places_[i].depth = depth_of_parent(i) + 1;
      if (!leads(i)) places_[i].born = t.sid;
    }
    places_[0].born = outer_sid;
  }

  void make() {
    for (size_t i = 1; i < places_.size(); i++)
      if (!leads(i) && is_led(tasks_[i].sid) && !place(i, tasks_[i].sid, origin(tasks_[i].sid)))
        fail(
            "task {} belongs to session {}, which neither it nor its parent {} can have come from: "
            "not supported yet",
            tasks_[i].pid, tasks_[i].sid, tasks_[i].ppid);
    for (const auto& [sid, heads] : leaderless_sessions()) place_leaderless(sid, heads);
    for (size_t i = 1; i < places_.size(); i++) {
      const pid_t born = places_[i].born;
      tasks_[i].before_setsid =
          !places_[i].is_orphan && born != kAnySession && born != parent_of(i).sid;
    }
    give_makers();
    number_rounds();
  }

 private:
  struct Place {
    size_t parent = 0;
    unsigned depth = 0;
    pid_t born = kAnySession;  // the session it is born into
    bool is_orphan = false;
    size_t origin = 0;  // of an orphan: the leader of its session
  };

  bool leads(size_t i) const { return tasks_[i].sid == tasks_[i].pid; }
  const PlannedTask& parent_of(size_t i) const { return tasks_[places_[i].parent]; }
  unsigned depth_of_parent(size_t i) const { return places_[places_[i].parent].depth; }

  // By a task of the tree, or by the shell that it was started from.
  bool is_led(pid_t sid) const { return sid == outer_sid_ || index_.contains(sid); }
  size_t origin(pid_t sid) const { return sid == outer_sid_ ? 0 : index_.at(sid); }

  bool is_within(size_t i, size_t ancestor) const {
    while (places_[i].depth > places_[ancestor].depth) i = places_[i].parent;
    return i == ancestor;
  }

  // Has the task be born into the session: from its parent, which may have to be born into it for
  // that, or as an orphan. from: where that session's members come from. False: it cannot be.
  bool place(size_t i, pid_t sid, size_t from) {
    for (;; i = places_[i].parent) {
      const size_t parent = places_[i].parent;
      places_[i].born = sid;
      if (tasks_[parent].sid == sid) return true;
      if (is_within(from, parent)) {
        places_[i].is_orphan = true, places_[i].origin = from;
        return !is_within(from, i) && can_leave(from, i);
      }
      if (leads(parent) && places_[parent].born == sid) return true;
      if (parent == 0 || !leads(parent) || places_[parent].born != kAnySession) return false;
    }
  }

  // The exit signal of an orphan is SIGCHLD (kernel/exit.c, reparent_leader()), that of a sibling
  // its maker's (clone(2) CLONE_PARENT).
  bool can_leave(size_t leader, size_t orphan) const {
    return tasks_[orphan].exit_signal == SIGCHLD || is_sibling(leader, orphan);
  }
  bool is_sibling(size_t leader, size_t orphan) const {
    return tasks_[leader].role != Role::kHelper && tasks_[leader].ppid == tasks_[orphan].ppid &&
           tasks_[leader].exit_signal == tasks_[orphan].exit_signal;
  }

  // Those members of each whose parents are not of it.
  std::map<pid_t, std::vector<size_t>> leaderless_sessions() const {
    std::map<pid_t, std::vector<size_t>> sessions;
    for (size_t i = 1; i < places_.size(); i++)
      if (const pid_t sid = tasks_[i].sid; !is_led(sid) && parent_of(i).sid != sid)
        sessions[sid].push_back(i);
    return sessions;
  }

  // The leader had been a child, or a descendant, of all those that its orphans were left to; but
  // for what itself came from the session.
  void place_leaderless(pid_t sid, const std::vector<size_t>& heads) {
    const std::vector<Place> before = places_;
    for (const size_t above : places_for_leader(heads)) {
      const size_t leader = add_helper(sid, sid, above);
      if (std::ranges::all_of(heads, [&](size_t i) { return place(i, sid, leader); })) return;
      tasks_.pop_back();
      places_ = before;
    }
    fail(
        "the members of session {}, whose leader is gone, cannot have come from one place: not "
        "supported yet",
        sid);
  }

  // The nearest first: what all have for an ancestor, then those farther down, and last farther up.
  std::vector<size_t> places_for_leader(const std::vector<size_t>& heads) const {
    std::vector<size_t> parents;
    for (const size_t i : heads) parents.push_back(places_[i].parent);
    size_t common = parents.front();
    for (const size_t p : parents)
      while (!is_within(p, common)) common = places_[common].parent;
    parents.push_back(common);
    std::ranges::sort(parents, {}, [this](size_t i) { return std::pair(places_[i].depth, i); });
    const auto [first, last] = std::ranges::unique(parents);
    parents.erase(first, last);
    for (; common != 0; common = places_[common].parent) parents.push_back(places_[common].parent);
    return parents;
  }

  size_t add_helper(pid_t pid, pid_t sid, size_t parent) {
    PlannedTask h;
    h.role = Role::kHelper;
    h.pid = pid;
    h.pgid = h.sid = sid;
    h.ppid = tasks_[parent].pid;
    h.threads = {pid};
    tasks_.push_back(std::move(h));
    places_.push_back({parent, places_[parent].depth + 1, kAnySession, false, 0});
    return tasks_.size() - 1;
  }

  void give_makers() {
    const size_t all = places_.size();
    for (size_t i = 1; i < all; i++)
      if (places_[i].is_orphan) give_maker(i);
  }

  void give_maker(size_t i) {
    const size_t from = places_[i].origin, to = places_[i].parent;
    if (is_sibling(from, i)) {
      tasks_[i].maker = tasks_[from].pid;
      tasks_[i].as_sibling = true;
      return;
    }
    const PlannedTask& leader = tasks_[from];
    const bool is_left_by_leader = leader.role == Role::kHelper && leader.ppid == tasks_[i].ppid;
    const size_t maker = is_left_by_leader ? from : go_between(from, to);
    adopters_[maker] = to;
    tasks_[i].maker = tasks_[maker].pid;
  }

  // The helper that makes what one leader leaves to one adopter.
  size_t go_between(size_t from, size_t to) {
    const auto [it, is_new] = go_betweens_.try_emplace(std::pair(from, to));
    if (is_new) {
      if (!spare_pids_) spare_pids_.emplace(tasks_);
      it->second = add_helper(spare_pids_->take(), tasks_[from].sid, from);
    }
    return it->second;
  }

  // Those farthest up adopt first, when nobody farther down is a subreaper yet: whoever lies
  // between a helper and the one that is to adopt its children is farther down.
  void number_rounds() {
    std::map<unsigned, unsigned> rounds;  // by depth
    for (const auto& [helper, adopter] : adopters_) rounds[places_[adopter].depth];
    unsigned round = 0;
    for (auto& [depth, number] : rounds) number = ++round;
    for (const auto& [helper, adopter] : adopters_)
      tasks_[helper].adoption_round = tasks_[adopter].adoption_round =
          rounds.at(places_[adopter].depth);
  }

  std::vector<PlannedTask>& tasks_;
  pid_t outer_sid_;
  std::vector<Place> places_;  // beside the tasks
  std::map<pid_t, size_t> index_;
  std::map<std::pair<size_t, size_t>, size_t> go_betweens_;  // by leader and adopter
  std::map<size_t, size_t> adopters_;                        // by the helper that leaves orphans
  std::optional<SparePids> spare_pids_;
};

}  // namespace

void plan_sessions(std::vector<PlannedTask>& tasks, pid_t outer_sid) {
  SessionPlan(tasks, outer_sid).make();
}

}  // namespace criu
