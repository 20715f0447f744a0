# SPDX-License-Identifier: GPL-2.0-only
"""Servers with a client that stays connected and goes on asking, outside of the tree or in it."""

from __future__ import annotations

from asking import counts_on, listens
from interpreters import PYTHON
from running import Exchange, Program
from servers import GO_SERVER, NGINX
from talking import counting, counting_under_load, echo, keep_alive, typed

ECHO = """
import asyncio
async def echo(r, w):
    while line := await r.readline():
        w.write(line); await w.drain()
async def main():
    await (await asyncio.start_server(echo, "127.0.0.1", 18520)).serve_forever()
asyncio.run(main())
"""
NODE = 'require("http").createServer((q, r) => setTimeout(() => r.end("ok"), 5)).listen(18521, "127.0.0.1")'
# Both ends are in the tree.
REDIS_AND_CLIENT = f"""
redis-server --port 18510 --save '' >/dev/null &
exec {PYTHON} -c '
import socket, sys, time
while True:
    try: s = socket.create_connection(("127.0.0.1", 18510)); break
    except OSError: time.sleep(0.05)
f = s.makefile("rb"); n = 0
while True:
    s.sendall(b"INCR counter\\r\\n"); n += 1
    if f.readline() != b":%d\\r\\n" % n: sys.exit("wrong")
    if n % 10 == 0: print(".", end="", flush=True)
'
"""
# Connections of the tree's own count with others, that of the client with none.
REDIS_UNDER_LOAD = """
redis-server --port 18522 --save '' >/dev/null &
until redis-cli -p 18522 ping >/dev/null 2>&1; do sleep 0.1; done
exec redis-benchmark -p 18522 -c 20 -n 1000000000 -q incr loaded >/dev/null
"""
SSHD = "mkdir -p /run/sshd && exec /usr/sbin/sshd -f /dev/null -D -p 18523 -h $PWD/key -o PidFile=none " \
       "-o AuthorizedKeysFile=$PWD/key.pub -o StrictModes=no"
SSH = ["ssh", "-F", "/dev/null", "-i", "key", "-p", "18523", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no",
       "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "root@127.0.0.1", "exec bash"]


def talk(name: str, needs: str, command: list[str], port: int, exchange: Exchange,
         files: dict[str, str] | None = None, first: list[str] | None = None) -> Program:
    return Program(f"{name}, a client stays", needs, command, listens(port), files or {}, first or [],
                   ["--tcp-established"], (port, exchange))


PROGRAMS = [
    talk("redis", "redis-server", ["redis-server", "--port", "18510", "--save", ""], 18510,
         counting(b"INCR counter\r\n", b":%d\r\n")),
    talk("memcached", "memcached", ["memcached", "-u", "root", "-l", "127.0.0.1", "-p", "18511", "-U", "18511"], 18511,
         counting(b"incr counter 1\r\n", b"%d\r\n", (b"add counter 0 0 1\r\n0\r\n", b"STORED\r\n"))),
    talk("nginx", "nginx", ["nginx", "-p", ".", "-c", "conf", "-e", "error"], 18512, keep_alive, {"conf": NGINX}),
    talk("go, net/http", GO_SERVER, [GO_SERVER], 18513, keep_alive),
    talk("asyncio", PYTHON, [PYTHON, "-c", ECHO], 18520, echo),
    talk("node", "node", ["node", "-e", NODE], 18521, keep_alive),
    Program("sshd with a session", "sshd", ["bash", "-c", SSHD], listens(18523),
            first=["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", "key"], options=["--tcp-established"],
            talk=(SSH, typed)),
    talk("redis under load of redis-benchmark", "redis-benchmark", ["bash", "-c", REDIS_UNDER_LOAD], 18522,
         counting_under_load()),
    Program("redis and its client", "redis-server", ["bash", "-c", REDIS_AND_CLIENT], counts_on,
            options=["--tcp-established"]),
]
