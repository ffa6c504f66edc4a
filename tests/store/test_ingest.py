"""Parts and stores of other machines: taken in once, named where they are damaged, removed only once they are in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from tests.store.processes import row, start
from ttclib.cli import cli
from ttclib.errors import RequestError
from ttclib.store import absorb, connect, pending_parts, write_part
from ttclib.store.ingest import ingest
from ttclib.store.schema import parts_directory

PROBLEM = {"problem_id": "p", "prompt": "1+1=", "reference_answer": "2"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.duckdb"


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another machine's store: five samples in its file, five in two parts beside it."""
    store = tmp_path / "other" / "o.duckdb"
    write_part(store, "problems", [PROBLEM])
    write_part(store, "samples", [row(index) for index in range(5)])
    absorb(store)
    for begin in (5, 8):
        write_part(store, "samples", [row(index) for index in range(begin, min(begin + 3, 10))])
    return store


def indices(path: Path) -> list[int]:
    with connect(path) as con:
        return [index for (index,) in con.execute("SELECT sample_index FROM samples ORDER BY 1").fetchall()]


def test_a_folder_of_parts_goes_in_and_away(path, other) -> None:
    found = ingest(path, [parts_directory(other)])
    assert (found.n_parts, found.n_rows, found.n_removed, found.refused) == (2, 5, 2, {})
    assert indices(path) == [5, 6, 7, 8, 9] and not pending_parts(other) and not pending_parts(path)


def test_with_keep_nothing_goes_and_again_changes_nothing(path, other) -> None:
    before = {part.name: part.read_bytes() for part in pending_parts(other)}
    for _ in range(2):
        assert ingest(path, [parts_directory(other), *pending_parts(other)], keep=True).n_removed == 0
        assert indices(path) == [5, 6, 7, 8, 9]
    assert {part.name: part.read_bytes() for part in pending_parts(other)} == before


def test_a_store_goes_in_whole_and_stays(path, other) -> None:
    assert ingest(path, [other]).n_rows == 11
    assert indices(path) == indices(other) == list(range(10))
    with connect(path) as con:
        assert con.execute("SELECT prompt FROM problems").fetchall() == [("1+1=",)]


def test_a_damaged_part_is_named_and_stays_while_others_go_in(path, other, tmp_path) -> None:
    first, second = pending_parts(other)
    flipped = bytearray(first.read_bytes())
    flipped[-5] ^= 255
    first.write_bytes(flipped)
    cut = first.with_name(second.name.replace("-samples-", "-samples-0"))
    cut.write_bytes(second.read_bytes()[:-30])
    strange = first.with_name("data.parquet")
    shutil.copy(second, strange)
    newer = first.with_name(second.name.replace("-samples-", "-samples-1"))
    pq.write_table(pq.read_table(second).append_column("later", [[1, 2]]), newer)
    result = CliRunner().invoke(cli, ["ingest", str(parts_directory(other)), "--store", str(path)])
    assert result.exit_code == 1 and "4 parts were left out" in str(result.exception)
    for part in (first, cut, strange, newer):
        assert f"'{part}' is left where it is: " in result.output and part.exists()
    assert "no column later" in result.output and "its name is none of a part" in result.output
    assert indices(path) == [8, 9] and not second.exists()


def test_a_problem_with_another_text_refuses_all(path, other) -> None:
    write_part(path, "problems", [PROBLEM | {"prompt": "2+2="}])
    before = pending_parts(path)
    with pytest.raises(RequestError, match="problem 'p' has another prompt in '.*' than in '.*nothing was taken in"):
        ingest(path, [parts_directory(other), other])
    assert pending_parts(path) == before and len(pending_parts(other)) == 2


@pytest.mark.parametrize(
    ("name", "told"), [("nowhere", "no parts at"), ("empty", "holds no parts"), ("s.duckdb", "is the store itself")]
)
def test_what_is_no_source_is_refused(path, tmp_path, name, told) -> None:
    (tmp_path / "empty").mkdir()
    if name == path.name:
        absorb(path)
    with pytest.raises(RequestError, match=told):
        ingest(path, [tmp_path / name])
    assert path.exists() == (name == path.name)


@pytest.fixture
def reader(path: Path) -> Iterator[subprocess.Popen[str]]:
    absorb(path)
    one = start("hold", path)
    assert one.stdout is not None and one.stdout.readline() == "open\n"
    yield one
    one.kill()
    one.wait()
    for stream in (one.stdin, one.stdout):
        stream.close()


def test_where_the_store_is_held_parts_wait_and_are_not_removed(path, other, reader) -> None:
    found = ingest(path, [parts_directory(other)], wait_s=0.2)
    assert found.is_waiting and found.n_removed == 0 and len(pending_parts(other)) == 2
    assert indices(path) == [5, 6, 7, 8, 9]
    reader.communicate("\n", timeout=60)
    assert ingest(path, [parts_directory(other)]).n_removed == 2
    assert indices(path) == [5, 6, 7, 8, 9] and not pending_parts(path)
