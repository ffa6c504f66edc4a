"""Put faults into the code one at a time and see whether the tests notice: `make mutants`, not collected by pytest.

    python -m tests.mutants --rooms study,cli --faults 40 --seed 1

A fault is drawn at random, the same ones for the same seed. Each is put into a copy of the tree, where the room's own
tests, but for the slow ones, run until one fails: those that run the faulty lines, the quickest first, then the rest of
their files (`tests.reach`); all where none is known to run them. A fault that survives is printed with its file and
line: write the test that notices it, or say why it changes nothing.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("ttclib", "tests", "notebooks", "docs", "README.md", "pyproject.toml")
# Faults of a hundred, and the tests that should notice them, the quickest first.
ROOMS: dict[str, tuple[int, tuple[str, ...]]] = {
    "replay": (16, ("tests/replay",)),
    "analysis": (20, ("tests/analysis",)),
    "study": (12, ("tests/study",)),
    "store": (10, ("tests/store",)),
    "grading": (8, ("tests/grading",)),
    "interchange": (10, ("tests/interchange",)),
    "collect": (8, ("tests/collect",)),
    "cli": (8, ("tests/cli",)),
    "show": (8, ("tests/show",)),
}
_MOMENTS = count(10**9)  # of writing a faulty file, each its own
_SLOW_TO_IMPORT = ("altair", "duckdb", "numba", "polars", "pyarrow", "pydantic", "scipy.optimize", "sympy")
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
}  # fmt: skip
_WORDS = ("help", "metavar", "summary", "label", "heading")  # of keyword arguments: what they say, not what is done


@dataclass(frozen=True)
class Fault:
    """A change of one place: how to find the node in a fresh tree, and what to do to it there."""

    path: Path
    number: int  # of the node, in the order of `ast.walk`
    line: int
    reached_by: range  # lines of its statement, without a body's: who runs one of them runs the fault
    said: str
    change: Callable[[ast.AST], ast.AST | None]


def faults_of(path: Path) -> Iterator[Fault]:
    """Every fault that a file can have."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    prose = set(_prose(tree))
    lines = _lines(tree)
    for number, node in enumerate(ast.walk(tree)):
        if id(node) in prose:
            continue
        for said, change in _changes(node):
            yield Fault(path, number, getattr(node, "lineno", 0), lines.get(id(node), range(0)), said, change)


def _lines(tree: ast.Module) -> dict[int, range]:
    """Of each node, the lines of the innermost statement around it, up to where its body begins."""
    found: dict[int, range] = {}
    for statement in ast.walk(tree):  # outer before inner
        if not isinstance(statement, ast.stmt):
            continue
        first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))])
        body = getattr(statement, "body", None)
        lines = range(first, body[0].lineno if body else (statement.end_lineno or first) + 1)
        found.update(dict.fromkeys(map(id, ast.walk(statement)), lines or range(first, first + 1)))
    return found


def _prose(tree: ast.AST) -> Iterator[int]:
    """Ids of nodes that are words or types: docstrings, annotations, what a flag or a message says."""
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            parts.append(node.body[0])
        if isinstance(node, ast.FunctionDef):
            parts.append(node.returns)
        if isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.keyword) and node.arg in _WORDS:
            parts.append(node)
        if isinstance(node, ast.Raise | ast.JoinedStr):
            parts += list(ast.iter_child_nodes(node))
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            parts.append(node)
        for part in parts:
            if part is not None:
                yield from map(id, ast.walk(part))


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST | None]]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARISONS:
        to = _COMPARISONS[type(node.ops[0])]
        yield f"{type(node.ops[0]).__name__} becomes {to.__name__}", lambda one: _set(one, ops=[to(), *one.ops[1:]])  # type: ignore[attr-defined]
    if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS and not _is_text(node):
        sign = _OPERATORS[type(node.op)]
        yield f"{type(node.op).__name__} becomes {sign.__name__}", lambda one: _set(one, op=sign())
    if isinstance(node, ast.BoolOp):
        word = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield f"{type(node.op).__name__} becomes {word.__name__}", lambda one: _set(one, op=word())
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not is gone", lambda one: one.operand  # type: ignore[attr-defined]
    if isinstance(node, ast.Call):
        for place, given in enumerate(node.keywords):
            if given.arg is not None and given.arg not in _WORDS:
                yield (
                    f"the argument {given.arg} is not passed on",
                    lambda one, place=place: _set(one, keywords=one.keywords[:place] + one.keywords[place + 1 :]),  # type: ignore[misc]
                )
    if isinstance(node, ast.Raise):
        yield "nothing is raised", lambda one: ast.Pass()
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield f"{node.value} becomes {node.value + 1}", lambda one: _set(one, value=one.value + 1)  # type: ignore[attr-defined]
    if isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield f"{node.value} becomes {not node.value}", lambda one: _set(one, value=not one.value)  # type: ignore[attr-defined]
    if isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "None is returned", lambda one: _set(one, value=ast.Constant(None))


def _set(node: ast.AST, **fields: object) -> ast.AST:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _is_text(node: ast.BinOp) -> bool:
    sides = (node.left, node.right)
    return any(isinstance(side, ast.JoinedStr | ast.List | ast.Tuple) or _is_str(side) for side in sides)


def _is_str(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


class _Put(ast.NodeTransformer):
    """The tree with one node changed."""

    def __init__(self, target: ast.AST, change: Callable[[ast.AST], ast.AST | None]) -> None:
        self.target, self.change = target, change

    def visit(self, node: ast.AST) -> ast.AST | None:  # type: ignore[override]
        if node is self.target:
            return self.change(node)
        return self.generic_visit(node)


def faulty(fault: Fault) -> str:
    """The file's text with the fault."""
    tree = ast.parse(fault.path.read_text(encoding="utf-8"))
    target = next(node for number, node in enumerate(ast.walk(tree)) if number == fault.number)
    return ast.unparse(ast.fix_missing_locations(_Put(target, fault.change).visit(tree)))


def drawn(rooms: Sequence[str], n_faults: int, seed: int) -> list[tuple[str, Fault]]:
    """Faults at random, so many of a room as its weight says; of a file the more the longer it is."""
    rng = random.Random(seed)
    weights = {room: ROOMS[room][0] for room in rooms}
    found = []
    for room, weight in weights.items():
        every = [fault for path in sorted((ROOT / "ttclib" / room).rglob("*.py")) for fault in faults_of(path)]
        share = max(1, round(n_faults * weight / sum(weights.values())))
        found += [(room, fault) for fault in rng.sample(every, min(share, len(every)))]
    return found


def tests_pass(what: Sequence[str], folder: Path, *, timeout_s: float | None = None) -> bool:
    """Whether tests pass on a copy of the tree; hanging is not passing."""
    status = _pytest(what, folder, timeout_s)
    if status == pytest.ExitCode.USAGE_ERROR:  # the fault gave a test another name: take its whole file
        status = _pytest(list(dict.fromkeys(one.partition("::")[0] for one in what)), folder, timeout_s)
    return status == 0


def _pytest(what: Sequence[str], folder: Path, timeout_s: float | None) -> int | None:
    """The exit status of pytest in a fork of this process, which has imported what takes long; None: it hung."""
    if not (child := os.fork()):
        os.setsid()
        os.chdir(folder)
        log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        for number in (1, 2):
            os.dup2(log, number)
        for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "ttclib")]:
            del sys.modules[name]  # which are of the tree without the fault
        sys.path[:] = [str(folder), *(one for one in sys.path if one not in ("", str(ROOT), str(folder)))]
        os.environ["PYTHONPATH"] = str(folder)
        os._exit(pytest.main(["-q", "-p", "no:cacheprovider", "-p", "tests.reach", "-m", "not slow", *what]))
    end = time.monotonic() + (timeout_s or float("inf"))
    status: int | None = None
    while time.monotonic() < end:
        ended, how = os.waitpid(child, os.WNOHANG)
        if ended:
            status = os.waitstatus_to_exitcode(how)
            break
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # with the processes that its tests started
    if status is None:
        os.waitpid(child, 0)
    return status


@dataclass
class Tests:
    """A room's tests on the tree without a fault."""

    took: float = 0.0
    files: dict[str, float] = field(default_factory=dict)  # and when each was written
    runs: dict[str, tuple[float, dict[str, list[int]]]] = field(default_factory=dict)  # as `tests.reach` writes it

    @classmethod
    def of(cls, room: str, chosen: str, folder: Path) -> Tests:
        """Run those that are not known yet, and see which lines each runs."""
        kept = folder / f"reach-{room}.json"
        known = cls(**json.loads(kept.read_text(encoding="utf-8"))) if kept.exists() else cls()
        every = [path for part in ROOMS[room][1] for path in sorted((folder / part).rglob("test_*.py"))]
        files = {str(path.relative_to(folder)): path.stat().st_mtime for path in every}
        if new := [file for file, written in files.items() if known.files.get(file) != written]:
            begin = time.monotonic()
            (folder / "reach.json").unlink(missing_ok=True)
            if not tests_pass(["--reach", room, "reach.json", *(["-k", chosen] if chosen else []), *new], folder):
                print(f"some tests of {room} fail without a fault and are left out: {folder / 'log'}")
            runs = {test: run for test, run in known.runs.items() if test.partition("::")[0] in set(files) - set(new)}
            runs |= json.loads((folder / "reach.json").read_text(encoding="utf-8"))
            known = cls(known.took + time.monotonic() - begin, files, runs)
            kept.write_text(json.dumps(asdict(known)), encoding="utf-8")
        return known

    def for_fault(self, fault: Fault) -> tuple[int, list[str]]:
        """How many tests run its lines; and the tests that may notice it, the likeliest first."""
        file = str(fault.path.relative_to(ROOT))
        lines = set(fault.reached_by)
        reaching = {test for test, (_, seen) in self.runs.items() if lines & set(seen.get(file, []))}
        near = {test.partition("::")[0] for test in reaching}

        def order(test: str) -> tuple[bool, bool, float]:
            seconds, seen = self.runs[test]
            return test not in reaching, file not in seen, seconds

        may = [test for test in self.runs if not near or test.partition("::")[0] in near]
        return len(reaching), sorted(may, key=order)


def noticed(what: Sequence[str], fault: Fault, folder: Path, *, timeout_s: float) -> bool:
    """Whether the tests, or the file's doctests, fail with the fault in its file's place."""
    place = folder / fault.path.relative_to(ROOT)
    before = place.read_text(encoding="utf-8")
    written = place.stat().st_mtime
    place.write_text(faulty(fault), encoding="utf-8")
    os.utime(place, (time.time(), next(_MOMENTS)))  # or what was compiled of the file's last state could be taken
    try:
        return not tests_pass(["-x", *what, str(place)], folder, timeout_s=timeout_s)
    finally:
        place.write_text(before, encoding="utf-8")
        os.utime(place, (written, written))


def main() -> None:
    """Draw faults, try each, and print which were noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rooms", default=",".join(ROOMS), help="With commas; default: all.")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-k", dest="chosen", default="", help="Tests to run, as pytest's -k.")
    parser.add_argument("--folder", help="Work there and leave it, which makes the next call quicker.")
    given = parser.parse_args()
    rooms = given.rooms.split(",")
    if unknown := sorted(set(rooms) - set(ROOMS)):
        parser.error(f"unknown room {', '.join(unknown)}: allowed {', '.join(ROOMS)}")
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # most files stay as they are
    sys.dont_write_bytecode = False
    for module in _SLOW_TO_IMPORT:
        importlib.import_module(module)
    seen: Counter[tuple[str, bool]] = Counter()
    with contextlib.ExitStack() as stack:
        folder = Path(given.folder or stack.enter_context(tempfile.TemporaryDirectory())).resolve()
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, folder / part, ignore=without, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, folder / part)
        if not (folder / "store").exists():
            (folder / "store").symlink_to(ROOT / "store")
        tests: dict[str, Tests] = {}
        for room, fault in drawn(rooms, given.faults, given.seed):
            if room not in tests:
                tests[room] = Tests.of(room, given.chosen, folder)
                print(f"the tests of {room} take {tests[room].took:.0f} s", flush=True)
            begin = time.monotonic()
            reaching, what = tests[room].for_fault(fault)
            found = noticed(what, fault, folder, timeout_s=60 + 4 * tests[room].took)
            seen[room, found] += 1
            where = f"{fault.path.relative_to(ROOT)}:{fault.line}"
            took = f"{time.monotonic() - begin:.0f} s; {reaching} tests run it"
            print(f"{'noticed ' if found else 'SURVIVED'} {where}: {fault.said} ({took})", flush=True)
    for room in rooms:
        total = seen[room, True] + seen[room, False]
        if total:
            print(f"{room}: {seen[room, True]} of {total} noticed")


if __name__ == "__main__":
    main()
