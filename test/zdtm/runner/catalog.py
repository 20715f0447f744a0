# SPDX-License-Identifier: GPL-2.0-only
"""What tests there are, and what each declares about itself in its source."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

KEYS = {"opts", "dump-opts", "restore-opts", "needs", "expect", "ignore", "flags", "no-rmfork"}
FLAGS = {"pty", "pts", "norestart"}
DECLARATION = re.compile(r"/\*\s*zdtm:(.*?)\*/", re.S)
OPTION = re.compile(r"^TEST_OPTION\((\w+),", re.M)


class CatalogError(Exception):
    """A test's declaration makes no sense, or there is no such test."""


@dataclass(frozen=True)
class Test:
    name: str  # zdtm/static/env00
    source: Path
    dump_opts: tuple[str, ...] = ()
    restore_opts: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    refusal: str | None = None  # the text a refused dump must give
    not_yet: bool = False  # refused only because it is not supported yet
    ignore: frozenset[str] = frozenset()
    flags: frozenset[str] = frozenset()
    no_rmfork: str | None = None
    options: tuple[str, ...] = field(default=())  # the test's own, like filename

    @property
    def short(self) -> str:
        return self.name.rsplit("/", 1)[1]

    def remarks(self) -> str:
        """The declaration in one line, for `list`."""
        words = sorted(self.flags)
        words += [f"needs={n}" for n in self.needs]
        if self.dump_opts or self.restore_opts:
            words.append("opts=" + shlex.join(dict.fromkeys(self.dump_opts + self.restore_opts)))
        if self.refusal:
            kind = "not-yet" if self.not_yet else "refuse"
            words.append(f"expect={kind}:{self.refusal!r}")
        return " ".join(words)


def _comma(text: str) -> tuple[str, ...]:
    return tuple(word for word in text.split(",") if word)


def _declared(source: Path, text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    for declaration in DECLARATION.findall(text):
        # A declaration may go over several lines, each with the comment's leading asterisk.
        plain = re.sub(r"^\s*\*", "", declaration, flags=re.M)
        for word in shlex.split(plain):
            key, separator, value = word.partition("=")
            if not separator or key not in KEYS or key in values:
                raise CatalogError(f"{source}: bad declaration {word!r}")
            values[key] = value
    return values


def parse(source: Path, group: str) -> Test:
    text = source.read_text()
    values = _declared(source, text)
    kind, refusal = "", None
    if "expect" in values:
        kind, _, refusal = values["expect"].partition(":")
        if kind not in ("refuse", "not-yet") or not refusal:
            raise CatalogError(f"{source}: expect= must be refuse:TEXT or not-yet:TEXT")
    flags = frozenset(_comma(values.get("flags", "")))
    if flags - FLAGS:
        raise CatalogError(f"{source}: unknown flags {sorted(flags - FLAGS)}")
    both = tuple(shlex.split(values.get("opts", "")))
    return Test(
        name=f"zdtm/{group}/{source.stem}",
        source=source,
        dump_opts=both + tuple(shlex.split(values.get("dump-opts", ""))),
        restore_opts=both + tuple(shlex.split(values.get("restore-opts", ""))),
        needs=_comma(values.get("needs", "")),
        refusal=refusal,
        not_yet=kind == "not-yet",
        ignore=frozenset(_comma(values.get("ignore", ""))),
        flags=flags,
        no_rmfork=values.get("no-rmfork"),
        options=tuple(OPTION.findall(text)),
    )


def load(top: Path) -> dict[str, Test]:
    """All tests below TOP/test/zdtm, by full name."""
    tests = {}
    for group in ("static", "transition"):
        for source in sorted((top / "test/zdtm" / group).glob("*.c")):
            test = parse(source, group)
            tests[test.name] = test
    return tests


def select(
    tests: dict[str, Test], wanted: list[str], excluded: list[str], part: tuple[int, int] = (1, 1)
) -> list[Test]:
    """The tests named (all, if none is), in order, without the excluded. Short names do too. part: which of them, and of
    how many each."""

    def find(name: str) -> list[str]:
        name = name.removeprefix("test/").removesuffix(".c").rstrip("/")
        found = [full for full in tests if full == name or full.endswith("/" + name)]
        if not found:
            raise CatalogError(f"there is no test {name!r}; `zdtm.py list` names them")
        return found

    out = {full for name in excluded for full in find(name)}
    chosen = [full for name in wanted for full in find(name)] if wanted else list(tests)
    first, step = part
    return [tests[full] for full in dict.fromkeys(chosen) if full not in out][first - 1 :: step]
