"""`ttc figure`: the paper's figures, drawn from any store that can answer them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ttclib.cli.common import cli, notify, say
from ttclib.cli.options import BINS, SEEDED, STORE, WHOSE, options, question_of, strategy_options, study_of
from ttclib.errors import one_of


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
