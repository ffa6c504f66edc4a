"""`ttc compare`: two sides problem by problem, or strategies at equal cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import polars as pl

from ttclib.cli.common import assignment, cli
from ttclib.cli.options import (
    BINS,
    COST,
    OUTPUT,
    SEEDED,
    STORE,
    WHOSE,
    ledger_of,
    options,
    question_of,
    strategy_options,
    study_of,
)
from ttclib.cli.printing import print_answer
from ttclib.errors import RequestError

SHOWN = ("strategy", "budget", "first", "second", "difference", "ci_low", "ci_high", "winner", "n_problems")
ONCE = ("many", "cost", "accuracy_many", "once", "cost_once", "accuracy_once", "difference", "ci_low",
        "ci_high", "winner")  # fmt: skip
MATCHED = ("variant", "at_most", "cost", "accuracy", "difference", "difference_low", "difference_high", "winner")


@cli.command()
@options(STORE, WHOSE)
@click.option("--other-store", type=click.Path(path_type=Path), help="Store of the second side, if another.")
@click.option("--other-policy", help="Policy of the second side; default: the same.")
@click.option(
    "--other-setting", "other_settings", multiple=True, metavar="KEY=VALUE", help="Of the second side; all must hold."
)
@click.option("--other-verifier", help="Verifier of the second side; default: the same.")
@click.option(
    "--once",
    is_flag=True,
    help="Instead: of several policies or settings each cheaper one N times against a dearer one once, at equal cost.",
)
@options(strategy_options(), BINS, COST, SEEDED, OUTPUT)
def compare(
    other_store: Path | None,
    other_policy: str | None,
    other_settings: tuple[str, ...],
    other_verifier: str | None,
    once: bool,
    as_json: bool,
    as_csv: bool,
    **choices: Any,
) -> None:
    """Two policies, settings, verifiers or stores, second less first; of one side, strategies at equal cost."""
    from ttclib.show.tables import pairs_in_words
    from ttclib.study.answers import ask_matched
    from ttclib.study.many_or_once import ask_many_or_once
    from ttclib.study.sides import Side, compare_sides

    book = ledger_of(choices)
    benchmark = choices.get("benchmark")
    study = study_of(choices)
    asked = question_of(study, choices)
    other = {"store": other_store, "policy": other_policy, "setting": other_settings, "verifier": other_verifier}
    if once:
        if given := [f"--other-{name}" for name, value in other.items() if value]:
            raise RequestError(f"--once compares several policies or settings of one store, without {', '.join(given)}")
        if binned := [f"--{name}" for name in ("bins", "thresholds") if getattr(asked, name) is not None]:
            raise RequestError(f"--once compares over all problems, without {', '.join(binned)}")
        pairs = ask_many_or_once(study, asked, ledger=book)
        frame = pairs.result.frame
        print_answer(
            frame, as_json=as_json, as_csv=as_csv, findings=pairs.findings, notes=pairs.notes,
            heading=f"N answers less one, costs in {book.label}", table=pairs_in_words(frame).select(ONCE),
        )  # fmt: skip
        return
    if not any(other.values()):
        matched = ask_matched(study, asked, ledger=book)
        frame = matched.result
        print_answer(
            frame, as_json=as_json, as_csv=as_csv, notes=matched.notes, heading=f"At equal cost, in {book.label}",
            table=frame.filter(pl.col("bin").is_null()).select(MATCHED),
        )  # fmt: skip
        return
    second = Side(
        other_store or study.store,
        other_policy or study.policy,
        dict(assignment(text) for text in other_settings) or None,
        other_verifier or asked.verifier,
    )
    found = compare_sides(study, second, asked, benchmark=benchmark)
    print_answer(
        found.result.frame,
        as_json=as_json,
        as_csv=as_csv,
        findings=found.findings,
        notes=found.notes,
        heading=f"'{found.result.names[1]}' less '{found.result.names[0]}'",
        table=found.result.frame.select(SHOWN),
    )
