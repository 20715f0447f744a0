// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/mm/vma.h"

// The vDSO and its data pages ([vvar]): the kernel's code in a task, which no restore can write.
// The restoring process's own are moved to where the task's had been, if they are the same:
// vdso-restore.h.
namespace criu::mm {

// Whether an entry stands for one of them.
bool is_vdso_entry(const VmaEntry& v);
// Whether it stands for the code.
bool is_vdso_code(const VmaEntry& v);
// The first that does; nullptr where the task has unmapped the code.
const VmaEntry* vdso_code(std::span<VmaEntry* const> entries);

// One of the process's own mappings, and where it goes.
struct VdsoMove {
  uint64_t from = 0, to = 0, size = 0;  // bytes
};

// How the process's own mappings become those of the entries: all keep their distance to the vDSO,
// or to the data where the task has unmapped that.
// Which data pages stand in the images, and in how many mappings, is the writer's business, as long
// as the process's own lie where the entries have the same or nothing. Nothing to be moved where
// the task had no vDSO; no value where it is another one.
std::optional<std::vector<VdsoMove>> match_vdso(std::span<VmaEntry* const> entries,
                                                std::span<const Vma> own);

}  // namespace criu::mm
