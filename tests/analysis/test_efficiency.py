"""Savings: a factor of exactly four, open ends, bills, and no factor where accuracies do not differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made
from tests.analysis.test_optimise import groups
from ttclib.analysis.difficulty import Bill, difficulty_of_ease
from ttclib.analysis.efficiency import (
    COSTS_MORE,
    EFFICIENCY_SCHEMA,
    FALLS,
    NO_DIFFERENCE,
    NOT_REACHED,
    SAVES,
    STARTS_ABOVE,
    break_even_queries,
    efficiency,
)
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError

QUICK = {"n_resamples": 200, "partitions": 3}
EASE = np.random.default_rng(0).beta(2, 2, 100)


def curve(lead=1.0, n_budgets=9, ease=EASE):
    """Accuracy at N such that `lead` times the budget does as well."""
    steps = np.log2(lead) + np.arange(n_budgets)
    logit = np.log(ease / (1 - ease))[:, None]
    return 1 / (1 + np.exp(-logit - 0.25 * (steps - 4)))


BASE, FOURFOLD = made(curve()), made(curve(4.0), variant="beam_search (M=4)")


def test_a_factor_of_four_is_found_wherever_the_choice_starts_below():
    found = efficiency([BASE, FOURFOLD], BASE, difficulty_of_ease(EASE, 2), **QUICK)
    frame = found.frame
    assert dict(frame.schema) == EFFICIENCY_SCHEMA and frame["budget"].to_list()[:9] == [1 << n for n in range(9)]
    for row in frame.iter_rows(named=True):
        if row["budget"] >= 4:
            assert row["factor"] == pytest.approx(4.0) and row["cost"] == pytest.approx(row["budget"] / 4)
        else:
            assert row["verdict"] == STARTS_ABOVE and row["open_high"]
        assert row["factor_low"] is None or row["factor_low"] <= 4 + 1e-9
        assert row["factor_high"] is None or row["factor_high"] >= 4 - 1e-9
    overall = frame.filter(pl.col("bin").is_null(), pl.col("budget") >= 8)
    assert overall["verdict"].to_list() == [SAVES] * 6
    assert not overall["open_low"].any() and not overall["open_high"].any()


def test_in_every_ledger():
    def tokens(one):
        return replace(one, costs={"completion_tokens": np.tile(50.0 * 2 ** np.arange(9), (100, 1))})

    found = efficiency([tokens(FOURFOLD)], tokens(BASE), ledger=ledger(unit="tokens"), **QUICK)
    rows = found.frame.filter(pl.col("budget") >= 8)
    # Limits are evenly spaced in log cost; between the budgets that were replayed the choice is a step.
    assert rows["factor"].to_list() == pytest.approx([4.0] * 6, rel=0.12) and found.unit == "tokens a problem"


def test_the_other_way_round_it_costs_more():
    found = efficiency([BASE], FOURFOLD, **QUICK).frame
    assert found["factor"].to_list()[:7] == pytest.approx([0.25] * 7)
    assert found["verdict"].to_list() == [COSTS_MORE] * 7 + [NOT_REACHED] * 2
    assert found["cost"].to_list()[7:] == [None, None] and found["factor"].to_list()[7:] == [None, None]
    assert found["factor_high"][8] is not None and found["open_low"].to_list()[7:] == [True, True]


def test_no_factor_where_accuracies_do_not_differ():
    # Every problem .5 and two answers: three votes are as good as one sample, whatever the noise of the pool.
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (60, 5))
    vote = made(np.clip(0.5 + noise, 0, 1), variant="majority_vote")
    found = efficiency([vote], vote, **QUICK).frame
    told = found.filter(pl.col("factor").is_not_null() & ((pl.col("factor") - 1).abs() > 0.02))
    assert len(told) == 0 and NO_DIFFERENCE in found["verdict"].to_list()
    gap = made(np.tile([0.5, 0.5 + 2.6e-4, 0.5 + 2.6e-4], (60, 1)))
    ahead = made(np.tile([0.5 + 2.6e-4] * 3, (60, 1)), variant="beam_search (M=4)")
    assert efficiency([ahead], gap, **QUICK).frame["factor"].to_list()[1:] == [None, None]


def test_the_bill():
    # 2,048 probes, 64 against 16 generations: 42.67 queries.
    told = replace(difficulty_of_ease(EASE, 2), n_probes=2048.0)
    frame = efficiency([FOURFOLD, BASE], BASE, told, bill=Bill(2048), **QUICK).frame
    row = frame.filter(pl.col("bin").is_null(), pl.col("budget") == 64).row(0, named=True)
    assert row["break_even_queries"] == pytest.approx(2048 / 48) and row["billed_cost"] == pytest.approx(16 + 2048)
    assert row["billed_factor"] == pytest.approx(64 / 2064)
    assert row["factor"] == pytest.approx(4.0)  # the ledger does not charge it
    shared = efficiency([FOURFOLD, BASE], BASE, told, bill=Bill(2048, queries=2048 / 48), **QUICK).frame
    again = shared.filter(pl.col("bin").is_null(), pl.col("budget") == 64).row(0, named=True)
    assert again["billed_factor"] == pytest.approx(1.0) and again["break_even_queries"] == pytest.approx(2048 / 48)
    charged = efficiency([FOURFOLD, BASE], BASE, told, ledger=ledger(difficulty=True), **QUICK).frame
    dear = charged.filter(pl.col("bin").is_null(), pl.col("budget") == 64).row(0, named=True)
    assert dear["cost"] == dear["billed_cost"] == pytest.approx(2064) and dear["verdict"] == COSTS_MORE


def test_one_bin_needs_no_difficulty_and_pays_none():
    frame = efficiency([FOURFOLD, BASE], BASE, groups(100), bill=Bill(2048), **QUICK).frame
    rows = frame.filter(pl.col("bin").is_null(), pl.col("budget") >= 8)
    assert (rows["billed_cost"] - rows["cost"]).abs().max() == 0 and rows["billed_factor"].to_list() == pytest.approx(
        [4.0] * 6
    )


def test_unequal_pools_do_not_compare_different_problems():
    short = BASE.accuracy.copy()
    short[:10, 6:] = np.nan
    found = efficiency([FOURFOLD], replace(BASE, accuracy=short), **QUICK)
    assert found.frame["budget"].to_list() == [1, 2, 4, 8, 16, 32] and "10 of 100 problems" in found.notes[0]
    assert found.frame["factor"].to_list()[3:] == pytest.approx([4.0] * 3)
    with pytest.raises(RequestError, match="no shared problems"):
        efficiency([FOURFOLD], replace(BASE, problem_ids=tuple(f"q{i}" for i in range(100))))


@pytest.mark.parametrize("truth", [0.5, 0.8])
def test_the_factor_is_covered(truth):
    """A long run over a grid is in the benchmarks."""
    rng = np.random.default_rng(int(truth * 10))
    shift, hits, closed = np.log(truth / (1 - truth)), 0, 0
    for _ in range(40):
        ease = 1 / (1 + np.exp(-rng.normal(shift, 1, 100)))
        noisy = np.clip(curve(4.0, ease=ease) + rng.normal(0, 0.03, (100, 9)), 0, 1)
        frame = efficiency([made(noisy, variant="beam_search")], made(curve(ease=ease)), **QUICK).frame
        row = frame.row(4, named=True)
        hits += (row["factor_low"] or 0) <= 4 <= (row["factor_high"] or np.inf)
        closed += not row["open_low"] and not row["open_high"]
    assert hits >= 36 and (closed >= 32 or truth > 0.5)


def test_ratios_by_hand():
    assert break_even_queries(16, 64, 0) == 1 and break_even_queries(64, 16, 0) == np.inf
    assert np.isnan(break_even_queries(16, np.inf, 2048)) and break_even_queries(1, 1000, 8) == 1


def test_no_factor_past_the_peak_of_the_baseline() -> None:
    """At N = 64 best-of-N is right in .55, which it is for less at N = 4: nobody would pay 64 for it."""
    base = made(np.tile([0.3, 0.5, 0.7, 0.55], (60, 1)), variant="best_of_n", budgets=(1, 4, 16, 64))
    vote = made(np.tile([0.3, 0.7, 0.8, 0.9], (60, 1)), variant="majority_vote", budgets=(1, 4, 16, 64))
    found = {row["budget"]: row for row in efficiency([vote], base, **QUICK).frame.to_dicts()}
    assert found[16]["factor"] == pytest.approx(4.0) and found[16]["verdict"] == "saves"
    assert (found[64]["verdict"], found[64]["factor"]) == (FALLS, None)
    assert found[64]["factor_low"] is None and found[64]["accuracy"] == pytest.approx(0.55)
