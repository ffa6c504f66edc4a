"""Difficulty and its bins: ties by chance, bias of telling and scoring on the same samples, halves, agreement."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from tests.analysis.strategies_made import made
from ttclib.analysis.agreement import cheap_difficulty, difficulty_agreement
from ttclib.analysis.binning import (
    bin_thresholds,
    check_bins,
    difficulty_bins,
    difficulty_table,
    place_problems,
    threshold_bins,
)
from ttclib.analysis.difficulty import (
    Bill,
    difficulty_from_counts,
    difficulty_of_ease,
    needs_other_samples,
    scored_on_halves,
    tell_difficulty,
    told_on_halves,
)
from ttclib.analysis.ease import oracle_difficulty
from ttclib.errors import RequestError

NAN = float("nan")


def test_oracle_is_pass_at_1_of_the_graded_samples():
    ease = oracle_difficulty([[1, 0, 0, 1], [1, NAN, NAN, 0], [NAN, NAN, NAN, NAN]])
    assert ease[:2].tolist() == [0.5, 0.5] and np.isnan(ease[2])


def test_bin_1_is_the_easiest():
    assert difficulty_bins([0.1, 0.9, 0.5, 0.7, 0.3], 5).tolist() == [5, 1, 3, 2, 4]
    assert difficulty_bins([NAN, 0.1, 0.2], 2).tolist() == [0, 2, 1]
    assert difficulty_bins([NAN, NAN], 3).tolist() == [0, 0]
    with pytest.raises(RequestError, match="give at least 1"):
        difficulty_bins([0.1], 0)


def test_chance_parts_ties_not_the_order_of_the_store():
    first = [difficulty_bins([0.5] * 100, 2, seed=seed)[0] for seed in range(200)]
    assert 70 < first.count(1) < 130
    assert (difficulty_bins([0.5] * 100, 2, seed=3) == difficulty_bins([0.5] * 100, 2, seed=3)).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60), st.integers(1, 8), st.integers(0, 5))
def test_bins_differ_by_one_at_most_and_never_swap_easy_and_hard(ease, n_bins, seed):
    bins = difficulty_bins(ease, n_bins, seed=seed)
    sizes = np.bincount(bins, minlength=n_bins + 1)[1:]
    assert sizes.sum() == len(ease) and sizes.max() - sizes.min() <= 1
    for easier, harder in pairwise(np.argsort(bins, kind="stable")):
        assert bins[easier] == bins[harder] or ease[easier] >= ease[harder]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(1, 6))
def test_ties_kept_together_share_a_bin_and_no_number_is_missing(ease, n_bins):
    bins = difficulty_bins(ease, n_bins, ties="together")
    for value in set(ease):
        assert len({int(b) for b, e in zip(bins, ease, strict=True) if e == value}) == 1
    assert set(bins.tolist()) == set(range(1, int(bins.max()) + 1))
    assert len({b for b, _ in sorted(zip(bins.tolist(), ease, strict=True))}) <= n_bins


def test_absolute_thresholds_of_liu_et_al():
    assert threshold_bins([1, 0.5, 0.499, 0.1, 0.099, 0, NAN]).tolist() == [1, 1, 2, 2, 3, 3, 0]
    assert threshold_bins([[0.9, 0.2]], [0.8, 0.6, 0.4]).tolist() == [[1, 4]]
    with pytest.raises(RequestError, match="from the easiest down"):
        threshold_bins([0.5], [0.1, 0.5])
    told = difficulty_of_ease([0.9, 0.3, 0.05], (0.5, 0.1))
    assert (told.bins.tolist(), told.thresholds, told.tied_shares) == ([1, 2, 3], (0.5, 0.1), (None, None))


@given(st.lists(st.integers(0, 1000), min_size=6, max_size=40, unique=True), st.integers(1, 4))
def test_thresholds_give_back_the_bins_where_nothing_ties(values, n_bins):
    told = difficulty_of_ease(np.array(values) / 1000, n_bins)
    assert len(told.thresholds) == n_bins - 1 and set(told.tied_shares) <= {None}
    assert place_problems(told.ease, told.thresholds, told.tied_shares).tolist() == told.bins.tolist()


def test_problems_never_solved_do_not_put_a_bin_out_of_reach():
    # 60 of 100 problems are never solved: they fill bins 3, 4 and 5 of five.
    ease = np.concatenate([np.linspace(0.1, 0.9, 40), np.zeros(60)])
    told = difficulty_of_ease(ease, 5)
    assert told.thresholds[2:] == (0.0, 0.0) and told.tied_shares[2:] == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    placed = place_problems(np.zeros(3000), told.thresholds, told.tied_shares, seed=1)
    assert np.bincount(placed, minlength=6)[3:].tolist() == pytest.approx([1000] * 3, abs=100)
    assert place_problems([0.05], told.thresholds, told.tied_shares).tolist() == [2]
    assert place_problems([NAN], told.thresholds, told.tied_shares).tolist() == [0]


def test_bins_too_small_for_the_folds():
    check_bins(np.array([1, 1, 2, 2, 0]))
    with pytest.raises(RequestError, match="2 folds need at least 4 problems; use at most 1 bins"):
        check_bins(np.array([1, 1, 2]))
    with pytest.raises(RequestError, match="bin 2 holds 0 problems"):
        check_bins(threshold_bins([0.9] * 4 + [0.0] * 4))
    with pytest.raises(RequestError, match="bin 1 holds 1 problems"):  # two rows of one problem are one
        check_bins(np.array([1, 1, 2, 2, 2]), clusters=np.array([0, 0, 1, 2, 3]))


def test_table_counts_ties_and_problems_never_solved():
    ease = [1.0, 1.0, 0.5, 0.5, 0.0, 0.0, 0.0, NAN]
    table = difficulty_table(ease, [1, 1, 1, 2, 2, 3, 3, 0])
    assert table["bin"].to_list() == [0, 1, 2, 3] and table["n_problems"].to_list() == [1, 3, 2, 2]
    assert table["n_never"].to_list() == [0, 0, 1, 2] and table["n_always"].to_list() == [0, 2, 0, 0]
    assert table["n_tied"].to_list() == [0, 1, 2, 2]
    assert table.row(1)[2:5] == pytest.approx((0.5, 2.5 / 3, 1.0))
    assert bin_thresholds(ease, [1, 1, 1, 2, 2, 3, 3, 0]) == (0.5, 0.0)


def test_all_problems_alike_are_luck_alone():
    # Every problem truly .5, 16 samples: bin 1 shows .684 and bin 5 .325 where both are .5.
    shown = []
    for seed in range(40):
        told = tell_difficulty(np.random.default_rng(seed).integers(0, 2, (250, 16)), 5)
        shown.append([told.ease[told.bins == 1].mean() - 0.5, told.bias[1], told.bias[5]])
        assert needs_other_samples(told) and told.bias[0] == 0
    luck, first, last = np.mean(shown, axis=0)
    assert first == pytest.approx(luck, abs=0.015) and last == pytest.approx(-luck, abs=0.015) and luck > 0.15


@pytest.mark.parametrize(("n", "needed"), [(16, True), (256, False)])
def test_the_bias_is_that_of_a_known_world(n, needed):
    rng = np.random.default_rng(n)
    bias, true = [], []
    for _ in range(30):
        chance = rng.beta(0.5, 0.8, 500)
        right = rng.binomial(n, chance)
        told = difficulty_from_counts(np.full(500, n), right, 5)
        bias.append(told.bias[1:])
        true.append([(told.ease - chance)[told.bins == b].mean() for b in range(1, 6)])
        assert needs_other_samples(told) is needed
    # Linear in ease, so right on the whole, and in every bin to a part of the bias.
    assert np.mean(bias, axis=0) == pytest.approx(np.mean(true, axis=0), abs=0.012 if n == 16 else 0.002)


def test_counts_and_samples_tell_the_same():
    correct = np.random.default_rng(0).integers(0, 2, (40, 12)).astype(float)
    whole, counts = tell_difficulty(correct, 4), difficulty_from_counts([12] * 40, correct.sum(axis=1), 4)
    assert (whole.bins == counts.bins).all() and whole.bias == pytest.approx(counts.bias)
    assert whole.n_probes == counts.n_probes == 12


def test_scores_that_know_nothing_of_luck_do_not_flatter():
    rng = np.random.default_rng(0)
    correct = rng.integers(0, 2, (300, 16)).astype(float)
    blind = tell_difficulty(rng.random((300, 16)), 5, source="predicted", correct=correct)
    seeing = tell_difficulty(correct * 0.5 + 0.2, 5, source="predicted", correct=correct)
    assert np.abs(blind.bias).max() < 0.03 and seeing.bias[1] > 0.15
    assert "predicted difficulty (the verifier's mean score)" in seeing.label


def test_one_sample_a_problem_may_be_all_luck():
    assert needs_other_samples(difficulty_from_counts([1] * 20, [1] * 10 + [0] * 10, 2))


def test_halves_are_told_on_one_and_scored_on_the_other():
    correct = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0.0]])
    first, second = (tell_difficulty(correct[:, part], 2, told_on="other") for part in (slice(2), slice(2, 4)))
    both = told_on_halves(first, second)
    assert both.told_on == "halves" and both.clusters.tolist() == [0, 1, 2, 3] * 2
    assert both.bins.tolist() == first.bins.tolist() + second.bins.tolist() and both.n_probes == 2
    scored = scored_on_halves(made(correct[:, 2:]), made(correct[:, :2]))
    assert scored.problem_ids == ("p0", "p1", "p2", "p3") * 2
    # What looked easy in the first half is scored on the second.
    assert scored.accuracy[:4].tolist() == correct[:, 2:].tolist() and not needs_other_samples(both)
    with pytest.raises(ValueError, match="same problems"):
        told_on_halves(first, second.of_rows([0, 1]))
    with pytest.raises(ValueError, match="differ in problems"):
        scored_on_halves(made(correct), made(correct[:2]))


def test_a_bill():
    assert Bill(8).samples([1, 4]).tolist() == [8.0, 8.0]
    assert Bill(8, reused=True).samples([1, 4, 16]).tolist() == [7.0, 4.0, 0.0]
    for wrong in ({"n_probes": -1}, {"n_probes": 4, "queries": 0.5}):
        with pytest.raises(RequestError, match="give at least"):
            Bill(**wrong)


def test_what_cannot_be_told_is_refused():
    with pytest.raises(RequestError, match="no sample is graded"):
        tell_difficulty([[NAN], [NAN]], 2)
    with pytest.raises(RequestError, match="unknown difficulty 'orakel'"):
        difficulty_of_ease([0.5], 1, source="orakel")


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=3, max_size=30))
def test_spearman_is_that_of_scipy(pairs):
    a, b = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    found = difficulty_agreement(a, b, 2, n_resamples=0)
    if len(set(a)) == 1 or len(set(b)) == 1:
        assert np.isnan(found.spearman)
    else:
        assert found.spearman == pytest.approx(spearmanr(a, b).statistic, abs=1e-9)


def test_a_constant_agrees_with_nothing():
    ease = np.linspace(0, 1, 500)
    found = difficulty_agreement(ease, np.full(500, 0.5), 5)
    assert np.isnan(found.spearman) and found.same_bin == pytest.approx(0.2, abs=0.06)
    tied = difficulty_agreement(np.full(500, 0.5), np.full(500, 0.5), 5)
    assert tied.same_bin == pytest.approx(0.2, abs=0.06)


def test_agreement_has_an_interval():
    rng = np.random.default_rng(0)
    a = rng.random(80)
    found = difficulty_agreement(a, a + rng.normal(0, 0.2, 80), 4)
    assert found.spearman_low < found.spearman < found.spearman_high < 1 and found.confusion.sum() == 80
    with pytest.raises(RequestError, match="no problem has both"):
        difficulty_agreement([NAN], [0.5])


def test_cheap_difficulty_is_judged_by_samples_it_has_not_seen():
    correct = np.random.default_rng(0).integers(0, 2, (400, 8)).astype(float)
    told, unseen = cheap_difficulty(correct, 4, n_draws=5)
    assert (told * 4 + unseen * 4) == pytest.approx(np.tile(correct.sum(axis=1), (5, 1)))
    # Luck alone: k samples do not agree with the others, as they seem to with the whole pool.
    apart = np.mean([difficulty_agreement(a, b, n_resamples=0).spearman for a, b in zip(told, unseen, strict=True)])
    assert abs(apart) < 0.06
    whole = spearmanr(told[0], correct.mean(axis=1)).statistic
    assert whole > 0.6
    with pytest.raises(RequestError, match="allowed 1 to 8"):
        cheap_difficulty(correct, 9)
    short, rest = cheap_difficulty([[1, NAN], [1, 0]], 2)
    assert np.isnan(short[0, 0]) and short[0, 1] == 0.5 and np.isnan(rest).all()
