// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <vector>

namespace criu::files {

// Where a sparse file has data, in bytes, by offset. What lies between is zero.
struct DataRun {
  uint64_t offset = 0;
  uint64_t length = 0;
};

// size: that of the file. by_fiemap: the extents as the file system keeps them (ioctl(2)
// FS_IOC_FIEMAP), of which those that were only reserved hold nothing; where it does not tell, and
// else, by lseek(2) SEEK_DATA. Throws Error.
std::vector<DataRun> data_runs(int fd, uint64_t size, bool by_fiemap);

}  // namespace criu::files
