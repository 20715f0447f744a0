#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of zdtm.py itself: that it sees what goes wrong. Needs neither criu nor a built tree."""

from __future__ import annotations

import os
import struct
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from runner import catalog, images, procstate, tasks  # noqa: E402
from runner.execution import Execution, Result, Settings  # noqa: E402

# A test program that runs shell commands: SETUP before it is ready, VERDICT in its place at SIGTERM.
PROGRAM = """#!/usr/bin/env python3
import os, signal, subprocess, sys
pidfile, outfile = (arg.partition("=")[2] for arg in sys.argv[1:3])
reader, writer = os.pipe()
if os.fork():
    os.close(writer)
    os.read(reader, 1)
    os._exit(0)
os.close(reader)
os.dup2(os.open(outfile, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)
subprocess.run(["bash", "-c", {setup!r}])
signal.signal(signal.SIGTERM, lambda *_: os.execvp("bash", ["bash", "-c", {verdict!r}]))
with open(pidfile, "w") as f:
    f.write(str(os.getpid()))
os.close(writer)
while True:
    signal.pause()
"""


class ScriptedRun(unittest.TestCase):
    """Runs of scripts in the place of a test and of criu."""

    def setUp(self) -> None:
        tasks.become_subreaper()
        self._tmp = tempfile.TemporaryDirectory(prefix="zdtm-selftest-")
        self.addCleanup(self._tmp.cleanup)
        self.dir = Path(self._tmp.name)

    def script(self, path: str, text: str) -> Path:
        script = self.dir / path
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text)
        script.chmod(0o755)
        return script

    def run_it(
        self,
        criu: str = "exit 0",
        verdict: str = "echo PASS",
        setup: str = ":",
        refusal: str | None = None,
        not_yet: bool = False,
        **how: Any,
    ) -> Result:
        """Runs PROGRAM with CRIU, a shell script, in the place of criu; HOW are Settings."""
        program = PROGRAM.format(setup=setup, verdict=verdict)
        self.script("build/test/zdtm/static/scripted", program)
        criu_path = self.script("criu", f"#!/bin/bash\n{criu}\n")
        test = catalog.Test("zdtm/static/scripted", self.dir, refusal=refusal, not_yet=not_yet)
        build, work = self.dir / "build", self.dir / "work"
        settings = Settings(self.dir, build, work, criu_path, timeout=5, **how)
        result = Execution(test, settings).result()
        self.assertEqual(tasks.children(os.getpid()), [], "tasks are left")
        return result

    def assert_fails(self, result: Result, reason: str) -> None:
        self.assertEqual(result.verdict, "FAIL")
        self.assertIn(reason, result.reason)

    def test_pass(self) -> None:
        self.assertEqual(self.run_it(nocr=True).verdict, "PASS")
        self.assertEqual(self.run_it(norst=True).verdict, "PASS")

    def test_verdicts_that_are_no_pass(self) -> None:
        self.assert_fails(self.run_it(nocr=True, verdict="echo FAIL: a reason; echo PASS"), "a reason")
        self.assert_fails(self.run_it(nocr=True, verdict="echo done"), "did not say PASS")
        self.assert_fails(self.run_it(nocr=True, verdict="echo PASS; exit 3"), "wait status 768")
        self.assert_fails(self.run_it(nocr=True, verdict="kill -9 $$"), "wait status 9")

    def test_skip(self) -> None:
        self.script("other", "")
        program = '#!/bin/bash\necho "SKIP: no such thing" >"${2#--outfile=}"\nexit 77\n'
        path = self.script("build/test/zdtm/static/skips", program)
        self.assertTrue(path.exists())
        test = catalog.Test("zdtm/static/skips", self.dir)
        settings = Settings(self.dir, self.dir / "build", self.dir / "work", self.dir / "other")
        result = Execution(test, settings).result()
        self.assertEqual((result.verdict, result.reason), ("SKIP", "no such thing"))

    def test_left_over_task(self) -> None:
        result = self.run_it(nocr=True, setup="setsid sleep 1000 &")
        self.assert_fails(result, "tasks of the test are left")

    def test_left_over_file(self) -> None:
        result = self.run_it(nocr=True, verdict="touch link_remap.7; echo PASS")
        self.assert_fails(result, "link_remap.7")

    def test_failed_dump(self) -> None:
        result = self.run_it(criu="echo 'Error (x): no' >&2; exit 1")
        self.assert_fails(result, "criu dump gave 1")
        self.assertIn("Error (x): no", result.details)

    def test_hanging_dump(self) -> None:
        self.assert_fails(self.run_it(criu="exec sleep 1000"), "criu dump hung")

    def test_task_alive_after_dump(self) -> None:
        self.assert_fails(self.run_it(), "alive after the dump")

    def test_restore_of_nothing(self) -> None:
        kills = 'if [ $1 = dump ]; then while [ $1 != -t ]; do shift; done; kill -9 $2; fi'
        self.assert_fails(self.run_it(criu=kills), "the restored pid is")

    def test_rmfork_that_did_nothing(self) -> None:
        kills = "if [ $1 = dump ]; then while [ $1 != -t ]; do shift; done; kill -9 $2; fi"
        self.assert_fails(self.run_it(criu=kills, rmfork=True), "took the ordinary path")

    def test_changed_task(self) -> None:
        changes = 'while [ $1 != -t ]; do shift; done; renice -n 17 -p $2 >/dev/null'
        result = self.run_it(criu=changes, norst=True)
        self.assert_fails(result, "/proc differs after the dump")
        self.assertIn("  +nice 17", result.details)

    def test_refusal(self) -> None:
        says = 'while [ $1 != -D ]; do shift; done; echo "fd 5: odd" | tee $2/dump.log >&2'
        self.assertEqual(self.run_it(criu=f"{says}; exit 1", refusal="fd 5").verdict, "PASS")
        self.assert_fails(self.run_it(criu=f"{says}; exit 1", refusal="fd 6"), "does not say 'fd 6'")
        self.assert_fails(self.run_it(criu=f"{says}; exit 0", refusal="fd 5"), "it gave 0")
        self.assert_fails(self.run_it(criu=f"{says}; exit 2", refusal="fd 5"), "it gave 2")

    def test_not_yet(self) -> None:
        how = {"norst": True, "refusal": "fd 5", "not_yet": True}
        self.assert_fails(self.run_it(**how), "it gave 0")
        self.assertEqual(self.run_it(**how, try_all=True).verdict, "PASS")


class Catalog(unittest.TestCase):
    def parse(self, text: str) -> catalog.Test:
        with tempfile.TemporaryDirectory() as directory:
            source = Path(directory) / "some00.c"
            source.write_text(text)
            return catalog.parse(source, "static")

    def test_declaration(self) -> None:
        test = self.parse(
            '/* zdtm: opts=--link-remap flags=pty needs=uid\n * dump-opts="-a -b c"'
            ' expect="refuse:fd 5: x" */\nTEST_OPTION(filename, "x");\n'
        )
        self.assertEqual(test.name, "zdtm/static/some00")
        self.assertEqual(test.dump_opts, ("--link-remap", "-a", "-b", "c"))
        self.assertEqual(test.restore_opts, ("--link-remap",))
        self.assertEqual((test.needs, test.refusal), (("uid",), "fd 5: x"))
        self.assertEqual(test.options, ("filename",))

    def test_bad_declarations(self) -> None:
        for bad in ("colour=red", "expect=maybe:x", "expect=refuse:", "flags=quick", "opts"):
            with self.assertRaises(catalog.CatalogError, msg=bad):
                self.parse(f"/* zdtm: {bad} */")

    def test_selection(self) -> None:
        tests = {name: self.parse("") for name in ("zdtm/static/a", "zdtm/static/b")}
        self.assertEqual(len(catalog.select(tests, [], ["b"])), 1)
        with self.assertRaises(catalog.CatalogError):
            catalog.select(tests, ["c"], [])

    def test_parts(self) -> None:
        tests = {name: catalog.Test(name, Path(".")) for name in "abcde"}
        parts = [[test.name for test in catalog.select(tests, [], ["b"], (k, 2))] for k in (1, 2)]
        self.assertEqual(parts, [["a", "d"], ["c", "e"]])

    def test_all_sources(self) -> None:
        top = Path(__file__).resolve().parents[2]
        self.assertGreater(len(catalog.load(top)), 50)


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def _message(*pairs: tuple[int, int]) -> bytes:
    return b"".join(_varint(key << 3) + _varint(value) for key, value in pairs)


def _image(*parts: bytes) -> bytes:
    return b"\0" * 8 + b"".join(struct.pack("<I", len(p)) + p for p in parts)


class Images(unittest.TestCase):
    MAPS = "\n".join(
        [
            "10000-20000 rw-p 0 00:00 0  [rd]",
            "30000-40000 rw-s 0 00:00 0  [rd]",
            "50000-52000 r-xp 0 00:00 0 [vdso] [rd]",
        ]
    )

    def complaints(self, *entries: bytes, pages: int = 0) -> list[str]:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory)
            (path / "pagemap-7.img").write_bytes(_image(_message((1, 1)), *entries))
            (path / "pages-1.img").write_bytes(b"\0" * 4096 * pages)
            return images.pages_not_by_rmfork(path, {7: self.MAPS})

    def test_ordinary_memory(self) -> None:
        shared = _message((1, 0x30000), (2, 3), (4, images.PE_PRESENT))
        vdso = _message((1, 0x50000), (2, 2))
        self.assertEqual(self.complaints(shared, vdso, pages=5), [])

    def test_private_memory(self) -> None:
        crossing = _message((1, 0xF000), (2, 2), (4, images.PE_PRESENT))
        self.assertEqual(len(self.complaints(crossing, pages=2)), 1)
        by_parent = _message((1, 0x10000), (2, 1), (3, 1))
        self.assertEqual(self.complaints(by_parent), [])

    def test_unexplained_pages(self) -> None:
        self.assertEqual(len(self.complaints(pages=1)), 1)

    def test_truncated(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "pagemap-7.img"
            path.write_bytes(_image(_message((1, 1)), _message((1, 0x30000)))[:-1])
            with self.assertRaises(images.ImageError):
                images.page_runs(path)


class ProcState(unittest.TestCase):
    def test_who_has_a_signal_under_way_is_not_at_rest(self) -> None:
        status = "State:\t{} (x)\nSigPnd:\t0\nShdPnd:\t10000\nSigBlk:\t{}\n"
        self.assertFalse(procstate._is_at_rest(status.format("S", "4000"), 0))
        self.assertTrue(procstate._is_at_rest(status.format("S", "10000"), 0))
        self.assertTrue(procstate._is_at_rest(status.format("T", "4000"), 0))
        self.assertTrue(procstate._is_at_rest("<No such process>", 0))

    def test_who_is_to_run_is_not_at_rest_unless_it_computes(self) -> None:
        self.assertFalse(procstate._is_at_rest("State:\tR (running)\n", 1_000_000))
        self.assertTrue(procstate._is_at_rest("State:\tR (running)\n", 10_000_000))

    def test_stat_with_odd_name(self) -> None:
        fields = procstate.stat_fields("12 (a) S 1 (\n) R 1 2 3")
        self.assertEqual([fields[n] for n in (3, 4, 5, 6)], ["R", "1", "2", "3"])

    def maps(self, text: str) -> str:
        return procstate.maps(text, procstate.Canon(False))

    def test_neighbours_are_joined(self) -> None:
        two = (
            "1000-2000 rw-p 00000000 00:00 0 \nVmFlags: rd wr ac sd\n"
            "2000-3000 rw-p 00000000 00:00 0 \nVmFlags: wr rd\n"
        )
        self.assertEqual(self.maps(two), "1000-3000 rw-p 0 00:00 0  [rd wr]")
        self.assertEqual(len(self.maps(two.replace("wr rd", "wr rd dc")).splitlines()), 2)
        self.assertEqual(len(self.maps(two.replace("2000-3000", "4000-5000")).splitlines()), 2)

    def test_file_offsets_keep_mappings_apart(self) -> None:
        row = "{} r--p {} fe:00 77 /lib/x\nVmFlags: rd\n"
        follows = row.format("1000-2000", "00004000") + row.format("2000-3000", "00005000")
        jumps = row.format("1000-2000", "00004000") + row.format("2000-3000", "00009000")
        self.assertEqual(len(self.maps(follows).splitlines()), 1)
        self.assertEqual(len(self.maps(jumps).splitlines()), 2)

    def test_deleted_files_keep_their_sharing(self) -> None:
        canon = procstate.Canon(False)
        self.assertEqual(canon.number("pipe", "100"), canon.number("pipe", "100"))
        self.assertNotEqual(canon.number("pipe", "100"), canon.number("pipe", "101"))

    def test_differences(self) -> None:
        before = {"1/status": "a\nb", "1/maps": "x"}
        self.assertEqual(procstate.differences(before, dict(before)), [])
        self.assertTrue(procstate.differences(before, before | {"1/maps": "y"}))
        self.assertEqual(procstate.differences(before, before | {"1/maps": "y"}, {"maps"}), [])
        self.assertTrue(procstate.differences(before, {"1/status": "a\nb"}))
        more = before | {"2/status": "c", "2/maps": "y"}
        self.assertEqual(procstate.differences(before, more), ["task 2 is new"])
        self.assertEqual(procstate.differences(more, before), ["task 2 is gone"])


if __name__ == "__main__":
    unittest.main()
