"""The account against a truth that is known: what adaptivity is worth, nothing or something."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from ttclib.analysis.account import NOT_AFFORDABLE, Way, account, one_bin, spend, worth_of
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.ledger import LEDGERS
from ttclib.replay.outcomes import Outcomes
from ttclib.study.account_findings import of_account

N, SIZES = 200, (1, 2, 4, 8)
LIMITS = [1.0, 2.0, 4.0, 8.0]


def candidates(gain: float, seed: int = 0) -> tuple[list[Outcomes], np.ndarray]:
    """Two strategies; the first is better by `gain` on three problems of five, the second on the others."""
    rng = np.random.default_rng(seed)
    kind = (np.arange(N) % 5 >= 3).astype(int)
    base = 0.4 + 0.05 * np.log2(SIZES)[None, :] + 0.05 * rng.normal(size=(N, 1))
    ids = tuple(map(str, range(N)))
    tables = [base + gain * (kind == which)[:, None] for which in (0, 1)]
    names = ("majority_vote", "best_of_n")
    return [Outcomes(name, name, SIZES, ids, table, {}) for name, table in zip(names, tables, strict=True)], kind


def told(kind: np.ndarray) -> Difficulty:
    return Difficulty(1.0 - kind, kind + 1, ties="together", n_probes=1.0)


def ways(gain: float, bill: float) -> tuple[list[Way], tuple[np.ndarray, object]]:
    outcomes, kind = candidates(gain)
    common = {"ledger": LEDGERS["snell"], "n_resamples": 200}
    flat, known = one_bin(N, np.arange(N)), told(kind)
    uniform = spend(outcomes, flat, LIMITS, **common)
    given = spend(outcomes, known, LIMITS, **common)
    paid = spend(outcomes, known, LIMITS, bill=Bill(bill), **common)
    made = [
        Way("uniform", "uniform", uniform),
        Way("given", "given", given, pays=False),
        Way("probes_2", f"by {bill:g} probes, billed", paid, given),
    ]
    return made, (np.array(LIMITS), uniform)


def rows(frame: pl.DataFrame, way: str) -> list[dict]:
    return frame.filter(pl.col("way") == way).to_dicts()


def said(frame: pl.DataFrame) -> str:
    return " ".join(of_account(SimpleNamespace(frame=frame, unit="generations a problem")))


def test_where_the_kinds_differ_knowing_them_is_worth_what_was_put_in():
    made, curve = ways(0.3, 2.0)
    frame = account(made, LIMITS, curve)
    for at, row in enumerate(rows(frame, "given")):
        assert row["difference"] == pytest.approx(0.12, abs=0.005)  # two problems of five gain .3
        assert row["difference_low"] < 0.12 < row["difference_high"] and row["verdict"] == "saves"
        # Uniform gains .05 a doubling: it needs 2 ** 2.4 times as much, and gets there while it has so much.
        assert row["factor"] == (pytest.approx(2**2.4, rel=0.1) if LIMITS[at] * 2**2.4 < 8 else None)
        assert row["cost"] == LIMITS[at] and not row["pays"]
    paid = rows(frame, "probes_2")
    assert [row["verdict"] for row in paid] == [NOT_AFFORDABLE, NOT_AFFORDABLE, "saves", "saves"]
    # Of 4 the probes take 2: what is left is N = 2 with the gain of knowing.
    assert paid[2]["accuracy"] == pytest.approx(rows(frame, "given")[1]["accuracy"])
    assert paid[2]["difference"] == pytest.approx(0.12 - 0.05, abs=0.005) and paid[2]["bill"] == 2.0
    worth = worth_of(frame)
    assert (worth.way, worth.first, worth.last, worth.to_the_end) == ("probes_2", 4.0, 8.0, True)
    assert said(frame).startswith(
        'The gain survives its own bill from 4 generations a problem on: "by 2 probes, billed'
    )


def test_where_nothing_depends_on_the_kind_nothing_is_worth_a_bill():
    made, curve = ways(0.0, 2.0)
    frame = account(made, LIMITS, curve)
    assert all(row["verdict"] == "too close" for row in rows(frame, "given"))
    costs = [row for row in rows(frame, "probes_2") if row["accuracy"] is not None]
    assert all(row["difference"] == pytest.approx(-0.05 * np.log2(row["at_most"] / (row["at_most"] - 2)), abs=0.04)
               for row in costs)  # fmt: skip
    assert worth_of(frame) is None
    text = said(frame)
    assert text.startswith("No gain survives its own bill at any budget held")
    assert "neither is any number of queries that pay for it" in text


def test_a_bill_that_is_never_affordable_breaks_even_when_shared():
    made, curve = ways(0.1, 2048.0)
    frame = account(made, LIMITS, curve)
    assert {row["verdict"] for row in rows(frame, "probes_2")} == {NOT_AFFORDABLE}
    first = rows(frame, "probes_2")[0]
    # Given, N = 1 is .04 more accurate, for which uniform needs 2 ** .8: each query saves what that is above 1.
    assert first["break_even_queries"] == pytest.approx(2048.0 / (2**0.8 - 1), rel=0.15)
    assert "nothing is left of any budget held: the bill is 2,048 generations a problem" in said(frame)
    assert "queries of a problem must share it to break even" in said(frame)
    assert worth_of(frame) is None  # what is given does not count


def test_differences_are_paired_and_chance_differences_are_none():
    """Two ways that differ by noise alone: in hardly any table one is declared ahead."""
    false = 0
    for seed in range(20):
        outcomes, _ = candidates(0.0, seed)
        noisy = [
            Outcomes(one.strategy, one.variant, SIZES, one.problem_ids, one.accuracy + noise, {})
            for one, noise in zip(outcomes, 0.1 * np.random.default_rng(seed).normal(size=(2, N, 4)), strict=True)
        ]
        kind = np.random.default_rng(seed + 1).integers(0, 2, N)
        common = {"ledger": LEDGERS["snell"], "n_resamples": 100, "partitions": 5}
        uniform = spend(noisy, one_bin(N, np.arange(N)), LIMITS, **common)
        other = spend(noisy, told(kind), LIMITS, **common)
        frame = account([Way("uniform", "u", uniform), Way("x", "x", other)], LIMITS, (np.array(LIMITS), uniform))
        false += worth_of(frame) is not None
    assert false <= 1


def test_a_gain_that_ends_is_said_to_end():
    verdicts = ["too close", "saves", "saves", "costs more"]
    found = pl.DataFrame(
        [
            {"way": "x", "label": "by x", "pays": True, "at_most": limit, "verdict": verdict, "bill": 0.0,
             "difference": 0.1 - k / 20, "difference_low": 0.0, "difference_high": 0.2, "accuracy": 0.5, "factor": 2.0,
             "break_even_queries": None}
            for k, (limit, verdict) in enumerate(zip(LIMITS, verdicts, strict=True))
        ]
    )  # fmt: skip
    worth = worth_of(found)
    assert (worth.first, worth.last, worth.to_the_end) == (2.0, 4.0, False)
    (text,) = of_account(SimpleNamespace(frame=found, unit="generations a problem"))
    assert text.startswith('The gain survives its own bill from 2 to 4 generations a problem: "by x" reaches 50.0%')
    assert text.endswith("costs more.") and json.dumps(worth.way)
