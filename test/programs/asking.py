# SPDX-License-Identifier: GPL-2.0-only
"""What programs are asked, before and after. An answer that is wrong or missing is an OSError or an AssertionError."""

from __future__ import annotations

import http.client
import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

from running import WITHIN, Running


def let_it_hang_up(port: int) -> None:
    """Connections of the program's own: one that it has not closed yet would be refused."""
    listening, time_wait = "0A", "06"
    deadline = time.monotonic() + WITHIN
    while True:
        tables = [Path(f"/proc/net/{name}").read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
        states = [line.split()[3] for table in tables for line in table if line.split()[1].endswith(f":{port:04X}")]
        if all(state in (listening, time_wait) for state in states):
            return
        assert time.monotonic() < deadline, "it does not hang up"
        time.sleep(0.01)


def over_http(port: int) -> Callable[[Running], None]:
    def ask(_: Running) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/", headers={"Connection": "close"})
        assert connection.getresponse().status == 200
        connection.close()
        let_it_hang_up(port)
    return ask


def talk_to(port: int, lines: list[bytes], goodbye: bytes) -> list[bytes]:
    """The first line of each answer; the connection is gone afterwards."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
        for line in lines:
            s.sendall(line)
            answers.append(s.makefile("rb").readline())
        s.sendall(goodbye)
        while s.recv(4096):
            pass
    let_it_hang_up(port)
    return answers


def echo_of(address: str | tuple[str, int]) -> Callable[[Running], None]:
    """The answer to a line is the line."""
    def ask(program: Running) -> None:
        where = str(program.home / address) if isinstance(address, str) else address
        with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as s:
            s.settimeout(5)
            s.connect(where)
            s.send(b"hello\n")
            assert s.makefile("rb").readline() == b"hello\n"
        if isinstance(where, tuple):
            let_it_hang_up(where[1])
    return ask


def counts_on(program: Running) -> None:
    """It writes a byte for each thing done."""
    before = program.out.stat().st_size
    time.sleep(0.2)
    assert program.out.stat().st_size > before, "it does nothing"


def tails_on(program: Running) -> None:
    word = f"line {time.monotonic()}"
    with (program.home / "followed").open("a") as f:
        print(word, file=f)
    deadline = time.monotonic() + 5
    while word not in program.says():
        assert time.monotonic() < deadline, "the line does not come"
        time.sleep(0.02)


def listens(port: int) -> Callable[[Running], None]:
    """Whoever wants to know more has a connection."""
    def ask(_: Running) -> None:
        tables = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
        assert re.search(rf":{port:04X} [0-9A-F]+:0000 0A ", tables), "nobody listens"
    return ask


def sees(port: int) -> Callable[[Running], None]:
    """It tells of the datagrams to that port, with what is in them."""
    def ask(program: Running) -> None:
        word = f"word {time.monotonic()}"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(word.encode(), ("127.0.0.1", port))
        deadline = time.monotonic() + 5
        while word not in program.says():
            assert time.monotonic() < deadline, "it does not see a datagram"
            time.sleep(0.01)
    return ask
