"""Selection among chains against the listing of every subset, and what must hold for any chains."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.chains import made_chains, problem_of, random_chains, scores_of, selected
from ttclib.errors import RequestError
from ttclib.replay.revisions import SELECTIONS, select_from_chains, split_at_ratio, splits_of
from ttclib.replay.voting import elect, weighted_best_of_n
from ttclib.samples import Chains

ALL = [(s, p) for s in (1, 2, 3, 4) for p in (1, 2, 3, 4, 5)]


def estimate(chains: Chains, splits, selection="hierarchical", **options):
    return select_from_chains(
        chains.answer_ids, scores_of(chains), chains.correct, chains.lengths, splits, selection=selection, **options
    )


def accuracy(chains: Chains, splits, selection="hierarchical", **options):
    return estimate(chains, splits, selection, **options).accuracy


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("seed", range(4))
def test_against_every_subset_of_chains(selection, seed):
    rng = np.random.default_rng(seed)
    chains = random_chains(rng, (6, 5, 4), n_classes=1 + seed)
    chains.answer_ids[0, :4] = -1  # hardly anybody votes
    chains = replace(chains, present=np.arange(4) < rng.integers(1, 5, (6, 5))[..., None])
    found = estimate(chains, ALL, selection)
    for row in range(6):
        accuracy, ungraded = np.array([selected(*problem_of(chains, row), *split, selection) for split in ALL]).T
        assert found.accuracy[row] == pytest.approx(accuracy, nan_ok=True, abs=1e-12)
        assert found.ungraded[row] == pytest.approx(ungraded, nan_ok=True, abs=1e-12)
    assert np.isnan(found.accuracy).any() and (found.accuracy > 0).any() and (found.ungraded > 0).any()
    assert not np.nan_to_num(found.mc_error).any()
    assert np.array_equal(np.isnan(found.mc_error), np.isnan(found.accuracy))


def test_ties_inside_chains_and_across_are_split():
    rng = np.random.default_rng(5)
    chains = random_chains(rng, (4, 4, 3))
    scores_of(chains)[:] = np.round(scores_of(chains) * 2) / 2 + 0.5
    splits = [(s, p) for s in (1, 2, 3) for p in (1, 2, 3, 4)]
    found = estimate(chains, splits, n_subsets=40_000)
    assert found.mc_error.any() and found.mc_error.max() <= 0.5 / np.sqrt(40_000 - 6)
    for row in range(4):
        every = [selected(*problem_of(chains, row), *split, "hierarchical") for split in splits]
        accuracy, ungraded = np.array(every).T
        assert np.all(np.abs(found.accuracy[row] - accuracy) <= 5 * found.mc_error[row] + 1e-12)
        assert found.ungraded[row] == pytest.approx(ungraded, abs=4 * 0.5 / np.sqrt(40_000))
        exact = [i for i, split in enumerate(splits) if split[1] == 1 or split[0] == 1]  # nothing is drawn there
        assert found.accuracy[row, exact] == pytest.approx(accuracy[exact])
        assert not found.mc_error[row, exact].any()


@pytest.mark.parametrize(("ties", "n_subsets"), [(False, 100), (True, 100), (True, 400), (True, 252)])
def test_the_error_that_is_reported_is_the_one_that_is_made(ties, n_subsets):
    # Over 300 seeds, 5 of 10 chains, 252 subsets: drawn at random, or all of them once, or with ties twice and more.
    chains = random_chains(np.random.default_rng(11), (1, 10, 3))
    if ties:
        scores_of(chains)[:] = np.round(scores_of(chains) * 2) / 2 + 0.5
    runs = [estimate(chains, [(3, 5)], n_subsets=n_subsets * (1 + (n_subsets > 252)), seed=seed) for seed in range(300)]
    spread = np.std([run.accuracy[0, 0] for run in runs], ddof=1)
    reported = np.mean([run.mc_error[0, 0] for run in runs])
    if n_subsets == 252:
        assert 0 < spread < reported
    else:
        assert spread == pytest.approx(reported, rel=0.15)


def test_many_chains_are_drawn_at_random():
    chains = random_chains(np.random.default_rng(7), (5, 10, 2))
    splits = [(1, 5), (2, 5), (2, 10)]
    exact = accuracy(chains, splits, n_subsets=252)
    drawn = accuracy(chains, splits, n_subsets=251)
    assert (drawn != exact)[:, :2].any()
    assert drawn == pytest.approx(exact, abs=4 * 0.5 / np.sqrt(251))
    assert drawn[:, 2] == pytest.approx(exact[:, 2])  # of the whole there is one
    assert (accuracy(chains, splits, n_subsets=251) == drawn).all()
    assert (accuracy(chains, splits, n_subsets=251, seed=1) != drawn).any()


@given(st.integers(0, 10_000), st.integers(1, 6))
def test_one_answer_a_chain_is_flat_voting_of_the_first_answers(seed, parallel):
    chains = random_chains(np.random.default_rng(seed), (3, 6, 2))
    first = chains.answer_ids[:, :, 0], chains.correct[:, :, 0]
    known = ~np.isnan(first[1]).all(axis=1)  # what is graded later in a chain is told of no first answer
    for selection, scores in (("hierarchical", scores_of(chains)[:, :, 0]), ("majority", None)):
        expected = elect(first[0], scores, first[1], [parallel])
        found = estimate(chains, [(1, parallel)], selection)
        for part in ("accuracy", "ungraded"):
            assert getattr(found, part)[known] == pytest.approx(getattr(expected, part)[known], abs=1e-12)


@given(st.integers(0, 10_000), st.integers(1, 4))
def test_one_chain_is_the_mean_over_chains_of_voting_inside(seed, sequential):
    # What an answer is worth is told by all chains, so grades are the answers' own here.
    chains = random_chains(np.random.default_rng(seed), (2, 3, 4))
    right = np.where(chains.answer_ids == 0, 1.0, 0.0)
    for selection in SELECTIONS:
        found = accuracy(replace(chains, correct=right), [(sequential, 1)], selection)[:, 0]
        for row in range(2):
            ids, scores, _, _ = (values[:, :sequential] for values in (*problem_of(chains, row)[:3], np.zeros((3, 4))))
            weights = None if selection == "majority" else scores
            inside = elect(ids, weights, right[row, :, :sequential], [sequential]).accuracy
            assert found[row] == pytest.approx(inside.mean())


@given(st.integers(0, 10_000), st.sampled_from(SELECTIONS))
def test_neither_the_order_of_chains_nor_the_numbers_of_classes_matter(seed, selection):
    rng = np.random.default_rng(seed)
    chains = random_chains(rng, (2, 4, 3))
    order, names = rng.permutation(4), np.append(rng.permutation(3) + 10, -1)
    other = made_chains(names[chains.answer_ids][:, order], chains.correct[:, order], scores_of(chains)[:, order])
    splits = [(s, p) for s in (1, 2, 3) for p in (1, 2, 3, 4)]
    assert accuracy(other, splits, selection) == pytest.approx(accuracy(chains, splits, selection), nan_ok=True)


@given(st.integers(0, 10_000), st.floats(0.1, 100))
def test_the_scale_of_scores_does_not_matter(seed, factor):
    chains = random_chains(np.random.default_rng(seed), (2, 4, 3))
    scaled = made_chains(chains.answer_ids, chains.correct, scores_of(chains) * factor)
    splits = [(2, 2), (3, 4)]
    assert accuracy(scaled, splits) == pytest.approx(accuracy(chains, splits), nan_ok=True)


def test_what_lies_behind_the_cut_does_not_matter():
    chains = random_chains(np.random.default_rng(3), (3, 4, 4))
    before = accuracy(chains, [(2, 3)])
    chains.answer_ids[:, :, 2:] = 7
    chains.correct[:, :, 2:] = 1.0
    scores_of(chains)[:, :, 2:] = 9.0
    assert accuracy(chains, [(2, 3)]) == pytest.approx(before)


def test_the_worked_example_of_the_hierarchy():
    # Chain 0 elects class 1 by its sum (.4 + .4 against .6), which stands with .4. Chain 1 elects class 0, with .5.
    ids, scores = [[[0, 1, 1], [0, 2, -1]]], [[[0.6, 0.4, 0.4], [0.5, 0.1, 0.9]]]
    correct = [[[1, 0, 0], [1, 0, 0]]]
    assert accuracy(made_chains(ids, correct, scores), [(3, 2)]).tolist() == [[1.0]]
    flat = weighted_best_of_n(np.reshape(ids, (1, 6)), np.reshape(scores, (1, 6)), np.reshape(correct, (1, 6)), [6])
    assert flat.tolist() == [[1.0]]  # .6 + .5 as well; and where they part:
    scores[0][1][0] = 0.3
    assert accuracy(made_chains(ids, correct, scores), [(3, 2)]).tolist() == [[0.0]]  # .3 against .4
    assert weighted_best_of_n(
        np.reshape(ids, (1, 6)), np.reshape(scores, (1, 6)), np.reshape(correct, (1, 6)), [6]
    ).tolist() == [[1.0]]  # .9 against .8


def test_where_nobody_votes_one_is_taken_at_random_and_where_nothing_is_graded_nothing_is_known():
    nan = np.nan
    none = made_chains([[[-1, -1]]], [[[1, 0]]])
    assert accuracy(none, [(1, 1), (2, 1), (1, 2)]).tolist()[0] == pytest.approx([1, 0.5, nan], nan_ok=True)
    assert np.isnan(accuracy(made_chains([[[0, 1]]], [[[nan, nan]]]), [(1, 1)])).all()
    unscored = made_chains([[[0, 1]]], [[[1, 0]]], [[[nan, nan]]])
    assert accuracy(unscored, [(2, 1)]).tolist() == [[0.5]]
    assert accuracy(unscored, [(1, 1)], "majority").tolist() == [[1.0]]
    with pytest.raises(RequestError, match="must not be below 0, got -0.5"):
        accuracy(made_chains([[[0, 1]]], 1.0, [[[0.5, -0.5]]]), [(1, 1)])


def test_splits():
    assert splits_of(128) == [(1, 128), (2, 64), (4, 32), (8, 16), (16, 8), (32, 4), (64, 2), (128, 1)]
    assert splits_of(12) == [(1, 12), (2, 6), (3, 4), (4, 3), (6, 2), (12, 1)]
    assert splits_of(1) == [(1, 1)] and splits_of(7) == [(1, 7), (7, 1)]
    with pytest.raises(ValueError, match="at least 1"):
        splits_of(0)


@given(st.integers(1, 600))
def test_splits_multiply_to_the_budget(budget):
    assert all(s * p == budget for s, p in splits_of(budget))
    assert {(p, s) for s, p in splits_of(budget)} == set(splits_of(budget))


def test_the_nearest_split_to_a_ratio():
    assert [split_at_ratio(n, 1) for n in (1, 2, 4, 8, 64)] == [(1, 1), (2, 1), (2, 2), (4, 2), (8, 8)]
    assert [split_at_ratio(64, ratio) for ratio in (1 / 1000, 0.25, 4, 1000)] == [(1, 64), (4, 16), (16, 4), (64, 1)]
    for wrong in (0, -1, np.inf, np.nan):
        with pytest.raises(RequestError, match="must be above 0"):
            split_at_ratio(4, wrong)


def test_what_does_not_fit_together_is_refused():
    with pytest.raises(ValueError, match="must share one shape"):
        select_from_chains(np.zeros((1, 2)), np.zeros((1, 2)), np.zeros((1, 2)), [1], [(1, 1)])
    with pytest.raises(ValueError, match="needs scores"):
        select_from_chains(np.zeros((1, 2, 1)), None, np.zeros((1, 2, 1)), [[1, 1]], [(1, 1)])
    with pytest.raises(RequestError, match="unknown selection 'hierarchic'.*did you mean 'hierarchical'"):
        accuracy(made_chains([[[0]]], [[[1]]]), [(1, 1)], "hierarchic")
