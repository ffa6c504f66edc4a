"""`ttc train-or-sample`: which checkpoint of a family answers at the least cost, once queries share its training."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli, notify, store_of
from ttclib.cli.options import OUTPUT, SEEDED, STORE, numbers, options
from ttclib.cli.printing import print_answer


@cli.command(name="train-or-sample")
@options(STORE)
@click.option("--benchmark", help="Needed where the store holds several.")
@click.option("--target", type=float, default=0.5, show_default=True, help="Share of the problems to cover.")
@click.option("--answer-tokens", type=float, default=150, show_default=True, help="Tokens of one sample.")
@click.option("--queries", default="1e4,1e6,1e8,1e10", show_default=True, help="That share the training; of the table.")
@click.option("--resamples", type=click.IntRange(min=2), default=400, show_default=True, help="Draws behind intervals.")
@options(SEEDED, OUTPUT)
def train_or_sample(
    target: float,
    answer_tokens: float,
    queries: str,
    resamples: int,
    seed: int,
    as_json: bool,
    as_csv: bool,
    **choices: Any,
) -> None:
    """The cheapest checkpoint that covers a share of the problems where queries share the training."""
    from ttclib.study.checkpoints import ask_training, open_checkpoints

    shown = numbers(queries, "queries")
    checkpoints = open_checkpoints(store_of(choices), benchmark=choices.pop("benchmark"), notify=notify)
    found = ask_training(
        checkpoints, target, answer_tokens=answer_tokens, targets=(), also=shown, n_resamples=resamples, seed=seed
    )
    frame = found.result.choices.filter(found.result.choices["queries"].is_in(shown))
    print_answer(
        frame,
        as_json=as_json,
        as_csv=as_csv,
        findings=found.findings,
        notes=found.notes,
        heading=found.caption[0],
        table=frame.drop("target", "policy"),
        more=[("Where a larger size takes over", found.result.takeovers.drop("target", "policy", "supported"))],
    )
