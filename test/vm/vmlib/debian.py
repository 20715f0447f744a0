# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernel packages, unpacked without being installed. What apt knows chooses their versions."""

import re

from .common import VmError, run, say

# As root, into a directory that apt's own user may not enter.
DOWNLOAD = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root"]

# The release that `uname -r` gives: 6.12.117+deb12-cloud-amd64, 6.1.0-56-rt-amd64.
RELEASE = re.compile(r"^(?P<abi>\d+\.\d+\.\d+(?:-\d+|\+deb\d+))-(?P<flavour>(?:cloud-|rt-)?amd64)$")


def newest_release(meta_package):
    """The release of the kernel that a package like linux-image-6.12-cloud-amd64 stands for."""
    release = _release_of(meta_package)
    if not release:
        say(f"apt knows no {meta_package}: asking for its lists")
        _update()
        release = _release_of(meta_package)
    if not release:
        raise VmError(f"apt knows no {meta_package}, also after apt-get update")
    return release


def _release_of(meta_package):
    text = run(["apt-cache", "depends", meta_package], f"ask for {meta_package}") \
        if version_of(meta_package) else ""
    found = re.search(r"^\s*Depends: linux-(?:image|headers)-(\d\S+)$", text, re.M)
    return found and found.group(1)


def version_of(package):
    """The version that would be installed, or None: there is no such package."""
    text = run(["apt-cache", "policy", package], f"ask for {package}")
    found = re.search(r"^  Candidate: (\S+)$", text, re.M)
    return found.group(1) if found and found.group(1) != "(none)" else None


def header_releases():
    """The releases that apt has headers of, those of one source next to each other."""
    text = run(["apt-cache", "pkgnames", "linux-headers-"], "ask for headers")
    names = [line.removeprefix("linux-headers-") for line in text.split()]
    found = [name for name in names if RELEASE.match(name) and version_of(f"linux-headers-{name}")]
    return sorted(found, key=lambda name: ([int(n) for n in re.findall(r"\d+", name)], name))


def header_packages(release):
    """What modules for a release are built with, the compiler excepted."""
    version = version_of(f"linux-headers-{release}")
    match = RELEASE.match(release)
    common = f"linux-headers-{match['abi']}-common" + ("-rt" if match["flavour"].startswith("rt-") else "")
    # One for all of 6.1, else one for each.
    series = release.split("-")[0].removesuffix(".0")
    kbuild = f"linux-kbuild-{series}"
    return [f"linux-headers-{release}={version}", f"{common}={version}",
            kbuild if series == "6.1" else f"{kbuild}={version}"]


def unpack(packages, target):
    """Downloads packages (NAME or NAME=VERSION) and unpacks them into a folder, which is made."""
    what = f"download {' '.join(packages)}"
    target.mkdir(exist_ok=True)
    try:
        run([*DOWNLOAD, *packages], what, cwd=target)
    except VmError:
        # Apt's lists may be old.
        _update()
        run([*DOWNLOAD, *packages], what, cwd=target)
    for deb in sorted(target.glob("*.deb")):
        run(["dpkg-deb", "-x", deb, target], f"unpack {deb.name}")
        deb.unlink()
    return target


def unpack_headers(releases, target):
    """What modules for releases of one source are built with, into one folder, which may be moved.

    Returns their build folders.
    """
    packages = dict.fromkeys(p for release in releases for p in header_packages(release))
    unpack(list(packages), target)
    return [_settle(target / "usr/src" / f"linux-headers-{release}") for release in releases]


def _settle(kdir):
    """Headers that are not where they would be installed."""
    makefile = kdir / "Makefile"
    here = "$(dir $(lastword $(MAKEFILE_LIST)))"
    makefile.write_text(makefile.read_text().replace("include /usr/src/", f"include {here}../"))
    # Of the newer ones; it asks for debugging information, made by another program (pahole).
    (kdir / "vmlinux").unlink(missing_ok=True)
    return kdir


def _update():
    run(["apt-get", "update", "-q"], "ask for apt's lists")
