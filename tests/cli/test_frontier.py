"""`ttc frontier`, `ttc plan` and `ttc efficiency`, under default and other ledgers, by their numbers."""

from __future__ import annotations

import csv
import io

import pytest

from tests.cli.commands import error_line, listing, rows, ttc
from ttclib.analysis.plan import Plan

SMALL = ("s.duckdb", "--policy", "small")
QUICK = ("--resamples", "20")
POOL = ("--strategy", "pass_at_k,majority_vote,best_of_n,weighted_best_of_n")
KEYS = {
    *("strategy", "policy", "bin", "budget", "cost", "at_most", "accuracy", "ci_low", "ci_high", "chosen"),
    "n_problems",
}


def test_single_strategies_are_those_of_replay_and_no_choice_costs_more_than_it_may(asking):
    command = (*SMALL, *POOL, "--bins", "3", "--budgets", "1,4,16", "--told", "same")
    found = rows("frontier", *command, "--at-most", "1,2,10", *QUICK, cwd=asking)
    replayed = rows("replay", *command, cwd=asking)
    single = [row for row in found if row["at_most"] is None]
    key = ("strategy", "budget", "bin")
    told = {tuple(row[name] for name in key): row for row in replayed}
    assert set(told) == {tuple(row[name] for name in key) for row in single} and len(single) == 4 * 3 * 4
    for row in single:
        other = told[tuple(row[name] for name in key)]
        assert row["accuracy"] == pytest.approx(other["accuracy"]) and row["cost"] == other["generations"]
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((other["ci_low"], other["ci_high"]))
        assert (row["n_problems"], row["policy"], row["chosen"]) == (other["n_problems"], "small", None)
    chosen = [row for row in found if row["strategy"] == "compute_optimal"]
    assert [(row["bin"], row["at_most"]) for row in chosen] == [(n, c) for n in (None, 1, 2, 3) for c in (1, 2, 10)]
    assert all(row["cost"] <= row["at_most"] * (1 + 1e-9) and set(row) >= KEYS for row in chosen)
    assert next(row["accuracy"] for row in chosen if row["at_most"] == 1) == pytest.approx(
        told["best_of_n", 1, None]["accuracy"]  # one sample is all that is affordable
    )
    assert {row["unit"] for row in found} == {"generations a problem"}


@pytest.mark.parametrize(
    ("command", "ends"),
    [
        (("frontier", *SMALL, *POOL, "--at-most", "4"), ("ci_low", "ci_high")),
        (("frontier", *SMALL, *POOL, "--at-most", "4", "--allocation"), ("ci_low", "ci_high")),
        (("efficiency", *SMALL, *POOL, "--budgets", "1,2,4,8"), ("factor_low", "factor_high")),
        (("crossover", "s.duckdb", "--small", "small", "--large", "large", *POOL), ("ci_low", "ci_high")),
        (("coverage", *SMALL, "--models", "power_law", "--largest-k", "64"), ("ci_low", "ci_high")),
    ],
)
def test_more_resamples_move_intervals_and_no_estimate(asking, command, ends):
    few, more = (rows(*command, "--bins", "1", "--resamples", n, cwd=asking) if command[0] != "coverage"
                 else rows(*command, "--resamples", n, cwd=asking) for n in ("20", "60"))  # fmt: skip
    assert len(few) == len(more)
    assert any(one[end] != other[end] for one, other in zip(few, more, strict=True) for end in ends)
    for one, other in zip(few, more, strict=True):
        assert one.get("accuracy") == other.get("accuracy") and one.get("difference") == other.get("difference")


def test_the_pareto_rows_are_those_that_no_other_beats(asking):
    found = rows("frontier", *SMALL, *POOL, "--bins", "2", *QUICK, cwd=asking)
    for number in (None, 1, 2):
        runnable = [row for row in found if row["bin"] == number and row["strategy"] != "pass_at_k"]
        for row in runnable:
            beaten = any(
                (other["cost"] <= row["cost"] and other["accuracy"] > row["accuracy"] + 1e-9)
                or (other["cost"] < row["cost"] - 1e-9 and other["accuracy"] >= row["accuracy"])
                for other in runnable
            )  # fmt: skip
            assert not (row["pareto"] and beaten), row
    assert not any(row["pareto"] for row in found if row["strategy"] == "pass_at_k")  # nobody can run it
    assert any(row["pareto"] for row in found)


def test_another_ledger_charges_what_replay_says_was_spent(asking):
    command = (*SMALL, "--strategy", "majority_vote,best_of_n", "--budgets", "1,4", "--bins", "1", "--told", "same")
    replayed = {(row["strategy"], row["budget"]): row for row in rows("replay", *command, cwd=asking) if not row["bin"]}
    charge = ("--charge", "unit=tokens", "--charge", "prefill=true")
    for row in rows("frontier", *command, *charge, *QUICK, cwd=asking):
        if row["at_most"] is None:
            told = replayed[row["strategy"], row["budget"]]
            assert row["cost"] == pytest.approx(told["tokens"] + 10)  # a prompt of 10 tokens, read once
            assert row["unit"] == "tokens a problem (prefill)"
    flops = rows("frontier", *command, "--charge", "unit=flops", *QUICK, cwd=asking)
    own = next(row for row in flops if (row["strategy"], row["budget"], row["bin"]) == ("majority_vote", 4, None))
    assert own["cost"] == pytest.approx(2 * 1000 * replayed["majority_vote", 4]["tokens"])


def test_predicted_difficulty_is_by_the_verifier_that_is_named(asking):
    command = ("frontier", *SMALL, *POOL, "--bins", "2", "--difficulty", "predicted", "--told", "same", *QUICK)
    by = {name: rows(*command, "--verifier", name, cwd=asking) for name in ("prm", "logprob")}
    easy = {
        name: next(row["accuracy"] for row in found if (row["strategy"], row["bin"]) == ("pass_at_k", 1))
        for name, found in by.items()
    }
    assert easy["prm"] > easy["logprob"] + 0.1  # the log-probability of this store knows nothing


def test_csv_and_table_show_the_rows_of_json(asking):
    command = ("frontier", *SMALL, *POOL, "--at-most", "1,4,8", "--bins", "2", *QUICK)
    found = rows(*command, cwd=asking)
    text = ttc(*command, "--csv", cwd=asking).stdout
    table = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["accuracy"]) for row in table] == pytest.approx([row["accuracy"] for row in found])
    shown = ttc(*command, cwd=asking).stdout
    for row in found:
        if row["strategy"] == "compute_optimal" and row["bin"] is None:
            line = next(line.split() for line in shown.splitlines() if f" {row['at_most']:g}  " in f"{line}  ")
            assert line[0] == f"{row['accuracy'] * 100:.1f}%"
    last = next(row for row in reversed(found) if row["bin"] is None)
    assert shown.startswith(f"Within 8 generations a problem the best choice reaches {last['accuracy'] * 100:.1f}%")


def test_a_plan_is_written_shown_and_applied(asking):
    command = ("frontier", *SMALL, *POOL, "--bins", "3", "--budgets", "1,4,16", "--at-most", "1,4", *QUICK)
    found = rows(*command, "--export-plan", "plan.json", cwd=asking)
    plan = Plan.from_json((asking / "plan.json").read_text())
    assert plan.limits == (1, 4) and len(plan.choices) == 3
    shown = rows("plan", "show", "plan.json", cwd=asking)
    assert {(row["bin"], row["at_most"]) for row in shown} == {(n, c) for n in (1, 2, 3) for c in (1, 4)}
    assert "\n".join(plan.lines()) in ttc("plan", "show", "plan.json", cwd=asking).stdout
    applied = rows("plan", "apply", "plan.json", *SMALL, *POOL, "--probes", "4", "--draws", "3", cwd=asking)
    assert [(row["at_most"], row["probes"], row["n_problems"]) for row in applied] == [(1, 4, 24), (4, 4, 24)]
    assert applied[0]["generations"] == pytest.approx(1 + 4) and applied[1]["generations"] <= 4 + 4 + 1e-9
    reused = rows("plan", "apply", "plan.json", *SMALL, *POOL, "--draws", "3", "--reuse-probes", cwd=asking)
    assert reused[1]["generations"] <= applied[1]["generations"] - 3
    whole = [row["accuracy"] for row in found if row["strategy"] == "compute_optimal" and row["bin"] is None]
    assert applied[0]["accuracy"] == pytest.approx(whole[0]) and abs(applied[1]["accuracy"] - whole[1]) < 0.1


def test_efficiency_with_its_bill(asking):
    command = ("efficiency", *SMALL, *POOL, "--bins", "2", "--budgets", "1,2,4,8", *QUICK)
    found = rows(*command, cwd=asking)
    told = {
        (row["bin"], row["budget"]): row
        for row in rows("frontier", *SMALL, *POOL, "--bins", "2", "--budgets", "1,2,4,8", *QUICK, cwd=asking)
        if row["strategy"] == "best_of_n"
    }
    assert [(row["bin"], row["budget"]) for row in found] == [(n, b) for n in (None, 1, 2) for b in (1, 2, 4, 8)]
    for row in found:
        base = told[row["bin"], row["budget"]]
        assert row["baseline"] == "best_of_n" and row["accuracy"] == pytest.approx(base["accuracy"])
        assert row["baseline_cost"] == pytest.approx(base["cost"]) and row["n_problems"] == base["n_problems"]
        if row["cost"] is not None:
            assert row["billed_cost"] == pytest.approx(row["cost"] + 8)  # half of the pool told the difficulty
        if row["factor"] is not None:
            assert row["factor"] == pytest.approx(row["baseline_cost"] / row["cost"])
    shared = rows(*command, "--probes", "4", "--queries", "2", cwd=asking)
    assert all(row["billed_cost"] == pytest.approx(row["cost"] + 2) for row in shared if row["cost"] is not None)
    other = rows(*command, "--baseline", "majority_vote", cwd=asking)
    assert {row["baseline"] for row in other} == {"majority_vote"}
    tokens = rows(*command, "--charge", "unit=tokens", cwd=asking)
    assert tokens[0]["baseline_cost"] > 30 and {row["unit"] for row in tokens} == {"tokens a problem"}


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (("frontier", "s.duckdb"), 2, "holds several policies: name one with --policy"),
        (("frontier", *SMALL, *POOL, "--bins", "13"), 2, "24 problems in 13 bins: "),
        (("frontier", *SMALL, *POOL, "--thresholds", "0.1,0.5"), 2, "give them from the easiest down"),
        (("frontier", *SMALL, *POOL, "--bins", "2", "--thresholds", "0.5"), 2, "give one of them"),
        (("frontier", *SMALL, "--strategy", "best_of_m"), 2, "unknown strategy 'best_of_m': did you mean 'best_of_n'"),
        (("frontier", *SMALL, "--strategy", "revisions"), 1, "holds no"),
        (("frontier", *SMALL, "--preset", "liu"), 2, "unknown preset 'liu'"),
        (("frontier", *SMALL, *POOL, "--per", "bin"), 2, "unknown way to limit cost 'bin'"),
        (("frontier", *SMALL, *POOL, "--at-most", "many"), 2, "at-most 'many': give numbers with commas"),
        (("frontier", *SMALL, *POOL, "--preset", "kinetics", "--bins", "2"), 2, "n_layers"),
        (("frontier", *SMALL, *POOL, "--charge", "verfier=true"), 2, "unknown ledger item 'verfier'"),
        (("efficiency", *SMALL, *POOL, "--baseline", "dvts"), 2, "'dvts' is not among what is compared. Allowed: "),
        (("plan", "apply", "none.json", *SMALL), 2, "cannot read 'none.json'"),
        (("plan", "show", "s.duckdb"), 2, "s.duckdb"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_refused_with_nothing_written(asking, command, status, message):
    before = listing(asking)
    assert message in error_line(ttc(*command, cwd=asking), status=status)
    assert listing(asking) == before
