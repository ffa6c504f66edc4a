"""A packed store is unpacked by whoever opens it first, and by nobody twice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.builders import build_store
from ttclib import load_pool
from ttclib.errors import RequestError, TTCError
from ttclib.fresh_names import unfinished
from ttclib.store import absorb, connect, is_collected, write_part
from ttclib.store.packed import cached_copy, pack, packed_path, unpack
from ttclib.study.opening import find_store


@pytest.fixture
def packed(small_store: Path, tmp_path: Path) -> Path:
    """The path of a store of which only the packed form is there."""
    store = tmp_path / "packed.duckdb"
    pack(small_store, packed_path(store))
    return store


def test_opening_it_unpacks_it(packed: Path, small_store: Path) -> None:
    assert not packed.exists() and is_collected(packed)
    np.testing.assert_array_equal(load_pool(packed).correct, load_pool(small_store).correct)
    assert packed.read_bytes() == small_store.read_bytes()
    assert packed_path(packed).exists() and packed_path(packed).stat().st_size < packed.stat().st_size


def test_what_was_written_since_is_never_overwritten(packed: Path) -> None:
    assert unpack(packed) and not unpack(packed)
    write_part(packed, "problems", [{"problem_id": "new", "prompt": "1+1=", "reference_answer": "2"}])
    with connect(packed) as con:
        assert con.execute("SELECT count(*) FROM problems").fetchall() == [(21,)]


def test_processes_that_open_it_at_once_all_read_it(packed: Path) -> None:
    code = f"from ttclib import load_pool; print(load_pool({str(packed)!r}).correct.shape)"
    readers = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert [reader.communicate(timeout=120)[0] for reader in readers] == ["(20, 16)\n"] * 4
    assert sorted(path.name for path in packed.parent.glob("packed*")) == ["packed.duckdb", "packed.duckdb.xz"]


def test_a_notebook_finds_it(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (packed.parent / "notebooks").mkdir()
    monkeypatch.chdir(packed.parent / "notebooks")
    assert find_store(packed.name) == packed


def test_a_damaged_one_is_said_and_leaves_nothing(packed: Path) -> None:
    whole = packed_path(packed).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"no archive"):
        packed_path(packed).write_bytes(damaged)
        with pytest.raises(TTCError, match=r"cannot unpack '.*packed\.duckdb\.xz': .*; fetch the file again"):
            load_pool(packed)
        assert [path.name for path in packed.parent.glob("packed*")] == ["packed.duckdb.xz"]


def test_neither_form_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no store at"):
        load_pool(tmp_path / "none.duckdb")


@pytest.fixture
def read_only(packed: Path, monkeypatch: pytest.MonkeyPatch):
    """A folder with the packed store, mounted so that nothing in it can be written; and a cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(packed.parent.parent / "cache"))
    folder = packed.parent / "read-only"
    folder.mkdir()
    packed_path(packed).rename(folder / packed_path(packed).name)
    bound = False
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        bind = ["mount", "--bind", str(folder), str(folder)]
        bound = not subprocess.run(bind, capture_output=True, check=False).returncode
    if not bound:
        pytest.skip("mounting a folder is not permitted here")
    subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    yield folder / packed.name
    subprocess.run(["umount", str(folder)], check=True)


def test_in_a_folder_that_cannot_be_written_to_its_copy_is_read(read_only: Path, small_store: Path) -> None:
    cache = read_only.parents[2] / "cache"
    told: list[str] = []
    with connect(read_only, notify=told.append) as con:
        assert con.execute("SELECT count(DISTINCT problem_id) FROM samples").fetchall() == [(20,)]
    (copy,) = cache.rglob("packed.duckdb")
    assert told == [f"'{read_only}' is packed where nothing can be written: read from its copy '{copy}'"]
    assert copy.read_bytes() == small_store.read_bytes() and is_collected(read_only)
    before = copy.stat().st_mtime_ns
    np.testing.assert_array_equal(load_pool(read_only).correct, load_pool(small_store).correct)
    assert copy.stat().st_mtime_ns == before and [path.name for path in copy.parent.iterdir()] == ["packed.duckdb"]
    for write in (lambda: write_part(read_only, "problems", [{"problem_id": "new"}]), lambda: absorb(read_only)):
        with pytest.raises(RequestError, match="Read-only file system; copy it to a folder that can be written to"):
            write()


def test_where_no_copy_can_be_made_it_is_one_line(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(read_only.parent / "cache"))
    with pytest.raises(RequestError, match="XDG_CACHE_HOME"):
        load_pool(read_only)


def test_a_newer_packed_file_is_unpacked_anew(packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    first = cached_copy(packed)
    assert cached_copy(packed) == first
    other = build_store(tmp_path / "other.duckdb", n_problems=2, n_samples=1)
    pack(other, packed_path(packed))
    second = cached_copy(packed)
    assert second != first and not first.exists() and second.read_bytes() == other.read_bytes()


def test_two_containers_with_one_process_number_do_not_share_a_name(packed: Path) -> None:
    names = {unfinished(packed) for _ in range(100)}
    assert len(names) == 100 and not any(str(os.getpid()) == part for name in names for part in name.name.split("."))
