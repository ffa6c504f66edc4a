"""`ttc solve`: new questions answered as a plan says, through any engine; and what was forecast of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ttclib.analysis.live import WINDOW
from ttclib.cli.collecting import CLUSTER, machines
from ttclib.cli.common import FILE, SEED, as_json, cli, escaped, notify, print_json, say, wants
from ttclib.cli.frontier import read_plan, write_file
from ttclib.cli.options import options
from ttclib.errors import RequestError


@cli.command()
@click.argument("plan", type=FILE)
@click.argument("problems", type=FILE)
@click.option("--config", required=True, help="Policy, decoding and verifiers: a TOML file or preset.")
@click.option("--store", type=FILE, help="Overrides store: what is drawn goes there.")
@click.option(
    "--at-most", type=float, help="Cost of a question, in the plan's unit; default: the plan's largest limit."
)
@click.option("--window", type=click.IntRange(min=1), default=WINDOW, show_default=True,
              help="Samples drawn at once before a stopping rule is asked.")  # fmt: skip
@click.option("--benchmark", help="Name of the questions in the store; default: the file's.")
@click.option("-o", "--output", type=FILE, help="Write answers here, a JSON line each; default: print.")
@click.option("--shadow", is_flag=True, help="Forecast first, and report the forecast beside the fact.")
@click.option("--past", type=FILE, help="With --shadow: the store that tells it; default: the store.")
@click.option("--past-benchmark", help="With --shadow: its questions there, where it holds several benchmarks.")
@click.option("--seed", type=SEED, help="Overrides sampling.seed.")
@options(CLUSTER)
@as_json("Answers and report as one JSON object.")
def solve(
    plan: Path,
    problems: Path,
    config: str,
    store: Path | None,
    at_most: float | None,
    window: int,
    benchmark: str | None,
    output: Path | None,
    shadow: bool,
    past: Path | None,
    past_benchmark: str | None,
    seed: int | None,
    on: str | None,
    workers: int | None,
) -> None:
    """Answer new questions as PLAN says: difficulty first, then what is chosen for it; all that is drawn is kept."""
    from ttclib.collect import keeper
    from ttclib.collect.solve import check_solve
    from ttclib.collect.solve import solve as answer
    from ttclib.config import load_config
    from ttclib.problems import new_questions
    from ttclib.study.forecasting import ask_forecast
    from ttclib.study.forecasting import shadow as beside
    from ttclib.study.study import open as open_study

    if (past or past_benchmark) and not shadow:
        raise RequestError("--past without --shadow: nothing is forecast")
    read = read_plan(plan)
    wanted = load_config(
        config, store=None if store is None else str(store), sampling__seed=seed, problems__source=str(problems)
    )
    asked = new_questions(problems, benchmark)
    check_solve(read, wanted, asked, read.limit(at_most))
    told = None
    if shadow:
        past_study = open_study(past or wanted.store, wanted.policy.name, benchmark=past_benchmark, notify=notify)
        told = ask_forecast(past_study, read, len(asked), at_most, window=window).result
    try:
        with machines(wanted, on, workers) as cluster:
            found = answer(read, wanted, asked, at_most=at_most, window=window, on=cluster, notify=notify)
    finally:
        keeper.take_in(wanted.store, notify=notify)
    rows = [one.row() for one in found]
    report: dict[str, Any] = {"n_problems": len(found), "unit": read.ledger.label, "forecast": None}
    lines = []
    if told is not None:
        compared = beside(told, [one.correct for one in found], [one.cost for one in found])
        report["forecast"], lines = compared.result.as_json(), list(compared.findings)
    text = "\n".join(escaped(json.dumps(row, ensure_ascii=False)) for row in rows)
    if output is not None:
        write_file(output, text)
    if wants("json"):
        print_json({**report, "answers": rows})
    elif output is None:
        click.echo(text)
    notify(f"solve: {len(found):,} questions answered{'' if output is None else f', written to {str(output)!r}'}")
    for line in lines:
        say(line, err=True)
