"""What a pool can answer."""

import os
from pathlib import Path

import pytest

from ttclib.analysis.curves import SAMPLING
from ttclib.errors import RequestError
from ttclib.show.choices import difficulties_of, find_store, replayable, verifiers_of
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
