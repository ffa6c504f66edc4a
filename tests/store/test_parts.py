"""Writing parts, and reading parts and file as one."""

from __future__ import annotations

import errno
import os
import subprocess
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.store.processes import row
from ttclib.errors import RequestError
from ttclib.store import absorb, connect, write_part
from ttclib.store.schema import parts_directory, pending_parts


def rows_of(path: Path, columns: str = "sample_index, completion") -> list[tuple]:
    with connect(path) as con:
        return con.execute(f"SELECT {columns} FROM samples ORDER BY problem_id, sample_index").fetchall()


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "s.duckdb"


def test_a_part_is_read_before_and_after_it_is_taken_in(path):
    part = write_part(path, "samples", [row(0), row(1)])
    assert part is not None and part.parent == parts_directory(path) and not path.exists()
    assert rows_of(path) == [(0, "text"), (1, "text")]
    assert not path.exists()  # reading writes nothing
    assert absorb(path) == 1
    assert rows_of(path) == [(0, "text"), (1, "text")]
    assert not parts_directory(path).exists()
    assert absorb(path) == 0


def test_file_and_parts_are_read_as_one(path):
    write_part(path, "samples", [row(0), row(1)])
    absorb(path)
    write_part(path, "samples", [row(1, text="late"), row(2)])
    write_part(path, "samples", [row(2, text="later"), row(3)])
    expected = [(0, "text"), (1, "text"), (2, "text"), (3, "text")]
    assert rows_of(path) == expected
    assert absorb(path) == 2
    assert rows_of(path) == expected


def test_a_repeated_write_leaves_one_row_and_the_first_counts(path):
    for text in ("first", "second"):
        write_part(path, "samples", [row(0, text=text), row(0, text="same part")])
    assert rows_of(path) == [(0, "first")]
    absorb(path)
    assert rows_of(path) == [(0, "first")]
    write_part(path, "samples", [row(0, text="third")])
    absorb(path)
    assert rows_of(path) == [(0, "first")]


def test_no_rows_make_no_part(path):
    assert write_part(path, "samples", []) is None
    assert not parts_directory(path).exists()


def test_missing_is_null_all_the_way(path):
    bare = {"policy": "m", "problem_id": "p", "setting": "s", "sample_index": 0}
    write_part(path, "samples", [bare])
    write_part(path, "scores", [{**bare, "verifier": "prm", "step_scores": None}])
    write_part(path, "grades", [{**bare, "grader": "exact", "correct": None}])
    for _ in range(2):
        with connect(path) as con:
            sample = con.execute("SELECT * EXCLUDE (policy, problem_id, setting, sample_index) FROM samples").fetchall()
            score = con.execute("SELECT step_scores, prm_tokens, run_id FROM scores").fetchall()
            grade = con.execute("SELECT answer, answer_class, correct FROM grades").fetchall()
        assert set(sample[0]) | set(score[0]) | set(grade[0]) == {None}
        absorb(path)


def test_an_arrow_table_is_a_part_too(path):
    table = pa.table({"sample_index": [0, 1], "policy": ["m", "m"], "setting": ["s"] * 2, "problem_id": ["p"] * 2})
    write_part(path, "samples", table)
    assert rows_of(path) == [(0, None), (1, None)]
    absorb(path)
    assert rows_of(path) == [(0, None), (1, None)]


@pytest.mark.parametrize("as_rows", [list, pa.Table.from_pylist])
def test_what_the_file_could_not_take_is_refused_at_once(path, as_rows):
    with pytest.raises(ValueError, match="table samples has no column colour"):
        write_part(path, "samples", as_rows([{**row(0), "colour": "red"}]))
    with pytest.raises(ValueError, match="lacks its key sample_index"):
        write_part(path, "samples", as_rows([{**row(0), "sample_index": None}]))
    with pytest.raises(ValueError):
        write_part(path, "samples", as_rows([{**row(0), "completion_tokens": "many"}]))
    with pytest.raises(KeyError):
        write_part(path, "simples", as_rows([row(0)]))
    assert not parts_directory(path).exists()


def test_a_path_with_signs_of_patterns_and_quotes_is_a_name(tmp_path):
    path = tmp_path / "run [1] *best* o'clock" / "s-x.duckdb"
    write_part(path, "samples", [row(0)])
    write_part(path, "problems", [{"problem_id": "p"}])
    assert rows_of(path) == [(0, "text")]
    assert absorb(path) == 2
    write_part(path, "samples", [row(1)])
    assert rows_of(path) == [(0, "text"), (1, "text")]


def test_temporary_and_foreign_files_beside_the_parts_are_left_alone(path):
    part = write_part(path, "samples", [row(0)])
    folder = parts_directory(path)
    (folder / (part.name + ".tmp")).write_bytes(b"PAR1 half a par")
    pq.write_table(pa.table({"a": [1]}), folder / "0-tree_nodes-of-a-later-release.parquet")
    (folder / "notes.parquet").write_text("no part")
    assert pending_parts(path) == [part]
    assert rows_of(path) == [(0, "text")]
    assert absorb(path) == 1
    assert len(list(folder.iterdir())) == 3
    assert rows_of(path) == [(0, "text")]


def test_what_a_killed_writer_left_is_swept_after_an_hour(path):
    write_part(path, "samples", [row(0)])
    old, new = (parts_directory(path) / f"{name}.parquet.tmp" for name in ("old", "new"))
    old.touch()
    new.touch()
    os.utime(old, (time.time() - 7200,) * 2)
    absorb(path)
    assert new.exists() and not old.exists()


def test_a_crash_between_commit_and_removal_does_no_harm(path, monkeypatch):
    write_part(path, "samples", [row(0)])
    with monkeypatch.context() as patch:
        patch.setattr("ttclib.store.connection._remove", lambda parts, store: None)
        absorb(path)
    assert path.exists() and len(pending_parts(path)) == 1
    assert rows_of(path) == [(0, "text")]
    assert absorb(path) == 1
    assert rows_of(path) == [(0, "text")] and not pending_parts(path)


def test_the_folder_may_vanish_while_a_part_is_made(path, monkeypatch):
    # Another process takes the last part in and removes the empty folder just before the new part is opened.
    make, times = Path.mkdir, iter(range(3))

    def make_and_lose(self, *args, **kwargs):
        make(self, *args, **kwargs)
        if next(times, None) is not None and self == parts_directory(path):
            self.rmdir()

    monkeypatch.setattr(Path, "mkdir", make_and_lose)
    assert write_part(path, "samples", [row(0)]) is not None
    assert rows_of(path) == [(0, "text")]


@pytest.mark.parametrize("step", ["fsync", "write_table"])
def test_a_full_disk_is_one_line_and_leaves_nothing(path, monkeypatch, step):
    write_part(path, "samples", [row(0)])

    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr({"fsync": "os.fsync", "write_table": "pyarrow.parquet.write_table"}[step], full)
        with pytest.raises(RequestError, match=r"no space left in .*free some, then run") as raised:
            write_part(path, "samples", [row(1)])
    assert "\n" not in str(raised.value)
    assert len(list(parts_directory(path).iterdir())) == 1
    assert rows_of(path) == [(0, "text")]


def test_an_interrupt_leaves_no_temporary_file(path, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("pyarrow.parquet.write_table", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_part(path, "samples", [row(0)])
    assert list(parts_directory(path).iterdir()) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.EEXIST, errno.EXDEV])
def test_a_file_system_without_hard_links_will_do(path, monkeypatch, number):
    def no_link(source, target):
        if number == errno.EEXIST:  # another process makes the store at the same moment
            Path(source).rename(target)
        raise OSError(number, "no link")

    monkeypatch.setattr("os.link", no_link)
    write_part(path, "samples", [row(0)])
    assert absorb(path) == 1
    assert rows_of(path) == [(0, "text")] and not parts_directory(path).exists()


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RequestError, match="cannot write to"):
        write_part(tmp_path / "file" / "s.duckdb", "samples", [row(0)])
    with pytest.raises(RequestError, match="cannot write to"):
        absorb(tmp_path / "file" / "s.duckdb")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1.5 MB of its own; skips where none may be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = None
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        command = ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", str(folder)]
        mounted = subprocess.run(command, capture_output=True, check=False)
    if mounted is None or mounted.returncode:
        pytest.skip("mounting a small file system is not permitted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("taken_in_first", [False, True])
def test_a_disk_that_is_really_full_keeps_what_was_acknowledged(small_disk, taken_in_first):
    path = small_disk / "s.duckdb"
    safe = 0
    with pytest.raises(RequestError, match="no space left"):
        while True:
            # Hexadecimal noise: 8 kB a row do not compress below 4.
            write_part(path, "samples", [row(safe, text=os.urandom(4096).hex())])
            safe += 1
            if taken_in_first and safe == 2:
                absorb(path)
    assert safe > 5
    assert not list(parts_directory(path).glob("*.tmp"))
    assert [index for (index,) in rows_of(path, "sample_index")] == list(range(safe))
    with pytest.raises(RequestError, match=f"no space left for '{path}'"):
        absorb(path)
    assert [index for (index,) in rows_of(path, "sample_index")] == list(range(safe))
    assert path.exists() == taken_in_first  # whole or not at all
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    absorb(path)
    assert not pending_parts(path)
    assert [index for (index,) in rows_of(path, "sample_index")] == list(range(safe))


def test_a_folder_that_goes_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    """Another process removes it when it is empty: `mkdir` finds it there, and looking again not."""
    made, gone = Path.mkdir, [FileExistsError(errno.EEXIST, "File exists"), FileNotFoundError(errno.ENOENT, "gone")]

    def mkdir(self, *arguments, **more):
        if gone:
            raise gone.pop()
        return made(self, *arguments, **more)

    monkeypatch.setattr(Path, "mkdir", mkdir)
    assert write_part(tmp_path / "s.duckdb", "samples", [row(0)]).is_file() and gone == []
    monkeypatch.undo()
    (tmp_path / "t.duckdb.parts").write_text("a file")
    with pytest.raises(RequestError, match="cannot write to"):
        write_part(tmp_path / "t.duckdb", "samples", [row(0)])
