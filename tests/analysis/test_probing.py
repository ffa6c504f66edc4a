"""Cheap difficulty whose samples are used again: against a loop over draws, and against what it must not gain."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import make_pool
from ttclib.analysis.probing import PROBED_SCHEMA, probed_choice, tied_bins
from ttclib.errors import RequestError

NAN = float("nan")


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, NAN]), min_size=1, max_size=30), st.integers(1, 6))
def test_tied_bins_keep_ties_together_and_hold_two(values, n_bins):
    ease = np.array(values)
    bins = tied_bins(ease, n_bins)
    known = ~np.isnan(ease)
    assert (bins[~known] == 0).all() and (bins[known] >= 1).all()
    for value in set(ease[known]):
        assert len(set(bins[ease == value])) == 1
    used = bins[known]
    if known.sum() >= 2:
        assert sorted(set(used)) == list(range(1, used.max() + 1)) and np.bincount(used)[1:].min() >= 2
    order = np.argsort(-ease[known], kind="stable")
    assert (np.diff(used[order]) >= 0).all()


def test_with_one_strategy_it_is_that_strategy_and_costs_the_larger_of_both():
    rng = np.random.default_rng(0)
    correct = (rng.random((30, 16)) < rng.random((30, 1))).astype(float)
    pool = make_pool(correct, scores=rng.random((30, 16)) + 0.3 * correct)
    table = probed_choice(pool, [1, 8], [1, 4, 16], strategies=["best_of_n"], n_draws=40, n_resamples=10)
    assert dict(table.schema) == PROBED_SCHEMA
    assert table["cost"].to_list() == [1, 4, 16, 8, 8, 16]
    # With nothing to choose, difficulty is worth nothing: the baseline needs just as much, up to the noise of draws.
    rows = table.filter(table["cost"] > 1)
    assert rows["factor"].to_list() == pytest.approx([1] * len(rows), rel=0.3)
    assert table["accuracy"][3] == table["accuracy"][4]  # N = 1 and 4 both select from the 8


def test_probes_that_tell_which_strategy_is_right_save_and_say_so():
    # On easy problems the vote is right and the verifier wrong, on hard ones the other way round.
    rng = np.random.default_rng(1)
    easy = np.arange(60) < 30
    correct = (rng.random((60, 32)) < np.where(easy, 0.75, 0.2)[:, None]).astype(float)
    scores = np.where(easy[:, None], rng.random((60, 32)) - correct, rng.random((60, 32)) + correct)
    pool = make_pool(correct, scores=scores)
    chosen = probed_choice(
        pool, [8], [8, 16], strategies=["majority_vote", "best_of_n"], n_bins=2, n_draws=6, n_resamples=20
    )
    fixed = probed_choice(pool, [8], [8, 16], strategies=["majority_vote"], n_bins=2, n_draws=6, n_resamples=2)
    assert (chosen["accuracy"] > fixed["accuracy"] + 0.15).all()
    assert (chosen["ci_low"] <= chosen["accuracy"]).all() and (chosen["accuracy"] <= chosen["ci_high"]).all()
    assert chosen["factor"].null_count() == 2  # best-of-N alone never gets there


def test_seed_decides_and_refusals():
    pool = make_pool(np.random.default_rng(2).integers(0, 2, (8, 4)))
    first, again, other = (probed_choice(pool, [1], [2], n_draws=2, n_resamples=2, seed=seed) for seed in (1, 1, 2))
    assert first.equals(again) and not first.equals(other)
    with pytest.raises(RequestError, match="5 difficulty samples: allowed 1 to 4"):
        probed_choice(pool, [5], [1])
    with pytest.raises(RequestError, match="0 budget: allowed 1 to 4"):
        probed_choice(pool, [1], [0])
    with pytest.raises(RequestError, match="unknown sampling strategy 'beam_search'"):
        probed_choice(pool, [1], [1], strategies=["beam_search"])
