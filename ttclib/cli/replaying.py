"""`ttc replay`: strategies at budgets, from the store alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from ttclib.analysis.curves import (
    DIFFICULTIES,
    REVISIONS,
    STRATEGIES,
    VERIFIERS,
    accuracy_curves,
    check_budgets,
    powers_of_two,
    revision_curves,
)
from ttclib.analysis.revisions import VERIFIERS as REVISION_VERIFIERS
from ttclib.cli.common import SEED, STORE, cli, notify, whole_numbers
from ttclib.errors import one_of
from ttclib.replay.revision_outcomes import NAMED_RATIOS, held_budgets
from ttclib.replay.revisions import SELECTIONS
from ttclib.store import load_pool
from ttclib.store.chains import load_chains
from ttclib.store.pool import AGGREGATIONS


@cli.command()
@STORE
@click.option("--strategy", required=True, help=f"One or more, with commas: {', '.join(STRATEGIES)}.")
@click.option("--budgets", help="Samples a problem, with commas; by default the powers of two up to the pool.")
@click.option("--policy", help="Needed where the store holds several.")
@click.option("--verifier", default="prm", show_default=True, help=f"One of {', '.join(VERIFIERS)}.")
@click.option("--aggregation", default="last", show_default=True, help=f"Of step scores: {', '.join(AGGREGATIONS)}.")
@click.option(
    "--ratio", default="1", show_default=True, help=f"Revisions: sequential/parallel, {', '.join(NAMED_RATIOS)} or all."
)
@click.option("--selection", default="hierarchical", show_default=True, help=f"Revisions: {' or '.join(SELECTIONS)}.")
@click.option("--reviser", help="Revisions: the model of the chains, needed where the store holds several.")
@click.option("--bins", type=int, help="Difficulty bins, beside all problems.")
@click.option("--difficulty", default="oracle", show_default=True, help=f"One of {', '.join(DIFFICULTIES)}.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Of the subsets and the bootstrap.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--csv", "as_csv", is_flag=True, help="As CSV.")
def replay(
    store: Path,
    strategy: str,
    budgets: str | None,
    policy: str | None,
    verifier: str,
    aggregation: str,
    ratio: str,
    selection: str,
    reviser: str | None,
    bins: int | None,
    difficulty: str,
    seed: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    strategies = [one_of(name.strip(), STRATEGIES, "strategy") for name in strategy.split(",")]
    only_chains = set(strategies) <= set(REVISIONS)
    one_of(verifier, REVISION_VERIFIERS if only_chains else VERIFIERS, "verifier")
    one_of(aggregation, AGGREGATIONS, "aggregation")
    one_of(difficulty, DIFFICULTIES, "difficulty")
    one_of(selection, SELECTIONS, "selection")
    own = {"ratio": _ratio(ratio), "selection": selection}
    choices: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation, "seed": seed}
    choices["options"] = {"revisions": own}
    sizes = None if budgets is None else whole_numbers(budgets, "budgets")
    chains = load_chains(store, reviser, notify=notify) if set(strategies) & set(REVISIONS) else None
    held = None if chains is None else held_budgets(chains, own["ratio"])
    if only_chains and bins is None:
        curves = revision_curves(chains, sizes or held or [1], **choices)
    else:
        pool = load_pool(store, policy=policy, notify=notify)
        if sizes is None:
            sizes = [size for size in powers_of_two(pool) if held is None or size in held]
        if not only_chains:
            check_budgets(sizes, pool)
        if not only_chains and max(sizes) > pool.pool_sizes.min():
            smallest, largest = pool.pool_sizes.min(), pool.pool_sizes.max()
            notify(f"pools differ: {smallest} to {largest} samples; n_problems says who is counted")
        curves = accuracy_curves(pool, strategies, sizes, chains=chains, bins=bins, difficulty=difficulty, **choices)
    if as_json:
        click.echo(json.dumps(curves.to_dicts(), indent=1))
    elif as_csv:
        click.echo(curves.write_csv(), nl=False)
    else:
        import polars as pl

        with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=140, float_precision=4):
            click.echo(curves if (curves["variant"] != curves["strategy"]).any() else curves.drop("variant"))


def _ratio(text: str) -> float | str:
    """A ratio of sequential to parallel: a number or one of the names."""
    try:
        return float(text)
    except ValueError:
        return one_of(text, (*NAMED_RATIOS, "all"), "ratio")
