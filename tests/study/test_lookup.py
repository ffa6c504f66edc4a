"""Which store is meant, and what it can answer."""

import os
from pathlib import Path

import pytest

import ttclib
from tests.show.stores import make_counts, make_store
from ttclib.errors import RequestError
from ttclib.study.opening import find_store
from ttclib.study.question import question
from ttclib.study.sides import compare_sides, other_side

SAMPLING = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")


def test_a_store_is_found_from_the_notebooks_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "s.duckdb").touch()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert find_store("s.duckdb").samefile(tmp_path / "s.duckdb")
    assert find_store("none.duckdb") == Path("none.duckdb")
    assert os.fspath(find_store(tmp_path / "s.duckdb")) == os.fspath(tmp_path / "s.duckdb")


def test_a_scored_store_answers_all_and_names_its_verifiers(tmp_path: Path) -> None:
    study = ttclib.open(make_store(tmp_path / "s.duckdb", n_problems=4, n_samples=4, orm=True))
    assert set(SAMPLING) <= set(study.able(question()))
    assert set(study.verifiers()) == {"logprob", "tiny-orm", "tiny-prm"}
    choices = study.verifier_choices("prm")
    assert choices[study.verifiers()["tiny-prm"]] == "prm" and choices[study.verifiers()["tiny-orm"]] == "tiny-orm"
    assert study.difficulties() == ["oracle", "predicted"]
    by_kind, by_name = (
        study.replay(strategies="best_of_n", budgets=4, verifier=name).frame["accuracy"][0]
        for name in ("orm", "tiny-orm")
    )
    assert by_kind == by_name


def test_without_scores_the_rest_is_replayed_and_the_lack_said(tmp_path: Path) -> None:
    study = ttclib.open(make_store(tmp_path / "s.duckdb", n_problems=4, n_samples=4, scored=False))
    curves = study.replay(strategies=SAMPLING, lacking="leave out")
    assert curves.frame["strategy"].unique().sort().to_list() == ["majority_vote", "pass_at_k"]
    assert curves.notes == ("left out: best-of-N, best-of-N weighted (no such scores)",)
    assert study.difficulties() == ["oracle"]
    with pytest.raises(RequestError, match="`ttc score`"):
        study.replay(strategies=SAMPLING)


def test_counts_answer_coverage_alone(tmp_path: Path) -> None:
    study = ttclib.open(make_counts(tmp_path / "s.duckdb"))
    curves = study.replay(strategies=SAMPLING, lacking="leave out")
    assert curves.frame["strategy"].unique().to_list() == ["pass_at_k"]
    n, c = study.pool.counts or (None, None)
    assert n is not None and c is not None
    assert curves.frame["accuracy"][0] == pytest.approx((c / n).mean())
    assert "majority vote (counts alone)" in curves.notes[0]
    share = curves.frame["accuracy"][-1]
    assert curves.findings[0].startswith(f"At N = 16 a right answer is among the samples of {share:.1%} [")


def test_two_settings_are_asked_for_by_a_key_and_compared(tmp_path: Path) -> None:
    path = make_store(tmp_path / "s.duckdb", n_problems=4, n_samples=4, second_temperature=0.3)
    with pytest.raises(RequestError, match="temperature"):
        ttclib.open(path)
    cold, warm = (ttclib.open(path, setting={"temperature": value}) for value in (0.3, 0.8))
    assert cold.pool.n_correct.sum() > warm.pool.n_correct.sum()
    asked = question(strategies=["pass_at_k"])
    second, note = other_side(warm, asked, setting={"temperature": 0.3})
    found = compare_sides(warm, second, asked)
    gain = found.result.frame.filter(found.result.frame["budget"] == 1)["difference"][0]
    assert note == "" and gain == pytest.approx((cold.pool.n_correct - warm.pool.n_correct).sum() / 16)
    assert all("temperature" in name for name in found.result.names)


def test_no_second_side_is_said_and_not_made_up(tmp_path: Path) -> None:
    study = ttclib.open(make_store(tmp_path / "s.duckdb", n_problems=4, n_samples=4, scored=False))
    with pytest.raises(RequestError, match="one policy and no two verifiers' scores.*`ttc score`"):
        other_side(study, question())
