"""The frontier: what its rows say, and what is left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made, sampled
from tests.analysis.test_optimise import TWO, groups
from ttclib.analysis.difficulty import difficulty_of_ease
from ttclib.analysis.frontier import FRONTIER_SCHEMA, PICKS_SCHEMA, frontier, pareto
from ttclib.analysis.ledger import ledger
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source
from ttclib.samples import ModelFacts

QUICK = {"n_resamples": 60, "partitions": 3}
EASE = np.random.default_rng(3).beta(0.6, 0.8, 60)
BEST, BEAM = sampled(EASE, 5), sampled(EASE, 5, variant="beam_search (M=4)", gain=2.0)
BOUND = replace(sampled(EASE, 5, gain=9.0), strategy="pass_at_k", variant="pass_at_k")
TOLD = difficulty_of_ease(EASE, 3)


def optimal(found, number=None):
    rows = found.frame.filter(pl.col("strategy") == "compute_optimal")
    return rows.filter(pl.col("bin").is_null() if number is None else pl.col("bin") == number)


def test_rows_of_every_candidate_and_of_the_choice():
    found = frontier([BEST, BEAM, BOUND], TOLD, **QUICK)
    assert dict(found.frame.schema) == FRONTIER_SCHEMA and dict(found.picks.schema) == PICKS_SCHEMA
    assert found.unit == "generations a problem" and found.notes == []
    assert len(found.frame) == 4 * (3 * 5 + 5)
    for one in (BEST, BEAM, BOUND):
        rows = found.frame.filter(pl.col("variant") == one.variant, pl.col("bin").is_null())
        assert rows["accuracy"].to_list() == pytest.approx(one.accuracy.mean(axis=0).tolist())
        assert rows["at_most"].null_count() == 5 and rows["n_problems"].to_list() == [60] * 5
    chosen = optimal(found)
    assert chosen["at_most"].to_list() == chosen["budget"].to_list() == [1, 2, 4, 8, 16]
    assert (chosen["cost"] <= chosen["at_most"] + 1e-9).all()
    # The beam is the better one everywhere: without doubt, and the bound is no candidate.
    assert chosen["accuracy"].to_list() == pytest.approx(BEAM.accuracy.mean(axis=0).tolist())
    assert optimal(found, 2)["chosen"].to_list()[1:] == [f"beam_search (M=4) N={n}" for n in (2, 4, 8, 16)]
    assert found.picks.group_by("bin", "at_most").agg(pl.col("share").sum())["share"].to_list() == pytest.approx(
        [1] * 20
    )


def test_a_candidate_s_interval_is_that_of_every_other_command():
    found = frontier([BEST], TOLD, **QUICK).frame
    same = interval(BEST.accuracy, groups=TOLD.bins)
    for g in range(4):
        rows = found.filter(pl.col("variant") == "best_of_n", pl.col("bin").is_null() if g == 0 else pl.col("bin") == g)
        assert rows["ci_low"].to_list() == pytest.approx(same.low[g].tolist())
        assert rows["ci_high"].to_list() == pytest.approx(same.high[g].tolist())


def test_a_pool_that_ends_below_the_limit_is_used_in_full_and_said():
    one = made(np.tile([0.5, 0.6], (30, 1)), budgets=[1, 256])
    found = frontier([one], limits=[257.75], **QUICK)
    assert found.notes == ["256 of 257.75 affordable samples are in the store"]
    assert optimal(found)["accuracy"].to_list() == pytest.approx([0.6])
    assert optimal(found).select("cost", "at_most").row(0) == (256.0, 257.75)


def test_two_groups_through_the_front_door():
    told = groups(20, 20)
    assert optimal(frontier([TWO], told, limits=[2], **QUICK))["accuracy"].to_list() == pytest.approx([0.66])
    assert optimal(frontier([TWO], told, limits=[2], per="average", **QUICK))["accuracy"].to_list() == pytest.approx(
        [0.70]
    )


def test_without_difficulty_one_choice_for_all():
    found = frontier([BEST, BEAM], **QUICK)
    assert optimal(found)["chosen"].to_list()[1:] == [f"beam_search (M=4) N={n}" for n in (2, 4, 8, 16)]
    assert found.frame["bin"].null_count() == len(found.frame) and found.plan.n_bins == 1


def test_several_policies_and_dollars():
    def side(name, accuracy, price):
        facts = ModelFacts(name, usd_per_mtok_input=0.0, usd_per_mtok_output=price)
        return made(np.tile(accuracy, (30, 1)), source=Source(policy=name, policy_model=facts),
                    costs={"completion_tokens": [100, 200, 400], "prefill_tokens": [9, 18, 36]})  # fmt: skip

    found = frontier(
        [side("small", [0.3, 0.4, 0.5], 1.0), side("large", [0.55, 0.6, 0.7], 10.0), side("free", [1, 1, 1], None)],
        ledger=ledger("dollars"), limits=[1e-4, 5e-4, 1e-3, 5e-3], **QUICK,
    )  # fmt: skip
    assert optimal(found)["policy"].to_list() == ["small", "small", "large", "large"]
    assert "policy 'free' is left out: the store does not know usd_per_mtok_output" in found.notes[0]
    assert found.picks["policy"].to_list() == ["small", "small", "large", "large"]
    assert set(found.frame["policy"]) == {"small", "large"}


def test_intervals_of_a_whole_curve():
    point, band = (
        frontier([BEST], family=family, **QUICK).frame.filter(pl.col("variant") == "best_of_n")
        for family in ("pointwise", "simultaneous")
    )
    assert (band["ci_low"] < point["ci_low"]).all() and (band["ci_high"] > point["ci_high"]).all()


def test_optimism_is_what_the_same_problems_would_have_added():
    one = made(np.random.default_rng(0).binomial(4, 0.5, (40, 30)) / 4, budgets=range(1, 31))
    last = optimal(frontier([one], **QUICK)).row(-1, named=True)
    assert last["optimism"] > 0.03 and last["accuracy"] + last["optimism"] == pytest.approx(
        one.accuracy.mean(axis=0).max()
    )


def test_what_is_refused():
    with pytest.raises(RequestError, match="difficulty must be of the same problems"):
        frontier([BEST], groups(20, 20))
    with pytest.raises(RequestError, match="bin 1 holds 1 problems"):
        frontier([made(np.ones((6, 2)))], groups(1, 5))


def test_pareto():
    assert pareto([1, 2, 2, 4], [0.5, 0.6, 0.7, 0.7]).tolist() == [True, False, True, False]
    assert pareto([1, 1], [0.5, 0.5 + 1e-15]).tolist() == [True, True]
    assert pareto([np.nan, 1], [1, 0.2]).tolist() == [False, True]
