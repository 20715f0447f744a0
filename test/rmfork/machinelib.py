# SPDX-License-Identifier: GPL-2.0-only
"""Virtual machines that have one shared memory: remote-test runs them, and itself in them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Self

from bridgelib import TOP

SHARED_MIB = 128
WITHIN = 600  # seconds for one machine
WORDS, ANSWER, TROUBLE = "words", "answer: ", "trouble: "


def guest(transport: str, *words: str) -> list[str]:
    """remote-test, in the machine."""
    return ["test/rmfork/remote-test", "--transport", transport, *words]


class Machine:
    """
    A virtual machine that has the shared memory, as its ubmem unless told otherwise.

        with Machine(kernel, memory, ["true"]) as machine:
            machine.must_end_well()

    It has ended when the block has, however that is left.
    """

    def __init__(self, kernel: str, memory: Path, command: list[str], *options: str,
                 ubmem: str = "ubmem_ivshmem=1") -> None:
        backing = f"memory-backend-file,id=shared,share=on,mem-path={memory},size={SHARED_MIB}M"
        self._process = subprocess.Popen(
            [TOP / "scripts/vm", "-k", kernel, "--module-args", ubmem, "--timeout", str(WITHIN), "--mem", "1024",
             "--qemu-arg=-object", f"--qemu-arg={backing}",
             "--qemu-arg=-device", "--qemu-arg=ivshmem-plain,memdev=shared", *options, "--",
             *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def lines(self):
        for line in self._process.stdout:
            print("   ", line[:100].rstrip(), flush=True)
            yield line.rstrip("\n")

    def ask(self, *words):
        """What the machine answers; None when it has just begun to serve."""
        if words:
            os.write(self._words, json.dumps(words).encode() + b"\n")
        for line in self.lines():
            if line.startswith(ANSWER):
                return json.loads(line.removeprefix(ANSWER))
            assert not line.startswith(TROUBLE), json.loads(line.removeprefix(TROUBLE))
        raise AssertionError(f"a machine ended when asked {words[:1]}")

    def runs(self) -> bool:
        return self._process.poll() is None

    def must_end_well(self) -> None:
        for _ in self.lines():
            pass
        assert self._process.wait() == 0, f"a machine ended with {self._process.returncode}"

    def end(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def die(self) -> None:
        """From one instruction to the next."""
        self._process.kill()
        self._process.wait()


class Server(Machine):
    """A machine that does what it is asked."""

    def __init__(self, kernel: str, transport: str, memory: Path, name: str, ubmem: str) -> None:
        pipe = memory.parent / name
        for end in ("in", "out"):
            os.mkfifo(f"{pipe}.{end}")
        super().__init__(kernel, memory, guest(transport, "serve"),
                         "--qemu-arg=-chardev", f"--qemu-arg=pipe,id=words,path={pipe}",
                         "--qemu-arg=-device", f"--qemu-arg=virtserialport,chardev=words,name={WORDS}", ubmem=ubmem)
        self._words = -1
        try:
            # Also for reading, so that it can be opened before the other side is.
            self._words = os.open(f"{pipe}.in", os.O_RDWR)
            self.ask()
        except BaseException:
            self.end()  # nobody else has it yet
            raise

    def end(self) -> None:
        super().end()
        if self._words >= 0:
            os.close(self._words)
            self._words = -1
