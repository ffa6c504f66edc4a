"""On samples of real models: a verifier that over-optimises is not chosen for a gain it does not have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.builders import make_pool, real_data
from ttclib.analysis.difficulty import difficulty_bins, oracle_difficulty
from ttclib.analysis.extrapolation import extrapolation_miss
from ttclib.analysis.frontier import frontier
from ttclib.analysis.strategies import sampling_outcomes


@pytest.fixture(scope="module")
def codet():
    """HumanEval x 100 samples; the verifier is the number of model-written tests passed."""
    rows = real_data("codet_humaneval_164x100.jsonl")
    return make_pool([row["passed"] for row in rows], scores=[row["tests_passed"] for row in rows])


def test_an_over_optimised_verifier_in_the_wild(codet):
    best = sampling_outcomes(codet, "best_of_n", [1, 10, 100])
    one = replace(
        best, strategy="one_sample", variant="one_sample", accuracy=np.repeat(best.accuracy[:, :1], 3, axis=1)
    )
    ease = oracle_difficulty(codet.correct)
    frame = frontier([best, one], difficulty_bins(ease, 5), ease=ease, n_resamples=50).frame
    overall = frame.filter(pl.col("bin").is_null())
    accuracy = overall.filter(strategy="best_of_n")["accuracy"].to_list()
    assert accuracy == pytest.approx([0.225, 0.284, 0.224], abs=0.006)  # the data set's own figures
    chosen = overall.filter(strategy="compute_optimal")
    # At 100 samples the choice in each bin looks better than it is; scored on other problems little is left.
    assert chosen["optimism"][2] > 0.005
    assert chosen["accuracy"][2] < chosen["accuracy"][1] - 0.02
    by_bin = frame.filter(pl.col("strategy") == "compute_optimal", pl.col("bin") == 1)
    assert by_bin["chosen"].to_list()[2] == "one_sample"  # easy problems: more samples only mislead


def test_coverage_from_half_the_samples(codet):
    table = extrapolation_miss(codet.correct, models=["beta_binomial", "power_law"], n_splits=2)
    assert table["miss"].abs().max() < 0.04
