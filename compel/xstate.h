// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>

namespace compel {

// Where the processor keeps a component of the XSAVE area in its standard form, in bytes; size 0
// where it has none there (also of a supervisor component).
struct XstatePlace {
  size_t offset = 0, size = 0;
  size_t end() const { return offset + size; }
};

// component: 2 to 62. The processor is asked once: under a hypervisor CPUID takes as long as a
// dozen system calls. May be called by several threads.
XstatePlace xstate_place(unsigned component);
// Bytes of an area with all components that the kernel has enabled (XCR0).
size_t xstate_size();

}  // namespace compel
