"""`ttc report`: a notebook as one HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ttclib.cli.common import assignment, cli, notify


@cli.command()
@click.argument("notebook")
@click.option("--output", type=click.Path(path_type=Path), help="HTML file; by default reports/NAME.html.")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the notebook."
)
def report(notebook: str, output: Path | None, parameters: Sequence[str]) -> None:
    """Run NOTEBOOK with parameters and write an HTML page that opens without a network."""
    from ttclib.show.report import render_report

    path = Path(notebook)
    target = output or Path("reports") / f"{path.stem}.html"
    render_report(path, target, dict(assignment(text) for text in parameters), notify=notify)
    click.echo(str(target))
