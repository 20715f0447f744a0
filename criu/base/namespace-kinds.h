// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sched.h>

#include <array>

namespace criu {

struct NamespaceKind {
  const char* name;  // of its link in /proc/PID/ns
  int flag;          // clone(2)
};

// namespaces(7), in the order of the ids that images give to those of the process that dumps, from
// 1 on.
inline constexpr std::array kNamespaceKinds = {
    NamespaceKind{"pid", CLONE_NEWPID},       NamespaceKind{"net", CLONE_NEWNET},
    NamespaceKind{"ipc", CLONE_NEWIPC},       NamespaceKind{"uts", CLONE_NEWUTS},
    NamespaceKind{"mnt", CLONE_NEWNS},        NamespaceKind{"user", CLONE_NEWUSER},
    NamespaceKind{"cgroup", CLONE_NEWCGROUP}, NamespaceKind{"time", 0x80 /* CLONE_NEWTIME */},
};
// Of a time namespace that a tree has, and the process that dumps has not.
inline constexpr unsigned kOtherTimeNamespace = kNamespaceKinds.size() + 1;

}  // namespace criu
