"""`ttc report`: notebooks as HTML pages. `ttc figure`: the paper's figures, from any store that can answer them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ttclib.cli.common import assignment, cli, notify, say
from ttclib.cli.options import BINS, SEEDED, STORE, WHOSE, options, question_of, strategy_options, study_of
from ttclib.errors import RequestError, one_of


@cli.command()
@click.argument("name")
@options(STORE, WHOSE)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="NAME.svg, .png or .html. [default: NAME.svg]")
@click.option("--large", help="Larger policy, of a figure that needs one; by default the next larger.")
@click.option("--large-store", type=click.Path(path_type=Path), help="Its store, if another.")
@click.option("--baseline", default="weighted_best_of_n", show_default=True, help="Of snell-4.")
@options(strategy_options(), BINS, SEEDED)
def figure(
    name: str, output: Path | None, large: str | None, large_store: Path | None, baseline: str, **choices: Any
) -> None:
    """Draw figure NAME of Snell et al. 2024 from a store: snell-1, 3, 4, 6, 7, 8 or 9."""
    from ttclib.show.charts.save import save_chart, target_of
    from ttclib.show.paper import FIGURES, Asked
    from ttclib.study.sides import open_larger
    from ttclib.study.telling import DEFAULT_BINS

    draw = FIGURES[one_of(name, FIGURES, "figure")]
    target = target_of(output or f"{name}.svg")
    study = study_of(choices)
    bins = choices.get("bins")
    asked = question_of(study, choices)
    other = None if large_store is None else str(large_store)
    drawn = draw(Asked(study, asked, lambda: open_larger(study, other, large), baseline, bins or DEFAULT_BINS))
    for note in drawn.notes:
        notify(note)
    for sentence in drawn.findings:
        say(sentence)
    say(str(save_chart(drawn.chart, target)))


@cli.command()
@click.argument("notebooks", nargs=-1, metavar="NOTEBOOK...")
@click.option("--all", "every", is_flag=True, help="All notebooks of the folder notebooks/, with an index page.")
@click.option("--output", type=click.Path(path_type=Path), help="HTML file, of one page; by default FOLDER/NAME.html.")
@click.option("--folder", type=click.Path(path_type=Path), default="reports", show_default=True, help="Where pages go.")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the notebooks."
)
@click.option(
    *("--grid", "grids"),
    multiple=True,
    metavar="NAME=A,B,…",
    help="One report for each value; several make every combination.",
)
@click.option("--processes", type=click.IntRange(min=1), help="Reports made at a time; by default one a processor.")
def report(
    notebooks: Sequence[str],
    every: bool,
    output: Path | None,
    folder: Path,
    parameters: Sequence[str],
    grids: Sequence[str],
    processes: int | None,
) -> None:
    """Run notebooks with parameters and write HTML pages that open without a network.

    A parameter goes to the notebooks that have it. Several pages get an index, FOLDER/index.html.
    """
    from ttclib.show.report import render_report
    from ttclib.show.suite import notebooks_in, plan, render_suite

    if every == bool(notebooks):
        raise RequestError("name a NOTEBOOK or several, or else give --all")
    jobs = plan(
        notebooks_in() if every else notebooks,
        folder,
        dict(assignment(text) for text in parameters),
        dict(_axis(text) for text in grids),
    )
    if len(jobs) == 1 and not every:
        say(str(render_report(jobs[0].notebook, output or jobs[0].target, jobs[0].parameters, notify=notify)))
        return
    if output:
        raise RequestError(f"--output names one page and {len(jobs)} are to be made: give --folder instead")
    say(str(render_suite(jobs, processes=processes, notify=notify)))


def _axis(text: str) -> tuple[str, list[Any]]:
    """``name=a,b`` as a name and its values; a JSON list where values themselves hold commas."""
    name, value = assignment(text)
    if isinstance(value, list):
        return name, value
    return name, [assignment(f"{name}={part}")[1] for part in text.partition("=")[2].split(",")]
