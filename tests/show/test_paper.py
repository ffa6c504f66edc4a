"""The paper's figures: what is drawn is what the study answers, and what a hand can check."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("altair")

from tests.show.stores import make_store
from ttclib.cli import cli
from ttclib.errors import RequestError
from ttclib.show.charts import paper as drawing
from ttclib.show.paper import FIGURES, Asked, Drawn
from ttclib.store import load_pool
from ttclib.study.answers import ask_crossover, ask_efficiency, ask_frontier
from ttclib.study.chains import open_chains
from ttclib.study.paper import MANY_CHAINS, NTH_ANSWER, ONE_CHAIN, along_and_across
from ttclib.study.question import question
from ttclib.study.sides import open_larger
from ttclib.study.study import open as open_study

BINS = 2


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("paper") / "full.duckdb"
    return make_store(path, n_samples=8, search=True, revisions=True, larger=True)


@pytest.fixture(scope="module")
def asked(store: Path) -> Asked:
    study = open_study(store, "small")
    return Asked(study, question(bins=BINS, told="same"), lambda: open_larger(study), bins=BINS)


def draw(name: str, asked: Asked) -> tuple[Drawn, list[dict[str, Any]]]:
    drawn = FIGURES[name](asked)
    return drawn, drawn.chart.to_dict()["datasets"]["rows"]


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_drawn_with_what_was_found(name: str, asked: Asked) -> None:
    drawn, rows = draw(name, asked)
    assert len(rows) > 2 and drawn.findings and drawn.chart.to_dict()["title"]["subtitle"]


def test_figure_1_has_the_leads_at_the_three_rates(asked: Asked) -> None:
    _, rows = draw("snell-1", asked)
    frame = ask_crossover(asked.study, asked.larger(), asked.question, [0.16, 0.79, 22.0]).result.frame
    known = frame.drop_nulls("difference")
    assert [(row["panel"], row["bin"]) for row in rows] == [
        (f"R = {rate:g}", number) for rate, number in known.select("exchange_rate", "bin").rows()
    ]
    assert [row["difference"] for row in rows] == pytest.approx(known["difference"].to_list(), abs=1e-5)
    who = {"small": "small model thinking", "large": "larger model", "too close": "too close to call"}
    assert [row["ahead"] for row in rows] == [who[winner] for winner in known["winner"]]


def test_figure_4_has_both_difficulties_and_the_largest_saving(asked: Asked) -> None:
    _, rows = draw("snell-4", asked)
    for difficulty in ("oracle", "predicted"):
        frame = ask_frontier(asked.study, asked.question.but(difficulty=difficulty)).result.frame
        chosen = frame.filter(pl.col("bin").is_null(), pl.col("strategy") == "compute_optimal").drop_nulls("accuracy")
        mine = [row for row in rows if row.get("name") == f"compute-optimal, {difficulty} difficulty"]
        assert [row["accuracy"] for row in mine] == pytest.approx(chosen["accuracy"].to_list(), abs=1e-5)
    savings = ask_efficiency(asked.study, asked.question, "weighted_best_of_n").result.frame
    factors = savings.filter(pl.col("bin").is_null()).drop_nulls("factor")
    marks = [row for row in rows if "label" in row]
    best = factors.sort("factor").row(-1, named=True)
    if best["factor"] > 1:
        assert [row["label"] for row in marks] == [f"{best['factor']:.2g}×"]
        assert (marks[0]["cost"], marks[0]["baseline_cost"]) == (best["cost"], best["baseline_cost"])
    else:
        assert marks == []


def test_a_saving_is_drawn_between_the_two_costs_and_one_below_one_is_not() -> None:
    line = {"name": ["a", "b"], "cost": [1.0, 4.0], "accuracy": [0.5, 0.5], "n_problems": [9, 9]}
    ends = {"ci_low": [0.4, 0.4], "ci_high": [0.6, 0.6]}
    saving = {"factor": 4.0, "factor_low": 2.0, "factor_high": None, "cost": 1.0, "baseline_cost": 4.0,
              "accuracy": 0.5, "verdict": "saves"}  # fmt: skip
    for given, said in (
        (saving, "4× [2, ∞): a saving"),
        ({**saving, "verdict": "too close"}, "may be none"),
        (None, ""),
    ):
        chart = drawing.optimal_chart(pl.DataFrame({**line, **ends}), "generations", "best_of_n", given, title="t")
        spec = chart.to_dict()
        assert said in " ".join(spec["title"].get("subtitle", [])) if given else isinstance(spec["title"], dict | str)
        assert [row.get("label") for row in spec["datasets"]["rows"]].count("4×") == (given is not None)


def test_figure_6_begins_where_one_answer_is_one_answer(store: Path, asked: Asked) -> None:
    chains = open_chains(asked.study, asked.question, bins=BINS)
    frame = along_and_across(chains)
    first = frame.filter(pl.col("budget") == 1)
    assert set(first["name"]) == {ONE_CHAIN, MANY_CHAINS, NTH_ANSWER}
    graded = np.nanmean(np.nanmean(chains.chains.correct[:, :, 0], axis=1))
    assert first["accuracy"].to_list() == pytest.approx([graded] * 3)
    last = np.nanmean(np.nanmean(chains.chains.correct[:, :, -1], axis=1))
    alone = frame.filter(pl.col("name") == NTH_ANSWER).sort("budget")
    assert alone["accuracy"][-1] == pytest.approx(last)


def test_figure_9_has_the_larger_model_as_stars_at_the_three_rates(store: Path, asked: Asked) -> None:
    _, rows = draw("snell-9", asked)
    stars = [row for row in rows if row["starred"] and row["bin"] is None]
    assert {row["exchange_rate"] for row in stars} <= {0.16, 0.79, 22.0} and stars
    large = np.nanmean(np.nanmean(load_pool(store, policy="large").correct, axis=1))
    assert [row["accuracy_large"] for row in stars] == pytest.approx([large] * len(stars), abs=1e-5)
    for row in stars:  # c = M + 3 (M − 1) / R, with M = 4
        assert row["multiplier"] == pytest.approx(4 + 9 / row["exchange_rate"], rel=1e-4)


def test_the_command_writes_it_and_refuses_before_it_computes(store: Path, tmp_path: Path, capsys: Any) -> None:
    words = ["figure", "snell-9", str(store), "--policy", "small", "--bins", "2", "-o"]
    cli([*words, str(tmp_path / "nine.svg")], standalone_mode=False)
    assert (tmp_path / "nine.svg").read_text().startswith("<svg") and "nine.svg" in capsys.readouterr().out
    cli(
        [word for word in words if word not in ("--policy", "small")] + [str(tmp_path / "own.svg")],
        standalone_mode=False,
    )
    assert "of 'small', the smallest of 2 policies" in capsys.readouterr().err
    named, own = (re.sub(r"clip\d+", "clip", (tmp_path / name).read_text()) for name in ("nine.svg", "own.svg"))
    assert own == named  # clip paths are numbered from one chart to the next
    for name, output, said in (
        ("snell-5", "x.svg", "unknown figure 'snell-5'"),
        ("snell-1", "x.pdf", "'.pdf' is unknown"),
    ):
        with pytest.raises(RequestError, match=said):
            cli(["figure", name, "nowhere.duckdb", "-o", str(tmp_path / output)], standalone_mode=False)
