"""What more samples come to (`ttc coverage`), longer ones (`lengths`), another model (`gain`), and training on."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import cli, notify, store_of, whole_numbers
from ttclib.cli.options import OUTPUT, SEEDED, STORE, WHOSE, numbers, options, study_of, without
from ttclib.cli.printing import Table, print_answer


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
    **choices: Any,
) -> None:
    """Fit models of pass@k and predict it beyond the pool, with intervals."""
    from ttclib.study import coverage as asking

    if held_out:
        names = ("policy", "settings", "models", "largest_k", "resamples", "misses")
        without("--held-out predicts every checkpoint from the others", *names)
        from ttclib.study.checkpoints import ask_held_out, open_checkpoints

        told = ask_held_out(open_checkpoints(store_of(choices), benchmark=choices["benchmark"], notify=notify))
        print_answer(told.result, findings=told.findings, notes=told.notes)
        return
    pool = study_of(choices).pool
    wanted = asking.MODELS if models is None else [name.strip() for name in models.split(",")]
    if misses:
        without("--misses looks at what half of the samples say of the other half", "largest_k", "resamples")
        print_answer(asking.misses(pool, wanted))
        return
    found = asking.predict(pool, wanted, largest_k, resamples)
    print_answer(
        found.frame,
        notes=found.notes,
        heading="pass@k as fitted, within the pool and beyond",
        more=[("Fitted", [f"{row['model']}: {row['fitted']}" for row in found.fitted().to_dicts()])],
    )


LENGTHS = ("side", "relative_length", "accuracy", "deviation", "interval", "n_problems")


@cli.command()
@options(STORE, WHOSE)
@click.option("--samples", type=int, help="Of each side, per problem; default: as many as 90% of the problems hold.")
@options(SEEDED, OUTPUT)
def gain(samples: int | None, **choices: Any) -> None:
    """Coverage or reasoning: what the gain of a policy or setting over another is made of, and where longer fails."""
    from ttclib.show.gain_tables import COLUMNS, tables_by_pair
    from ttclib.study.gain import ask_gain

    found = ask_gain(study_of(choices), samples, seed=choices["seed"])
    result = found.result
    (heading, table), *others = tables_by_pair(result.frame)
    print_answer(
        result.frame,
        rows={"gains": result.frame.to_dicts(), "lengths": result.lengths.to_dicts()},
        heading=heading,
        findings=found.findings,
        notes=found.notes,
        table=Table(table, COLUMNS),
        more=[
            *((title, Table(part, COLUMNS)) for title, part in others),
            ("Of each problem's samples, shortest to longest, against its mean", Table(result.lengths, LENGTHS)),
        ],
    )


WITHIN = "Of each problem's samples, shortest to longest, against its mean"


@cli.command()
@options(STORE, WHOSE)
@click.option("--caps", help="Completion tokens, with commas; default: quantiles of the lengths.")
@options(OUTPUT)
def lengths(caps: str | None, **choices: Any) -> None:
    """Accuracy of one sample under length caps and by length within a problem; how much its result needed."""
    from ttclib.study.lengths import answer

    found = answer(study_of(choices).pool, None if caps is None else whole_numbers(caps, "caps"))
    rows = {
        "caps": found.frame.to_dicts(),
        "within": found.within.to_dicts(),
        "outcome_efficiency": found.efficiency,
    }
    print_answer(
        found.frame,
        rows=rows,
        heading="Within a cap of tokens",
        findings=found.findings,
        notes=found.notes,
        more=[(WITHIN, found.within)] if len(found.within) else (),
    )


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
        findings=found.findings,
        notes=found.notes,
        heading=found.caption[0],
        table=frame.drop("target", "policy"),
        more=[("Where a larger size takes over", found.result.takeovers.drop("target", "policy", "supported"))],
    )
