// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "criu/files/shmem.h"
#include "criu/image/image-file.h"
#include "criu/mm/page-dump.h"

namespace criu::mm {

// Writes what each object of shared anonymous memory is and the pages there are of it
// (pagemap-shmem-ID.img). Returns the bytes of page data; throws Error.
uint64_t write_shmem(const files::ShmemObjects& objects, const image::Directory& dir,
                     PagesIds& ids);

// Writes what the segments among them are (ipcns-shm-N.img). ipc_ns: the id of their namespace.
void write_segments(const files::ShmemObjects& objects, const image::Directory& dir,
                    uint32_t ipc_ns);

}  // namespace criu::mm
