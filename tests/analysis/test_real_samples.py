"""On samples of real models: a verifier that over-optimises is not chosen for a gain it does not have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.builders import make_pool, real_data
from ttclib.analysis.difficulty import tell_difficulty
from ttclib.analysis.extrapolation import extrapolation_miss
from ttclib.analysis.frontier import frontier
from ttclib.replay.strategy import strategy


@pytest.fixture(scope="module")
def codet():
    """HumanEval x 100 samples; the verifier is the number of model-written tests passed."""
    rows = real_data("codet_humaneval_164x100.jsonl")
    return make_pool([row["passed"] for row in rows], scores=[row["tests_passed"] for row in rows])


def test_an_over_optimised_verifier_in_the_wild(codet):
    best = strategy("best_of_n")().replay(codet, [1, 10, 100])
    one = replace(
        best, strategy="one_sample", variant="one_sample", accuracy=np.repeat(best.accuracy[:, :1], 3, axis=1)
    )
    frame = frontier([best, one], tell_difficulty(codet.correct, 5), limits=[1, 10, 100], n_resamples=100).frame
    overall = frame.filter(pl.col("bin").is_null())
    accuracy = overall.filter(strategy="best_of_n")["accuracy"].to_list()
    assert accuracy == pytest.approx([0.225, 0.284, 0.224], abs=0.006)  # the data set's own figures
    chosen = overall.filter(strategy="compute_optimal")
    # More samples only mislead: at most at 100 the choice stays with few, and is no worse than at 10 beyond chance.
    assert chosen["accuracy"][2] > chosen["accuracy"][1] - 0.02 and (chosen["cost"] <= chosen["at_most"]).all()
    assert chosen["accuracy"][2] > accuracy[2] + 0.05  # best-of-100 alone has lost what best-of-10 had gained
    assert chosen["optimism"].abs().max() < 0.01  # bins differ so clearly that the choice is the same in every fold
    by_bin = frame.filter(pl.col("strategy") == "compute_optimal", pl.col("bin") == 1)
    assert by_bin["cost"].to_list()[2] < 50


def test_coverage_from_half_the_samples(codet):
    graded = (~np.isnan(codet.correct)).sum(axis=1)
    table = extrapolation_miss(
        graded, np.nansum(codet.correct, axis=1), models=["beta_binomial", "power_law"], n_splits=2
    )
    assert table["miss"].abs().max() < 0.04
