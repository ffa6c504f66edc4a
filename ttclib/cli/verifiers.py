"""`ttc verifiers`: how well each verifier of a store knows right from wrong."""

from __future__ import annotations

from typing import Any

import click
import polars as pl

from ttclib.cli.common import cli
from ttclib.cli.options import BINS, OUTPUT, SEEDED, STORE, WHOSE, options, question_of, study_of
from ttclib.cli.printing import print_answer


@cli.command()
@options(STORE, WHOSE)
@click.option("--verifier", help="One of them, by its name or as prm, orm, logprob; default: all.")
@click.option("--aggregation", default="last", show_default=True, help="Of step scores: last, min, prod or mean.")
@options(BINS, SEEDED, OUTPUT)
def verifiers(verifier: str | None, as_json: bool, as_csv: bool, **choices: Any) -> None:
    """AUC over all samples and within problems, and calibration, of every verifier that scored them."""
    from ttclib.analysis.verifier import verifier_quality
    from ttclib.errors import NotInStore
    from ttclib.study.telling import difficulty_of

    study = study_of(choices)
    asked = question_of(study, choices)
    names = [verifier] if verifier else list(study.verifiers())
    if not names:
        raise NotInStore(f"'{study.store}' holds no scores for policy '{study.policy}': score it with `ttc score`")
    binned = asked.bins is not None or asked.thresholds is not None
    told = difficulty_of(study.pool, asked) if binned else None
    frame = pl.concat(
        verifier_quality(study.pool, told, verifier=name, aggregation=asked.aggregation, seed=asked.seed)
        for name in names
    )
    shown = ("verifier", "bin", "auc", "auc_within", "ci_low", "ci_high", "calibration_error", "n_mixed")
    print_answer(frame, as_json=as_json, as_csv=as_csv, table=frame.select(shown))
