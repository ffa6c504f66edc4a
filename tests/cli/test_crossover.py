"""`ttc crossover` and `ttc compare`: two sides, by their numbers."""

from __future__ import annotations

import json

import pytest

import ttclib
from tests.cli.commands import error_line, listing, rows, ttc
from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.analysis.ledger import Ledger
from ttclib.store import load_pool
from ttclib.study.many_or_once import ask_many_or_once
from ttclib.study.question import question

QUICK = ("--resamples", "20")
CROSS = ("crossover", "--small", "small", "--large", "large", "--strategy", "majority_vote,best_of_n", *QUICK)
KEYS = {
    *("bin", "exchange_rate", "multiplier", "accuracy_small", "accuracy_large", "difference", "ci_low", "ci_high"),
    "winner",
}


def test_crossover_by_one_store_or_two(asking):
    command = (*CROSS, "--ratios", "0.79,22,39", "--bins", "2")
    found = rows(*command, "--store", "s.duckdb", cwd=asking)
    apart = rows(*command, "--small-store", "s.duckdb", "--large-store", "large.duckdb", cwd=asking)
    assert found == apart
    assert [(row["bin"], row["exchange_rate"]) for row in found] == [
        (number, rate) for number in (None, 1, 2) for rate in (0.79, 22, 39)
    ]
    right = load_pool(asking / "large.duckdb", policy="large").correct.mean()
    for row in found:
        assert row["multiplier"] == pytest.approx(flops_matched_multiplier(14, row["exchange_rate"]))
        assert (row["param_ratio"], row["training_tokens_ratio"], row["large_budget"]) == (14, 1, 1)
        assert row["difference"] == pytest.approx(row["accuracy_small"] - row["accuracy_large"])
        assert row["ci_low"] <= row["difference"] <= row["ci_high"] and set(row) >= KEYS
        assert row["winner"] == ("small" if row["ci_low"] > 0 else "large" if row["ci_high"] < 0 else "too close")
        assert row["cost"] <= row["at_most"] and row["small_strategy"] == "compute_optimal"
        if row["bin"] is None:
            assert row["accuracy_large"] == pytest.approx(right)


def test_one_answer_is_the_small_side_where_no_more_is_affordable(asking):
    (row,) = [one for one in rows(*CROSS, "s.duckdb", "--ratios", "1000000", "--param-ratio", "1", "--bins", "1",
                                  cwd=asking) if one["bin"] is None]  # fmt: skip
    small = load_pool(asking / "s.duckdb", policy="small").correct.mean()
    assert row["multiplier"] == pytest.approx(1) and row["accuracy_small"] == pytest.approx(small)


def test_another_ledger_and_the_table(asking):
    command = (*CROSS, "s.duckdb", "--ratios", "1", "--bins", "1")
    plain, charged = (rows(*command, *more, cwd=asking)[0] for more in ((), ("--charge", "unit=tokens")))
    assert plain["unit"] != charged["unit"] and charged["at_most"] > plain["at_most"] * 30
    text = ttc(*command, cwd=asking).stdout
    assert f"'small' against 'large' (one greedy answer): M = {plain['param_ratio']:g}" in text
    cells = next(line for line in text.splitlines() if line.startswith("all"))
    assert f"{plain['accuracy_small'] * 100:.1f}%" in cells and f"{plain['accuracy_large'] * 100:.1f}%" in cells
    assert {"small": "the small policy is ahead", "large": "the larger model is ahead"}.get(
        plain["winner"], "too close to call"
    ) in text.splitlines()[0]


def test_the_larger_model_may_think_too_or_be_sampled(asking):
    both = ("crossover", "q.duckdb", "--small", "drawn", "--large", "drawn", "--param-ratio", "2", *QUICK)
    both += ("--strategy", "majority_vote", "--ratios", "50", "--bins", "2")
    thinking = rows(*both, "--large-strategy", "majority_vote", "--large-budget", "4", cwd=asking)
    replayed = rows("replay", "q.duckdb", "--strategy", "majority_vote", "--budgets", "4", cwd=asking)
    assert thinking[0]["multiplier"] == pytest.approx(2 * 4 + 3 / 50)
    assert thinking[0]["large_strategy"] == "majority_vote" and thinking[0]["large_budget"] == 4
    assert thinking[0]["accuracy_large"] == pytest.approx(replayed[0]["accuracy"])
    sampled = rows(*both, "--allow-sampled", cwd=asking)
    pass_at_1 = load_pool(asking / "q.duckdb").correct.mean()
    assert sampled[0]["accuracy_large"] == pytest.approx(pass_at_1)
    assert "pass@1" in sampled[0]["large_strategy"]


def test_two_sides_are_compared_on_what_replay_says(asking):
    command = ("s.duckdb", "--policy", "small", "--strategy", "best_of_n,weighted_best_of_n", "--budgets", "1,4")
    found = rows("compare", *command, "--other-verifier", "logprob", cwd=asking)
    sides = [
        {(row["strategy"], row["budget"]): row["accuracy"] for row in rows("replay", *command, *more, cwd=asking)}
        for more in ((), ("--verifier", "logprob"))
    ]
    assert [(row["strategy"], row["budget"]) for row in found if row["bin"] is None] == list(sides[0])
    for row in found:
        first, second = (side[row["strategy"], row["budget"]] for side in sides)
        assert (row["first"], row["second"]) == pytest.approx((first, second))
        assert row["difference"] == pytest.approx(second - first) and row["ci_low"] <= row["difference"] + 1e-9
    at_4 = next(row for row in found if (row["strategy"], row["budget"]) == ("best_of_n", 4))
    assert at_4["difference"] < 0  # a verifier of some use against one of none
    other = rows("compare", "s.duckdb", "--policy", "small", "--strategy", "pass_at_k", "--budgets", "1",
                 "--other-store", "q.duckdb", "--other-policy", "drawn", cwd=asking)  # fmt: skip
    pools = [load_pool(asking / name, policy=who).correct.mean() for name, who in (("s.duckdb", "small"),
                                                                                  ("q.duckdb", "drawn"))]  # fmt: skip
    assert (other[0]["first"], other[0]["second"]) == pytest.approx(tuple(pools))


@pytest.mark.parametrize(
    "command",
    [
        (*CROSS, "s.duckdb", "--ratios", "0.79,22", "--bins", "2"),
        ("compare", "s.duckdb", "--policy", "small", "--other-verifier", "logprob", "--strategy", "best_of_n"),
        ("compare", "s.duckdb", "--policy", "small,large", "--once", "--charge", "unit=flops"),
    ],
)
def test_who_is_ahead_is_never_what_has_no_room(asking, command):
    """The verdict is what a table is for: at 80 columns other columns are left out before it."""
    lines = ttc(*command, cwd=asking, COLUMNS="80").stdout.splitlines()
    heads = [head for at, line in enumerate(lines) if line.startswith("---") for head in lines[max(0, at - 3) : at]]
    assert any("ahead" in head.split() for head in heads)
    assert not any("ahead" in line for line in lines if line.startswith("… not shown"))
    # Sentences wrap where they are shown; rows of a table do not.
    tables = [line for line in lines if line.startswith(("---", "all", "best-of-N  "))]
    assert tables and all(len(line) <= 80 for line in tables)


def test_verifiers_begin_with_what_was_found(asking):
    text = ttc("verifiers", "s.duckdb", "--policy", "small", cwd=asking, COLUMNS="80").stdout
    best = max(rows("verifiers", "s.duckdb", "--policy", "small", cwd=asking), key=lambda row: row["auc_within"])
    first = text.splitlines()[0]
    assert f"{best['verifier']} scores the right one higher in {best['auc_within'] * 100:.1f}% [" in first


def test_strategies_at_equal_cost(asking):
    command = ("compare", "s.duckdb", "--policy", "small", "--strategy", "majority_vote,best_of_n", "--bins", "1")
    found = [row for row in rows(*command, cwd=asking) if row["bin"] is None]
    assert {row["variant"] for row in found} >= {"majority_vote", "best_of_n"}
    assert all(row["cost"] <= row["at_most"] + 1e-9 for row in found if row["cost"] is not None)
    text = ttc(*command, cwd=asking).stdout
    assert "At equal cost, in generations a problem" in text
    assert json.loads(ttc(*command, "--json", cwd=asking).stdout) == rows(*command, cwd=asking)


def test_several_answers_or_one_on_what_replay_says(asking):
    command = ("compare", "s.duckdb", "--policy", "small,large", "--once", "--charge", "unit=flops")
    found = rows(*command, cwd=asking)
    study = ttclib.open(asking / "s.duckdb", ["small", "large"])
    asked = ask_many_or_once(study, question(), ledger=Ledger(unit="flops"))
    assert found == asked.result.frame.to_dicts()
    once = rows("replay", "s.duckdb", "--policy", "large", "--strategy", "majority_vote", "--budgets", "1", cwd=asking)
    assert [row["accuracy_once"] for row in found] == pytest.approx([once[0]["accuracy"]] * len(found))
    at = ("--strategy", "majority_vote", "--budgets", str(found[0]["budget"]))
    many = rows("replay", "s.duckdb", "--policy", "small", *at, cwd=asking)
    assert found[0]["accuracy_many"] == pytest.approx(many[0]["accuracy"])
    assert found[0]["cost"] <= found[0]["at_most"] == found[0]["cost_once"]
    text = ttc(*command, cwd=asking).stdout
    assert text.startswith(asked.findings[0]) and "N answers less one, costs in FLOPs a problem" in text


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("compare", "s.duckdb", "--policy", "small", "--once"), "one side, small: name two policies or settings"),
        (
            ("compare", "s.duckdb", "--policy", "small,large", "--once", "--other-policy", "large", "--bins", "2"),
            "--once compares several policies or settings of one store, without --other-policy",
        ),
        (("compare", "s.duckdb", "--policy", "small,large", "--once", "--bins", "2"), "problems, without --bins"),
        ((*CROSS, "s.duckdb", "--ratios", "0.16,0"), "exchange_rate must be above 0, got 0"),
        ((*CROSS, "s.duckdb", "--ratios=-1"), "exchange_rate must be above 0, got -1"),
        ((*CROSS, "s.duckdb", "--ratios", "much"), "ratios 'much': give numbers with commas"),
        ((*CROSS, "s.duckdb", "--param-ratio", "0.5"), "param_ratio must be at least 1"),
        ((*CROSS, "s.duckdb", "--large-budget", "4"), "--large-budget 4 needs --large-strategy"),
        ((*CROSS, "--small-store", "s.duckdb"), "no store: name one"),
        (("crossover", "q.duckdb", "--small", "drawn", "--large", "drawn"), "holds no greedy sample of 'drawn'"),
        (
            ("crossover", "--small", "drawn", "--small-store", "q.duckdb", "--large", "large", "--large-store",
             "large.duckdb", "--strategy", "majority_vote"),
            "n_parameters",
        ),
        (("compare", "s.duckdb", "--policy", "small", "--other-policy", "lrage"), "did you mean 'large'"),
        (("compare", "s.duckdb", "--policy", "small", "--other-verifier", "rpm"), "did you mean 'prm'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)  # fmt: skip
def test_refused_with_nothing_written(asking, command, message):
    before = listing(asking)
    assert message in error_line(ttc(*command, cwd=asking))
    assert listing(asking) == before
