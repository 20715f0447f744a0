// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <span>
#include <vector>

#include "criu/mm/pages-image.h"
#include "criu/mm/vdso.h"
#include "criu/pie/restorer-args.h"
#include "criu/task/tree-plan.h"

// What a task that is restored has for a vDSO.
//
// Where this kernel has the one that the task had, that goes where it was. Where it has another
// one, as after an update or on another machine, the task keeps the code of the old one as ordinary
// memory: it may have addresses of its functions. They jump to the new one, which lies elsewhere.
// A later dump finds nothing special about either.
namespace criu::mm {

struct VdsoPlan {
  std::vector<VdsoMove> moves;        // this process's own; what is not among them goes
  std::vector<pie::MapRequest> maps;  // what stands for that of another kernel
};

// own: the mappings of this process, its vDSO among them. pages, pages_fd: of the task. Called in
// the process that becomes the task, when all else that it takes along is mapped. Throws Error
// where the old code is needed and not in the images, and where a thread was in the middle of it.
VdsoPlan plan_vdso(const PlannedTask& task, std::span<const Vma> own, const PagesImage& pages,
                   int pages_fd);

}  // namespace criu::mm
