"""A packed store is unpacked by whoever opens it first, and by nobody twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ttclib import load_pool
from ttclib.errors import RequestError, TTCError
from ttclib.store import connect, is_collected, write_part
from ttclib.store.packed import pack, packed_path, unpack
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
