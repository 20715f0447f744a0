// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <asm/unistd.h>

// Raw system calls for code that runs without a libc. Each returns what the kernel returned: a
// negative number is -errno. Unused argument registers are zero.
namespace pie {

inline long syscall6(long nr, long a, long b, long c, long d, long e, long f) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long ret;
  asm volatile("syscall"
               : "=a"(ret)
               : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return ret;
}

template <typename T>
inline long word(T v) {
  return (long)v;
}

template <typename... Args>
inline long syscall(long nr, Args... args) {
  static_assert(sizeof...(Args) <= 6);
  const long a[6] = {word(args)...};
  return syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
}

}  // namespace pie
