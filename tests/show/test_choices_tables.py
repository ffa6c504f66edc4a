"""What a pool can answer, and the tables."""

import os
from pathlib import Path

import polars as pl
import pytest

from ttclib.analysis.curves import SAMPLING
from ttclib.errors import RequestError
from ttclib.show.choices import difficulties_of, find_store, replayable, verifiers_of
from ttclib.show.tables import table_html, wide_table_html
from ttclib.store import SamplePool, load_pool


def test_all_can_be_replayed_from_a_scored_store(pool: SamplePool) -> None:
    assert replayable(pool, SAMPLING) == (list(SAMPLING), "")
    assert verifiers_of(pool) == ["prm", "logprob"]
    with pytest.raises(RequestError, match="did you mean 'best_of_n'"):
        replayable(pool, ["best_of_m"])


def test_without_scores_the_rest_is_replayed_and_the_lack_said(unscored_store: Path) -> None:
    pool = load_pool(unscored_store)
    kept, note = replayable(pool, SAMPLING)
    assert kept == ["pass_at_k", "majority_vote"]
    assert "no PRM scores" in note and "best-of-N and best-of-N weighted left out" in note and "ttc score" in note
    assert difficulties_of(pool) == ["oracle"]


def test_a_store_is_found_from_the_notebooks_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "s.duckdb").touch()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_store("s.duckdb").samefile(tmp_path / "s.duckdb")
    assert find_store("none.duckdb") == Path("none.duckdb")
    assert os.fspath(find_store(tmp_path / "s.duckdb")) == os.fspath(tmp_path / "s.duckdb")


def test_tables_show_percent_and_names(curves: pl.DataFrame) -> None:
    overall = curves.filter(pl.col("bin").is_null())
    html = table_html(overall, caption="a < b")
    assert "a &lt; b" in html and "best-of-N weighted" in html and "difficulty bin" not in html
    assert html.count("<tr>") == len(overall) + 1
    assert f"{overall['accuracy'][0]:.1%}" in html
    assert "difficulty bin" in table_html(curves)
    assert "–" in table_html(overall.with_columns(flops=pl.lit(None, dtype=pl.Float64)))


def test_the_gap_is_in_points(curves: pl.DataFrame) -> None:
    html = wide_table_html(curves, gap=("pass_at_k", "best_of_n"), gap_title="left")
    assert "left</th>" in html and "points" in html
    few = curves.filter(pl.col("strategy") == "pass_at_k")
    assert "left" not in wide_table_html(few, gap=("pass_at_k", "best_of_n"), gap_title="left").split("</style>")[1]
