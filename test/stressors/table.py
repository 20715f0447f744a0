# SPDX-License-Identifier: GPL-2.0-only
"""Which stressors are tried, how, and which are refused."""

from __future__ import annotations

# Those that are tried without --all: of each kind of work some.
SOME = """
access aio brk chdir clone context dentry dir dnotify dup epoll eventfd fcntl fifo flock fork futex get inode-flags
inotify itimer kill lease lockf lockofd malloc memfd mmap mprotect mremap msg mutex nanosleep pidfd pipe poll pthread
pty remap schedpolicy seccomp sem set shm shm-sysv sigfd sigio signal sigq sigrt sigsegv sock sockfd sockpair splice
timer timerfd udp vdso vfork vm wait zombie
""".split()

# Options without which a stressor takes too much memory for its files, or too many of the terminals.
MORE = {
    **{name: [f"--{name}-bytes", "16M"]
       for name in ("fallocate", "hdd", "iomix", "mremap", "msync", "shm", "shm-sysv", "sync-file", "vm")},
    "copy-file": ["--copy-file-bytes", "128M"],
    "pty": ["--pty-max", "32"],
}

_NO_END = "it takes all the memory, processes or descriptors that there are"
_MACHINE = "it changes the machine, or disturbs others on it"
LEFT_OUT = {
    **dict.fromkeys("bigheap dev-shm mlockmany oom-pipe pageswap resources vforkmany".split(), _NO_END),
    **dict.fromkeys(("apparmor binderfs bind-mount cpu-online dev klog loop memhotplug module quota ramfs reboot rtc smi "
                     "softlockup swap tmpfs umount watchdog").split(), _MACHINE),
    "forkheavy": "it takes all that the disk has left, for a moment (posix_fallocate)",
    "kvm": "the state of a virtual machine is the kernel's (/dev/kvm)",
    "mlock": "each of its thousands of pieces of shared memory takes a descriptor at the restore",
    "key": "keyrings are not stored, which LIMITS tells of",
    "netlink-task": "the kernel's counts of what a task has used begin at zero, which LIMITS tells of",
    "userfaultfd": "a fault that waits begins anew when its thread is stopped, and stress-ng takes that for an error",
}

# What a dump says of those that it may refuse, at some instants or always; patterns.
REFUSED = {
    **dict.fromkeys(("cyclic", "schedpolicy"), "SCHED_DEADLINE"),
    **dict.fromkeys(("dup", "sigpipe", "vm-rw"), "share their address space"),
    "secretmem": "secret memory",
    **dict.fromkeys(("ptrace", "vm-segv"), "is traced by"),
    "clone": "could not be stopped within",  # where CLONE_VFORK and CLONE_PARENT make it wait for its stopped sibling
    # Until it has ended: a dump looks again where the next daemon may have gone a moment later.
    "daemon": "is not part of the tree|held by somebody who cannot be seen|is a zombie",
    "dnotify": "a directory that is watched",
    "epoll": "waits? to be accepted|is being made to it",
    "aio": "has ended only now",
    "iomix": "was made (immutable|append-only)",  # for a moment
    "sock": "waits? to be accepted|is being made to it",
    "sockfd": "waits? to be accepted|is being made to it",
    "mmapfork": "could not be stopped within",
    "mq": "a POSIX message queue",
    "rlimit": "mapping the parasite into task",  # where it may have no more memory (RLIMIT_AS)
    "sem-sysv": "SEM_UNDO",
    "sockabuse": "waits? to be accepted|is being made to it",
    "sockdiag": "messages that were not read",
    "sockmany": "waits? to be accepted|is being made to it",
    "sockpair": "urgent data",
    "unshare": "namespace of its own",
    "usersyscall": "Syscall User Dispatch",
}
# What the machine has in the way of the restore, now and then, for a minute: the sentence says what.
NOT_AT_ONCE = {
    # Its own connections that ended before the dump, of sockets without SO_REUSEADDR.
    "sockabuse": "by a connection that has ended",
}
