"""`ttc compare` and `ttc crossover`: two sides, on the same problems, and at equal FLOPs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import polars as pl

from ttclib.cli.common import FILE, assignment, cli, notify
from ttclib.cli.options import (
    BILL,
    BINS,
    COST,
    OUTPUT,
    RESAMPLES,
    SEEDED,
    STORE,
    WHOSE,
    costs_of,
    ledger_of,
    numbers,
    options,
    question_of,
    store_of,
    strategy_options,
    study_of,
    without,
)
from ttclib.cli.printing import print_answer
from ttclib.errors import RequestError
from ttclib.study.question import question

SHOWN = ("variant", "budget", "first", "second", "difference", "ci_low", "ci_high", "winner")
# What both reach stands in the sentences above.
ONCE = ("many", "once", "cost", "difference", "ci_low", "ci_high", "winner")
MATCHED = ("variant", "at_most", "cost", "accuracy", "difference", "difference_low", "difference_high", "winner")


@cli.command()
@options(STORE, WHOSE)
@click.option("--other-store", type=FILE, help="Store of the second side, if another.")
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
    **choices: Any,
) -> None:
    """Two policies, settings, verifiers or stores, second less first; of one side, strategies at equal cost."""
    from ttclib.show.tables import pairs_in_words
    from ttclib.study.answers import ask_matched
    from ttclib.study.many_or_once import ask_many_or_once
    from ttclib.study.sides import Side, compare_sides

    other = {"store": other_store, "policy": other_policy, "setting": other_settings, "verifier": other_verifier}
    if once:
        names = ("other_store", "other_policy", "other_settings", "other_verifier")
        without("--once compares several policies or settings of one store", *names)
        without("--once compares over all problems", "bins", "thresholds")
    elif any(other.values()):
        without("two sides are compared over all problems", "bins", "thresholds")
        without("two sides are compared at equal N", "preset", "charges")
    book = ledger_of(choices)
    benchmark = choices.get("benchmark")
    study = study_of(choices)
    asked = question_of(study, choices)
    if once:
        pairs = ask_many_or_once(study, asked, ledger=book)
        frame = pairs.result.frame
        print_answer(
            frame, findings=pairs.findings, notes=pairs.notes,
            heading=f"N answers less one, costs in {book.label}", table=pairs_in_words(frame).select(ONCE),
        )  # fmt: skip
        return
    if not any(other.values()):
        matched = ask_matched(study, asked, ledger=book)
        frame = matched.result
        print_answer(
            frame, notes=matched.notes, heading=f"At equal cost, in {book.label}",
            table=frame.filter(pl.col("bin").is_null()).select(MATCHED),
        )  # fmt: skip
        return
    second = Side(
        other_store or study.store,
        other_policy or study.policy,
        dict(assignment(text) for text in other_settings) or None,
        other_verifier or asked.verifier,
    )
    found = compare_sides(study, second, asked, benchmark=benchmark, notify=notify)
    print_answer(
        found.result.frame,
        findings=found.findings,
        notes=found.notes,
        heading=f"'{found.result.names[1]}' less '{found.result.names[0]}'",
        table=found.result.frame.select(SHOWN),
    )


CROSSOVER_SHOWN = (
    *("bin", "exchange_rate", "multiplier", "accuracy_small", "accuracy_large"),
    *("difference", "ci_low", "ci_high", "winner"),
)


@cli.command()
@options(STORE)
@click.option("--small", required=True, help="Policy that is given test-time compute.")
@click.option("--large", required=True, help="Larger policy, sampled once, greedily.")
@click.option("--small-store", type=FILE, help="Store of the small policy, if another.")
@click.option("--large-store", type=FILE, help="Store of the larger policy, if another.")
@click.option("--benchmark", help="Needed where the store holds several for the policy.")
@click.option("--setting", "settings", multiple=True, metavar="KEY=VALUE", help="Of the small policy; all must hold.")
@click.option("--ratios", default="0.16,0.79,22", show_default=True, help="R = inference / pretraining tokens.")
@click.option("--param-ratio", type=float, help="M; by default from the models' parameters.")
@click.option("--training-tokens-ratio", type=float, help="Of large over small; by default from the models, or 1.")
@click.option("--large-strategy", help="What the larger policy does instead of one greedy sample.")
@click.option("--large-budget", type=int, default=1, show_default=True, help="Generations of --large-strategy.")
@click.option("--beyond", is_flag=True, help="With a perfect verifier: attempts needed, and a fit beyond the pool.")
@click.option("--allow-sampled", is_flag=True, help="Without a greedy sample, take the larger policy's pass@1.")
@options(strategy_options(), BINS, COST, BILL, RESAMPLES, SEEDED, OUTPUT)
def crossover(
    small: str,
    large: str,
    small_store: Path | None,
    large_store: Path | None,
    ratios: str,
    param_ratio: float | None,
    training_tokens_ratio: float | None,
    large_strategy: str | None,
    large_budget: int,
    beyond: bool,
    allow_sampled: bool,
    resamples: int,
    **choices: Any,
) -> None:
    """A small policy with test-time compute against a larger one, at equal FLOPs, over R."""
    from ttclib.study.answers import ask_crossover
    from ttclib.study.larger import larger_side

    rates = numbers(ratios, "ratios")
    costs = costs_of(choices)
    shared = store_of(choices) if small_store is None or large_store is None else None
    choices.pop("store", None)
    choices.pop("store_argument", None)
    if large_strategy is None and large_budget != 1:
        raise RequestError(f"--large-budget {large_budget} needs --large-strategy: one greedy sample is a budget of 1")
    benchmark = choices.get("benchmark")
    whose = {name: choices.pop(name) for name in ("benchmark", "settings")}
    study = study_of({**whose, "store": small_store or shared, "policy": small})
    asked = question_of(study, choices)
    other = None
    if large_strategy is not None:
        named = [name.strip() for name in large_strategy.split(",")]
        budgets = [large_budget] if len(named) == 1 else None
        other = question(strategies=named, budgets=budgets, verifier=asked.verifier, aggregation=asked.aggregation)
    larger = larger_side(
        str(large_store or shared), large, benchmark=benchmark, asked=other, allow_sampled=allow_sampled, notify=notify
    )
    found = ask_crossover(
        study,
        larger,
        asked,
        rates,
        **costs,
        param_ratio=param_ratio,
        training_tokens_ratio=training_tokens_ratio,
        large_budget=large_budget,
        n_resamples=resamples,
    )
    result = found.result
    if beyond:
        from ttclib.study.pairs import ask_beyond

        fitted = ask_beyond(study.pool, larger, rates, result, seed=asked.seed)
        print_answer(
            fitted.result.frame,
            findings=fitted.findings,
            heading=f"'{small}' against '{large}': what a beta-binomial makes of the attempts that R pays for",
            table=fitted.result.frame.drop("n_problems"),
        )
        return
    sides = {"small": small, "small_strategy": result.small, "large": large, "large_strategy": result.large}
    facts = {
        "param_ratio": result.param_ratio,
        "training_tokens_ratio": result.training_tokens_ratio,
        "large_budget": result.large_budget,
        "unit": result.unit,
    }
    by_bin = {row["bin"]: row for row in result.crossings.to_dicts()}
    ends = {"crossing": "crossing", "crossing_low": "ci_low", "crossing_high": "ci_high"}
    rows = [
        {
            **sides,
            **row,
            **{name: by_bin[row["bin"]][key] for name, key in ends.items()},
            **{"supported": by_bin[row["bin"]]["supported"], "crossing_verdict": by_bin[row["bin"]]["verdict"]},
            "pool_reaches_from": by_bin[row["bin"]]["pool_reaches_from"],
            **facts,
        }
        for row in result.frame.to_dicts()
    ]
    print_answer(
        result.frame,
        rows=rows,
        findings=found.findings,
        notes=found.notes,
        heading=f"'{small}' against '{large}' ({result.large}): M = {result.param_ratio:.4g}, {result.unit}",
        table=result.frame.select(CROSSOVER_SHOWN),
        more=[("Where the larger model takes the lead", result.crossings.select("bin", "verdict", "n_problems"))],
    )
