"""Side by side: paired differences have one interval everywhere."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made
from tests.analysis.test_optimise import groups
from ttclib.analysis.compare import COMPARISON_SCHEMA, MATCHED_SCHEMA, compare, matched_compute
from ttclib.analysis.ledger import ledger
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source
from ttclib.samples import ModelFacts

RNG = np.random.default_rng(0)
FIRST = made(RNG.random((80, 3)) * 0.5)
SECOND = replace(FIRST, accuracy=FIRST.accuracy + np.array([0.0, 0.2, 0.3]))
QUICK = {"n_resamples": 100, "partitions": 2}


def test_differences_are_paired_and_have_the_one_interval():
    frame = compare(FIRST, SECOND)
    assert dict(frame.schema) == COMPARISON_SCHEMA
    assert frame["difference"].to_list() == pytest.approx([0.0, 0.2, 0.3])
    same = interval((SECOND.accuracy, FIRST.accuracy), "difference")
    assert frame["ci_low"].to_list() == pytest.approx(same.low.tolist())
    assert frame["ci_high"].to_list() == pytest.approx(same.high.tolist())
    assert frame["winner"].to_list() == ["too close", "second", "second"]
    turned = compare(SECOND, FIRST, names=("a", "b"))
    assert turned["winner"].to_list() == ["too close", "a", "a"]
    assert turned["ci_low"].to_list() == pytest.approx((-same.high).tolist(), abs=0.005)


def test_by_bin_and_on_what_both_define():
    holes = SECOND.accuracy.copy()
    holes[:20, 2] = np.nan
    frame = compare(FIRST, replace(SECOND, accuracy=holes), groups(40, 40))
    assert frame.filter(pl.col("budget") == 4)["n_problems"].to_list() == [60, 20, 40]
    assert frame["bin"].to_list() == [None] * 3 + [1] * 3 + [2] * 3
    other = replace(SECOND, problem_ids=tuple(f"p{i}" for i in range(40, 120)))
    assert compare(FIRST, other)["n_problems"].to_list() == [40] * 3


def test_several_strategies_are_matched_by_name_and_one_is_the_baseline_of_all():
    vote = made(FIRST.accuracy + 0.1, variant="majority_vote")
    assert compare([FIRST, vote], [SECOND, vote])["variant"].unique().sort().to_list() == ["best_of_n", "majority_vote"]
    gains = compare(FIRST, [SECOND, vote])
    assert gains.filter(pl.col("variant") == "majority_vote")["difference"].to_list() == pytest.approx([0.1] * 3)
    with pytest.raises(RequestError, match="nothing to compare"):
        compare([FIRST], [vote])
    with pytest.raises(RequestError, match="nothing to compare in best_of_n"):
        compare(FIRST, replace(SECOND, problem_ids=tuple(f"q{i}" for i in range(80))))


def test_at_equal_cost():
    cheap = replace(FIRST, costs={"completion_tokens": np.tile([10.0, 20.0, 40.0], (80, 1))})
    dear = replace(
        SECOND, variant="beam_search (M=4)", costs={"completion_tokens": np.tile([20.0, 40.0, 80.0], (80, 1))}
    )
    frame = matched_compute([cheap, dear], ledger=ledger(unit="tokens"), limits=[20, 40], **QUICK)
    assert dict(frame.schema) == MATCHED_SCHEMA
    beam = frame.filter(pl.col("variant") == "beam_search (M=4)")
    base = frame.filter(pl.col("variant") == "best_of_n")
    assert (beam["accuracy"] - base["accuracy"]).to_list() == pytest.approx(beam["difference"].to_list())
    assert base["winner"].to_list() == beam["winner"].to_list() == ["too close", "beam_search (M=4)"]
    assert (frame["cost"] <= frame["at_most"]).all()
    default = matched_compute([cheap, dear], groups(40, 40), ledger=ledger(unit="tokens"), **QUICK)
    assert default["at_most"].min() == 20 and default["at_most"].max() == 40
    far = replace(dear, costs={"completion_tokens": np.tile([200.0, 400.0, 800.0], (80, 1))})
    with pytest.raises(RequestError, match="no cost is common"):
        matched_compute([cheap, far], ledger=ledger(unit="tokens"), **QUICK)


def test_which_policy_is_ahead_at_which_cost():
    def side(name, accuracy, price):
        facts = ModelFacts(name, usd_per_mtok_input=0.0, usd_per_mtok_output=price)
        rows = np.clip(np.array(accuracy) + RNG.normal(0, 0.02, (80, 1)), 0, 1)
        costs = {"completion_tokens": [100, 200, 400], "prefill_tokens": [0, 0, 0]}
        return made(rows, source=Source(policy=name, policy_model=facts), costs=costs)

    sides = [side("s", [0.3, 0.4, 0.5], 1.0), side("l", [0.52, 0.8, 0.9], 4.0), side("m", [0.2, 0.3, 0.4], 1.0)]
    frame = matched_compute(sides, by="policy", ledger=ledger("dollars"), limits=[1e-4, 4e-4, 8e-4], **QUICK)
    told = {row["at_most"]: row["winner"] for row in frame.iter_rows(named=True)}
    assert told == {1e-4: None, 4e-4: "too close", 8e-4: "l"}  # at .0001 the large one cannot answer at all
    assert frame["policy"].to_list() == ["s"] * 3 + ["l"] * 2 + ["m"] * 3
    with pytest.raises(RequestError, match="unknown what makes a side 'model'"):
        matched_compute(sides, by="model")
