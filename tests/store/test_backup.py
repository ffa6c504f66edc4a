"""A backup while another process writes: the store of one moment, whole, and the run goes on."""

from __future__ import annotations

import time

import pytest

from tests.builders import build_store
from tests.crashes import content
from tests.store.processes import row, start
from ttclib.errors import RequestError, TTCError
from ttclib.store import absorb, connect, pending_parts, write_part
from ttclib.store.copying import backup_store


def test_backups_while_a_run_writes_are_each_of_one_moment(tmp_path):
    path = tmp_path / "s.duckdb"
    writer = start("write", path, "w", 100_000)
    try:
        assert writer.stdout.readline()
        sizes = []
        for turn in range(4):
            copy = tmp_path / f"copy{turn}.duckdb"
            backup_store(path, copy, wait_s=60)
            found = [index for _, _, _, index, *_ in content(copy)["samples"]]
            assert found == list(range(len(found))) and len(found) % 5 == 0  # every part, or none of it
            assert not pending_parts(copy)
            sizes.append(len(found))
            time.sleep(0.2)
        assert writer.poll() is None and sizes == sorted(sizes) and sizes[-1] > sizes[0] > 0
    finally:
        writer.kill()
        writer.communicate()


def test_a_backup_holds_parts_and_an_old_schema_and_nothing_is_written_over(tmp_path):
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0)])
    backup_store(path, tmp_path / "of parts.duckdb")  # there is no file yet
    absorb(path)
    write_part(path, "samples", [row(1)])
    assert backup_store(path, tmp_path / "copy.duckdb")["samples"] == 2
    assert content(tmp_path / "copy.duckdb") == content(path) and len(pending_parts(path)) == 1
    for target in (path, tmp_path / "copy.duckdb"):
        with pytest.raises(RequestError, match="is there already"):
            backup_store(path, target)
    with pytest.raises(RequestError, match="no folder"):
        backup_store(path, tmp_path / "no" / "copy.duckdb")
    with pytest.raises(RequestError, match="no store at"):
        backup_store(tmp_path / "no.duckdb", tmp_path / "other.duckdb")


def test_a_backup_of_a_damaged_store_fails_and_leaves_nothing(tmp_path):
    path = build_store(tmp_path / "s.duckdb")
    raw = bytearray(path.read_bytes())
    for start_of_block in range(12_288, len(raw), 262_144):
        raw[start_of_block + 5000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(TTCError, match="ttc verify"):
        backup_store(path, tmp_path / "copy.duckdb")
    assert [one.name for one in tmp_path.iterdir()] == ["s.duckdb"]
    with pytest.raises(TTCError, match="ttc verify"), connect(path) as con:
        con.execute("SELECT * FROM samples").fetchall()
