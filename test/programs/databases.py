# SPDX-License-Identifier: GPL-2.0-only
"""PostgreSQL, run by a user without privileges: clients that come and go, one that stays, and a transaction that is open."""

from __future__ import annotations

import re
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from running import WITHIN, Failed, Line, Program, Running

USER = "nobody"
PORT = 18530
# Debian's, of whichever version.
BIN = max(Path("/usr/lib/postgresql").glob("*/bin"), default=Path("/usr/lib/postgresql/bin"))
AS_USER = f"setpriv --reuid {USER} --regid nogroup --clear-groups --reset-env"
# The user may pass, and has one directory.
FIRST = ["bash", "-c", f"chmod a+x . .. && install -d -o {USER} -m 700 data && exec {AS_USER} "
         f"{BIN}/initdb -N -A trust -E UTF8 --no-locale -D $PWD/data >initdb.log"]
# What it leaves of shared memory is to go with the IPC namespace.
SERVER = (f"{AS_USER} {BIN}/postgres -D $PWD/data -k $PWD/data -p {PORT} -c listen_addresses=127.0.0.1 "
          "-c dynamic_shared_memory_type=sysv")
PSQL = f"{BIN}/psql -X -q -A -t -U {USER} -h $PWD/data -p {PORT} postgres"
# In one tree. What psql is told comes from a named pipe, which it keeps open itself: it never ends.
SERVER_AND_CLIENT = f"""
mkfifo keys
{SERVER} &
until {BIN}/pg_isready -q -h $PWD/data -p {PORT}; do sleep 0.1; done
exec {PSQL} <> keys
"""


def rows_stay() -> Callable[[Running], None]:
    """Each client finds what those before it have committed."""
    rows = 0

    def ask(program: Running) -> None:
        nonlocal rows
        first = "create table if not exists rows(n int); " if rows == 0 else ""
        said = subprocess.run(["bash", "-c", PSQL], cwd=program.home, capture_output=True, text=True, timeout=WITHIN,
                              input=f"{first}insert into rows values ({rows}); select count(*), max(n) from rows;")
        assert said.returncode == 0 and said.stderr.find("ERROR") < 0, said.stderr
        assert said.stdout.strip() == f"{rows + 1}|{rows}", f"{said.stdout!r} with {rows} rows before"
        rows += 1
    return ask


def a_transaction_stays_open() -> Callable[[Running], None]:
    """What it has inserted is there when it is committed, which is after the restore."""
    asked = 0

    def type_in(program: Running, text: str, pattern: str) -> None:
        with (program.home / "keys").open("w") as pipe:
            pipe.write(text)
        deadline = time.monotonic() + WITHIN
        while re.search(pattern, program.says(), re.M) is None:
            if time.monotonic() > deadline:
                raise Failed(f"psql does not say {pattern!r}: {program.says()}")
            time.sleep(0.02)

    def ask(program: Running) -> None:
        nonlocal asked
        assert (program.home / "keys").is_fifo(), "there is no client yet"
        if asked == 0:
            type_in(program, "create table rows(n int);\n\\echo ready\n", "^ready$")
        else:
            type_in(program, "commit; select 'committed', count(*) from rows;\n", rf"^committed\|{asked}$")
        asked += 1
        type_in(program, f"begin; insert into rows values ({asked}); select 'open', count(*) from rows;\n",
                rf"^open\|{asked}$")
    return ask


def read_answer(answers: BinaryIO) -> list[bytes]:
    """The first column of each row, up to "ready for query". PostgreSQL's manual: Frontend/Backend Protocol."""
    rows = []
    while True:
        kind, size = struct.unpack("!cI", answers.read(5))
        body = answers.read(size - 4)
        assert kind != b"E", body
        if kind == b"D":
            _, length = struct.unpack_from("!hi", body)
            rows.append(body[6:6 + length])
        if kind == b"Z":
            return rows


def insert_and_count(s: Line, answers: BinaryIO, before: int) -> None:
    def query(text: str) -> list[bytes]:
        s.sendall(struct.pack("!cI", b"Q", len(text) + 5) + text.encode() + b"\0")
        return read_answer(answers)

    if before == 0:
        words = b"\0".join([b"user", USER.encode(), b"database", b"postgres", b"", b""])
        s.sendall(struct.pack("!II", len(words) + 8, 3 << 16) + words)
        read_answer(answers)
        query("create table counted(n int)")
    query(f"insert into counted values ({before})")
    said = query("select count(*) from counted")
    assert said == [b"%d" % (before + 1)], f"{said} after {before}"


def postgres(name: str, command: str, ask: Callable[[Running], None]) -> Program:
    return Program(name, f"{BIN}/postgres", ["bash", "-c", command], ask, first=FIRST)


PROGRAMS = [
    postgres("postgresql", f"exec {SERVER}", rows_stay()),
    postgres("postgresql and its client with a transaction open", SERVER_AND_CLIENT, a_transaction_stays_open()),
    Program("postgresql, a client stays", f"{BIN}/postgres", ["bash", "-c", f"exec {SERVER}"], rows_stay(), first=FIRST,
            options=["--tcp-established"], talk=(PORT, insert_and_count)),
]
