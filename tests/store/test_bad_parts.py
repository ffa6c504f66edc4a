"""A bad part is named and told to be moved aside, the others are taken in; a link to a store is that store."""

from __future__ import annotations

import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.commands import error_line, ttc
from ttclib.errors import RequestError, TTCError
from ttclib.store import absorb, connect, load_pool, part_rows, pending_parts, write_part
from ttclib.store.schema import parts_directory
from ttclib.store.sound_parts import BadPartError

KEY = {"policy": "m", "problem_id": "p", "setting": "s"}


def row(index: int, **columns: object) -> dict[str, object]:
    return {**KEY, "sample_index": index, "completion": f"text {index}", **columns}


def indices(path: Path) -> list[int]:
    with connect(path) as con:
        return [index for (index,) in con.execute("SELECT sample_index FROM samples ORDER BY 1").fetchall()]


def spoil(part: Path, how: str) -> None:
    """Make a part that was whole a bad one, still by its name."""
    table = pq.read_table(part)
    content = part.read_bytes()
    if how == "cut":
        part.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        part.write_bytes(b"")
    elif how == "no Parquet":
        part.write_bytes(b"PAR1 but no more of it")
    elif how == "flipped in its pages":
        place = content.index(b"text 1")
        part.write_bytes(content[: place - 20] + b"\xff" * 40 + content[place + 20 :])
    elif how == "lacks its key":
        pq.write_table(table.drop_columns(["policy"]), part)
    elif how == "NULL in its key":
        at = table.schema.get_field_index("policy")
        pq.write_table(table.set_column(at, "policy", pa.array([None], pa.string())), part)
    elif how == "NULL in its key, not counted":
        at = table.schema.get_field_index("policy")
        pq.write_table(table.set_column(at, "policy", pa.array([None], pa.string())), part, write_statistics=False)
    elif how == "text for a number":
        at = table.schema.get_field_index("sample_index")
        pq.write_table(table.set_column(at, "sample_index", pa.array(["one"])), part)
    elif how == "of a newer version":
        pq.write_table(table.append_column("temper\x1b[2Jature", pa.array([0.5])), part)
    elif how == "a folder":
        part.unlink()
        part.mkdir()
    elif how == "a link":
        part.rename(part.with_name("elsewhere"))
        part.symlink_to(part.with_name("elsewhere"))
    elif how == "a pipe":
        part.unlink()
        os.mkfifo(part)


HOW = {
    "cut": "cannot be read",
    "empty": "cannot be read",
    "no Parquet": "cannot be read",
    "flipped in its pages": "is damaged",
    "lacks its key": "lacks the column 'policy' of samples",
    "NULL in its key": "has 1 rows without their policy, a key",
    "NULL in its key, not counted": "has 1 rows without their policy, a key",
    "text for a number": "has string in 'sample_index', where samples has INTEGER",
    "of a newer version": r"has the column 'temper\x1b[2Jature', which this ttclib does not know: upgrade ttclib, or ",
    "a folder": "is a link or no plain file",
    "a link": "is a link or no plain file",
    "a pipe": "is a link or no plain file",
}


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("store_is_there", [True, False])
def test_a_bad_part_is_named_and_the_others_are_taken_in(how, store_is_there, tmp_path):
    path = tmp_path / "s.duckdb"
    if store_is_there:
        write_part(path, "samples", [row(7)])
        absorb(path)
    write_part(path, "samples", [row(0)])
    bad = write_part(path, "samples", [row(1)])
    write_part(path, "samples", [row(2)])
    write_part(path, "problems", [{"problem_id": "p", "benchmark": "b"}])
    if how == "flipped in its pages":  # as it lies on disk, so that a flip does not fail at unpacking alone
        pq.write_table(pq.read_table(bad), bad, compression="none", use_dictionary=False, write_page_checksum=True)
    spoil(bad, how)
    remains = None if how in ("a folder", "a pipe") else bad.read_bytes()
    with pytest.raises(BadPartError) as raised:
        absorb(path)
    line = str(raised.value)
    assert f"part '{bad}' {HOW[how]}" in line and "move it out of that folder" in line
    assert line.endswith("the other 3 were taken in") and line.isprintable()
    assert pending_parts(path) == [bad] and (remains is None or bad.read_bytes() == remains)
    if how != "flipped in its pages":
        said = error_line(ttc("status", path, cwd=tmp_path), status=1)
        assert f"part '{bad}' {HOW[how]}" in said
    bad.rename(tmp_path / "aside")
    assert indices(path) == ([0, 2, 7] if store_is_there else [0, 2])
    assert (absorb(path) == 0 and not parts_directory(path).exists()) or how == "a link"


def test_damage_inside_a_part_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0)])
    absorb(path)
    bad = write_part(path, "samples", [row(1)])
    pq.write_table(pq.read_table(bad), bad, compression="gzip")
    content = bytearray(bad.read_bytes())
    content[200:600] = b"\xff" * 400
    bad.write_bytes(content)
    with pytest.raises(BadPartError, match="is damaged|cannot be read"), connect(path) as con:
        con.execute("SELECT * FROM samples").fetchall()


def test_a_part_that_comes_out_shorter_is_not_deleted(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0), row(1)])
    whole = part_rows.unseen
    monkeypatch.setattr(
        part_rows, "unseen", lambda *given, **more: f"SELECT * FROM ({whole(*given, **more)}) WHERE sample_index = 0"
    )
    with pytest.raises(TTCError, match=r"of 2 rows of samples that wait beside '.*' 1 went in: none was taken in"):
        absorb(path)
    monkeypatch.undo()
    assert len(pending_parts(path)) == 1 and absorb(path) == 1 and indices(path) == [0, 1]


def test_rows_that_vanish_elsewhere_undo_the_taking_in(tmp_path, monkeypatch):
    path = tmp_path / "s.duckdb"
    write_part(path, "samples", [row(0)])
    absorb(path)
    write_part(path, "grades", [{**KEY, "sample_index": 0, "grader": "g", "correct": True}])
    check = part_rows._check_all_in

    def with_a_loss(con: duckdb.DuckDBPyConnection, *given: object) -> None:
        con.execute("DELETE FROM store.main.samples")
        check(con, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(part_rows, "_check_all_in", with_a_loss)
    with pytest.raises(TTCError, match="nothing was taken in"):
        absorb(path)
    monkeypatch.undo()
    assert indices(path) == [0] and len(pending_parts(path)) == 1 and absorb(path) == 1


def test_a_link_to_a_store_is_that_store(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    target, link = tmp_path / "a" / "s.duckdb", tmp_path / "b" / "link.duckdb"
    link.symlink_to(target)
    write_part(link, "samples", [row(0)])  # before there is a file
    assert indices(target) == [0] and absorb(link) == 1 and target.is_file() and link.is_symlink()
    write_part(target, "samples", [row(1)])
    assert indices(link) == [0, 1]
    write_part(link, "samples", [row(2)])
    assert len(pending_parts(target)) == 2 and load_pool(link).present.sum() == 3
    assert absorb(link) == 2 and indices(target) == [0, 1, 2]
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["link.duckdb"]
    with connect(target), connect(link) as con:  # one lock
        assert con.execute("SELECT count(*) FROM samples").fetchall() == [(3,)]


def test_a_link_to_itself_is_one_line(tmp_path):
    loop = tmp_path / "loop.duckdb"
    loop.symlink_to(loop)
    for ask in (load_pool, absorb):
        with pytest.raises(TTCError):
            ask(loop)


def test_a_folder_of_parts_that_is_a_link_is_refused(tmp_path):
    path, other = tmp_path / "s.duckdb", tmp_path / "other.duckdb"
    write_part(path, "samples", [row(0)])
    absorb(path)
    write_part(other, "samples", [row(5)])
    parts_directory(path).symlink_to(parts_directory(other))
    for ask in (load_pool, absorb):
        with pytest.raises(RequestError, match="is a symbolic link"):
            ask(path)
    assert len(pending_parts(other)) == 1
