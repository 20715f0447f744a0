# SPDX-License-Identifier: GPL-2.0-only
"""Errors, messages, hashes and running other programs."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

# test/vm/vmlib/common.py -> the top of the tree
PROJECT = Path(__file__).resolve().parents[3]
VM_DIR = PROJECT / "test" / "vm"

# Where the project tree is inside the guest.
GUEST_PROJECT = "/criu-rmfork"


class VmError(Exception):
    """The VM cannot do what it was asked to; the text is for people."""


def say(text):
    print(f"vm: {text}", file=sys.stderr, flush=True)


def build_dir():
    """The build folder of the tree, as make has it in $(O)."""
    return Path(os.environ.get("O") or PROJECT / "build").resolve()


def digest(*parts):
    """A short hash of strings, bytes and the contents of files (given as Path)."""
    h = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.name.encode() + b"\0" + part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        h.update(len(part).to_bytes(8, "little") + part)
    return h.hexdigest()[:16]


def make_jobs():
    """How many commands a make of a kernel or a module runs at a time: what the project's Makefile has as JOBS."""
    return int(os.environ.get("JOBS") or os.cpu_count())


def run(argv, what, log=None, **kwargs):
    """Runs a program that is expected to succeed; its output is shown only if it does not.

    With `log` (a Path) the output goes there, for programs that say much.
    """
    argv = [str(a) for a in argv]
    try:
        if log:
            with open(log, "ab") as out:
                done = subprocess.run(argv, stdout=out, stderr=subprocess.STDOUT,
                                      stdin=subprocess.DEVNULL, check=False, **kwargs)
            text = log.read_bytes() if done.returncode else b""
        else:
            done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, check=False, **kwargs)
            text = done.stdout
    except FileNotFoundError as error:
        raise VmError(f"{what}: {argv[0]} is not installed (see scripts/install-deps)") from error
    text = text.decode(errors="replace")
    if done.returncode:
        tail = "\n".join(text.splitlines()[-30:])
        raise VmError(f"{what}: {' '.join(argv[:4])}... ended with {done.returncode}\n{tail}")
    return text


def make_ext4(source, image, size_mib, inodes):
    """An ext4 image with the contents of a directory.

    Without a journal, since the disks are thrown away after each run. Identifiers are fixed; the
    order of directory entries and the times of inodes are still those of `source`.
    """
    uuid = "5f2c9c2e-0d0b-4a53-9d0c-6b1f1f6b7a11"
    env = dict(os.environ, E2FSPROGS_FAKE_TIME="1700000000")
    run(["/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal,^metadata_csum", "-U", uuid,
         "-E", f"hash_seed={uuid},root_owner=0:0", "-m", "0", "-N", inodes,
         "-d", source, image, f"{size_mib}M"], f"make {image}", env=env)
