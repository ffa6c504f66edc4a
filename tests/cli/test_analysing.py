"""Difficulty, frontier, efficiency, crossover and a chosen policy, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from ttclib.analysis.policy import ChosenPolicy

from tests.builders import build_store
from tests.cli.commands import error_line, listing, ttc
from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.cli import cli
from ttclib.errors import TTCError
from ttclib.store import absorb, write_part

QUICK = ("--resamples", "20")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One store with a small policy of 24 problems x 16 samples and the greedy sample of one 14 times larger."""
    folder = tmp_path_factory.mktemp("analysing")
    store = build_store(folder / "s.duckdb", n_problems=24, policy="small", n_parameters=1000, absorbed=False)
    build_store(folder / "q.duckdb", n_problems=24, policy="drawn", n_parameters=None, scored=False)
    rng = np.random.default_rng(0)
    keys = [{"policy": "large", "problem_id": f"p{n:03d}", "setting": "greedy", "sample_index": 0} for n in range(24)]
    for path in (store, folder / "large.duckdb"):
        write_part(path, "models", [{"model": "large", "n_parameters": 14_000}])
        write_part(path, "settings", [{"setting": "greedy", "temperature": 0.0, "max_tokens": 256}])
        write_part(path, "samples", [{**key, "completion_tokens": 60, "prompt_tokens": 10} for key in keys])
        grades = [{**key, "grader": "exact", "answer_class": 1, "correct": bool(rng.random() < 0.6)} for key in keys]
        write_part(path, "grades", grades)
        absorb(path)
    return folder


@pytest.fixture
def run(folder, monkeypatch):
    """Run a command in the folder and in this process, which spares the start of Python; what it printed."""
    monkeypatch.chdir(folder)

    def one(*arguments: object) -> str:
        done = CliRunner().invoke(cli, [*map(str, arguments), *QUICK], catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    return one


@pytest.fixture
def rows(run):
    """Rows that a command prints as JSON."""
    return lambda *arguments: json.loads(run(*arguments, "--json"))


SMALL = ("--store", "s.duckdb", "--policy", "small")


def test_difficulty(rows):
    found = rows("difficulty", *SMALL, "--bins", "3", "--probes", "1,4,99")
    assert set(found) == {"bins", "agreement", "problems"}
    assert [(row["difficulty"], row["bin"], row["n_problems"]) for row in found["bins"]] == [
        (name, number, 8) for name in ("oracle", "predicted") for number in (1, 2, 3)
    ]
    assert len(found["problems"]) == 24 and found["problems"][0]["problem_id"] == "p000"
    assert {row["oracle_bin"] for row in found["problems"]} == {1, 2, 3}
    told = [(row["difficulty"], row["n_probes"]) for row in found["agreement"]]
    assert told == [("predicted", None), ("oracle", 1), ("oracle", 4), ("predicted", 1), ("predicted", 4)]
    by_4, by_1 = found["agreement"][2]["spearman"], found["agreement"][1]["spearman"]
    assert 0 < by_1 < by_4 <= 1  # more samples tell more


def test_difficulty_by_thresholds_as_a_table(run):
    shown = run("difficulty", *SMALL, "--thresholds", "0.5,0.1")
    assert "Difficulty bins of 'small', 24 problems" in shown
    assert all(word in shown for word in ("n_never", "n_tied", "spearman", "within_one"))


def test_frontier_exports_a_policy_that_is_applied_elsewhere(rows, folder):
    found = rows("frontier", *SMALL, "--bins", "3", "--budgets", "1,4,16", "--export-policy", "chosen.json")
    assert {row["unit"] for row in found} == {"generations a problem"}
    assert {row["strategy"] for row in found} == {
        "pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n", "compute_optimal",
    }  # fmt: skip
    assert len(found) == 5 * 4 * 3 and any(row["pareto"] for row in found)
    assert all(row["ci_low"] <= row["accuracy"] <= row["ci_high"] for row in found if row["strategy"] == "best_of_n")
    chosen = ChosenPolicy.from_json((folder / "chosen.json").read_text())
    assert chosen.budgets == (1, 4, 16) and len(chosen.choices) == 3 and chosen.thresholds is not None
    applied = rows("apply-policy", "chosen.json", *SMALL, "--probes", "4", "--budgets", "1,4,16", "--draws", "3")
    assert [(row["budget"], row["generations"]) for row in applied] == [(1, 4), (4, 4), (16, 16)]
    assert all(0 < row["accuracy"] < 1 and row["n_problems"] == 24 for row in applied)


def test_frontier_by_predicted_difficulty_out_of_fold_in_tokens(rows):
    found = rows(
        "frontier", *SMALL, "--strategy", "best_of_n,majority_vote", "--bins", "2", "--difficulty", "predicted",
        "--out-of-fold", "--charge", "unit=tokens", "--charge", "prefill=true",
    )  # fmt: skip
    assert {row["unit"] for row in found} == {"tokens a problem (prefill)"}
    assert {row["budget"] for row in found} == {1, 2, 4, 8}  # the other 8 samples told the difficulty
    assert {row["difficulty"] for row in found} == {"predicted"}


def test_efficiency_with_its_bill(rows):
    found = rows("efficiency", *SMALL, "--bins", "2", "--budgets", "1,2,4,8,16")
    assert {row["baseline"] for row in found} == {"best_of_n"} and [row["bin"] for row in found[:5]] == [None] * 5
    assert all(row["billed_cost"] == row["cost"] + 16 for row in found)
    shared = rows("efficiency", *SMALL, "--bins", "2", "--probes", "4", "--queries", "2")
    assert all(row["billed_cost"] == row["cost"] + 2 for row in shared)


@pytest.mark.parametrize(
    "stores", [("--store", "s.duckdb"), ("--small-store", "s.duckdb", "--large-store", "large.duckdb")]
)
def test_crossover(rows, stores):
    found = rows("crossover", *stores, "--small", "small", "--large", "large", "--ratios", "0.79,22,39", "--bins", "2")
    assert [(row["bin"], row["exchange_rate"]) for row in found] == [
        (number, rate) for number in (None, 1, 2) for rate in (0.79, 22, 39)
    ]
    for row in found:
        assert row["multiplier"] == pytest.approx(flops_matched_multiplier(14, row["exchange_rate"]))
        assert (row["param_ratio"], row["training_tokens_ratio"], row["large_strategy"]) == (14, 1, "greedy")
        # The pool ends at 16 generations.
        assert (row["accuracy_small"] is None) == (row["multiplier"] > 16)
        assert isinstance(row["verdict"], str) and row["supported"] in (True, False)


def test_crossover_as_a_table(folder):
    done = ttc("crossover", "--store", "s.duckdb", "--small", "small", "--large", "large", *QUICK, cwd=folder)
    assert done.returncode == 0 and "'small' (compute_optimal) against 'large' (greedy, N=1): M = 14" in done.stdout
    assert "Where the larger model takes the lead" in done.stdout


def test_the_larger_model_may_think_too_or_be_sampled(rows):
    both = ("crossover", "--store", "q.duckdb", "--small", "drawn", "--large", "drawn", "--param-ratio", "2")
    thinking = rows(*both, "--large-strategy", "majority_vote", "--large-budget", "4", "--ratios", "50", "--bins", "2")
    assert (
        thinking[0]["multiplier"] == pytest.approx(2 * 4 + 3 / 50) and thinking[0]["large_strategy"] == "majority_vote"
    )
    sampled = rows(*both, "--allow-sampled", "--ratios", "50", "--bins", "2")
    assert sampled[0]["large_strategy"] == "sampled_pass_at_1"


CROSS = ("crossover", "--small", "small", "--large", "large", "--store", "s.duckdb")


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (("difficulty", "--store", "s.duckdb"), 2, "holds several policies: name one with --policy"),
        (("frontier", *SMALL, "--bins", "13"), 2, "24 problems in 13 bins: 2 folds need at least 26 problems"),
        (("frontier", *SMALL, "--thresholds", "0.1,0.5"), 2, "thresholds [0.1, 0.5]: give them from the easiest down"),
        (("frontier", *SMALL, "--thresholds", "2,1.5"), 2, "difficulty bin 1 holds 0 problems"),
        (("frontier", *SMALL, "--bins", "2", "--thresholds", "0.5"), 2, "give one of them"),
        (("frontier", *SMALL, "--strategy", "best_of_m"), 2, "unknown strategy 'best_of_m': did you mean 'best_of_n'"),
        (("frontier", *SMALL, "--strategy", "revisions"), 1, "holds no"),
        (("frontier", *SMALL, "--preset", "liu"), 2, "unknown preset 'liu'"),
        (("frontier", *SMALL, "--preset", "kinetics", "--bins", "2"), 2, "know n_layers of the policy 'small'"),
        (("frontier", *SMALL, "--charge", "verfier=true"), 2, "unknown ledger item 'verfier'"),
        (("efficiency", *SMALL, "--bins", "2", "--baseline", "dvts"), 2, "baseline 'dvts' is not there. Allowed: "),
        (("efficiency", *SMALL, "--cheap", "99"), 2, "99 difficulty samples: allowed 1 to 16"),
        ((*CROSS, "--ratios", "0.16,0"), 2, "exchange_rate must be above 0, got 0"),
        ((*CROSS, "--ratios", "much"), 2, "ratios 'much': give numbers with commas"),
        ((*CROSS, "--param-ratio", "0.5"), 2, "param_ratio must be at least 1"),
        ((*CROSS, "--large-budget", "4"), 2, "--large-budget 4 needs --large-strategy"),
        (CROSS[:5], 2, "give --store, or both --small-store and --large-store"),
        (
            ("crossover", "--small", "drawn", "--large", "drawn", "--store", "q.duckdb", "--bins", "2"), 2,
            "policy 'drawn' has no greedy sample, only samples at temperature 1: sample it at temperature 0",
        ),
        (
            (*CROSS[:1], "--small", "drawn", "--small-store", "q.duckdb", *CROSS[3:]), 2,
            "does not know n_parameters of the policy 'drawn'",
        ),
        (("apply-policy", "none.json", *SMALL), 2, "cannot read 'none.json'"),
    ],
)  # fmt: skip
def test_refused_with_nothing_written(folder, monkeypatch, command, status, message):
    monkeypatch.chdir(folder)
    before = listing(folder)
    done = CliRunner().invoke(cli, command)
    assert isinstance(done.exception, TTCError) and done.exception.exit_status == status
    assert message in str(done.exception) and "\n" not in str(done.exception)
    assert done.stdout == "" and listing(folder) == before


def test_a_refusal_is_one_line_and_its_status(folder):
    assert "exchange_rate must be above 0, got -1" in error_line(ttc(*CROSS, "--ratios=-1", "--bins", "2", cwd=folder))
