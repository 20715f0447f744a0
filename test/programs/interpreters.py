# SPDX-License-Identifier: GPL-2.0-only
"""Programs in languages that bring a machine of their own."""

from __future__ import annotations

import shutil

from asking import counts_on, echo_of, over_http, tails_on
from running import Program

PYTHON = "/usr/bin/python3"  # Debian's

ASYNCIO = """
import asyncio
async def echo(r, w):
    w.write(await r.readline()); await w.drain(); w.close()
async def main():
    await asyncio.start_unix_server(echo, "socket")
    await (await asyncio.start_server(echo, "127.0.0.1", 18502)).serve_forever()
asyncio.run(main())
"""
POOL = """
import multiprocessing, sys
def work(todo, done):
    while True: done.put(todo.get() + 1)
todo, done = multiprocessing.Queue(), multiprocessing.Queue()
for _ in range(3): multiprocessing.Process(target=work, args=(todo, done), daemon=True).start()
n = 0
while True:
    todo.put(n); assert done.get() == n + 1; n += 1
    sys.stdout.write("."); sys.stdout.flush()
"""
SUBPROCESS = """
import asyncio, sys
async def main():
    cat = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
    while True:
        cat.stdin.write(b"x\\n"); await cat.stdin.drain()
        assert await cat.stdout.readline() == b"x\\n"
        sys.stdout.write("."); sys.stdout.flush()
        await asyncio.sleep(0.005)
asyncio.run(main())
"""
# Debian links the name when it configures the package, which it does not in the virtual machine.
JAVA_BIN = shutil.which("java") or "/usr/lib/jvm/java-17-openjdk-amd64/bin/java"
NODE = 'require("http").createServer((q, r) => r.end("ok")).listen(18503, "127.0.0.1"); setInterval(() => {}, 100)'
RUBY = 'require "socket"; s = TCPServer.new("127.0.0.1", 18504); loop { Thread.new(s.accept) { |c| c.puts c.gets; c.close } }'
JAVA = """
import java.io.*; import java.net.*;
public class Echo { public static void main(String[] a) throws Exception {
  ServerSocket s = new ServerSocket(18505, 5, InetAddress.getByName("127.0.0.1"));
  for (;;) try (Socket c = s.accept()) {
    String line = new BufferedReader(new InputStreamReader(c.getInputStream())).readLine();
    c.getOutputStream().write((line + "\\n").getBytes());
  } } }
"""
GARBAGE = """
public class Garbage { public static void main(String[] a) throws Exception {
  byte[][] some = new byte[200][];
  for (int i = 0;; i++) { some[i % some.length] = new byte[100000]; System.out.print("."); Thread.sleep(5); }
} }
"""
JMX = [f"-Dcom.sun.management.jmxremote.{it}" for it in ("port=18506", "authenticate=false", "ssl=false")]
PERL = ('use Socket; $| = 1; socketpair(A, B, AF_UNIX, SOCK_STREAM, 0); if (fork) { while (1) { syswrite(A, "x"); '
        'sysread(A, $b, 1) or last; print "."; select(undef, undef, undef, 0.005) } } else '
        '{ while (sysread(B, $b, 1)) { syswrite(B, "y") } }')
COPROC = ('coproc cat; while :; do echo x >&"${COPROC[1]}"; read -r -u "${COPROC[0]}" line; printf .; sleep 0.02; done')

PROGRAMS = [
    Program("python3 -m http.server", PYTHON, [PYTHON, "-m", "http.server", "18501", "--bind", "127.0.0.1"],
            over_http(18501)),
    Program("asyncio, TCP", PYTHON, [PYTHON, "-c", ASYNCIO], echo_of(("127.0.0.1", 18502))),
    Program("asyncio, UNIX", PYTHON, [PYTHON, "-c", ASYNCIO], echo_of("socket")),
    Program("asyncio and a subprocess", PYTHON, [PYTHON, "-c", SUBPROCESS], counts_on),
    Program("multiprocessing", PYTHON, [PYTHON, "pool.py"], counts_on, {"pool.py": POOL}),
    Program("node", "node", ["node", "-e", NODE], over_http(18503)),
    Program("ruby", "ruby", ["ruby", "-e", RUBY], echo_of(("127.0.0.1", 18504))),
    Program("java", JAVA_BIN, [JAVA_BIN, "Echo.java"], echo_of(("127.0.0.1", 18505)), {"Echo.java": JAVA}),
    Program("java, ZGC", JAVA_BIN, [JAVA_BIN, "-XX:+UseZGC", "-Xmx128m", "Garbage.java"], counts_on, {"Garbage.java": GARBAGE}),
    Program("java, JMX", JAVA_BIN, [JAVA_BIN, "-Xmx64m", *JMX, "Garbage.java"], counts_on, {"Garbage.java": GARBAGE}),
    Program("perl and its child", "perl", ["perl", "-e", PERL], counts_on),
    Program("bash and a coprocess", "bash", ["bash", "-c", COPROC], counts_on),
    Program("tail -f", "tail", ["tail", "-f", "followed"], tails_on, {"followed": ""}),
]
