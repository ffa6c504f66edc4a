"""Names of stores that mean something else to DuckDB, to a pattern, or to a line of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import build_store
from ttclib.errors import RequestError
from ttclib.store import absorb, connect, load_pool, write_part
from ttclib.store.status import store_status

WORK = [
    *(
        "a*b.duckdb",
        "a[1].duckdb",
        "it's.duckdb",
        'a"b.duckdb',
        "a b.duckdb",
        "ü中.duckdb",
        "100%.duckdb",
        "a;b#c.duckdb",
    ),
    *("seed=3/s.duckdb", "{a,b}.duckdb", ":memory:", "~x.duckdb", "file:x.duckdb", "md:x", "s.duckdb.gz", "no_ending"),
]


@pytest.mark.parametrize("name", WORK)
def test_a_store_of_any_usual_name_works(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    path = Path(name)
    path.parent.mkdir(exist_ok=True)
    build_store(path, n_problems=2, n_samples=2, absorbed=False)
    assert len(load_pool(name).problem_ids) == 2  # from parts
    absorb(path)
    build_store(path, n_problems=3, n_samples=2, absorbed=False)
    assert len(load_pool(name).problem_ids) == 3  # from both
    absorb(name)
    assert store_status(name)["policies"][0]["n_samples"] == 6
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [tmp_path / name]


@pytest.mark.parametrize("name", ["what?.duckdb", "a\\b.duckdb", "two\nlines.duckdb", ""])
@pytest.mark.parametrize(
    "use", [load_pool, absorb, store_status, lambda path: write_part(path, "problems", [{"problem_id": "p"}])]
)
def test_a_name_that_cannot_work_is_refused_in_one_line(tmp_path, monkeypatch, name, use):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RequestError, match="give another path") as raised:
        use(name)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_the_working_directory_may_change_while_a_store_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_part("s.duckdb", "problems", [{"problem_id": "p"}])
    absorb("s.duckdb")
    (tmp_path / "elsewhere").mkdir()
    with connect("s.duckdb") as con:
        monkeypatch.chdir(tmp_path / "elsewhere")
        assert con.execute("SELECT count(*) FROM problems").fetchall() == [(1,)]
    monkeypatch.chdir(tmp_path)
    assert absorb("s.duckdb") == 0  # the lock was let go
