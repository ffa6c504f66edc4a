"""Difficulty of what is compared: on which samples it is told, computed once more by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import comb

from tests.builders import add_chains, build_store, make_pool
from ttclib.errors import RequestError
from ttclib.replay.strategies import BestOfN
from ttclib.store import load_pool
from ttclib.study.question import question
from ttclib.study.study import Study
from ttclib.study.study import open as open_study
from ttclib.study.telling import _halves, bins_of, difficulty_of, of_problems


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    return build_store(tmp_path_factory.mktemp("telling") / "s.duckdb", n_problems=40, n_samples=8)


@pytest.fixture(scope="module")
def study(store) -> Study:
    return open_study(store)


def test_halves_are_disjoint_and_all_of_a_pool(store):
    pool = load_pool(store)
    numbered = np.arange(pool.present.size, dtype=float).reshape(pool.present.shape)
    first, second = _halves(replace(pool, completion_tokens=numbered), np.random.default_rng(3))
    for row, whole in enumerate(numbered.tolist()):
        parts = [half.completion_tokens[row].tolist() for half in (first, second)]
        assert sorted(parts[0] + parts[1]) == whole and len(parts[0]) == len(parts[1]) == 4
    assert not (np.sort(first.completion_tokens, axis=1) == numbered[:, :4]).all()  # at random
    # A sample's score and grade go with it.
    score = pool.verifier().by().ravel()
    np.testing.assert_array_equal(first.verifier().by(), score[first.completion_tokens.astype(int)])


def test_halves_of_counts_are_hypergeometric():
    n, c = np.full(4000, 10), np.full(4000, 4)
    pool = make_pool([[]] * 4000, counts=(n, c))
    first, second = _halves(pool, np.random.default_rng(0))
    assert first.counts is not None and second.counts is not None
    np.testing.assert_array_equal(first.counts[1] + second.counts[1], c)
    assert set(first.counts[0]) == {5}
    share = np.bincount(first.counts[1], minlength=5) / 4000
    expected = [comb(4, k) * comb(6, 5 - k) / comb(10, 5) for k in range(5)]
    np.testing.assert_allclose(share, expected, atol=0.03)


def test_halves_of_one_sample_are_refused():
    with pytest.raises(RequestError, match="problem 'p1' has one sample, too few for two halves"):
        _halves(make_pool([[1, 0], [1]]), np.random.default_rng(0))


def test_told_on_halves_is_each_half_scored_by_the_bins_of_the_other(study, store):
    asked = question(strategies=["best_of_n"], budgets=[1, 2], bins=3, told="halves", seed=5)
    rows = {(row["bin"], row["budget"]): row for row in study.replay(asked).frame.to_dicts()}
    pool = load_pool(store)
    halves = _halves(pool, np.random.default_rng(5))
    accuracy: dict[int, list[float]] = {1: [], 2: [], 3: []}
    problems: dict[int, set[int]] = {1: set(), 2: set(), 3: set()}
    for teller, scored in (halves, halves[::-1]):
        bins = difficulty_of(teller, asked).bins
        outcome = BestOfN().replay(scored, [2], verifier=scored.verifier())
        for row, number in enumerate(bins.tolist()):
            accuracy[number].append(float(outcome.accuracy[row, 0]))
            problems[number].add(row)
    for number in (1, 2, 3):
        assert rows[number, 2]["accuracy"] == pytest.approx(np.mean(accuracy[number]))
        assert rows[number, 2]["n_problems"] == len(problems[number])
    whole = BestOfN().replay(pool, [1, 2], verifier=pool.verifier()).accuracy.mean(axis=0)
    assert [rows[None, size]["accuracy"] for size in (1, 2)] == pytest.approx(whole.tolist())


def test_oracle_on_the_same_samples_is_too_good_for_its_bins_and_halves_are_not():
    """Problems that are all alike: bins told on the samples scored differ, told on others they do not."""
    rng = np.random.default_rng(0)
    right = (rng.random((300, 8)) < 0.5).astype(float)
    pool = make_pool(right)
    from ttclib.study.opening import Member

    study = Study((Member(pool),), Path("memory"))
    gaps = {}
    for told in ("same", "halves"):
        frame = study.replay(strategies=["pass_at_k"], budgets=[1], bins=2, told=told, seed=1).frame
        accuracy = {row["bin"]: row["accuracy"] for row in frame.to_dicts()}
        gaps[told] = accuracy[1] - accuracy[2]
    assert gaps["same"] > 0.25 and abs(gaps["halves"]) < 0.08
    assert study.told(question(strategies=["pass_at_k"], bins=2)).difficulty.told_on == "halves"  # where it matters


def test_many_samples_tell_and_are_scored_and_that_is_all():
    rng = np.random.default_rng(0)
    ease = np.repeat([0.02, 0.98], 20)
    from ttclib.study.opening import Member

    study = Study((Member(make_pool((rng.random((40, 400)) < ease[:, None]).astype(float))),), Path("memory"))
    told = study.told(question(strategies=["pass_at_k"], bins=2))
    assert told.difficulty.told_on == "same" and told.note == "" and len(told.difficulty.bins) == 40


def test_bins_are_cut_on_the_problems_compared(tmp_path):
    study = open_study(add_chains(build_store(tmp_path / "s.duckdb"), n_problems=8), "policy")
    asked = question(strategies=["best_of_n", "revisions"], bins=2, told="same")
    told = study.told(asked)
    assert np.bincount(told.difficulty.bins).tolist() == [0, 4, 4]  # of 8, not of 20
    ease = load_pool(study.store, policy="policy").correct[:8].mean(axis=1)
    assert ease[told.difficulty.bins == 1].min() >= ease[told.difficulty.bins == 2].max()


def test_a_store_without_scores_is_told_on_halves_too(tmp_path):
    """What is left out of the whole is left out of the halves, and is no error."""
    study = open_study(build_store(tmp_path / "s.duckdb", scored=False))
    told = study.told(question(bins=2))
    assert told.difficulty.told_on == "halves" and len(told.difficulty.bins) == 40
    assert {one.strategy for one in told.outcomes} == {one.strategy for one in study.compared(question()).outcomes}


def test_budgets_end_with_half_of_the_pool(study):
    told = study.told(question(strategies=["pass_at_k"], bins=2, told="halves"))
    assert told.outcomes[0].budgets == (1, 2, 4) and told.note.endswith("N up to 4")
    with pytest.raises(RequestError, match="budget 8 is above the 4 samples that half of a pool has"):
        study.told(question(strategies=["pass_at_k"], budgets=[8], bins=2, told="halves"))
    kept = study.told(question(strategies=["pass_at_k"], budgets=[8], bins=2))  # unasked: the same samples, and said
    assert kept.difficulty.told_on == "same" and "budget 8 is above" in kept.note


@pytest.mark.parametrize(
    ("values", "n_problems", "folds", "cut"),
    [
        ({}, 40, 1, 5), ({}, 3, 1, 3), ({}, 8, 2, 4), ({}, 1, 2, 1), ({"bins": 7}, 40, 2, 7),
        ({"thresholds": [0.5, 0.1]}, 40, 1, (0.5, 0.1)),
    ],
)  # fmt: skip
def test_how_many_bins(values, n_problems, folds, cut):
    assert bins_of(question(**values), n_problems, folds) == cut


def test_more_bins_than_problems_are_refused():
    with pytest.raises(RequestError, match="8 bins: allowed 1 to 7, the number of problems"):
        bins_of(question(bins=8), 7)


def test_what_tells_must_be_there():
    pool = make_pool([[None, None], [None, None]])
    with pytest.raises(RequestError, match="holds no grades for policy 'policy'"):
        difficulty_of(pool, question(bins=1))
    counted = make_pool([[], []], counts=(np.array([4, 4]), np.array([1, 3])))
    assert difficulty_of(counted, question(bins=2)).bins.tolist() == [2, 1]
    with pytest.raises(RequestError, match="holds counts of 'policy', and no scores"):
        difficulty_of(counted, question(bins=2, difficulty="predicted"))


def test_a_pool_on_some_problems_has_them_in_that_order():
    pool = make_pool([[1], [0], [1]])
    assert of_problems(pool, ["p2", "p0"]).problem_ids == ["p2", "p0"]
    assert of_problems(pool, ["p2", "p1"]).correct.tolist() == [[1], [0]]
