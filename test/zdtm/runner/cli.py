# SPDX-License-Identifier: GPL-2.0-only
"""The command line of zdtm.py."""

from __future__ import annotations

import argparse
import concurrent.futures
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from isolation import own_terminals

from . import catalog, tasks
from .catalog import CatalogError, Test
from .execution import Execution, Result, Settings

TOP = Path(__file__).resolve().parents[3]

# Of the whole run, in seconds: the machine is emulated.
VM_TIMEOUT = 3600
VM_REPORT = "/run/zdtm-report.json"


class UsageError(Exception):
    """What was asked for cannot be done."""


def _part(text: str) -> tuple[int, int]:
    which, _, of = text.partition("/")
    part = int(which), int(of)
    if not 1 <= part[0] <= part[1]:
        raise ValueError(text)
    return part


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="zdtm.py", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    listing = verbs.add_parser("list", help="name the tests")
    listing.add_argument("--names", action="store_true", help="the names alone")

    run = verbs.add_parser("run", help="run tests")
    run.add_argument("-t", "--test", action="append", default=[], metavar="NAME",
                     help="a test, like zdtm/static/env00 or env00; may be repeated")
    run.add_argument("--tests", action="append", default=[], metavar="FILE",
                     help="those that a file names, which is of the form of --skips")
    run.add_argument("-a", "--all", action="store_true", help="all tests")
    run.add_argument("--part", type=_part, default=(1, 1), metavar="K/N", help="every N-th of them, from the K-th on")
    run.add_argument("-x", "--exclude", action="append", default=[], metavar="NAME")
    run.add_argument("-f", "--flavor", default="h", help="h: on the host (ns, uns: not yet)")
    run.add_argument("--rmfork", action="store_true", help="memory goes through the kernel")
    run.add_argument("--rmfork-mode", choices=("shared", "copy", "lazy"), default="shared",
                     help="how the restore takes pages out of ubmem")
    run.add_argument("--vm", action="store_true", help="run all this inside the virtual machine")
    run.add_argument("--kernel", choices=("stock", "6.12", "rmfork"), help="with --vm: which kernel")
    run.add_argument("--iters", type=int, default=1, metavar="N", help="rounds of dump and restore")
    run.add_argument("--keep-going", action="store_true", help="go on after a failure")
    run.add_argument("-k", "--keep-img", action="store_true", help="keep images and logs")
    run.add_argument("--nocr", action="store_true", help="no dump and no restore")
    run.add_argument("--norst", action="store_true", help="dump, let the task run, no restore")
    run.add_argument("--criu", metavar="PATH", help="default: $O/criu/criu, O=build")
    run.add_argument("--restore-criu", metavar="PATH", help="another one for the restores")
    run.add_argument("--workdir", metavar="DIR", help="default: a new one below /dev/shm")
    run.add_argument("-j", "--jobs", type=int, default=1, metavar="N", help="tests at a time")
    run.add_argument("--report", metavar="FILE", help="write the results there, as JSON")
    run.add_argument("--crit", metavar="COMMAND", help="run on every directory of images")
    run.add_argument("--timeout", type=float, default=120, metavar="SECONDS",
                     help="for one step of a test (default: 120)")
    run.add_argument("--try-all", action="store_true",
                     help="do not expect the refusal of what is not supported yet")
    run.add_argument("--ignore", default="", metavar="PART,...",
                     help="parts of /proc not to compare: for another criu with known differences")
    run.add_argument("--skips", action="append", default=[], metavar="FILE",
                     help="tests to skip, a line each: NAME, and the reason")
    run.add_argument("-v", "--verbose", action="store_true")
    return parser  # fmt: skip


def _list(tests: dict[str, Test], args: argparse.Namespace) -> int:
    for name, test in tests.items():
        remarks = "" if args.names else test.remarks()
        print(f"{name:36} {remarks}".rstrip())
    return 0


def _enter_vm(argv: list[str], kernel: str | None) -> int:
    """Replaces this process by the same command inside the virtual machine."""
    rest = []
    skip_next = False
    for word in argv:
        if skip_next:
            skip_next = False
        elif word == "--kernel":
            skip_next = True
        elif word != "--vm" and not word.startswith("--kernel="):
            rest.append(word)
    script = TOP / "scripts/vm"
    if not script.exists():
        raise UsageError("--vm: there is no scripts/vm in this tree")
    os.chdir(TOP)
    options = ["--timeout", str(VM_TIMEOUT)]
    if kernel:
        options += ["-k", kernel]
    for index, word in enumerate(rest):
        # The report is written inside: fetch it.
        name, equals, value = word.partition("=")
        if name == "--report":
            at = index if equals else index + 1
            options += ["--get", f"{VM_REPORT}:{value if equals else rest[at]}"]
            rest[at] = f"--report={VM_REPORT}" if equals else VM_REPORT
    os.execv(script, [str(script), *options, "python3", "test/zdtm.py", *rest])


def _check_rmfork(criu: Path) -> None:
    probe = subprocess.run(
        [str(criu), "check", "--feature", "rmfork"], capture_output=True, text=True, check=False
    )
    if probe.returncode:
        said = (probe.stderr + probe.stdout).strip().splitlines()
        raise UsageError(f"this kernel has no rmfork ({said[-1] if said else 'criu check says so'})")


def _from_here(command: str | None) -> str | None:
    """The command with its program's path made absolute: tests run in directories of their own."""
    if not command:
        return None
    program, *rest = shlex.split(command)
    found = shutil.which(program)
    if not found:
        raise UsageError(f"--crit: there is no {program}")
    return shlex.join([os.path.abspath(found), *rest])


def _lines(files: list[str]) -> Iterator[tuple[str, str]]:
    """A test's name and the reason why it is there; each must have one."""
    for file in files:
        for line in Path(file).read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            name, _, reason = line.partition(" ")
            if not reason.strip():
                raise UsageError(f"{file}: {name} is there without a reason")
            yield name, reason.strip()


def _skips(tests: dict[str, Test], files: list[str]) -> dict[str, str]:
    """Each test must be there."""
    skips = {}
    for name, reason in _lines(files):
        skips.update({test.name: reason for test in catalog.select(tests, [name], [])})
    return skips


def _settings(tests: dict[str, Test], args: argparse.Namespace) -> Settings:
    if args.flavor != "h":
        raise UsageError(f"flavor {args.flavor!r} is not supported yet; -f h is")
    if not (args.test or args.tests or args.all):
        raise UsageError("name tests with -t or --tests, or say -a for all")
    if args.kernel and not args.vm:
        raise UsageError("--kernel goes with --vm")
    build = TOP / os.environ.get("O", "build")
    criu = Path(args.criu).resolve() if args.criu else build / "criu/criu"
    if not args.nocr and not os.access(criu, os.X_OK):
        raise UsageError(f"{criu} is not there (make), or name another with --criu")
    restore_criu = Path(args.restore_criu).resolve() if args.restore_criu else None
    if restore_criu and not os.access(restore_criu, os.X_OK):
        raise UsageError(f"{restore_criu} is not there")
    if args.rmfork_mode != "shared" and not args.rmfork:
        raise UsageError("--rmfork-mode goes with --rmfork")
    if args.rmfork and not args.nocr:
        _check_rmfork(criu)
    if args.workdir:
        workdir = Path(args.workdir).resolve()
        workdir.mkdir(parents=True, exist_ok=True)
    else:
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        workdir = Path(tempfile.mkdtemp(prefix="zdtm-", dir=base))
        # Tests that give up root still have to find their files.
        workdir.chmod(0o755)
    return Settings(
        top=TOP, build=build, workdir=workdir, criu=criu, restore_criu=restore_criu, iters=args.iters, nocr=args.nocr,
        norst=args.norst, rmfork=args.rmfork, rmfork_mode=args.rmfork_mode, keep_images=args.keep_img, crit=_from_here(args.crit),
        timeout=args.timeout, try_all=args.try_all,
        ignore=frozenset(filter(None, args.ignore.split(","))), skips=_skips(tests, args.skips),
    )  # fmt: skip


def _one(test: Test, settings: Settings) -> Result:
    """In a worker as in the main process: all tasks of the test are below the calling process."""
    tasks.become_subreaper()
    return Execution(test, settings).result()


def _results(chosen: list[Test], settings: Settings, args: argparse.Namespace) -> Iterator[Result]:
    """In the order of completion; ends after the first failure unless --keep-going."""

    def last(result: Result) -> bool:
        return result.verdict == "FAIL" and not args.keep_going

    if args.jobs <= 1:
        for test in chosen:
            result = _one(test, settings)
            yield result
            if last(result):
                return
        return
    with concurrent.futures.ProcessPoolExecutor(args.jobs) as pool:
        running = [pool.submit(_one, test, settings) for test in chosen]
        for future in concurrent.futures.as_completed(running):
            yield future.result()
            if last(future.result()):
                pool.shutdown(cancel_futures=True)
                return


def _show(result: Result, verbose: bool) -> None:
    line = f"{result.verdict} {result.name} {result.seconds:.2f}s"
    if result.reason:
        line += f" {result.reason}"
    print(line, flush=True)
    for detail in result.details:
        print(f"    {detail}")
    if result.kept and (result.verdict == "FAIL" or verbose):
        print(f"    images and logs: {result.kept}", flush=True)


def _run(tests: dict[str, Test], args: argparse.Namespace) -> int:
    wanted = args.test + [name for name, _ in _lines(args.tests)]
    chosen = catalog.select(tests, wanted, args.exclude, args.part)
    settings = _settings(tests, args)
    results = []
    for result in _results(chosen, settings, args):
        _show(result, args.verbose)
        results.append(result)
    count = {v: sum(r.verdict == v for r in results) for v in ("PASS", "FAIL", "SKIP")}
    not_run = len(chosen) - len(results)
    summary = f"{count['PASS']} passed, {count['FAIL']} failed, {count['SKIP']} skipped"
    print(summary + (f", {not_run} not run (--keep-going)" if not_run else ""))
    if args.report:
        report = {
            "passed": count["PASS"], "failed": count["FAIL"], "skipped": count["SKIP"],
            "not_run": not_run, "tests": [vars(result) for result in results],
        }  # fmt: skip
        Path(args.report).write_text(json.dumps(report, indent=1) + "\n")
    if not args.workdir and not any(result.kept for result in results):
        shutil.rmtree(settings.workdir)
    return 1 if count["FAIL"] or not count["PASS"] + count["SKIP"] else 0


def main(argv: list[str]) -> int:
    args = _parser().parse_args(argv)
    try:
        tests = catalog.load(TOP)
        if args.verb == "list":
            return _list(tests, args)
        if args.vm:
            return _enter_vm(argv, args.kernel)
        if os.geteuid() == 0:
            own_terminals()
        return _run(tests, args)
    except (CatalogError, UsageError) as error:
        print(f"zdtm.py: {error}", file=sys.stderr)
        return 2
