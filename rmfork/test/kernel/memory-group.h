// SPDX-License-Identifier: GPL-2.0-only
//
// A cgroup with a memory controller, to which a child goes: its memory can be reclaimed there, or
// be too little.
//
//   MemoryGroup group;                     // by the test
//   MemoryGroup::enter();                  // by the child
//   MemoryGroup::set("memory.max", "1M");  // by either
#ifndef RMFORK_TEST_KERNEL_MEMORY_GROUP_H
#define RMFORK_TEST_KERNEL_MEMORY_GROUP_H

#include <string>

namespace kernel_test {

bool write_file(const std::string& path, const std::string& text);

class MemoryGroup {
 public:
  MemoryGroup();   // skips the test where there is no such controller
  ~MemoryGroup();  // when those who have entered have ended
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  static void enter();
  static bool set(const char* file, const std::string& value);
  static unsigned long long usage();
  // How often something has happened, by its name in memory.events.
  static long events(const std::string& wanted);
};

}  // namespace kernel_test

#endif  // RMFORK_TEST_KERNEL_MEMORY_GROUP_H
