# SPDX-License-Identifier: GPL-2.0-only
"""A virtual machine, emulated, whose guest is a boot sector that counts on its serial port."""

from __future__ import annotations

import time

from interpreters import PYTHON
from running import Program, Running

# mov dx, 0x3f8; xor al, al; again: out dx, al; mov cx, 0; loop $; inc al; jmp again
SECTOR = bytes.fromhex("baf803" "30c0" "ee" "b90000" "e2fe" "fec0" "ebf6").ljust(510, b"\0") + b"\x55\xaa"
MAKE = f"open('boot', 'wb').write(bytes.fromhex('{SECTOR.hex()}'))"
QEMU = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-accel", "tcg", "-m", "16", "-serial", "file:serial",
        "-drive", "format=raw,file=boot,if=floppy", "-boot", "a"]


def guest_counts(program: Running) -> None:
    """No number is missing, and none is there twice."""
    serial = program.home / "serial"
    before = serial.stat().st_size
    time.sleep(0.2)
    numbers = serial.read_bytes()
    assert len(numbers) > max(before, 1000), "the guest does not count"
    assert numbers == bytes(i % 256 for i in range(len(numbers))), "the guest counts wrong"


PROGRAMS = [
    # It locks what it boots from.
    Program("qemu and its guest", "qemu-system-x86_64", QEMU, guest_counts, first=[PYTHON, "-c", MAKE],
            options=["--file-locks"]),
]
