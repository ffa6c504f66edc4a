"""Sentences on tables made by hand: every turn that they can take, and that the numbers in them are the table's."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.builders import make_pool
from ttclib.analysis.account import GIVEN
from ttclib.analysis.catching_up import CAUGHT, LEVEL_AT_ONCE, NOT_CAUGHT, OPEN, Caught
from ttclib.samples import ModelFacts, Setting, Verifier
from ttclib.study import account_findings, captions, family_findings, inside_findings
from ttclib.study.inside_results import Inside, InsideTraining

# Pairs of models ---------------------------------------------------------------------------------------------------


def pair(name: str, task: str, winner: str | None, at_highest: str, **more: Any) -> dict[str, Any]:
    lead = {"small": 0.1, "large": -0.1}.get(winner or "", 0.0)
    row = {
        "pair": name, "task": task, "neighbours": True, "pool_ends_at": 64, "winner": winner, "difference": lead,
        "ci_low": lead - 0.05, "ci_high": lead + 0.05, "n_problems": 40, "winner_at_highest": at_highest,
        "lowest_rate": 0.01, "highest_rate": 100.0, "crossing": math.inf, "crossing_low": math.inf,
        "crossing_high": math.inf, "attempts": 1.0, "attempts_low": 1.0, "attempts_high": 1.0,
        "attempts_fitted": math.inf, "attempts_low_fitted": 80.0, "attempts_high_fitted": math.inf,
        "crossing_fitted": 0.0, "crossing_low_fitted": 0.0, "crossing_high_fitted": 0.0,
    }  # fmt: skip
    return row | more


def test_pairs_are_counted_and_told_task_by_task():
    meet = {"crossing": 2.0, "crossing_low": 1.0, "crossing_high": 4.0, "attempts": 20.0, "attempts_low": 10.0}
    beyond = {"crossing": 0.0, "attempts_fitted": 500.0, "crossing_fitted": 0.0004, "crossing_high_fitted": 0.02}
    rows = [
        pair("a", "sums", "small", "small"),
        pair("a", "code", "large", "large", crossing=0.0),
        pair("b", "sums", "small", "large", **meet),
        pair("c", "sums", "too close", "too close", **beyond),
        pair("d", "sums", "small", "small", neighbours=False),
    ]
    head, *said = family_findings.of_pairs(pl.DataFrame(rows))
    assert head.startswith(
        "With at most 64 attempts, checked by a perfect verifier, the small model is ahead at every R "
    )
    assert "from 0.01 to 100 in 1 of 4 pairs of neighbours and tasks, and behind with all of them in 1; in 2 it" in head
    assert said[0].startswith("a: the verdict depends on the task. 64 attempts of the small one")
    assert "sums +10.0 points [+5.0, +15.0], the small one ahead; code −10.0 points" in said[0]
    assert said[0].endswith("the larger one ahead.") and said[1].startswith("On one task, 64 attempts")
    assert "b on sums +10.0 points" in said[1] and "c on sums 0.0 points" in said[1] and "too close to call" in said[1]
    assert said[2].startswith("Within the pool they meet")
    assert said[2].endswith("b on sums at 20 attempts [10, 1], R = 2 [1, 4].")
    assert "a on code that no number of attempts catches up" in said[3]
    assert "c on sums 500 attempts [80, ∞), R below 0.001 [0, 0.02]" in said[3]
    assert said[4].startswith("To settle it") and "c on sums" in said[4] and len(said) == 5
    alike = family_findings.of_pairs(pl.DataFrame([rows[0], {**rows[0], "task": "code"}]))
    assert "a. 64 attempts" in alike[1] and len(alike) == 2
    assert family_findings.of_pairs(pl.DataFrame([rows[4]])) == ()
    one = family_findings.of_pairs(pl.DataFrame([pair("a", "sums", None, "large")]))
    assert one[0].endswith("the small model is ahead or behind as R is, or too close to call.")
    assert "not answerable" in one[1]


# The account -------------------------------------------------------------------------------------------------------


def spent(way: str, at_most: float, difference: float | None, **more: Any) -> dict[str, Any]:
    accuracy, low, high = (None if difference is None else difference + by for by in (0.5, -0.01, 0.01))
    row = {
        "way": way, "label": f"by {way}", "at_most": at_most, "accuracy": accuracy, "difference": difference,
        "difference_low": low, "difference_high": high, "pays": way != GIVEN, "factor": 2.0,
        "verdict": "saves" if (difference or 0) > 0.02 else "too close", "bill": 4.0, "break_even_queries": None,
    }  # fmt: skip
    return row | more


def account(*rows: dict[str, Any]) -> str:
    frame = pl.DataFrame(list(rows), infer_schema_length=None, schema_overrides={"break_even_queries": pl.Float64})
    return " ".join(account_findings.of_account(SimpleNamespace(frame=frame, unit="samples")))


def test_no_gain_and_no_way_are_said():
    assert account(spent("stopping", 4, None)) == "No way to spend is affordable within any of the limits."
    nothing = account(spent(GIVEN, 4, 0.1), spent("stopping", 4, None))
    assert nothing.startswith("No way that pays for what it knows is affordable within any limit. Were difficulty")
    assert nothing.endswith("would add at most +10.0 points [+9.0, +11.0] within 4 samples.")
    near = account(spent("stopping", 4, 0.005), spent("stopping", 8, -0.01), spent(GIVEN, 4, 0.01))
    assert (
        'what comes nearest, "by stopping", differs from uniform by +0.5 points [−0.5, +1.5] within 4 samples.' in near
    )
    assert near.endswith("within 4 samples, which is too close to tell.")


def test_from_where_to_where_a_gain_survives():
    ends = account(*(spent("stopping", at, gain) for at, gain in ((2, 0.0), (4, 0.1), (8, 0.2))))
    assert ends.startswith(
        'The gain survives its own bill from 4 samples on: "by stopping" reaches 60.0% within 4 samples, +10.0'
    )
    assert "which spends 2" in ends and ends.endswith("as much for it.")
    between = account(*(spent("stopping", at, gain) for at, gain in ((2, 0.1), (4, 0.1), (8, 0.0))))
    assert "survives its own bill from 2 to 4 samples:" in between
    assert between.endswith("; within 8 samples it is 0.0 points [−1.0, +1.0], too close.")
    alone = account(spent("stopping", 2, 0.1, factor=None), spent("stopping", 4, 0.0))
    assert "survives its own bill at 2 samples alone:" in alone and "which gets there at no budget held;" in alone


def test_what_becomes_of_the_bill():
    given = [spent(GIVEN, 4, 0.1), spent(GIVEN, 8, 0.1)]
    shared = account(*given, spent("probes_4", 4, 0.0, break_even_queries=50.0),
                     spent("probes_4", 8, 0.01, break_even_queries=20.0))  # fmt: skip
    assert "With probes_4, that is +1.0 points [0.0, +2.0] within 8 samples; 20 queries of a problem must" in shared
    assert shared.endswith("share it to break even within 8 samples.")
    none = account(*given, spent("probes_4", 4, None), spent("probes_4", 8, None))
    assert "With probes_4, nothing is left of any budget held: the bill is 4 samples; given for nothing it" in none


# Inside or outside -------------------------------------------------------------------------------------------------


def training(needed: Caught, **more: Any) -> str:
    rows = [
        {"side": side, "policy": side, "training_tokens": tokens, "accuracy": 0.5, "ci_low": 0.4, "ci_high": 0.6}
        for side, tokens in (("direct", 4_000_000), ("direct", 1_000_000), ("steps", 1_000_000))
    ]
    routes = [
        {"route": name, "exchange_rate": rate, "cost": cost, "factor": factor}
        for name, rate, cost, factor in (
            ("steps in training", 0.1, 10.0, 2.0), ("samples with a perfect verifier", 0.1, 5.0, 1.0),
            ("steps in training", 10.0, 5.0, 1.0), ("samples with a perfect verifier", 10.0, 20.0, 4.0),
            ("samples by majority vote", 0.1, None, None), ("samples by majority vote", 10.0, None, None),
        )
    ]  # fmt: skip
    given = {"few_shot": None, "trained_ratio": 4.0, "routes": pl.DataFrame(routes)} | more
    found = InsideTraining("direct", "steps", pl.DataFrame(rows), needed, target=0.5, **given)
    return " ".join(inside_findings.of_training(found))


def test_data_needed_is_said_in_times_of_the_other():
    lead = "steps reaches 50.0% in one answer after 1M tokens of training; direct "  # at its last
    caught = training(Caught(2e6, 1.5e6, 3e6, CAUGHT))
    assert caught.startswith(f"{lead}needs 2 times as many [1.5")
    level = training(Caught(1e6, 1e6, 1e6, LEVEL_AT_ONCE))
    assert level.startswith(f"{lead}gets there with 1 times as many, the fewest looked at.")
    lost = training(Caught(math.inf, math.inf, math.inf, NOT_CAUGHT))
    assert lost.startswith(
        f"{lead}does not get there with 4 times as many, the most that it was trained on: 50.0% [40.0"
    )
    same = training(Caught(2e6, 1e6, math.inf, OPEN), trained_ratio=1.02)
    assert same.startswith(f"{lead}needs 2 times as many [1, ∞); with as many, the most that it was trained on, 50.0%")
    beyond = training(Caught(math.inf, 1e6, math.inf, OPEN), trained_ratio=1.02)
    assert beyond.startswith(f"{lead}is not shown to get there with as many, the most")


def test_routes_are_told_from_the_least_r_on():
    said = training(Caught(2e6, 1.5e6, 3e6, CAUGHT))
    assert (
        "for 50.0%: cheapest is samples with a perfect verifier, from R = 10 on steps in training. At R = 10 "
        "the others cost more: samples with a perfect verifier 4 times. A perfect verifier is taken to cost nothing."
        in said
    )
    assert said.endswith("Samples by majority vote: not there at any cost looked at.") and "prompt" not in said
    alone = pl.DataFrame([{"route": "steps in training", "exchange_rate": 1.0, "cost": 1.0, "factor": 1.0}])
    shown = {"policy": "p", "accuracy": 0.25, "ci_low": 0.2, "ci_high": 0.3}
    said = training(Caught(2e6, 1.5e6, 3e6, CAUGHT), routes=alone, few_shot=shown)
    assert said.endswith("for 50.0%: cheapest is at every R looked at steps in training.")
    assert "worked examples in the prompt of direct: 25.0% [20.0" in said


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (NOT_CAUGHT, "2 do not catch one answer with steps (a at N = 8, b at N = 8)."),
        (CAUGHT, "2 catch it (a at N = 8, b at N = 8)."),
        (LEVEL_AT_ONCE, "2 have nothing to catch, one answer at once is right as often (a at N = 8, b at N = 8)."),
        (OPEN, "2 are too close to call (a at N = 8, b at N = 8)."),
    ],
)
def test_models_are_counted_by_whether_they_catch_up(how, said):
    def one(title: str, winner: str) -> Inside:
        rows = [
            {"strategy": "pass_at_k", "budget": budget, "caught": how if budget == 8 else "", "winner": winner}
            for budget in (8, 1, 4)
        ] + [{"strategy": "majority_vote", "budget": 16, "caught": "", "winner": "once"}]
        return Inside(title, "", pl.DataFrame(rows), pl.DataFrame(), pl.DataFrame(), {})

    (found,) = inside_findings.of_models([one("a", "once"), one("b", "many")])
    assert found.startswith("Of 2 models, a perfect verifier picking among answers at once: ")
    assert said in found and found.endswith("One answer at once is ahead of one with steps for b.")


# Captions ----------------------------------------------------------------------------------------------------------


def test_where_samples_come_from():
    setting = Setting("s", {"temperature": 0.7, "reasoning_effort": "low", "reasoning_tokens": 16})
    pool = make_pool([[1, 0, 1], [1, 0]], store="runs/s.duckdb", benchmark="sums", setting=setting)
    said = "s.duckdb · policy policy · sums · {} problems × 2–3 samples · temperature 0.7, reasoning effort low, "
    assert captions.source(pool) == captions.source(pool, 2) == said.format(2) + "reasoning tokens 16"
    assert captions.source(pool, 1).startswith(said.format("1 of 2"))
    alike = make_pool([[1] * 1000], setting=Setting("s", {}))
    assert captions.source(alike) == "memory · policy policy · 1 problem × 1,000 samples · temperature not recorded"


def test_who_selects():
    assert captions.selection_line(None, "last") == "no verifier's scores"
    for kind, said in (("prm", "PRM v, lowest step score"), ("orm", "ORM v"), ("confidence", "confidence v")):
        assert captions.selection_line(Verifier("v", kind, {}, np.zeros(0)), "min") == f"scored by {said}"


@pytest.mark.parametrize(("unknown", "said"), [(0, ""), (1, "count as the mean"), (2, "too many for"), (10, "")])
def test_samples_without_a_length_are_counted(unknown, said):
    tokens = [[math.nan] * unknown + [5.0] * (10 - unknown)]
    line = captions.lengths_line(make_pool([[1] * 10], completion_tokens=np.array(tokens)), "m")
    assert line.startswith(f"{unknown} of 10 samples of m have no token count: " if said else "") and said in line
    assert bool(line) == bool(said)


def test_prices_are_those_that_are_known():
    dear = ModelFacts("a/m-2025-01-01", usd_per_mtok_output=2, price_date="2026-03")
    assert (
        captions.prices_line([None, ModelFacts("n"), dear]) == "prices: m US$ ? / 2 a million tokens in / out (2026-03)"
    )
    assert captions.prices_line([None, ModelFacts("n")]) == ""
