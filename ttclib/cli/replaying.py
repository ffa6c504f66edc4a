"""`ttc replay`: strategies at budgets, from the store alone."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ttclib.analysis.curves import DIFFICULTIES, STRATEGIES, VERIFIERS, accuracy_curves, check_budgets, powers_of_two
from ttclib.cli.common import SEED, STORE, cli, notify, whole_numbers
from ttclib.errors import one_of
from ttclib.store import load_pool
from ttclib.store.pool import AGGREGATIONS


@cli.command()
@STORE
@click.option("--strategy", required=True, help=f"One or more, with commas: {', '.join(STRATEGIES)}.")
@click.option("--budgets", help="Samples a problem, with commas; by default the powers of two up to the pool.")
@click.option("--policy", help="Needed where the store holds several.")
@click.option("--verifier", default="prm", show_default=True, help=f"One of {', '.join(VERIFIERS)}.")
@click.option("--aggregation", default="last", show_default=True, help=f"Of step scores: {', '.join(AGGREGATIONS)}.")
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
    bins: int | None,
    difficulty: str,
    seed: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    strategies = [one_of(name.strip(), STRATEGIES, "strategy") for name in strategy.split(",")]
    one_of(verifier, VERIFIERS, "verifier")
    one_of(aggregation, AGGREGATIONS, "aggregation")
    one_of(difficulty, DIFFICULTIES, "difficulty")
    sizes = None if budgets is None else whole_numbers(budgets, "budgets")
    pool = load_pool(store, policy=policy, notify=notify)
    sizes = sizes or powers_of_two(pool)
    check_budgets(sizes, pool)
    if max(sizes) > pool.pool_sizes.min():
        notify(
            f"pools differ: {pool.pool_sizes.min()} to {pool.pool_sizes.max()} samples; n_problems says who is counted"
        )
    curves = accuracy_curves(
        pool,
        strategies,
        sizes,
        verifier=verifier,
        aggregation=aggregation,
        bins=bins,
        difficulty=difficulty,
        seed=seed,
    )
    if as_json:
        click.echo(json.dumps(curves.to_dicts(), indent=1))
    elif as_csv:
        click.echo(curves.write_csv(), nl=False)
    else:
        import polars as pl

        with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=140, float_precision=4):
            click.echo(curves if (curves["variant"] != curves["strategy"]).any() else curves.drop("variant"))
