"""Forecasts from the demo store against live runs on problems that the plan has not seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import ttclib
from ttclib.analysis.ledger import ledger
from ttclib.analysis.plan import Plan
from ttclib.cli.common import cli
from ttclib.errors import RequestError
from ttclib.study.answers import ask_export, ask_frontier, ask_plan
from ttclib.study.forecasting import ask_forecast, runs_of_plan, shadow
from ttclib.study.question import question
from ttclib.study.rehearsal import ask_rehearsal

DEMO = "store/demo.duckdb"
NAMES = ("majority_vote", "best_of_n", "weighted_best_of_n")


@pytest.fixture(scope="module")
def study():
    return ttclib.open(DEMO, "lab-policy")


def exported(study, difficulty="predicted", strategies=NAMES, **more) -> Plan:
    asked = question(strategies=strategies, bins=3, difficulty=difficulty, budgets=[1, 4, 16])
    found = ask_frontier(study, asked, limits=[4, 16], n_resamples=20, **more)
    return ask_export(study, asked, found.result.plan, None if difficulty.startswith("question") else 4)


@pytest.fixture(scope="module")
def plan(study) -> Plan:
    return exported(study)


@pytest.mark.parametrize(
    "way",
    [
        {"difficulty": "predicted", "strategies": (*NAMES, "adaptive_consistency", "first_above"), "reused": True},
        {"difficulty": "question:text", "strategies": NAMES},
    ],
)
def test_on_held_out_sets_fact_lies_inside_as_often_as_was_said(study, way):
    asked = question(strategies=way["strategies"], difficulty=way["difficulty"], bins=3, budgets=[1, 4, 16])
    probes = None if way["difficulty"].startswith("question") else 4
    found = ask_rehearsal(
        study, asked, at_most=400.0, ledger=ledger("snell", unit="tokens"), probes=probes,
        reused=way.get("reused", False), n_splits=4, n_resamples=20,
    ).result  # fmt: skip
    both = found.frame.group_by("set").agg(pl.col("inside").all())["inside"]
    assert len(both) == 20 and both.sum() >= 17  # 34 of 40
    told, fact = (found.frame.filter(pl.col("measure") == "accuracy")[name].mean() for name in ("forecast", "fact"))
    assert fact == pytest.approx(told, abs=0.08)


def test_a_forecast_is_what_applying_the_plan_comes_to(study, plan):
    """Probes beside: what they tell is independent of what is chosen from, so expectations agree."""
    applied = ask_plan(study, plan, question(), draws=40).result
    for column, limit in enumerate(plan.limits):
        runs = runs_of_plan(study, plan, limit)
        assert runs.accuracy.mean() == pytest.approx(applied.accuracy[:, column].mean(), abs=0.012)
        assert runs.cost.mean() == pytest.approx(applied.cost[:, column].mean(), rel=0.02)


def test_more_problems_make_a_narrower_interval_down_to_what_is_not_known(study, plan):
    wide, narrow, narrowest = (ask_forecast(study, plan, m, 4).result.accuracy for m in (10, 100, 3000))
    sizes = [high - low for _, low, high in (wide, narrow, narrowest)]
    assert sizes[0] > 2 * sizes[1] > 2 * sizes[2] > 0.12  # 250 problems leave an interval of their own


def test_a_shadow_says_what_it_saw(study, plan):
    told = ask_forecast(study, plan, 40, 4).result
    found = shadow(told, [True] * 40, [told.cost[0]] * 40)
    rows = {row["measure"]: row for row in found.result.frame.to_dicts()}
    assert rows["accuracy"]["fact"] == 1 and not rows["accuracy"]["inside"] and rows["cost"]["inside"]
    assert "outside what was forecast" in found.findings[1] and "inside" in found.findings[2]
    ungraded = shadow(told, [None] * 40, [told.cost[0]] * 40)
    assert ungraded.result.frame["fact"].to_list()[0] is None and "could be graded" in ungraded.findings[1]


def test_a_plan_of_another_policy_or_without_what_it_reads_is_refused(study, plan):
    other = replace(
        plan, choices=tuple(tuple(tuple(replace(s, policy="x") for s in c) for c in r) for r in plan.choices)
    )
    with pytest.raises(RequestError, match="the plan runs 'x', here is 'lab-policy'"):
        ask_forecast(study, other, 10)
    with pytest.raises(RequestError, match="verifier 'nobody'"):
        ask_forecast(study, replace(plan, verifier="nobody", choices=tuple(
            tuple(tuple(replace(s, verifier=None if s.verifier is None else "nobody") for s in c) for c in r)
            for r in plan.choices)), 10)  # fmt: skip
    with pytest.raises(RequestError, match="right answers, which a new question lacks"):
        ask_forecast(study, replace(plan, source="oracle"), 10)
    with pytest.raises(RequestError, match="half of what is held is 125, give 1 to 125"):
        ask_rehearsal(study, question(bins=1), at_most=4, n_problems=200)


def test_the_file_stands_alone_and_the_command_says_what_python_does(study, plan, tmp_path):
    path = tmp_path / "plan.json"
    path.write_text(plan.to_json())
    words = ["plan", "forecast", str(path), DEMO, "--policy", "lab-policy", "--problems", "30", "--at-most", "4"]
    ran = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    python = ask_forecast(study, Plan.from_json(path.read_text()), 30, 4).result
    assert json.loads(ran.stdout) == python.frame().to_dicts()
    read = json.loads(path.read_text())
    assert read["version"] == 2 and read["difficulty"]["probes"] == 4 and len(read["store"]) == 16
    low, high = read["choices"][0][0][0]["ci_low"], read["choices"][0][0][0]["ci_high"]
    assert 0 < low < high <= 1


def test_a_file_of_version_1_is_still_read(plan, tmp_path):
    old = json.loads(plan.to_json())
    old["version"] = 1
    for name in ("probes", "reuse_probes"):
        del old["difficulty"][name]
    for row in old["choices"]:
        for steps in row:
            for one in steps:
                del one["ci_low"], one["ci_high"]
    read = Plan.from_json(json.dumps(old))
    assert read.n_told_by == 4 and read.lines() == plan.lines() and read.predictor is None


def test_solving_at_the_command_line(plan, tmp_path):
    pytest.importorskip("torch")
    lines = [{"prompt": f"({a}+3)*{a}-4=\n", "reference_answer": str((a + 3) * a - 4)} for a in (2, 3, 5)]
    (tmp_path / "new.jsonl").write_text("\n".join(map(json.dumps, lines)))
    (tmp_path / "plan.json").write_text(plan.to_json())
    words = ["solve", str(tmp_path / "plan.json"), str(tmp_path / "new.jsonl"), "--config", "lab", "--at-most", "4"]
    words += ["--store", str(tmp_path / "live.duckdb"), "--shadow", "--past", DEMO]
    ran = CliRunner().invoke(cli, [*words, "--json"], catch_exceptions=False)
    found = json.loads(ran.stdout)
    assert [row["cost"] for row in found["answers"]] == [8, 8, 8] and found["unit"] == "generations a problem"
    measures = {row["measure"]: row for row in found["forecast"]["measures"]}
    assert measures["accuracy"]["fact"] == np.mean([row["correct"] for row in found["answers"]])
    out = tmp_path / "answers.jsonl"
    again = CliRunner().invoke(cli, [*words, "-o", str(out)], catch_exceptions=False)
    assert [json.loads(line) for line in out.read_text().splitlines()] == found["answers"] and again.stdout == ""
    with pytest.raises(RequestError, match="--past without --shadow"):
        CliRunner().invoke(cli, [word for word in words if word != "--shadow"], catch_exceptions=False)
    assert Path(DEMO).exists() or Path(f"{DEMO}.xz").exists()
