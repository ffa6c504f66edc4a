"""`ttc frontier`: accuracy against cost, and the best choice within each limit; `ttc plan`: that choice, elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import polars as pl

from ttclib.analysis.live import WINDOW
from ttclib.analysis.optimise import PER
from ttclib.analysis.plan import PLAN_PROBES, Plan
from ttclib.cli.common import FILE, as_json, cli, notify
from ttclib.cli.options import (
    BILL,
    BINS,
    COST,
    OUTPUT,
    RESAMPLES,
    SEEDED,
    STORE,
    WHOSE,
    costs_of,
    numbers,
    options,
    question_of,
    strategy_options,
    study_of,
    without,
)
from ttclib.cli.printing import print_answer
from ttclib.errors import RequestError, one_of
from ttclib.fresh_names import write_whole

SHOWN = ("variant", "bin", "budget", "cost", "accuracy", "ci_low", "ci_high")
CHOSEN = ("bin", "at_most", "cost", "accuracy", "ci_low", "ci_high", "chosen")


@cli.command()
@options(STORE, WHOSE, strategy_options(), BINS, COST, BILL)
@click.option("--at-most", help="Limits of cost, with commas; default: 32 over what there is.")
@click.option(
    "--per", default="problem", show_default=True, help=f"Whether a limit holds for each problem: {', '.join(PER)}."
)
@click.option("--allocation", is_flag=True, help="Instead: what moving compute from easy problems to hard ones adds.")
@click.option("--export-plan", type=FILE, help="Write the choice to this JSON file.")
@click.option("--export-policy", type=FILE, hidden=True)
@options(RESAMPLES, SEEDED, OUTPUT)
def frontier(
    at_most: str | None,
    per: str,
    allocation: bool,
    export_plan: Path | None,
    export_policy: Path | None,
    resamples: int,
    **choices: Any,
) -> None:
    """Accuracy against cost: every strategy, and the best choice at most at each cost, by bin and over all."""
    from ttclib.study.answers import ask_allocation, ask_export, ask_frontier

    if export_policy is not None:
        raise RequestError("--export-policy is called --export-plan now: `policy` means the model")
    one_of(per, PER, "way to limit cost")
    if allocation:
        without("--allocation compares both ways to limit cost and makes no plan", "per", "export_plan")
    costs = costs_of(choices)
    unit = costs["ledger"].label
    study = study_of(choices)
    limits = None if at_most is None else numbers(at_most, "at-most")
    if allocation:
        spent = ask_allocation(study, question_of(study, choices), **costs, limits=limits, n_resamples=resamples)
        print_answer(
            spent.result,
            rows=[{**row, "unit": unit} for row in spent.result.to_dicts()],
            findings=spent.findings,
            notes=spent.notes,
            heading=f"One limit for every problem, mixed so that all is spent, and for all on average, in {unit}",
        )
        return
    asked = question_of(study, choices)
    found = ask_frontier(study, asked, **costs, limits=limits, per=per, n_resamples=resamples)
    result = found.result
    if export_plan is not None:
        plan = ask_export(study, asked, result.plan, costs["probes"], costs["reused"])
        write_file(export_plan, plan.to_json())
        notify(f"plan written to '{export_plan}'")
    rows = [{**row, "unit": result.unit} for row in result.frame.to_dicts()]
    whole = result.frame.filter(pl.col("bin").is_null())
    best = whole.filter(pl.col("pareto") & (pl.col("strategy") != "compute_optimal"))
    chosen = result.frame.filter(pl.col("strategy") == "compute_optimal")
    print_answer(
        result.frame,
        rows=rows,
        findings=found.findings,
        notes=found.notes,
        heading=f"Over all problems, cost in {result.unit}",
        table=chosen.filter(pl.col("bin").is_null()).select(CHOSEN),
        more=[
            ("Single strategies that none beats", best.select(SHOWN)),
            ("The plan: what to run in which bin, at most at which cost", result.plan.lines()),
        ],
    )


class Plans(click.Group):
    """Commands about plans."""


@cli.group(cls=Plans)
def plan() -> None:
    """What to run in which bin within which cost: apply it elsewhere, forecast new problems, or show it."""


@plan.command()
@click.argument("file", type=FILE)
@as_json()
def show(file: Path) -> None:
    """Show a plan in words."""
    read = read_plan(file)
    print_answer(
        read.frame(),
        rows=read.frame().to_dicts(),
        table=pl.DataFrame(),
        more=[("", read.lines())],
    )


@plan.command()
@click.argument("file", type=FILE)
@options(STORE, WHOSE, strategy_options())
@click.option(
    "--probes",
    type=int,
    help="Samples that tell a new problem's difficulty; by default 4, none where the question does.",
)
@click.option("--queries", type=float, default=1, show_default=True, help="Queries that share those samples.")
@click.option("--reuse-probes", is_flag=True, help="They count in the final selection: max(N, probes), not a sum.")
@click.option("--draws", type=click.IntRange(min=1), default=20, show_default=True, help="Random draws of the probes.")
@options(SEEDED, OUTPUT)
def apply(
    file: Path,
    probes: int | None,
    queries: float,
    reuse_probes: bool,
    draws: int,
    **choices: Any,
) -> None:
    """What a plan that `ttc frontier --export-plan` wrote comes to on a store, difficulty told by a few samples."""
    from ttclib.study.answers import ask_plan

    read = read_plan(file)
    study = study_of(choices)
    found = ask_plan(study, read, question_of(study, choices), probes, draws, queries, reuse_probes)
    frame = found.result.frame().filter(pl.col("bin").is_null()).drop("bin")
    few = f"{(read.n_told_by or PLAN_PROBES) if probes is None else probes} samples a problem"
    by = "the question" if (read.source or "").startswith("question") else few
    rows = [{"strategy": "compute_optimal", **row} for row in frame.to_dicts()]
    print_answer(
        frame,
        rows=rows,
        notes=found.notes,
        heading=f"The plan of '{file}' on '{study.policy}', difficulty from {by}, cost in {read.ledger.label}",
    )


@plan.command(name="forecast")
@click.argument("file", type=FILE)
@options(STORE, WHOSE)
@click.option("--problems", type=int, default=100, show_default=True, help="New problems, like those of the store.")
@click.option("--at-most", type=float, help="Cost of a problem; default: the plan's largest limit.")
@click.option("--window", type=click.IntRange(min=1), default=WINDOW, show_default=True,
              help="Samples drawn at once before a stopping rule is asked.")  # fmt: skip
@click.option("--draws", "n_runs", type=click.IntRange(min=1), default=20, show_default=True,
              help="Live runs of each problem that is held.")  # fmt: skip
@options(SEEDED, OUTPUT)
def forecast_plan(
    file: Path,
    problems: int,
    at_most: float | None,
    window: int,
    n_runs: int,
    seed: int,
    **choices: Any,
) -> None:
    """What a plan will come to on new problems like those of a store, live: 95 % prediction intervals."""
    from ttclib.study.forecasting import ask_forecast

    found = ask_forecast(study_of(choices), read_plan(file), problems, at_most, window=window, n_runs=n_runs, seed=seed)
    print_answer(
        found.result.frame(),
        rows=found.result.frame().to_dicts(),
        findings=found.findings,
        notes=found.notes,
        heading=f"The plan of '{file}' on {problems} new problems, cost in {found.result.unit}",
    )


@cli.command(name="apply-policy", hidden=True, context_settings={"ignore_unknown_options": True})
@click.argument("rest", nargs=-1, type=click.UNPROCESSED)
def apply_policy(rest: tuple[str, ...]) -> None:
    """Say the command's name of today."""
    raise RequestError("`ttc apply-policy` is called `ttc plan apply` now: `policy` means the model")


def read_plan(file: Path) -> Plan:
    """A plan from its file."""
    if file.exists() and not file.is_file():
        raise RequestError(f"'{file}' is no file: name a plan")
    try:
        return Plan.from_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"cannot read '{file}': {getattr(error, 'strerror', None) or error}") from error


def write_file(path: Path, text: str) -> None:
    """Write what a user asked for, whole or not at all."""
    try:
        write_whole(path, text + "\n")
    except OSError as error:
        raise RequestError(f"cannot write '{path}': {error.strerror}") from error
