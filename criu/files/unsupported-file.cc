// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/unsupported-file.h"

#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "criu/base/error.h"

namespace criu::files {

namespace {

struct Family {
  int domain;
  const char* name;
};

// bits/socket.h.
constexpr std::array kFamilies = {
    Family{AF_VSOCK, "a vsock socket (AF_VSOCK)"},
    Family{AF_ALG, "a socket of the kernel's cryptography (AF_ALG)"},
    Family{AF_XDP, "an XDP socket (AF_XDP)"},
    Family{AF_CAN, "a CAN socket (AF_CAN)"},
    Family{AF_BLUETOOTH, "a bluetooth socket (AF_BLUETOOTH)"},
    Family{AF_TIPC, "a TIPC socket (AF_TIPC)"},
    Family{AF_RDS, "an RDS socket (AF_RDS)"},
    Family{AF_SMC, "an SMC socket (AF_SMC)"},
    Family{AF_KEY, "a key management socket (AF_KEY)"},
    Family{AF_PPPOX, "a PPP socket (AF_PPPOX)"},
    Family{AF_KCM, "a kernel connection multiplexor (AF_KCM)"},
    Family{AF_NFC, "an NFC socket (AF_NFC)"},
    Family{AF_PHONET, "a Phonet socket (AF_PHONET)"},
    Family{AF_AX25, "an AX.25 socket (AF_AX25)"},
    Family{AF_IEEE802154, "an IEEE 802.15.4 socket (AF_IEEE802154)"},
    Family{AF_QIPCRTR, "a Qualcomm IPC socket (AF_QIPCRTR)"},
};

struct Named {
  std::string_view link;  // how that of a descriptor begins
  const char* name;
};

constexpr std::array kNamed = {
    Named{"anon_inode:[userfaultfd]", "a userfaultfd"},
    Named{"anon_inode:[io_uring]", "an io_uring"},
    Named{"anon_inode:[perf_event]", "a perf event"},
    Named{"anon_inode:bpf-prog", "a BPF program"},
    Named{"anon_inode:bpf_link", "a BPF link"},
    Named{"anon_inode:bpf_iter", "a BPF iterator"},
    Named{"anon_inode:bpf-token", "a BPF token"},
    Named{"anon_inode:btf", "a BTF object"},
    Named{"anon_inode:kvm", "a virtual machine (KVM)"},
    Named{"anon_inode:seccomp notify", "a listener to seccomp notifications"},
    Named{"anon_inode:landlock-ruleset", "a Landlock ruleset"},
    Named{"anon_inode:[fscontext]", "a file system that is being configured (fsopen)"},
    Named{"anon_inode:[secretmem]", "secret memory (memfd_secret)"},
    Named{"/secretmem", "secret memory (memfd_secret)"},
    Named{"/memfd:", "a memfd of huge pages"},
    Named{"/SYSV", "a descriptor of System V shared memory"},
    Named{"/dmabuf:", "a DMA buffer"},
    Named{"/dev/fuse", "a FUSE connection (/dev/fuse)"},
    Named{"/dev/rtc", "a real-time clock (/dev/rtc)"},
    Named{"/dev/kvm", "KVM (/dev/kvm)"},
    Named{"/dev/userfaultfd", "/dev/userfaultfd"},
    Named{"/dev/dri/", "a graphics device (/dev/dri)"},
    Named{"/dev/snd/", "a sound device (/dev/snd)"},
    Named{"/dev/input/", "an input device (/dev/input)"},
    Named{"/dev/vhost-", "a vhost device"},
    Named{"/dev/hpet", "a timer device (/dev/hpet)"},
    Named{"/dev/watchdog", "a watchdog (/dev/watchdog)"},
};

std::string describe_socket(const OpenFile& file) {
  int domain = -1;
  socklen_t size = sizeof domain;
  if (getsockopt(file.own.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) < 0) return "a socket";
  const auto* family = std::find_if(kFamilies.begin(), kFamilies.end(),
                                    [&](const Family& f) { return f.domain == domain; });
  return family != kFamilies.end() ? family->name
                                   : fmt::format("a socket of the family {}", domain);
}

}  // namespace

std::string describe_unsupported(const OpenFile& file) {
  if (S_ISSOCK(file.st.st_mode)) return describe_socket(file);
  for (const Named& named : kNamed)
    if (file.link.starts_with(named.link)) return named.name;
  constexpr std::string_view kAnon = "anon_inode:";
  if (file.link.starts_with(kAnon)) {
    std::string name = file.link.substr(kAnon.size());
    std::erase_if(name, [](char c) { return c == '[' || c == ']'; });
    return name;
  }
  if (S_ISCHR(file.st.st_mode))
    return fmt::format("the character device {}:{}", major(file.st.st_rdev),
                       minor(file.st.st_rdev));
  if (S_ISBLK(file.st.st_mode)) return "a block device";
  return file.link.starts_with('/') ? "a file of this type" : file.link;
}

}  // namespace criu::files
