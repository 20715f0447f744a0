# SPDX-License-Identifier: GPL-2.0-only
"""
What /proc says about a tree of tasks, in a form that can be compared across a restore.

A snapshot is a dict of text: "PID/part" or "PID/TID/part" to lines. What a restore
may legitimately change is left out or made canonical here, each with its reason; anything else
that differs is a failure.
"""

from __future__ import annotations

import bisect
import ctypes
import difflib
import os
import re
import stat
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from . import tasks

Snapshot = dict[str, str]

# /proc/PID/status: what must stay. Left out: memory sizes (they depend on what has been touched),
# SigQ (the user's, not the task's), context switches, Ngid, FDSize (grows in powers of two).
STATUS_KEYS = (
    "Name Umask Tgid Pid PPid TracerPid Uid Gid Groups NStgid NSpid NSpgid NSsid Kthread Threads "
    "SigPnd ShdPnd SigBlk SigIgn SigCgt CapInh CapPrm CapEff CapBnd CapAmb NoNewPrivs Seccomp "
    "Seccomp_filters Cpus_allowed Mems_allowed THP_enabled CoreDumping"
).split()

# /proc/PID/stat, numbered as in proc(5). Left out: times, faults, sizes, flags (the kernel's own),
# the processor, and the state of a task that is running or asleep. exit_code counts for zombies only:
# of a stopped task it tells whether the parent has waited for it, of which images of the peer say nothing.
STAT_FIELDS = {
    4: "ppid", 5: "pgrp", 6: "session", 7: "tty_nr", 18: "priority", 19: "nice",
    20: "num_threads", 26: "startcode", 27: "endcode", 28: "startstack", 38: "exit_signal",
    40: "rt_priority", 41: "policy", 45: "start_data", 46: "end_data", 47: "start_brk",
    48: "arg_start", 49: "arg_end", 50: "env_start", 51: "env_end",
}  # fmt: skip
ZOMBIE_FIELDS = {4: "ppid", 5: "pgrp", 6: "session", 38: "exit_signal", 52: "exit_code"}

# smaps' VmFlags that do not belong to what the task asked for:
#   sd  soft-dirty: a restore writes the pages
#   gu  may have guard pages: also where a neighbour that it was joined with has them
#   ac  accounted: depends on which protections the mapping once had, not on what it has
VMFLAGS_LEFT_OUT = {"gu", "sd", "ac"}
# Mixed map: what rmfork restores lazily, until all of it is in.
LAZY_VMFLAGS = {"mm"}

# fdinfo lines that are numbers of kernel objects, or run with time.
FDINFO_LEFT_OUT = {"mnt_id", "eventfd-id", "it_value", "ticks"}

KCMP_SYSCALL = 312  # x86_64
KCMP_KINDS = {"vm": 1, "files": 2, "fs": 3, "sighand": 4, "io": 5, "sysvsem": 6}
KCMP_FILE = 0


class Canon:
    """
    Numbers for kernel objects whose identity is an inode number that a restore makes anew (pipes,
    deleted files, shared anonymous memory): in order of appearance, so that sharing still shows.
    """

    def __init__(self, link_remap: bool) -> None:
        self._seen: dict[tuple[str, str], int] = {}
        self._link_remap = link_remap

    def number(self, kind: str, identity: str) -> str:
        return f"{kind}#{self._seen.setdefault((kind, identity), len(self._seen))}"

    def deleted_name(self, name: str) -> str:
        """A deleted file's name: the restored one was made under a name of the tool's own."""
        name = re.sub(r"\.cr\.[0-9a-f]+\.ghost", "", name)
        # Shared anonymous memory: what several tasks can open again is a memfd.
        name = name.replace("/memfd:/dev/zero", "/dev/zero")
        if self._link_remap and name.endswith(" (deleted)"):
            # The file still has another hard link; the restore opens it by a temporary one.
            name = os.path.dirname(name) + "/* (deleted)"
        return name


def read_text(path: str) -> str:
    try:
        with open(path, "rb") as f:
            return f.read().decode("utf-8", "backslashreplace")
    except OSError as error:
        return f"<{error.strerror}>"


def read_dir(path: str) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []  # the task has gone: its other parts say so


def read_link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError as error:
        return f"<{error.strerror}>"


def stat_fields(text: str) -> dict[int, str]:
    """Field number to value; the name in parentheses may hold anything, so cut at the last."""
    rest = text[text.rfind(")") + 2 :].split()
    return {3 + i: value for i, value in enumerate(rest)}


def _stat(text: str) -> str:
    fields = stat_fields(text)
    state = fields.get(3, "?")
    wanted = ZOMBIE_FIELDS if state in "ZX" else STAT_FIELDS
    lines = [f"state {state if state in 'TtZX' else 'alive'}"]
    lines += [f"{name} {fields.get(number, '?')}" for number, name in wanted.items()]
    return "\n".join(lines)


def _status(text: str) -> str:
    lines = []
    for line in text.splitlines():
        key, _, value = line.partition(":")
        if key in STATUS_KEYS:
            lines.append(f"{key}: {' '.join(value.split())}")
    return "\n".join(lines)


# Of a file that nobody can reach: which one it is, and where in it, means nothing.
PRIVATE_HUGE = "/anon_hugepage (deleted)"
MAPS_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+)\s*(.*)")


def _maps_object(canon: Canon, dev: str, inode: str, name: str) -> str:
    if name.endswith(" (deleted)"):
        return f"{canon.number('deleted', dev + ':' + inode)} {canon.deleted_name(name)}"
    if match := re.fullmatch(r"(socket):\[(\d+)\]", name):  # a ring: as its descriptors
        return f"{dev} {canon.number(*match.groups())}"
    return f"{dev} {inode} {name}"


def maps(smaps: str, canon: Canon, lazy: bool = False) -> str:
    """
    One line per mapping with its VmFlags. Neighbours that differ in nothing are joined: whether
    the kernel merged them depends on the order in which they were made and written.
    """
    left_out = VMFLAGS_LEFT_OUT | (LAZY_VMFLAGS if lazy else set())
    rows: list[list[object]] = []
    for line in smaps.splitlines():
        match = MAPS_LINE.fullmatch(line)
        if match:
            start, end, perms, offset, dev, inode, name = match.groups()
            if perms[3] == "p" and name == PRIVATE_HUGE:
                offset, what = "0", name
            else:
                what = _maps_object(canon, dev, inode, name)
            rows.append([int(start, 16), int(end, 16), perms, int(offset, 16), what, ""])
        elif line.startswith("VmFlags:") and rows:
            rows[-1][5] = " ".join(sorted(set(line.split()[1:]) - left_out))
    joined: list[list[object]] = []
    for row in rows:
        last = joined[-1] if joined else None
        if (
            last
            and last[1] == row[0]
            and (last[2], last[4], last[5]) == (row[2], row[4], row[5])
            and (row[3] == 0 or row[3] == last[3] + row[0] - last[0])  # type: ignore[operator]
        ):
            last[1] = row[1]
        else:
            joined.append(row)
    return "\n".join(
        f"{start:x}-{end:x} {perms} {offset:x} {what} [{flags}]"
        for start, end, perms, offset, what, flags in joined
    )


def _fd_target(canon: Canon, link: str, inode: str) -> tuple[str, bool]:
    """The link's canonical form, and whether the inode number means something."""
    match = re.fullmatch(r"(pipe|socket):\[(\d+)\]", link)
    if match:
        return canon.number(match[1], match[2]), False
    if link.endswith(" (deleted)"):
        return f"{canon.number('deleted', inode)} {canon.deleted_name(link)}", False
    return link, not link.startswith("anon_inode:")


def _is_new(path: str, flags: int) -> bool:
    """The file of a UNIX socket, which only O_PATH opens, is made when the socket is bound."""
    try:
        return flags & os.O_PATH != 0 and stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def _fdinfo_value(key: str, value: str, link: str) -> str:
    if key == "tfd":
        # The inode of what epoll watches: of a pipe or socket it is new. The number stays.
        value = re.sub(r"\b(ino|sdev):\w+", "", value)
    if key == "flags" and link.startswith("/dev/pts/"):
        # The terminal is that of the criu that restores, opened anew; O_LARGEFILE, which has no
        # effect, only says whether the first opening was by name.
        value = oct(int(value, 8) & ~0o100000)
    return " ".join(value.split())


def _kcmp(kind: int, pid1: int, pid2: int, arg1: int = 0, arg2: int = 0) -> int:
    return tasks.libc.syscall(
        KCMP_SYSCALL, pid1, pid2, kind, ctypes.c_ulong(arg1), ctypes.c_ulong(arg2)
    )


@dataclass(eq=False)
class Description:
    """The open file description of a descriptor, in the order that kcmp(2) has for them."""

    pid: int
    fd: int

    def _against(self, other: Description) -> int:
        """0: the same one, 1: less, 2: more. -1 where a task has gone, which other parts tell."""
        return _kcmp(KCMP_FILE, self.pid, other.pid, self.fd, other.fd)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Description) and self._against(other) == 0

    def __lt__(self, other: Description) -> bool:
        return self._against(other) == 1


class FdReader:
    """The descriptors of the tasks of one tree; knows which are the same open file description."""

    def __init__(self, canon: Canon) -> None:
        self._canon = canon
        self._first: dict[str, list[Description]] = {}  # by target, sorted

    def _description(self, pid: int, fd: int, target: str) -> str:
        known, this = self._first.setdefault(target, []), Description(pid, fd)
        at = bisect.bisect_left(known, this)
        if at < len(known) and known[at] == this:
            return f"same as {known[at].pid}:{known[at].fd}"
        known.insert(at, this)
        return "own"

    def read(self, pid: int) -> str:
        lines = []
        try:
            fds = sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd"))
        except OSError as error:
            return f"<{error.strerror}>"
        for fd in fds:
            link = read_link(f"/proc/{pid}/fd/{fd}")
            info = read_text(f"/proc/{pid}/fdinfo/{fd}").splitlines()
            pairs = [line.split(":", 1) for line in info if ":" in line]
            first = {key: value.strip() for key, value in reversed(pairs)}
            target, inode_counts = _fd_target(self._canon, link, first.get("ino", "?"))
            inode_counts = inode_counts and not _is_new(f"/proc/{pid}/fd/{fd}", int(first.get("flags", "0"), 8))
            left_out = FDINFO_LEFT_OUT if inode_counts else FDINFO_LEFT_OUT | {"ino"}
            state = [f"{key}={_fdinfo_value(key, v, link)}" for key, v in pairs if key not in left_out]
            # A BPF map has a new id; which descriptors have the same one stays.
            state = [self._canon.number("map", line) if line.startswith("map_id=") else line for line in state]
            state.sort(key=lambda line: line if line.startswith("tfd=") else "")  # by addresses of the kernel's
            description = self._description(pid, fd, link)
            lines.append(f"{fd} -> {target} {' '.join(state)} ({description})")
        return "\n".join(lines)


def _shared_with(pid: int, earlier: list[int]) -> str:
    lines = []
    for name, kind in KCMP_KINDS.items():
        same = next((other for other in earlier if _kcmp(kind, other, pid) == 0), None)
        if same is not None:
            lines.append(f"{name} shared with {same}")
    return "\n".join(lines)


def _scheduling(tid: int) -> str:
    try:
        policy = os.sched_getscheduler(tid)
        priority = os.sched_getparam(tid).sched_priority
        affinity = sorted(os.sched_getaffinity(tid))
        return f"policy {policy} priority {priority} affinity {affinity}"
    except OSError as error:
        return f"<{error.strerror}>"


def _timers(text: str) -> str:
    """POSIX timers, by their numbers: the kernel has them as they were made, which threads do at the same time."""
    by_number = sorted(re.split(r"^(?=ID:)", text, flags=re.M), key=lambda timer: timer.partition("\n")[0])
    return "\n".join(line for timer in by_number for line in timer.splitlines() if line)


def _plain_files() -> dict[str, Callable[[str], str]]:
    keep: Callable[[str], str] = str
    return {
        "stat": _stat, "status": _status, "limits": keep, "cmdline": keep, "environ": keep,
        "auxv": keep, "oom_score_adj": keep, "personality": keep, "coredump_filter": keep,
        "timers": _timers, "cgroup": keep, "loginuid": keep,
    }  # fmt: skip


def is_zombie(pid: int) -> bool:
    return stat_fields(read_text(f"/proc/{pid}/stat")).get(3, "X") in "ZX"


def _thread_parts(pid: int, tid: int, out: Snapshot) -> None:
    base = f"/proc/{pid}/task/{tid}"
    out[f"{pid}/{tid}/status"] = _status(read_text(f"{base}/status"))
    out[f"{pid}/{tid}/stat"] = _stat(read_text(f"{base}/stat"))
    out[f"{pid}/{tid}/comm"] = read_text(f"{base}/comm")
    out[f"{pid}/{tid}/timerslack_ns"] = read_text(f"/proc/{tid}/timerslack_ns")
    out[f"{pid}/{tid}/sched"] = _scheduling(tid)


# A task that has just been let go may not have had the processor yet.
REST_SECONDS = 2.0
# Who has had it for so long, and wants it still, computes.
AT_WORK_NS = 5_000_000


def _is_at_rest(status: str, ran: int) -> bool:
    """ran: for how long it has had the processor since it was first looked at, in nanoseconds."""
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    state = fields.get("State", "Z")[0]
    if state == "R":
        return ran > AT_WORK_NS
    if state in "TtZX":
        return True
    pending, shared, blocked = (int(fields[key], 16) for key in ("SigPnd", "ShdPnd", "SigBlk"))
    return (pending | shared) & ~blocked == 0


def _time_on_processor(pid: int, tid: int) -> int:
    """In nanoseconds: Documentation/scheduler/sched-stats.rst."""
    first = read_text(f"/proc/{pid}/task/{tid}/schedstat").split(" ")[0]
    return int(first) if first.isdigit() else 0


def _await_rest(root: int) -> None:
    """
    Waits for what is under way: system calls that are begun anew (some block other signals meanwhile), stops, and signals,
    which who ignores them has pending until it runs. Those that stay are in the snapshot.
    """
    deadline = time.monotonic() + REST_SECONDS
    threads = [(pid, tid) for pid in tasks.tree(root) for tid in tasks.threads(pid)]
    before = {thread: _time_on_processor(*thread) for thread in threads}

    def is_at_rest(thread: tuple[int, int]) -> bool:
        status = read_text("/proc/{}/task/{}/status".format(*thread))
        return _is_at_rest(status, _time_on_processor(*thread) - before[thread])

    while not all(map(is_at_rest, threads)) and time.monotonic() < deadline:
        time.sleep(0.01)


def take(root: int, link_remap: bool = False, lazy: bool = False, memory: bool = True) -> Snapshot:
    """
    The snapshot of the task and all below it. lazy: rmfork may have left memory to be filled. memory: with
    what is mapped, which takes most of the time.
    """
    _await_rest(root)
    out: Snapshot = {}
    canon = Canon(link_remap)
    fds = FdReader(canon)
    alive: list[int] = []
    for pid in tasks.tree(root):
        out[f"{pid}/children"] = " ".join(map(str, tasks.children(pid)))
        if is_zombie(pid):
            out[f"{pid}/stat"] = _stat(read_text(f"/proc/{pid}/stat"))
            continue
        for name, reduce in _plain_files().items():
            out[f"{pid}/{name}"] = reduce(read_text(f"/proc/{pid}/{name}"))
        for name in ("exe", "cwd", "root"):
            out[f"{pid}/{name}"] = canon.deleted_name(read_link(f"/proc/{pid}/{name}"))
        for name in read_dir(f"/proc/{pid}/ns"):
            out[f"{pid}/ns/{name}"] = read_link(f"/proc/{pid}/ns/{name}")
        out[f"{pid}/fds"] = fds.read(pid)
        if memory:
            out[f"{pid}/maps"] = maps(read_text(f"/proc/{pid}/smaps"), canon, lazy)
        out[f"{pid}/shared"] = _shared_with(pid, alive)
        alive.append(pid)
        tids = tasks.threads(pid)
        out[f"{pid}/threads"] = " ".join(map(str, tids))
        for tid in tids:
            _thread_parts(pid, tid, out)
    return out


def differences(before: Snapshot, after: Snapshot, ignore: Iterable[str] = ()) -> list[str]:
    """Lines of a diff, empty if the snapshots agree. IGNORE names parts (the key's last word)."""
    ignored = set(ignore)
    out: list[str] = []
    pids_before = {key.split("/")[0] for key in before}
    pids_after = {key.split("/")[0] for key in after}
    out += [f"task {pid} is gone" for pid in sorted(pids_before - pids_after)]
    out += [f"task {pid} is new" for pid in sorted(pids_after - pids_before)]
    for key in sorted(before.keys() | after.keys()):
        if key.split("/")[0] not in pids_before & pids_after:
            continue
        old, new = before.get(key), after.get(key)
        if old == new or key.rsplit("/", 1)[1] in ignored:
            continue
        out.append(f"/proc/{key}:")
        if old is None or new is None:
            out.append("  is new" if old is None else "  is gone")
            continue
        old_lines = old.replace("\0", "\n").splitlines()
        new_lines = new.replace("\0", "\n").splitlines()
        delta = difflib.unified_diff(old_lines, new_lines, lineterm="", n=0)
        changed = [line for line in delta if not line.startswith(("---", "+++", "@@"))]
        out += [f"  {line}" for line in changed] or [f"  {old!r}", f"  {new!r}"]
    return out
