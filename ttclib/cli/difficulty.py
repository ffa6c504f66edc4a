"""`ttc difficulty`: how hard each problem is, who can tell, and what few samples tell."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli, whole_numbers
from ttclib.cli.options import BINS, OUTPUT, SEEDED, STORE, WHOSE, options, question_of, study_of
from ttclib.cli.printing import print_answer
from ttclib.study.difficulty import PROBES, answer


@cli.command()
@options(STORE, WHOSE)
@click.option("--verifier", default="prm", show_default=True, help="Who predicts: prm, orm, logprob or its own name.")
@click.option("--aggregation", default="last", show_default=True, help="Of step scores: last, min, prod or mean.")
@options(BINS)
@click.option(
    "--probes",
    default=",".join(map(str, PROBES)),
    show_default=True,
    help="Sample counts of cheap difficulty, with commas.",
)
@options(SEEDED, OUTPUT)
def difficulty(probes: str, as_json: bool, as_csv: bool, **choices: Any) -> None:
    """How hard each problem is: oracle and predicted bins, how far they agree, and what few samples tell."""
    study = study_of(choices)
    found = answer(study.pool, question_of(study, choices), whole_numbers(probes, "probes"))
    confusion = found.confusion
    more: list[Any] = [("Agreement with oracle difficulty; few samples are judged by the others", found.agreed())]
    if confusion is not None:
        wide = max(len(str(confusion.max())), 2) + 2
        lines = ["".join(f"{number:>{wide}}" for number in row) for row in confusion.tolist()]
        more.append(("Problems by oracle bin (rows) and predicted bin (columns)", lines))
    print_answer(
        found.bins,
        as_json=as_json,
        as_csv=as_csv,
        rows=found.as_json(),
        findings=found.findings,
        heading=f"Difficulty bins of '{study.policy}', {len(study.pool.problem_ids)} problems (1 is the easiest)",
        notes=found.notes,
        more=more,
    )
