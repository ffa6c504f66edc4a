"""Notebooks and pages: `ttc notebooks` and `demo` copy them, `ttc report` runs them, `ttc figure` draws the paper's."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from ttclib.cli.common import FILE, assignment, cli, notify, say, store_of
from ttclib.cli.options import BINS, SEEDED, STORE, WHOSE, options, question_of, strategy_options, study_of
from ttclib.errors import RequestError, one_of
from ttclib.shipped import shipped_files

FIRST = "00_start.ipynb"


@cli.command()
@click.argument("folder", metavar="[DIR]", default="notebooks", type=FILE)
@click.option("--force", is_flag=True, help="Also over notebooks that are there and differ.")
def notebooks(folder: Path, force: bool) -> None:
    """Copy the notebooks and the stores that they open to DIR."""
    copied = copy_shipped(folder, force=force)
    say(f"{folder}: {copied} files; open them with `jupyter lab {folder}`")


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("folder", metavar="[DIR]", default="ttclib-demo", type=FILE)
@click.argument("more", metavar="[FLAG OF JUPYTER LAB]...", nargs=-1, type=click.UNPROCESSED)
def demo(folder: Path, more: Sequence[str]) -> None:
    """Copy the notebooks and stores to DIR and open the first one in JupyterLab: ttc demo DIR --no-browser."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise RequestError("the demo opens in JupyterLab: pip install 'ttclib[notebooks]'")
    copy_shipped(folder, force=False)
    words = [sys.executable, "-m", "jupyter", "lab", "--notebook-dir", str(folder), *more]
    words.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    raise SystemExit(subprocess.run(words, check=False).returncode)


def copy_shipped(folder: Path, *, force: bool) -> int:
    """Copy notebooks to a folder and packed stores to `store` in it; what is there and differs is kept, and said.

    Parameters
    ----------
    force : bool
        Replace what differs.

    Returns
    -------
    int
        Files that were written.

    Raises
    ------
    RequestError
        The folder cannot be written to.
    """
    n_written, kept = 0, []
    wanted = {path: folder / path.name for path in shipped_files("notebooks", "*.ipynb")}
    wanted |= {path: folder / "store" / path.name for path in shipped_files("store", "*.xz")}
    try:
        (folder / "store").mkdir(parents=True, exist_ok=True)
        for source, target in wanted.items():
            if target.exists() and target.read_bytes() == source.read_bytes():
                continue
            if target.exists() and not force:
                kept.append(target.name)
                continue
            shutil.copyfile(source, target)
            n_written += 1
    except OSError as error:
        raise RequestError(f"cannot write to '{folder}': {error.strerror}; name another folder") from error
    if kept:
        notify(f"kept as they are, for they differ: {', '.join(kept)} (--force replaces them)")
    return n_written


@cli.command()
@click.argument("name")
@options(STORE, WHOSE)
@click.option("-o", "--output", type=FILE, help="NAME.svg, .png or .html. [default: NAME.svg]")
@click.option("--large", help="Larger policy, of a figure that needs one; by default the next larger.")
@click.option("--large-store", type=FILE, help="Its store, if another.")
@click.option("--baseline", default="weighted_best_of_n", show_default=True, help="Of snell-4.")
@options(strategy_options(), BINS, SEEDED)
def figure(
    name: str, output: Path | None, large: str | None, large_store: Path | None, baseline: str, **choices: Any
) -> None:
    """Draw figure NAME of Snell et al. 2024 from a store: snell-1, 3, 4, 6, 7, 8 or 9.

    Of several policies the smallest, which is the one that the paper searches and revises with.
    """
    from ttclib.show.charts.save import save_chart, target_of
    from ttclib.show.paper import FIGURES, Asked
    from ttclib.study.sides import open_larger
    from ttclib.study.study import policies_with_samples
    from ttclib.study.telling import DEFAULT_BINS

    draw = FIGURES[one_of(name, FIGURES, "figure")]
    target = target_of(output or f"{name}.svg")
    if choices["policy"] is None and len(there := policies_with_samples(store_of(dict(choices)), notify=notify)) > 1:
        choices["policy"] = there[0]
        notify(f"of '{there[0]}', the smallest of {len(there)} policies: --policy names another")
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
@click.option("--output", type=FILE, help="HTML file, of one page; by default FOLDER/NAME.html.")
@click.option("--folder", type=FILE, default="reports", show_default=True, help="Where pages go.")
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
