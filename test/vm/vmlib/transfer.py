# SPDX-License-Identifier: GPL-2.0-only
"""Files into and out of the guest: tar archives on raw disks."""

import tarfile
from pathlib import Path, PurePosixPath

from .common import VmError


def parse_pair(text, option):
    """'A:B' of --put and --get."""
    first, colon, second = text.rpartition(":")
    if not (first and colon and second):
        raise VmError(f"{option} wants two paths with a colon between them, not '{text}'")
    return first, second


def check_guest_path(path, option):
    if not path.startswith("/") or path.strip("/") == "":
        raise VmError(f"{option}: the path in the guest must be absolute: '{path}'")


def pack(pairs):
    """A function that writes the archive of [(path here, path in the guest)] to a file."""
    for source, _ in pairs:
        if not Path(source).exists():
            raise VmError(f"--put: there is no {source}")

    def write(file):
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for source, target in pairs:
                archive.add(source, arcname=target.strip("/"))

    return write


def unpack(file, pairs):
    """Puts what the guest archived to [(path in the guest, path here)]."""
    file.seek(0)
    if not any(file.read(512)):
        return  # nothing was written: the guest has said why
    file.seek(0)
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            for guest, here in pairs:
                target = _renamed(member.name, guest, here)
                if target:
                    _extract(archive, member, target, guest, here)


def _renamed(name, guest, here):
    root, path = PurePosixPath(guest.strip("/")), PurePosixPath(name.strip("/"))
    if ".." in path.parts or not path.is_relative_to(root):
        return None
    return Path(here) / path.relative_to(root)


def _extract(archive, member, target, guest, here):
    if member.isdir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    if member.isreg():
        with archive.extractfile(member) as source, open(target, "wb") as out:
            while chunk := source.read(1 << 20):
                out.write(chunk)
        target.chmod(member.mode & 0o777)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        # A hard link's target is the name of an earlier member.
        first = _renamed(member.linkname, guest, here)
        if first and first.exists():
            target.hardlink_to(first)
    # Devices, pipes and sockets have no meaning outside of the guest.
