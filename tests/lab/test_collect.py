"""The demo's making, at a size of a few samples, with the models that ship."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

pytest.importorskip("torch")

from ttclib import load_pool
from ttclib.errors import RequestError
from ttclib.lab import collect as collecting
from ttclib.lab.collect import Size, collect, ship
from ttclib.store.packed import unpack
from ttclib.store.tables import TABLES

TINY = Size(3, 4, 2, 2, 2, 3, 2, (4,))


def counts(store: Path) -> dict[str, int]:
    with duckdb.connect(str(store), read_only=True) as con:
        return {table: con.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in TABLES}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(collecting.SIZES, "demo", TINY)
        store = tmp_path_factory.mktemp("collect") / "small.duckdb"
        collect("demo", store, notify=lambda text: None)
        held = counts(store)
        collect("demo", store, notify=lambda text: None)
        again = counts(store)
        runs = again.pop("runs"), held.pop("runs")
        assert again == held and runs[0] >= runs[1], "what is held is not drawn again"
    return store


def test_every_part_of_the_family_leaves_its_rows(collected: Path) -> None:
    held = counts(collected)
    assert held["problems"] == 3
    assert held["samples"] == held["grades"] == 3 * 4 + len(collecting.LARGER) * (3 * 1 + 3 * 2)
    assert held["scores"] == 3 * 4
    assert held["revisions"] == held["revision_scores"] == held["revision_grades"] == 2 * 2 * 3
    assert held["nodes"] > 0 and held["node_scores"] > 0 and held["node_grades"] > 0


def test_what_ships_replays_as_what_was_collected(collected: Path, tmp_path: Path) -> None:
    shipped = tmp_path / "shipped.duckdb"
    said: list[str] = []
    ship(collected, shipped, notify=said.append)
    assert len(said) == 1 and "shipped.duckdb.xz" in said[0]
    shipped.unlink()
    assert unpack(shipped), "the packed file is the whole of it"
    assert counts(shipped) == counts(collected)
    theirs, ours = (load_pool(path, policy="lab-policy") for path in (collected, shipped))
    assert theirs.problem_ids == ours.problem_ids
    assert (theirs.correct == ours.correct).all()
    with duckdb.connect(str(shipped), read_only=True) as con:
        rows = con.execute("SELECT elapsed_s, logprob FROM samples").fetchall()
        assert con.execute("SELECT count(*) FROM samples WHERE completion_ids IS NULL").fetchall() == [(0,)]
    assert all(elapsed is None and round(logprob, 5) == logprob for elapsed, logprob in rows)


def test_an_unknown_size_lists_the_choices(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="unknown size 'huge'.*Allowed: demo, full"):
        collect("huge", tmp_path / "s.duckdb")
