"""Put faults into the code one at a time and see whether the tests notice: `make mutants`, not collected by pytest.

    python -m tests.mutants --rooms study,cli --faults 40 --seed 1

A fault is drawn at random, the same ones for the same seed. Each is put into a copy of the tree, where the room's own
test files, but for slow tests, are tried until a test fails: first those that name what the fault is in; of a file the
tests that run the faulty statement (`tests.reach`), the quickest first; where none is known to run it, all. A fault
that survives is printed with its file and line: write the test that notices it, or say why it changes nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.faults import ROOT, Fault, faults_of, faulty

COPIED = ("ttclib", "tests", "notebooks", "docs", "README.md", "pyproject.toml")
# Faults of a hundred, and the tests that should notice them, the quickest first.
ROOMS: dict[str, tuple[int, tuple[str, ...]]] = {
    "replay": (16, ("tests/replay",)),
    "analysis": (20, ("tests/analysis",)),
    "study": (12, ("tests/study",)),
    "store": (10, ("tests/store", "tests/soundness")),
    "grading": (8, ("tests/grading",)),
    "interchange": (10, ("tests/interchange",)),
    "collect": (8, ("tests/collect", "tests/engines")),
    "cli": (8, ("tests/cli",)),
    "show": (8, ("tests/show",)),
}
OF_EVERYTHING = ("kept", "pictures")  # test files that ask for all that a room gives: first
_MOMENTS = count(10**9)  # of writing a faulty file, each its own
_SLOW_TO_IMPORT = ("altair", "duckdb", "numba", "polars", "pyarrow", "pydantic", "scipy.optimize", "sympy")


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


class Copy:
    """A copy of the tree, in which tests run and faults are put."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = time.time()  # what is written anew after that is not in it
        for part in COPIED:
            source = ROOT / part
            if source.is_dir():
                without = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, folder / part, ignore=without, dirs_exist_ok=True)
            elif source.exists():
                shutil.copy2(source, folder / part)
        if not (folder / "store").exists():
            (folder / "store").symlink_to(ROOT / "store")

    def pytest(self, *what: str, timeout_s: float | None = None) -> int | None:
        """The exit status of pytest in a fork of this process, which has imported what takes long; None: it hung."""
        if not (child := os.fork()):
            os.setsid()
            os.chdir(self.folder)
            log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            for number in (1, 2):
                os.dup2(log, number)
            for name in [name for name in sys.modules if name.partition(".")[0] in ("tests", "ttclib")]:
                del sys.modules[name]  # which are of the tree without the fault
            sys.path[:] = [str(self.folder), *(one for one in sys.path if one not in ("", str(ROOT), str(self.folder)))]
            os.environ["PYTHONPATH"] = str(self.folder)
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

    def fails(self, fault: Fault, what: Sequence[str], timeout_s: float) -> bool:
        """Whether tests fail with the fault in its file's place; hanging is failing."""
        place = self.folder / fault.file
        before = place.read_text(encoding="utf-8")
        written = place.stat().st_mtime
        place.write_text(faulty(fault), encoding="utf-8")
        os.utime(place, (time.time(), next(_MOMENTS)))  # or what was compiled of the file's last state could be taken
        try:
            status = self.pytest("-x", *what, timeout_s=timeout_s)
            if status == pytest.ExitCode.USAGE_ERROR:  # the fault gave a test another name: take its whole file
                status = self.pytest("-x", *{one.partition("::")[0]: None for one in what}, timeout_s=timeout_s)
            return status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        finally:
            place.write_text(before, encoding="utf-8")
            os.utime(place, (written, written))


class Tests:
    """A room's test files, and which statements each test runs; each file is looked at when it is first wanted.

    What was seen is kept beside the copy, for as long as neither the test file nor what it runs is written anew.
    """

    def __init__(self, room: str, chosen: str, at_most: int | None, tree: Copy) -> None:
        self.room, self.tree, self.at_most = room, tree, at_most
        self.chosen = ["-k", chosen] if chosen else []
        every = [path for part in ROOMS[room][1] for path in sorted((tree.folder / part).rglob("test_*.py"))]
        self.files = {str(path.relative_to(tree.folder)): path.read_text(encoding="utf-8") for path in every}
        self.kept = tree.folder / f"reach-{room}.json"
        self.seen: dict[str, Any] = json.loads(self.kept.read_text(encoding="utf-8")) if self.kept.exists() else {}

    def noticing(self, fault: Fault) -> tuple[str | None, int]:
        """A test file that notices a fault, and how many tests ran the faulty statement until then."""
        likeliest = sorted(self.files, key=lambda file: self._likely(file, fault), reverse=True)[: self.at_most]
        n_reaching = 0
        for file in likeliest:
            took, runs = self._runs(file)
            reaching = sorted(
                (seconds, test)
                for test, (seconds, lines) in runs.items()
                if fault.statement in lines.get(fault.file, [])
            )
            n_reaching += len(reaching)
            if reaching and self.tree.fails(fault, [test for _, test in reaching], 60 + 4 * took):
                return file, n_reaching
        if self.tree.fails(fault, [fault.file], 600):
            return "its own examples", n_reaching
        if not n_reaching:  # at import, in a process of its own, compiled by Numba
            for file in sorted(self.files, key=lambda file: self._runs_of(file, fault), reverse=True)[: self.at_most]:
                took, runs = self._runs(file)
                if self.tree.fails(fault, list(runs), 60 + 4 * took):
                    return file, 0
        return None, n_reaching

    def _runs_of(self, file: str, fault: Fault) -> tuple[int, tuple[int, int, int]]:
        """How many tests of a file run anything of the faulty file, and how it is named."""
        n_tests = sum(fault.file in lines for _, lines in self._runs(file)[1].values())
        return n_tests, self._likely(file, fault)

    def _likely(self, file: str, fault: Fault) -> tuple[int, int, int]:
        """How far a test file is named like the module, whether it imports that, and how often it names the place."""
        text, module, own = self.files[file], fault.path.stem, Path(file).stem.removeprefix("test_")
        words = Counter(re.findall(r"\w+", text))
        imports = bool(re.search(rf"^(from|import) .*\b{module}\b", text, re.MULTILINE))
        named = 3 * (own in OF_EVERYTHING) + (module == own) + module.startswith(own)
        return named, imports, sum(words[name.lstrip("_")] for name in fault.inside)

    def _runs(self, file: str) -> tuple[float, dict[str, tuple[float, dict[str, list[int]]]]]:
        """How long a test file takes, and its tests that pass, as `tests.reach` tells of them."""
        known = self.seen.get(file)
        if known:
            of = {file, *(one for _, lines in known["runs"].values() for one in lines)}
            paths = [self.tree.folder / one for one in of]
            if all(path.exists() and path.stat().st_mtime <= known["at"] for path in paths):
                return known["took"], known["runs"]
        out, begin = self.tree.folder / "reach.json", time.monotonic()
        out.unlink(missing_ok=True)
        status = self.tree.pytest("--reach", self.room, str(out), *self.chosen, file)
        if status not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            print(f"some tests of {file} fail without a fault and are left out", flush=True)
        runs = json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}
        self.seen[file] = {"at": self.tree.made, "took": time.monotonic() - begin, "runs": runs}
        self.kept.write_text(json.dumps(self.seen), encoding="utf-8")
        return self.seen[file]["took"], runs


def main() -> None:
    """Draw faults, try each, and print which were noticed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rooms", default=",".join(ROOMS), help="With commas; default: all.")
    parser.add_argument("--faults", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-k", dest="chosen", default="", help="Tests to run, as pytest's -k.")
    parser.add_argument("--folder", help="Work there and leave it, which makes the next call quicker.")
    parser.add_argument("--files", type=int, help="Only so many test files a fault, the likeliest; default: all.")
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
        tree = Copy(Path(given.folder or stack.enter_context(tempfile.TemporaryDirectory())).resolve())
        tests = {room: Tests(room, given.chosen, given.files, tree) for room in rooms}
        for room, fault in drawn(rooms, given.faults, given.seed):
            begin = time.monotonic()
            by, n_reaching = tests[room].noticing(fault)
            seen[room, by is not None] += 1
            how = f"{time.monotonic() - begin:.0f} s; {n_reaching} tests run it; {by}"
            word = "noticed " if by else "SURVIVED"
            print(f"{word} {fault.file}:{fault.line}: {fault.said} ({how})", flush=True)
    for room in rooms:
        total = seen[room, True] + seen[room, False]
        if total:
            print(f"{room}: {seen[room, True]} of {total} noticed")


if __name__ == "__main__":
    main()
