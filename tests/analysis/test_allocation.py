"""Moving compute between bins, and spending it all, told apart."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made
from tests.analysis.test_optimise import TWO, groups
from ttclib.analysis.allocation import ALLOCATION_SCHEMA, allocation
from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.ledger import LEDGERS
from ttclib.analysis.optimise import FOLDS, optimise

QUICK = {"n_resamples": 100, "partitions": 3}


def test_three_ways_to_spend():
    frame = allocation([TWO], groups(20, 20), limits=[3.0], **QUICK)
    assert dict(frame.schema) == ALLOCATION_SCHEMA and frame["per"].to_list() == ["problem", "mixed", "average"]
    assert frame["accuracy"].to_list() == pytest.approx([0.66, 0.7125, 0.76])
    assert frame["difference"].to_list()[1:] == pytest.approx([0.0525, 0.0475]) and frame["difference"][0] is None
    assert frame["cost"].to_list() == pytest.approx([2.0, 3.0, 3.0]) and frame["n_problems"].to_list() == [40] * 3


def test_each_way_is_the_optimiser_s_own_answer_by_the_same_seed():
    rng = np.random.default_rng(2)
    one = made(rng.random((60, 3)))
    found = {}
    for seed in (0, 7):
        frame = allocation([one], groups(30, 30), limits=[2.0, 3.0], **QUICK, seed=seed)
        for row in frame.iter_rows(named=True):
            asked = {"difficulty": groups(30, 30), "per": row["per"], "folds": FOLDS, **QUICK, "seed": seed}
            choice = optimise(candidates_of([one], groups(30, 30), ledger=LEDGERS["snell"]), [2.0, 3.0], **asked)
            place = [2.0, 3.0].index(row["at_most"])
            told, whole = [row[name] for name in ("accuracy", "ci_low", "ci_high")], choice.interval(0.95)
            assert told == pytest.approx(
                [float(one[0, place]) for one in (whole.estimate, whole.low, whole.high)], abs=1e-12
            )
        found[seed] = frame["accuracy"].to_list()
    assert found[0] != found[7], "the folds are dealt by the seed"


def test_the_gain_is_not_an_artefact_of_choosing():
    # Every bin has the same curve: nothing is to be gained by moving compute, however noisy the problems are.
    rng, gains = np.random.default_rng(0), []
    curve = np.array([0.4, 0.5, 0.58, 0.64, 0.68])
    for seed in range(30):
        one = made(np.clip(curve + rng.normal(0, 0.12, (100, 5)), 0, 1))
        frame = allocation([one], groups(50, 50), limits=[4.0], **{**QUICK, "n_resamples": 60}, seed=seed)
        gains.append(frame.filter(pl.col("per") == "average")["difference"][0])
        assert frame["difference_low"][2] < 0 < frame["difference_high"][2]
    assert abs(np.mean(gains)) < 0.004


def test_the_gain_is_found_where_there_is_one():
    rng = np.random.default_rng(1)
    easy, hard = np.tile([0.95, 0.952, 0.953], (150, 1)), np.tile([0.2, 0.4, 0.6], (150, 1))
    one = made(np.clip(np.concatenate([easy, hard]) + rng.normal(0, 0.05, (300, 1)), 0, 1))
    row = allocation([one], groups(150, 150), limits=[2.0], **QUICK).row(2, named=True)
    assert row["difference"] == pytest.approx(0.05, abs=0.01) and row["difference_low"] > 0.01
