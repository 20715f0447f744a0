# SPDX-License-Identifier: GPL-2.0-only
"""The guest's root file system, from Debian packages that are unpacked but not configured.

No maintainer script runs, so the outcome depends on nothing but the packages; the few things such
scripts would have done and the tests need are done here.
"""

import re
import shutil
from pathlib import Path

from .common import GUEST_PROJECT, VM_DIR, VmError, digest, make_ext4, run

SIZE_MIB = 6144  # sparse; what the packages leave free is for the tests
INODES = 131072

APT_LISTS = Path("/var/lib/apt/lists")

# Directories that Debian's merged /usr has as links.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

# Of the alternatives system only what the tests call: link -> target.
ALTERNATIVES = {
    "usr/bin/awk": "mawk",
    "usr/bin/which": "which.debianutils",
    "usr/bin/sh": "dash",
    "usr/sbin/iptables": "iptables-nft",
    "usr/sbin/iptables-save": "iptables-nft-save",
    "usr/sbin/iptables-restore": "iptables-nft-restore",
    "usr/sbin/ip6tables": "ip6tables-nft",
    "usr/sbin/ip6tables-save": "ip6tables-nft-save",
    "usr/sbin/ip6tables-restore": "ip6tables-nft-restore",
}

# Not read by any test.
LEFT_OUT = ("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info",
            "usr/share/lintian", "usr/share/perl5/debconf")


def root_image(cache):
    """Path of the image; the packages in it are listed beside it, in `manifest`."""
    debs = _closure(cache)
    key = digest("\n".join(debs), Path(__file__))
    return cache.entry("root", key, lambda d: _build(cache, d, debs)) / "root.img"


def package_names():
    lines = (VM_DIR / "packages").read_text().splitlines()
    return sorted({name for line in lines for name in line.partition("#")[0].split()})


def _apt(archives, *args):
    # Dir::State::status: as if nothing were installed, so that the host's own packages do not matter.
    options = ["Dir::State::status=/dev/null", f"Dir::Cache::archives={archives}",
               "APT::Sandbox::User=root", "Debug::NoLocking=1",
               "Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache="]
    flags = [part for option in options for part in ("-o", option)]
    return run(["apt-get", "-qq", "-y", *flags, "--no-install-recommends", *args, "install",
                *package_names()], "ask apt for the guest's packages")


def _closure(cache):
    """File names of the packages and of all they depend on. Kept until apt's lists change."""
    newest = max((p.stat().st_mtime_ns for p in APT_LISTS.glob("*_Packages*")), default=0)
    if not newest:
        raise VmError("apt has no package lists: run apt-get update")
    key = digest(str(newest), " ".join(package_names()), Path(__file__))

    def resolve(directory):
        empty = directory / "archives"
        (empty / "partial").mkdir(parents=True)
        uris = _apt(empty, "--print-uris")
        # 'URI' FILE SIZE HASH
        names = re.findall(r"^'\S+' (\S+\.deb) \d+", uris, flags=re.M)
        (directory / "debs").write_text("\n".join(sorted(names)) + "\n")

    return (cache.entry("closure", key, resolve) / "debs").read_text().split()


def _build(cache, directory, debs):
    archives = cache.directory("debs")
    (archives / "partial").mkdir(exist_ok=True)
    _apt(archives, "--download-only")
    root = directory / "root"
    for name in MERGED:
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for deb in debs:
        run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"',
             "sh", archives / deb, root], f"unpack {deb}")
    for name in LEFT_OUT:
        shutil.rmtree(root / name, ignore_errors=True)
    _configure(root)
    make_ext4(root, directory / "root.img", SIZE_MIB, INODES)
    shutil.rmtree(root)
    (directory / "manifest").write_text("\n".join(debs) + "\n")


def _configure(root):
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    with (root / "etc/passwd").open("a") as passwd:  # what a package's script would add
        passwd.write("sshd:x:100:65534::/run/sshd:/usr/sbin/nologin\n")
    (root / "etc/hostname").write_text("vm\n")
    (root / "etc/hosts").write_text("127.0.0.1 localhost vm\n::1 localhost ip6-localhost\n")
    (root / "etc/resolv.conf").write_text("")
    (root / "etc/fstab").write_text("")
    (root / "etc/machine-id").write_text("c0ffee00c0ffee00c0ffee00c0ffee00\n")
    for link, target in ALTERNATIVES.items():
        path = root / link
        if not path.with_name(target).exists():
            raise VmError(f"no package brings {path.with_name(target)}")
        if not path.is_symlink() and not path.exists():
            path.symlink_to(target)
    for name in ("proc", "sys", "dev", "run", "tmp", "root", "mnt", "usr/lib/modules",
                 GUEST_PROJECT.lstrip("/")):
        (root / name).mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    # Without it every dynamic program starts with a search of the library path ...
    run(["/sbin/ldconfig", "-r", root], "make the cache of the guest's libraries")
    # ... and every Python program by compiling what it imports, slowly, on an emulated processor.
    run(["chroot", root, "/usr/bin/python3", "-m", "compileall", "-q",
         "--invalidation-mode", "unchecked-hash", "/usr/lib/python3.11", "/usr/lib/python3/dist-packages"],
        "compile the guest's Python library")
