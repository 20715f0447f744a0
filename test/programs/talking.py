# SPDX-License-Identifier: GPL-2.0-only
"""Clients that stay connected, and go on asking, while a program is dumped and restored."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import IO, BinaryIO

from running import WITHIN, Exchange, Failed, Line, Running


class Written:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def sendall(self, data: bytes, /) -> None:
        self._file.write(data)


class Talk(threading.Thread):
    """
    One connection to a port of 127.0.0.1, or one by a program. An answer that is wrong or does not come is what
    must_go_on() tells.
    """

    def __init__(self, running: Running, where: int | list[str], exchange: Exchange) -> None:
        super().__init__(daemon=True)
        self._running = running
        self._where = where
        self._exchange = exchange
        self._done = 0  # written by the thread alone
        self._failure: BaseException | None = None  # written by the thread alone, as its last deed
        self._end = threading.Event()

    def run(self) -> None:
        try:
            with self._connect() as (line, answers):
                while not self._end.is_set():
                    self._exchange(line, answers, self._done)
                    self._done += 1
        except BaseException as e:
            self._failure = e

    @contextmanager
    def _connect(self) -> Iterator[tuple[Line, BinaryIO]]:
        if isinstance(self._where, int):
            with socket.create_connection(("127.0.0.1", self._where), timeout=WITHIN) as s, s.makefile("rb") as answers:
                yield s, answers
            return
        client = subprocess.Popen(self._where, cwd=self._running.home, start_new_session=True, bufsize=0,
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self._running.outside.add(client.pid)
        assert client.stdin and client.stdout
        yield Written(client.stdin), client.stdout  # type: ignore[misc]

    def must_go_on(self) -> None:
        before = self._done
        deadline = time.monotonic() + WITHIN
        while self._done < before + 20:
            if self._failure is not None:
                raise Failed(f"the client, after {self._done} answers: {self._failure!r}")
            if time.monotonic() > deadline:
                raise Failed(f"the client gets no more than {self._done - before} answers")
            time.sleep(0.01)

    def __enter__(self) -> Talk:
        self.start()
        self.must_go_on()
        return self

    def __exit__(self, kind: type[BaseException] | None, e: BaseException | None, trace: TracebackType | None) -> None:
        self._end.set()
        self.join(WITHIN)


def counting(question: bytes, answer: bytes, first: tuple[bytes, bytes] | None = None) -> Exchange:
    """Each answer is one more than the last: nothing is lost, nothing is done twice."""
    def exchange(s: Line, answers: BinaryIO, before: int) -> None:
        if first and before == 0:
            s.sendall(first[0])
            assert answers.readline() == first[1]
        s.sendall(question)
        said = answers.readline()
        assert said == answer % (before + 1), f"{said!r} after {before}"
    return exchange


def counting_under_load() -> Exchange:
    """redis: the client's own counter is as it should be, and the one that others count with goes on meanwhile."""
    count = counting(b"INCR counter\r\n", b":%d\r\n")
    last = 0

    def exchange(s: Line, answers: BinaryIO, before: int) -> None:
        nonlocal last
        count(s, answers, before)
        if before % 10 != 9:
            return
        said, deadline = last, time.monotonic() + WITHIN
        while said == last:
            assert time.monotonic() < deadline, f"the others count no further than {last}"
            s.sendall(b"INCRBY loaded 0\r\n")
            said = int(answers.readline()[1:])
        assert said > last, f"the others have lost something: {said} after {last}"
        last = said
    return exchange


def keep_alive(s: Line, answers: BinaryIO, _: int) -> None:
    """HTTP/1.1, one request after the other."""
    s.sendall(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    status, length, chunked = answers.readline(), 0, False
    assert status.startswith(b"HTTP/1.1 200"), status
    while (line := answers.readline().strip()) != b"":
        name, _, value = line.lower().partition(b":")
        if name == b"content-length":
            length = int(value)
        chunked = chunked or (name == b"transfer-encoding" and value.strip() == b"chunked")
    if not chunked:
        assert len(answers.read(length)) == length
        return
    while (size := int(answers.readline(), 16)) != 0:
        answers.read(size + 2)
    answers.readline()


def typed(s: Line, answers: BinaryIO, before: int) -> None:
    """To a shell, which says something else than what it is told."""
    s.sendall(b"echo got$((%d + 1))\n" % before)
    said = answers.readline()
    assert said == b"got%d\n" % (before + 1), f"{said!r} after {before}"


def echo(s: Line, answers: BinaryIO, before: int) -> None:
    s.sendall(b"line %d\n" % before)
    assert answers.readline() == b"line %d\n" % before, "it says something else"
