"""Sentences where they turn: at the threshold and on both sides of it, none, one and several, ties, empty tables."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.study import stores
from ttclib.analysis.difficulty import Bill, difficulty_of_ease
from ttclib.analysis.winners import MARGIN
from ttclib.errors import RequestError
from ttclib.study import family_findings, findings, gain, lengths, settling
from ttclib.study.answers import bill_of
from ttclib.study.checkpoints import open_checkpoints
from ttclib.study.many_or_once_findings import of_many_or_once

# Leads -------------------------------------------------------------------------------------------------------------


def test_a_lead_of_just_a_point_is_none_and_a_hair_more_is_one():
    assert settling.problems_needed(MARGIN, -0.2, 0.3, 50) == math.inf
    assert settling.problems_needed(MARGIN + 1e-3, -0.2, 0.3, 50) < math.inf
    assert settling.problems_needed(0.2, 0.19, 0.21, 50) == 50, "never fewer than there are"


def test_a_number_is_named_up_to_a_thousand_times_the_problems():
    assert "about 50,000 problems (50 here)" in settling.said({"a": (50_000.0, 50)})[0]
    assert "more than 50,000 problems (50 here)" in settling.said({"a": (50_001.0, 50)})[0]


def test_five_are_named_and_of_more_those_that_need_fewest():
    five = {f"a{at}": (100.0 * (9 - at), 50) for at in range(5)}
    assert settling.said(five)[0].count("about") == 5 and settling.said(five)[0].index("a0") < settling.said(five)[
        0
    ].index("a4")
    six = settling.said(five | {"a5": (100.0, 50)})[0]
    assert six.endswith("; one other more.") and "a0" not in six and six.index("a5") < six.index("a4")
    level = {f"b{at}": (math.inf, 50) for at in range(5)}
    assert "b0, b1, b2, b3, b4 no number" in settling.said(level)[0]
    assert ": 6 comparisons no number" in settling.said(level | {"b5": (math.inf, 50)})[0]


def row(difference: float, low: float, high: float, winner: str | None, **more: Any) -> dict[str, Any]:
    own = {"bin": None, "strategy": "best_of_n", "variant": "best_of_n", "budget": 8, "n_problems": 40}
    return own | {"difference": difference, "ci_low": low, "ci_high": high, "winner": winner} | more


def sides(*rows: dict[str, Any]) -> tuple[str, ...]:
    return findings.of_sides(SimpleNamespace(frame=pl.DataFrame(list(rows)), names=("a", "b")))


def test_an_interval_that_ends_at_zero_needs_no_reason():
    assert "too close to call, +5.0" in sides(row(0.05, 0.0, 0.1, "too close"))[0]
    one, other, _ = sides(row(0.05, 0.01, 0.1, "too close"), row(0.06, 0.02, 0.1, "b", strategy="x", variant="x"))
    assert "ruled out in 2 comparisons" in one and "b ahead" in other
    assert "best-of-N at N = 8: not answerable" in sides(row(0.05, 0.01, 0.1, None))[0]
    assert sides(row(0.05, 0.01, 0.1, "b", n_problems=1))[0].endswith("for b on 1 problem.")


def crossing(rates: list[float], *bins: dict[str, Any], low: float = -0.1) -> tuple[str, ...]:
    rows = [row(0.05, low, 0.2, "too close", exchange_rate=rate) for rate in rates] + list(bins)
    nobody = SimpleNamespace(candidates=SimpleNamespace(outcomes=()))
    return findings.of_crossover(SimpleNamespace(frame=pl.DataFrame(rows), choice=nobody))


def test_up_to_five_rates_are_told_and_one_bin_is_none():
    assert [line.partition(":")[0] for line in crossing([1, 2, 3, 4, 5])[:-1]] == [f"R = {at}" for at in range(1, 6)]
    assert [line.partition(":")[0] for line in crossing([1, 2, 3, 4, 5, 6])[:-1]] == ["R = 1", "R = 2", "R = 3",
                                                                                      "R = 4", "R = 6"]  # fmt: skip
    one = row(0.3, 0.1, 0.5, "small", exchange_rate=1, bin=1)
    assert "bin" not in crossing([1], one)[0]
    assert crossing([1], one, one | {"bin": 2, "winner": None})[0].endswith("; bin 1 the small one ahead.")
    assert "a point or less is not ruled out in the one comparison" in crossing([1], low=0.01)[0]


# Curves, frontiers, savings ------------------------------------------------------------------------------------------


def curve(*rows: tuple[str, int, float, float | None]) -> tuple[str, ...]:
    return findings.of_curves(
        pl.DataFrame(
            [
                {"bin": None, "strategy": name, "variant": name, "budget": n, "accuracy": right, "ci_low": 0.1,
                 "ci_high": high, "n_problems": 1}
                for name, n, right, high in rows
            ],
            schema_overrides={"bin": pl.Int64},
        )
    )  # fmt: skip


def test_who_is_level_with_the_most_accurate_is_not_behind_it():
    near = curve(("best_of_n", 8, 0.7, 0.8), ("majority_vote", 4, 0.6996, 0.8))
    assert near == ("Most accurate: best-of-N at N = 8 with 70.0% [10.0, 80.0] on 1 problem, level with majority vote "
                    "at N = 4.",)  # fmt: skip
    assert ", before majority vote at N = 4 with 69.9%." in curve(
        ("best_of_n", 8, 0.7, 0.8), ("majority_vote", 4, 0.6994, 0.8)
    )[0]  # fmt: skip
    assert curve(("best_of_n", 8, 0.7, 0.8))[0].endswith("on 1 problem.")


def test_more_samples_are_worse_where_the_last_interval_ends_below_and_not_at_the_best():
    assert len(curve(("best_of_n", 2, 0.7, 0.8), ("best_of_n", 4, 0.5, 0.7))) == 1
    assert len(curve(("best_of_n", 2, 0.7, 0.8), ("best_of_n", 4, 0.5, 0.699))) == 2
    assert len(curve(("best_of_n", 2, 0.7, 0.8), ("best_of_n", 4, 0.5, None))) == 1
    assert findings.of_curves(pl.DataFrame(schema={"bin": pl.Int64, "accuracy": float})) == ()


@pytest.mark.parametrize(("covered", "said"), [(0.7005, "0.1 points more than"), (0.7004, "no more than")])
def test_a_gap_that_would_be_shown_as_nothing_is_none(covered, said):
    assert said in curve(("best_of_n", 8, 0.7, 0.8), ("pass_at_k", 8, covered, 0.9))[1]


def frontier(cost: float, gain: float) -> tuple[str, ...]:
    rows = [
        {"bin": None, "strategy": name, "variant": name, "budget": 8, "cost": spent, "at_most": at_most,
         "accuracy": right, "ci_low": 0.1, "ci_high": 0.9, "n_problems": 40}
        for name, spent, at_most, right in (("compute_optimal", cost, 8.0, 0.6 + gain), ("best_of_n", 8.0, None, 0.6))
    ]  # fmt: skip
    return findings.of_frontier(SimpleNamespace(frame=pl.DataFrame(rows), unit="tokens"))


def test_a_frontier_turns_at_what_is_spent_and_gained():
    assert "spending" not in frontier(8.0 - 1e-10, 0.1)[0] and "spending 7.5," in frontier(7.5, 0.1)[0]
    assert frontier(8.0, 4e-4)[1].startswith("That is as much as best-of-N at N = 8")
    assert frontier(8.0, 6e-4)[1].startswith("That is 0.1 points more than best-of-N")
    assert frontier(8.0, -6e-4)[1].startswith("That is 0.1 points less than best-of-N")


def test_moving_compute_is_certain_only_where_the_interval_is_above_zero():
    def said(difference: float, low: float) -> tuple[str, ...]:
        own = {"per": "average", "at_most": 4.0, "difference": difference, "difference_low": low,
               "difference_high": 0.3, "accuracy": 0.6, "n_problems": 40}  # fmt: skip
        return findings.of_allocation(pl.DataFrame([own, own | {"per": "problem", "difference": 0.9}]), "tokens")

    assert said(0.1, 0.0)[0].startswith("At no limit is it certain") and said(0.1, 0.0)[1].startswith("To settle it")
    assert len(said(0.0, -0.1)) == 1, "nothing to settle where nothing is added"
    assert said(0.1, 1e-6)[0].startswith(
        "Moving compute from easy problems to hard ones adds most within 4 tokens: 10.0"
    )


@pytest.mark.parametrize(("factor", "ends"), [(1.0 + 1e-12, "is none."), (1.01, "may be none.")])
def test_a_factor_of_one_is_no_saving_that_more_problems_would_show(factor, ends):
    own = {"bin": None, "accuracy": 0.7, "verdict": "too close", "factor": factor, "factor_low": 0.5,
           "factor_high": 2.0, "n_problems": 1}  # fmt: skip
    said = findings.of_efficiency(SimpleNamespace(frame=pl.DataFrame([own]), baseline="best_of_n", unit="tokens"))
    assert said[0].endswith(ends) and "is shown on 1 problem:" in said[0] and len(said) == (2 if ends[0] == "m" else 1)


def test_a_bill_of_probes_for_what_takes_none_is_refused_also_where_it_is_of_zero():
    told = replace(difficulty_of_ease(np.linspace(0, 1, 9), 2), source="question", predictor="question", n_probes=0.0)
    with pytest.raises(RequestError, match="0 probes: question difficulty is told without any"):
        bill_of(told, 0, 1, False)
    assert bill_of(told, None, 3, True) == Bill(0.0, 3, True)


# Pairs, checkpoints, flywheels ---------------------------------------------------------------------------------------


def test_counts_and_shares_are_rounded_where_the_words_change():
    said = (999_499.0, "999 thousand"), (999_500.0, "1 million"), (999.4, "999"), (999.5, "1 thousand"), (7.0, "7")
    assert [family_findings.count_of(number) for number, _ in said] == [words for _, words in said]
    assert [family_findings._part(share) for share in (4.9e-4, 5e-4)] == ["under 0.1%", "0.1%"]
    assert [family_findings._times(factor) for factor in (1.0099, 1.01)] == [
        "less than 1 % more", "1.01 times as much"
    ]  # fmt: skip
    assert [family_findings._rate(rate) for rate in (0.000999, 0.001)] == ["below 0.001", "= 0.001"]


def held_out(low: float) -> str:
    own = {"k": 1, "predicted": 0.5, "measured": 0.5, "ci_low": low, "ci_high": 1.0, "holds": True}
    return family_findings.of_held_out(pl.DataFrame([own] * 3))[0]


def test_intervals_that_begin_at_zero_span_no_factor():
    assert held_out(0.5).endswith("and an interval spans a factor of 2.")
    assert held_out(0.0).endswith("and an interval begins at 0 half of the time.")


def test_checkpoints_that_were_asked_of_few_are_left_out_and_two_are_needed(tmp_path):
    def made(n: int, asked: int) -> Any:
        path = tmp_path / f"{n}-{asked}.duckdb"
        return open_checkpoints(stores.counted(path, [[1] * (10 if number else asked) for number in range(n)]))

    assert len(made(3, 10).counts.models) == 3
    fewer = made(3, 9)
    assert [one.model for one in fewer.counts.models] == ["m1", "m2"]
    assert fewer.notes == ("left out: m0 (fewer than 10 problems)",)
    with pytest.raises(RequestError, match="holds one policy of known parameters"):
        made(2, 9)


@pytest.mark.parametrize(
    ("difference", "said"),
    [(4.9e-4, "as often"), (-4.9e-4, "as often"), (5e-4, "0.1 points more often"), (-5e-4, "0.1 points less often")],
)
def test_how_often_is_told_from_what_would_be_shown(difference, said):
    assert gain.how_often({"difference": difference, "ci_low": -0.1, "ci_high": 0.1}).startswith(f"{said} [")


@pytest.mark.parametrize(("low", "high", "said"), [(0.0, 0.2, "neither less nor more"), (-0.2, 0.0, "neither less"),
                                                   (0.01, 0.2, "10.0 points more often than all"),
                                                   (-0.3, -0.01, "15.5 points less often than all")])  # fmt: skip
def test_longest_samples_differ_only_where_zero_is_outside(low, high, said):
    own = {"length_group": 2, "relative_length": 1.5, "deviation": (low + high) / 2, "ci_low": low, "ci_high": high}
    (line,) = lengths.of_lengths(pl.DataFrame([own, own | {"length_group": 1}]), "m")
    assert said.replace("10.0", "10.5") in line


# Several or one ------------------------------------------------------------------------------------------------------


def many(*winners: str, coverage: float | None = None) -> tuple[str, ...]:
    rows = [
        {"many": f"m{at}", "once": "o", "strategy": "majority_vote", "budget": 4, "cost": 90.0 + at, "at_most": 100.0,
         "cost_once": 100.0, "accuracy_many": 0.5, "accuracy_once": 0.6, "coverage": coverage, "pool_ends_at": None,
         "difference": 0.1, "ci_low": -0.1, "ci_high": 0.3, "winner": winner, "n_problems": 1}
        for at, winner in enumerate(winners)
    ]  # fmt: skip
    schema = {"pool_ends_at": pl.Int64, "coverage": pl.Float64}
    return of_many_or_once(pl.DataFrame(rows, schema_overrides=schema), "tokens")


@pytest.mark.parametrize(
    ("winners", "said"),
    [
        (["many"], "several shorter ones are ahead in the one comparison. "),
        (["many", "many"], "are ahead in both comparisons. "),
        (["once"] * 3, "are behind in all 3 comparisons. "),
        (["many", "once"], "are ahead in 1 of 2 comparisons and behind in 1 of 2 comparisons. "),
        (["many", "too close"], "are ahead in 1 of 2 comparisons, 1 too close to call. "),
        (["too close"], "cannot be told apart in the one comparison. "),
        (["too close"] * 2, "cannot be told apart in both comparisons. "),
        (["too close"] * 3, "cannot be told apart in any of 3 comparisons. "),
    ],
)
def test_comparisons_are_counted(winners, said):
    told = many(*winners)
    assert said in told[0] and len(told) == 1 + (len(winners) if len(winners) > 1 else 0) + ("too close" in winners)
    decided = [at for at, who in enumerate(winners) if who != "too close"] or range(len(winners))
    assert f"M{max(decided)} ×" not in told[0] and f" m{max(decided)} × 4 reaches" in told[0], "costs that are nearest"


@pytest.mark.parametrize(("coverage", "said"), [(0.6, False), (0.599, True), (None, False)])
def test_a_perfect_verifier_is_named_where_even_it_does_not_get_there(coverage, said):
    assert ("A perfect verifier among the 4 would reach" in many("once", coverage=coverage)[0]) == said
