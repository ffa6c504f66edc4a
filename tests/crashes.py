"""Kills at random moments, and what must hold after each: ``python -m tests.crashes --kills 200 --seed 0``.

A turn forks a process that does one thing to a store, kills it with SIGKILL after a moment drawn from the seed, and
looks at what is left. A kill that comes too late, when the work is done, counts as none.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.builders import build_store
from tests.store.old_stores import VERSIONS, old_store
from tests.store.processes import row
from ttclib.soundness import merge_stores, verify_store
from ttclib.store import absorb, as_table, connect, is_collected, replace_grades, write_part
from ttclib.store.copying import backup_store
from ttclib.store.tables import TABLES, columns_of

Content = dict[str, list[tuple[object, ...]]]
PROBLEMS = [{"problem_id": "p", "prompt": "1+1=", "reference_answer": "2"}]


def content(path: Path) -> Content:
    """Every row of a store, its parts included, in the columns' declared order."""
    names = {table: ", ".join(name for name, _ in columns_of(table)) for table in TABLES}
    with connect(path) as con:
        return {table: con.execute(f"SELECT {names[table]} FROM {table} ORDER BY ALL").fetchall() for table in TABLES}


def killed(work: Callable[[Callable[[object], None]], None], after_s: float) -> tuple[list[str], bool]:
    """Do something in a process of its own and kill it; what it acknowledged, and whether it was still at work."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        try:
            work(lambda said: os.write(writer, f"{said}\n".encode()) and None)
        except BaseException as error:  # told to the parent, which fails
            os.write(writer, f"error {error!r}\n".encode())
        os._exit(0)
    os.close(writer)
    time.sleep(after_s)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(reader, encoding="utf-8") as file:
        said = file.read().splitlines()
    assert not [line for line in said if line.startswith("error")], said
    return said, os.WIFSIGNALED(status)


def writing(folder: Path, rng: random.Random) -> bool:
    """Parts and their taking in: what was acknowledged is there, once, and no other part but the last."""
    path = folder / "written.duckdb"
    held = content(path)["samples"] if is_collected(path) else []
    first = max((index for _, _, _, index, *_ in held), default=-1) + 1

    def work(say: Callable[[object], None]) -> None:
        write_part(path, "problems", PROBLEMS)
        write_part(path, "models", [{"model": "m"}])
        for index in range(first, first + 100_000, 5):
            write_part(path, "samples", [row(index + more) for more in range(5)])
            say(index + 5)
            if index % 2:
                absorb(path, wait_s=30)

    said, was_killed = killed(work, rng.uniform(0, 0.4))
    if not said and not held:
        return was_killed
    found = [index for _, _, _, index, *_ in content(path)["samples"]]
    safe = int(said[-1]) if said else first
    assert found == list(range(len(found))) and safe <= len(found) <= safe + 5, (safe, len(found))
    assert not [one.line for one in verify_store(path).findings]
    return was_killed


def grading(folder: Path, rng: random.Random) -> bool:
    """Grades replaced: all of them, or none."""
    path = folder / "graded.duckdb"
    if not path.exists():
        build_store(path, n_problems=4, n_samples=4)
    before = content(path)["grades"]
    names = [*TABLES["grades"], "answer", "answer_class", "correct"]
    rows = [dict(zip(names, grade, strict=True)) | {"answer_class": 1 + int(grade[-2] or 0)} for grade in before]

    def work(say: Callable[[object], None]) -> None:
        replace_grades(path, "grades", "exact", as_table("grades", rows))
        say("replaced")

    said, was_killed = killed(work, rng.uniform(0, 0.15))
    after = [tuple(one[name] for name in names) for one in rows]
    found = content(path)["grades"]
    assert found == sorted(after) or (found == before and not said)
    assert not [one.line for one in verify_store(path).findings if one.kind != "grade"]
    return was_killed


def migrating(folder: Path, rng: random.Random) -> bool:
    """A store of an earlier schema brought up to date: the same rows, before and after."""
    return migrating_from(rng.choice(sorted(VERSIONS)), folder, rng)


def migrating_from(version: int, folder: Path, rng: random.Random) -> bool:
    """The same of one schema."""
    path = old_store(version, folder / f"old{version}-{rng.random()}.duckdb")
    before = content(path)
    _, was_killed = killed(lambda say: say(absorb(path)), rng.uniform(0, 0.12))
    assert content(path) == before
    absorb(path)
    assert content(path) == before
    return was_killed


def copying(folder: Path, rng: random.Random) -> bool:
    """A backup or a merge: the whole of it, or nothing by its name; what it is made from stays."""
    source = folder / "copied.duckdb"
    if not source.exists():
        build_store(source, n_problems=6, n_samples=8)
    before, target = content(source), folder / f"copy{rng.random()}.duckdb"

    def work(say: Callable[[object], None]) -> None:
        if rng.random() < 0.5:
            backup_store(source, target)
        else:
            merge_stores([source, source], target)
        say("made")

    said, was_killed = killed(work, rng.uniform(0, 0.3))
    assert target.exists() or not said
    if target.exists():
        assert content(target) == before
    assert content(source) == before
    return was_killed


TURNS = {"writing": writing, "grading": grading, "migrating": migrating, "copying": copying}


def crash(n_kills: int, seed: int, folder: Path, *, say: Callable[[str], None] = lambda text: None) -> Counter[str]:
    """Kill until there were so many kills; how many of each kind.

    Raises
    ------
    AssertionError
        Something was lost, doubled or damaged; it names the turn, which the seed repeats.
    """
    done: Counter[str] = Counter()
    turn = 0
    while done.total() < n_kills:
        rng = random.Random(f"{seed}/{turn}")
        name = rng.choices(list(TURNS), weights=(4, 1, 2, 1))[0]
        try:
            done[name] += TURNS[name](folder, rng)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, turn {turn} ({name}): {error}") from error
        turn += 1
        if turn % 20 == 0:
            say(f"{done.total()} of {n_kills} kills")
    return done


def main() -> None:
    """Run from a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    began = time.monotonic()
    with TemporaryDirectory() as folder:
        done = crash(chosen.kills, chosen.seed, Path(folder), say=lambda text: print(text, file=sys.stderr, flush=True))
    kinds = ", ".join(f"{n} {name}" for name, n in sorted(done.items()))
    took = f"{time.monotonic() - began:.0f} s"
    print(f"{done.total()} kills with seed {chosen.seed} in {took}: nothing lost, nothing doubled")
    print(kinds)


if __name__ == "__main__":
    main()
