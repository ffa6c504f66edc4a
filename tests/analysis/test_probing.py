"""Cheap difficulty as it would be used."""

from __future__ import annotations

import numpy as np
import pytest

from tests.builders import make_pool
from ttclib.analysis.probing import PROBED_SCHEMA, joined, probed_choice
from ttclib.errors import RequestError

QUICK = {"n_draws": 2, "n_resamples": 60}


@pytest.fixture(scope="module")
def pool():
    rng = np.random.default_rng(0)
    chance = rng.beta(0.6, 0.6, (60, 1))
    correct = (rng.random((60, 16)) < chance).astype(float)
    scores = np.clip(0.3 * correct + rng.normal(0.4, 0.2, correct.shape), 0.01, 0.99)
    return make_pool(correct.tolist(), scores=scores)


def test_what_is_paid_is_what_is_drawn(pool):
    frame = probed_choice(pool, [1, 4], [1, 8], **QUICK)
    assert dict(frame.schema) == PROBED_SCHEMA and frame["cost"].to_list() == [1, 8, 4, 8]
    assert frame["n_bins"][0] <= 2  # one sample makes two bins
    assert (frame["ci_low"] <= frame["accuracy"]).all() and (frame["accuracy"] <= frame["ci_high"]).all()


def test_lucky_samples_place_and_answer_a_problem_once():
    # Every problem truly .5 and a verifier that knows nothing: whatever the bins, one sample is right half of the time.
    rng = np.random.default_rng(1)
    pool = make_pool(rng.integers(0, 2, (120, 16)).astype(float).tolist(), scores=rng.random((120, 16)))
    found = probed_choice(pool, [4], [4], chosen_from=["best_of_n"], n_draws=4, n_resamples=60)
    assert found["accuracy"][0] == pytest.approx(pool.correct.mean(), abs=0.04)


def test_by_predicted_difficulty(pool):
    assert probed_choice(pool, [4], [8], difficulty="predicted", **QUICK)["n_bins"][0] == 5


def test_small_bins_are_joined():
    assert joined(np.array([1] * 6 + [2] * 2 + [3] * 5)).tolist() == [1] * 6 + [2] * 7
    assert joined(np.array([1] * 6 + [2] * 5 + [3] * 2)).tolist() == [1] * 6 + [2] * 7
    assert joined(np.array([1, 2, 3])).tolist() == [1, 1, 1]


def test_what_cannot_be_asked_is_refused(pool):
    with pytest.raises(RequestError, match="17 budget: allowed 1 to 16"):
        probed_choice(pool, [1], [17])
    with pytest.raises(RequestError, match="0 difficulty samples"):
        probed_choice(pool, [0], [1])
    with pytest.raises(RequestError, match="unknown sampling strategy 'beam_search'"):
        probed_choice(pool, [1], [1], chosen_from=["beam_search"])
