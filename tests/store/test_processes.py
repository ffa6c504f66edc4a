"""Several real processes on one store: an idle reader, many writers, and a writer that is killed."""

from __future__ import annotations

import random
import subprocess
import time
from pathlib import Path

import pytest

import ttclib
from tests.store.processes import row, start
from ttclib.samples import Setting
from ttclib.soundness import merge_stores, repair_store, verify_store
from ttclib.store import (
    StoreLockedError,
    absorb,
    connect,
    load_chains,
    load_pool,
    load_tree,
    pending_parts,
    write_part,
)
from ttclib.store.connection import replace_grades
from ttclib.store.copying import backup_as_parts, backup_store
from ttclib.store.counts import load_counts
from ttclib.store.models import list_models, set_model_facts
from ttclib.store.questions import features_held
from ttclib.store.reading_through import refuse_damaged
from ttclib.store.rounds import load_rounds
from ttclib.store.schema import parts_directory
from ttclib.store.settings import has_nodes, matching_settings
from ttclib.store.splitting import split_store
from ttclib.store.status import store_status

PATIENCE_S = 60


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "s.duckdb"


@pytest.fixture
def process():
    """Start processes that do not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def begin(*arguments) -> subprocess.Popen[str]:
        started.append(start(*arguments))
        return started[-1]

    yield begin
    for one in started:
        one.kill()
        one.wait()
        for stream in (one.stdin, one.stdout):
            stream.close()


def finish(one: subprocess.Popen[str]) -> list[str]:
    """What it printed, once it has ended well."""
    output, _ = one.communicate(timeout=PATIENCE_S)
    assert one.returncode == 0
    return output.split()


def keys(path: Path) -> list[tuple[str, int]]:
    with connect(path) as con:
        return con.execute("SELECT problem_id, sample_index FROM samples ORDER BY ALL").fetchall()


def test_an_idle_reader_never_stops_a_writer(path, process):
    write_part(path, "samples", [row(0)])
    absorb(path)
    reader = process("hold", path)
    assert reader.stdout.readline() == "open\n"

    part = write_part(path, "samples", [row(1)])
    told: list[str] = []
    with pytest.raises(StoreLockedError, match=f"locked by process {reader.pid} .*kill {reader.pid}") as raised:
        absorb(path, wait_s=0.3, notify=told.append)
    assert "\n" not in str(raised.value) and raised.value.exit_status == 2
    assert len(told) == 1 and f"process {reader.pid}" in told[0] and "waiting" in told[0]
    assert pending_parts(path) == [part]
    assert keys(path) == [("p", 0), ("p", 1)]  # another reader sees file and part as one

    reader.communicate("\n", timeout=PATIENCE_S)
    assert absorb(path) == 1
    assert keys(path) == [("p", 0), ("p", 1)] and not pending_parts(path)


def test_a_reader_waits_for_a_writer_and_names_it(path, process):
    absorb(path)
    holder = process("hold_for_writing", path)
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(StoreLockedError, match=f"process {holder.pid}"), connect(path, wait_s=0.2):
        pass
    holder.stdin.write("\n")
    holder.stdin.flush()
    assert keys(path) == []


def test_a_reader_inside_a_reader_keeps_the_lock(path, process):
    # The operating system drops a process's lock with the first of its handles that is closed.
    write_part(path, "samples", [row(0)])
    absorb(path)
    write_part(path, "samples", [row(1)])
    with connect(path) as outer:
        assert len(keys(path)) == 2
        assert finish(process("take_in", path)) == ["locked"]
        with pytest.raises(StoreLockedError, match="by this process"):
            absorb(path, wait_s=0)
        assert outer.execute("SELECT count(*) FROM samples").fetchall() == [(2,)]
    assert finish(process("take_in", path)) == ["1"]
    assert len(keys(path)) == 2


def test_writers_and_readers_at_once_lose_and_double_nothing(path, process):
    # The store does not exist when they start: they also race to make it.
    n_parts = 8
    writers = [process("write", path, name, n_parts) for name in "abc"]
    while not pending_parts(path) and not path.exists():
        time.sleep(0.01)
    reader = process("read", path)
    for writer in writers:
        finish(writer)
    reader.stdin.write("\n")
    reader.stdin.flush()
    counts = [int(count) for count in finish(reader)[1:]]
    assert counts == sorted(counts)  # nothing seen goes away
    expected = [(name, index) for name in "abc" for index in range(5 * n_parts)]
    assert keys(path) == expected
    assert not pending_parts(path)
    assert absorb(path) == 0 and keys(path) == expected


def test_kill_9_at_any_moment_loses_nothing_acknowledged(path, process):
    moments = random.Random(0)
    safe: dict[str, int] = {}
    for turn in range(5):
        name = f"w{turn}"
        writer = process("write", path, name, 10_000)
        # From before the first part to deep in the loop; the pipe tells what was acknowledged.
        line = writer.stdout.readline() if turn else "0"
        time.sleep(moments.uniform(0, 0.4))
        writer.kill()
        rest = writer.stdout.read().split()
        safe[name] = int((rest or [line])[-1])
        found = keys(path) if path.exists() or pending_parts(path) else []
        assert len(found) == len(set(found))
        for earlier, n_rows in safe.items():
            kept = [index for problem, index in found if problem == earlier]
            assert kept == list(range(len(kept)))
            assert n_rows <= len(kept) <= n_rows + 5  # one part may be safe and not yet acknowledged
    before = keys(path)
    absorb(path)
    assert keys(path) == before and not pending_parts(path)
    assert sum(safe.values()) > 0
    if parts_directory(path).exists():
        assert all(left.suffix in (".tmp", ".wal") for left in parts_directory(path).iterdir())


WAITING = {
    "open": lambda path, notify: ttclib.open(path, notify=notify),
    "load_pool": lambda path, notify: load_pool(path, notify=notify),
    "load_chains": lambda path, notify: load_chains(path, notify=notify),
    "load_counts": lambda path, notify: load_counts(path, notify=notify),
    "load_rounds": lambda path, notify: load_rounds(path, notify=notify),
    "load_tree": lambda path, notify: load_tree(
        path, policy="m", setting=Setting("s", {}), verifier="v", notify=notify
    ),
    "features_held": lambda path, notify: features_held(path, "m", "s", notify=notify),
    "matching_settings": lambda path, notify: matching_settings(path, notify=notify),
    "has_nodes": lambda path, notify: has_nodes(path, "m", notify=notify),
    "store_status": lambda path, notify: store_status(path, notify=notify),
    "list_models": lambda path, notify: list_models(path, notify=notify),
    "refuse_damaged": lambda path, notify: refuse_damaged(path, notify=notify),
    "set_model_facts": lambda path, notify: set_model_facts(path, "m", n_parameters=1, notify=notify),
    "replace_grades": lambda path, notify: replace_grades(path, "grades", "g", [], notify=notify),
    "backup_store": lambda path, notify: backup_store(path, path.with_name("copy.duckdb"), notify=notify),
    "backup_as_parts": lambda path, notify: backup_as_parts(path, path.with_name("parts.duckdb"), notify=notify),
    "split_store": lambda path, notify: split_store(path, "policy", path.with_name("split"), notify=notify),
    "merge_stores": lambda path, notify: merge_stores([path], path.with_name("merged.duckdb"), notify=notify),
    "verify_store": lambda path, notify: verify_store(path, notify=notify),
    "repair_store": lambda path, notify: repair_store(path, path.with_name("repaired.duckdb"), notify=notify),
}


class Waits(Exception):
    """Raised by who is told, so that nobody waits."""


def raising(text: str) -> None:
    raise Waits(text)


def test_whoever_has_to_wait_says_so_and_for_whom(path, process):
    write_part(path, "samples", [row(0)])
    absorb(path)
    writer = process("hold_for_writing", path)
    assert writer.stdout.readline() == "open\n"
    for name, ask in WAITING.items():
        with pytest.raises(Waits, match=f"s.duckdb' is locked by process {writer.pid} .*; waiting up to"):
            pytest.fail(f"{name} gives {ask(path, raising)} without waiting")
    assert {one.name for one in path.parent.iterdir()} <= {path.name, parts_directory(path).name}
