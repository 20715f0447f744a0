# SPDX-License-Identifier: GPL-2.0-only
"""Servers, and tools that work on files."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable

from asking import counts_on, let_it_hang_up, over_http, sees, talk_to
from interpreters import PYTHON
from running import BUILD, Program, Running


def counter(port: int, question: bytes, answer: bytes, goodbye: bytes,
            first: bytes | None = None) -> Callable[[Running], None]:
    """It counts how often it was asked, and forgets nothing of it."""
    last = 0

    def ask(_: Running) -> None:
        nonlocal last
        if first and last == 0:
            talk_to(port, [first], goodbye)
        [said] = talk_to(port, [question], goodbye)
        last += 1
        assert said == answer % last, f"{said} after {last} questions"
    return ask


def greets(port: int) -> Callable[[Running], None]:
    def ask(_: Running) -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
            assert s.makefile("rb").readline().startswith(b"SSH-2.0"), "no greeting"
        let_it_hang_up(port)
    return ask


def history_is_whole(program: Running) -> None:
    """git: all that it said it has committed is there."""
    counts_on(program)
    said = re.findall(r"^\[main [^]]*\] ([0-9]+)$", program.out.read_text(), re.MULTILINE)
    log = subprocess.run(["git", "log", "--format=%s"], cwd=program.home, capture_output=True, text=True, check=True)
    missing = set(said) - set(log.stdout.split())
    assert said and not missing, f"commits are missing: {missing}"


def rows_are_there(program: Running) -> None:
    """sqlite: the program found all rows that it had committed, under a lock of its own."""
    counts_on(program)
    assert "wrong" not in program.out.read_text(), program.says()


NGINX = """
daemon off; master_process on; worker_processes 2; error_log error; pid pid; user root;
events { worker_connections 64; }
http {
  access_log off; keepalive_requests 1000000;
  client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
  server { listen 127.0.0.1:18512; location / { return 200 ok; } }
}
"""
GO_SERVER = str(BUILD / "test/programs/server")  # by `make tests`, where there is a Go
SSHD = "mkdir -p /run/sshd && exec /usr/sbin/sshd -f /dev/null -D -p 18514 -h $PWD/key -o PidFile=none"
GIT = """
set -e
git init -q -b main .
git config user.name someone; git config user.email someone@example.org
for ((i = 0;; i++)); do echo $i >file; git add file; git commit -m $i; done
"""
SQLITE = """
import sqlite3, time
db = sqlite3.connect("db", isolation_level=None)
db.execute("pragma journal_mode=wal"); db.execute("create table t(n)")
n = 0
while True:
    db.execute("begin immediate"); db.execute("insert into t values(?)", (n,))
    time.sleep(0.05)
    db.execute("commit"); n += 1
    print("." if db.execute("select count(*) from t").fetchone() == (n,) else "wrong", end="", flush=True)
"""

PROGRAMS = [
    Program("redis", "redis-server", ["redis-server", "--port", "18510", "--save", ""],
            counter(18510, b"INCR counter\r\n", b":%d\r\n", b"QUIT\r\n")),
    Program("memcached", "memcached", ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", "18511", "-U", "18511"],
            counter(18511, b"incr counter 1\r\n", b"%d\r\n", b"quit\r\n", b"add counter 0 0 1\r\n0\r\n")),
    Program("nginx", "nginx", ["nginx", "-p", ".", "-c", "conf", "-e", "error"], over_http(18512), {"conf": NGINX}),
    Program("go, net/http", GO_SERVER, [GO_SERVER], over_http(18513)),
    Program("sshd", "sshd", ["bash", "-c", SSHD], greets(18514),
            first=["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", "key"]),
    Program("tcpdump", "tcpdump", ["tcpdump", "-Z", "root", "-lnA", "-i", "lo", "udp port 18515"], sees(18515)),
    Program("git", "git", ["bash", "-c", GIT], history_is_whole),
    Program("sqlite", PYTHON, [PYTHON, "-c", SQLITE], rows_are_there, options=["--file-locks"]),
]
