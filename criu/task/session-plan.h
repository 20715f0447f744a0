// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <vector>

namespace criu {

struct PlannedTask;

// Plans how each task of a tree comes into its session: that is inherited (fork(2)) or one's own
// (setsid(2)), and there is no other way.
//
// A child is made by its parent, before the parent's own setsid(2) or after. An orphan, whose
// parent has ended and which was left to a subreaper, may be of a session that this one was never
// in. Its session's leader makes it then: as a sibling, or by a helper that ends while, of all its
// ancestors, the nearest subreaper is the one that the orphan is to have for a parent. A leader
// that is gone itself is replaced by a helper.
//
// Sets maker, as_sibling, before_setsid and adoption_round, and adds helpers.
//
// tasks: the whole tree, parents first; outer_sid: see TreePlan. Throws Error where no sequence of
// these steps gives such a tree.
void plan_sessions(std::vector<PlannedTask>& tasks, pid_t outer_sid);

}  // namespace criu
