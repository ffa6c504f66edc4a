"""`ttc coverage`: what more samples would cover, by models fitted to what is there."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli, notify, store_of
from ttclib.cli.options import OUTPUT, STORE, WHOSE, options, study_of
from ttclib.cli.printing import print_answer


@cli.command()
@options(STORE, WHOSE)
@click.option("--models", help="With commas, of power_law, beta_binomial, scaled_beta_binomial; default: all.")
@click.option("--largest-k", type=click.IntRange(min=1), default=10_000, show_default=True, help="How far to predict.")
@click.option("--resamples", type=click.IntRange(min=2), default=200, show_default=True, help="Draws behind the bands.")
@click.option("--held-out", is_flag=True, help="Instead: each policy as the others predict it, by size and training.")
@click.option("--misses", is_flag=True, help="Instead: how far predictions from half of the samples miss.")
@options(OUTPUT)
def coverage(
    models: str | None,
    largest_k: int,
    resamples: int,
    held_out: bool,
    misses: bool,
    as_json: bool,
    as_csv: bool,
    **choices: Any,
) -> None:
    """Fit models of pass@k and predict it beyond the pool, with intervals."""
    from ttclib.study import coverage as asking

    if held_out:
        from ttclib.study.checkpoints import ask_held_out, open_checkpoints

        told = ask_held_out(open_checkpoints(store_of(choices), benchmark=choices["benchmark"], notify=notify))
        print_answer(told.result, as_json=as_json, as_csv=as_csv, findings=told.findings, notes=told.notes)
        return
    pool = study_of(choices).pool
    wanted = asking.MODELS if models is None else [name.strip() for name in models.split(",")]
    if misses:
        print_answer(asking.misses(pool, wanted), as_json=as_json, as_csv=as_csv)
        return
    found = asking.predict(pool, wanted, largest_k, resamples)
    print_answer(
        found.frame,
        as_json=as_json,
        as_csv=as_csv,
        notes=found.notes,
        heading="pass@k as fitted, within the pool and beyond",
        more=[("Fitted", [f"{row['model']}: {row['fitted']}" for row in found.fitted().to_dicts()])],
    )
