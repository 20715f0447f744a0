# SPDX-License-Identifier: GPL-2.0-only
"""Images with one field changed. Which fields there are is read from the images themselves.

An image is a magic and entries, each a length of 4 bytes and a message; what follows the messages of some kinds is
raw data. See https://protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path as FilePath

sys.path.insert(0, str(FilePath(__file__).resolve().parents[2] / "zdtm"))
from runner.images import varint  # noqa: E402

MAGIC_SIZE = 8  # bytes; the inventory has half of it
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_FIELD = 2000  # no message of an image has a higher number
# Entries of a kind are much alike: of each field, in how many of them it is changed.
OF_EACH_FIELD = 2
DANGLING = 0x7EDCBA98  # no id, number or size of a target here

Path = tuple[int, ...]


@dataclass
class Field:
    number: int
    wire: int
    value: int | bytes | list[Field]


def _take(data: bytes, at: int, size: int) -> tuple[bytes, int]:
    if at + size > len(data):
        raise ValueError("too short")
    return data[at : at + size], at + size


def decode(data: bytes) -> list[Field]:
    """The fields of a message. What may be a message within it is taken for one."""
    fields, at = [], 0
    while at < len(data):
        key, at = varint(data, at)
        number, wire = key >> 3, key & 7
        if not 0 < number <= MAX_FIELD:
            raise ValueError("no field")
        value: int | bytes | list[Field]
        if wire == VARINT:
            value, at = varint(data, at)
        elif wire in (FIXED64, FIXED32):
            raw, at = _take(data, at, 8 if wire == FIXED64 else 4)
            value = int.from_bytes(raw, "little")
        elif wire == BYTES:
            size, at = varint(data, at)
            value, at = _take(data, at, size)
            try:
                value = decode(value) or value
            except ValueError:
                pass
        else:
            raise ValueError("no kind of field")
        fields.append(Field(number, wire, value))
    return fields


def _encode_varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def encode(fields: list[Field]) -> bytes:
    out = bytearray()
    for f in fields:
        out += _encode_varint(f.number << 3 | f.wire)
        if f.wire == VARINT:
            out += _encode_varint(f.value)
        elif f.wire in (FIXED64, FIXED32):
            out += f.value.to_bytes(8 if f.wire == FIXED64 else 4, "little")
        else:
            data = encode(f.value) if isinstance(f.value, list) else f.value
            out += _encode_varint(len(data)) + data
    return bytes(out)


def field(image: bytes, number: int) -> int | bytes | list[Field]:
    """What an image of one entry has in a field."""
    return next(f.value for f in decode(image[MAGIC_SIZE + 4 :]) if f.number == number)


def with_field(image: bytes, number: int, value: int | bytes) -> bytes:
    """An image of one entry, with that value in a field that it has."""
    fields = decode(image[MAGIC_SIZE + 4 :])
    next(f for f in fields if f.number == number).value = value
    message = encode(fields)
    return image[:MAGIC_SIZE] + struct.pack("<I", len(message)) + message


def _other_values(f: Field) -> list[int | bytes]:
    if f.wire == BYTES:
        return [b"", b"\xff" * len(f.value)]
    largest = 2**32 - 1 if f.wire == FIXED32 else 2**64 - 1
    return [v for v in (0, largest, DANGLING) if v != f.value]


def _walk(fields: list[Field], path: Path) -> Iterator[tuple[Path, Field]]:
    for f in fields:
        here = (*path, f.number)
        if isinstance(f.value, list):
            yield from _walk(f.value, here)
        else:
            yield here, f


def _entries(name: str, image: bytes) -> Iterator[tuple[int, int, list[Field]]]:
    """Where each begins and ends, and what is in it; none of raw data."""
    at = MAGIC_SIZE // 2 if name == "inventory.img" else MAGIC_SIZE
    while at + 4 <= len(image):
        end = at + 4 + struct.unpack_from("<I", image, at)[0]
        try:
            fields = decode(image[at + 4 : end]) if end <= len(image) else []
        except ValueError:
            return
        yield at, end, fields
        at = end


def values(name: str, image: bytes) -> list[tuple[Path, int | bytes]]:
    """All that are in an image, with the place of each; raw data is one value."""
    found, end = [], MAGIC_SIZE
    for _, end, fields in _entries(name, image):
        found += [(path, f.value) for path, f in _walk(fields, ())]
    return [*found, ((), image[end:])]


def changed(name: str, image: bytes, within: Set[int] = frozenset()) -> Iterator[tuple[str, bytes]]:
    """Images like this one with another value in one field, and which: if `within` is given, of these fields of the entries
    or of the messages there."""
    done: dict[Path, int] = {}
    for entry, (at, end, fields) in enumerate(_entries(name, image)):
        for path, f in _walk(fields, ()):
            if within and path[0] not in within:
                continue
            done[path] = done.get(path, 0) + 1
            if done[path] > OF_EACH_FIELD:
                continue
            before = f.value
            for value in _other_values(f):
                f.value = value
                message = encode(fields)
                yield (
                    f"entry {entry}, field {'.'.join(map(str, path))}, {value!r} for {before!r}"[:120],
                    image[:at] + struct.pack("<I", len(message)) + message + image[end:],
                )
            f.value = before
