"""`ttc replay`: strategies at budgets, from the store alone."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from ttclib.analysis.curves import (
    DIFFICULTIES,
    INTERVALS,
    NEEDS_SCORES,
    REVISIONS,
    SAMPLING,
    STRATEGIES,
    TREE_SEARCH,
    VERIFIERS,
    accuracy_curves,
    check_budgets,
    powers_of_two,
    revision_curves,
    verifier_scores,
)
from ttclib.analysis.revisions import chain_scores
from ttclib.cli.common import SEED, STORE, cli, notify, whole_numbers
from ttclib.cli.searching import beam_width_of
from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.revision_outcomes import NAMED_RATIOS, held_budgets
from ttclib.replay.revisions import SELECTIONS
from ttclib.replay.selection import SELECTIONS as SEARCH_SELECTIONS
from ttclib.replay.transforms import TRANSFORMS
from ttclib.samples import AGGREGATIONS, Chains, Pool
from ttclib.store import load_pool
from ttclib.store.chains import load_chains
from ttclib.store.tree import load_tree

_MOST_BUDGETS = 100_000


@cli.command()
@STORE
@click.option("--strategy", required=True, help=f"One or more, with commas: {', '.join(STRATEGIES)}.")
@click.option("--budgets", help="Samples a problem: 1,4,16 or 1-64 or all; default: powers of two up to the pool.")
@click.option("--policy", help="Needed where the store holds several.")
@click.option("--verifier", default="prm", show_default=True, help=f"{', '.join(VERIFIERS)} or its own name.")
@click.option("--aggregation", default="last", show_default=True, help=f"Of step scores: {', '.join(AGGREGATIONS)}.")
@click.option("--transform", default="none", show_default=True, help=f"Of scores: {', '.join(TRANSFORMS)}.")
@click.option("--length-cap", type=int, help="Sampling: tokens at which a sample is cut; a longer one is unanswered.")
@click.option("--subsets", type=click.IntRange(min=1), help="Of votes that are not exact; default: error below 0.001.")
@click.option(
    "--ratio", default="1", show_default=True, help=f"Revisions: sequential/parallel, {', '.join(NAMED_RATIOS)} or all."
)
@click.option(
    "--selection",
    help=f"Revisions: {', '.join(SELECTIONS)}; search: {', '.join(SEARCH_SELECTIONS)}; default: the first.",
)
@click.option(
    "--beam-width", default="4", show_default=True, help="Tree search: M, or sqrt of the budget; with commas."
)
@click.option("--lookahead-steps", default="1", show_default=True, help="Lookahead search: k; with commas.")
@click.option("--replicates", type=int, default=1, show_default=True, help="Tree search: independent ones to average.")
@click.option("--reviser", help="Revisions: the model of the chains, needed where the store holds several.")
@click.option("--bins", type=int, help="Difficulty bins, beside all problems.")
@click.option("--difficulty", default="oracle", show_default=True, help=f"One of {', '.join(DIFFICULTIES)}.")
@click.option("--interval", default="pointwise", show_default=True, help=f"{', '.join(INTERVALS)} (a whole curve).")
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
    transform: str,
    length_cap: int | None,
    subsets: int | None,
    ratio: str,
    selection: str | None,
    beam_width: str,
    lookahead_steps: str,
    replicates: int,
    reviser: str | None,
    bins: int | None,
    difficulty: str,
    interval: str,
    seed: int,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Expected accuracy of strategies at budgets, with 95 % intervals and cost."""
    strategies = [one_of(name.strip(), STRATEGIES, "strategy") for name in strategy.split(",")]
    only_chains = set(strategies) <= set(REVISIONS)
    one_of(interval, INTERVALS, "interval")
    one_of(transform, TRANSFORMS, "transform")
    one_of(aggregation, AGGREGATIONS, "aggregation")
    one_of(difficulty, DIFFICULTIES, "difficulty")
    wanted = set(strategies)
    own: dict[str, Any] = {"ratio": _ratio(ratio)}
    searching = {"beam_width": [beam_width_of(width) for width in beam_width.split(",")], "n_replicates": replicates}
    if selection is not None:
        kinds = [
            names for names, kind in ((SELECTIONS, REVISIONS), (SEARCH_SELECTIONS, TREE_SEARCH)) if wanted & {*kind}
        ]
        one_of(selection, dict.fromkeys(name for names in kinds for name in names), "selection")
        own |= {"selection": selection} if selection in SELECTIONS else {}
        searching |= {"selection": selection} if selection in SEARCH_SELECTIONS else {}
    options = {"revisions": own, **dict.fromkeys(TREE_SEARCH, searching)}
    options["lookahead_search"] = searching | {"lookahead_steps": whole_numbers(lookahead_steps, "lookahead_steps")}
    choices: dict[str, Any] = {"verifier": verifier, "aggregation": aggregation, "seed": seed, "options": options}
    choices["interval"] = interval
    sizes = None if budgets in (None, "all") else _budgets(str(budgets))
    chains = load_chains(store, reviser, notify=notify) if wanted & set(REVISIONS) else None
    held = None if chains is None else held_budgets(chains, own["ratio"])
    if chains is not None and own.get("selection", SELECTIONS[0]) != "majority":
        _tell_unscored_answers(chains, verifier, aggregation)
    if only_chains and bins is None:
        curves = revision_curves(chains, sizes or held or [1], **choices)
    else:
        pool = load_pool(store, policy=policy, notify=notify)
        if sizes is None:
            every = powers_of_two(pool) if budgets is None else range(1, int(pool.pool_sizes.max()) + 1)
            sizes = [size for size in every if held is None or size in held]
        if wanted & set(SAMPLING):
            check_budgets(sizes, pool)
        if wanted & set(SAMPLING) and max(sizes) > pool.pool_sizes.min():
            smallest, largest = pool.pool_sizes.min(), pool.pool_sizes.max()
            notify(f"pools differ: {smallest} to {largest} samples; n_problems says who is counted")
        one_of(verifier, dict.fromkeys((*VERIFIERS, *pool.verifiers)), "verifier")
        if wanted & set(NEEDS_SCORES):
            _tell_unscored(pool, verifier, aggregation)
        tree = None
        if wanted & set(TREE_SEARCH):
            guide = verifier if verifier in pool.verifiers else pool.verifier
            tree = load_tree(store, policy=pool.policy, setting=pool.setting, verifier=guide, notify=notify)
        replay = partial(
            accuracy_curves,
            pool,
            strategies,
            sizes,
            chains=chains,
            transform=TRANSFORMS[transform],
            length_cap=length_cap,
            n_subsets=subsets,
            bins=bins,
            difficulty=difficulty,
            **choices,
        )
        try:
            curves = replay(tree=tree)
        except NotInStore as lacking:
            if tree is None or not 0 < len((searched := tree.searched()).problem_ids) < len(tree.problem_ids):
                raise
            try:
                curves = replay(tree=searched)
            except NotInStore:
                raise lacking from None
            notify(
                f"searches are replayed on the {len(searched.problem_ids)} of {len(tree.problem_ids)} problems that "
                "were searched; compare them with others on the same problems (03_search, ttc frontier)"
            )
    if as_json:
        click.echo(json.dumps(curves.to_dicts(), indent=1))
    elif as_csv:
        click.echo(curves.write_csv(), nl=False)
    else:
        import polars as pl

        with pl.Config(tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=140, float_precision=4):
            click.echo(curves if (curves["variant"] != curves["strategy"]).any() else curves.drop("variant"))


def _budgets(text: str) -> list[int]:
    """Budgets from numbers and ranges with commas: ``1,4,16-20``."""
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last] if dash and first else [part.strip()]
        try:
            low, high = int(ends[0]), int(ends[-1])
        except ValueError:
            raise RequestError(f"budgets '{text}': give whole numbers with commas, ranges or all: 1,4,16-20") from None
        if high < low:
            raise RequestError(f"budgets '{part.strip()}': a range goes upwards, such as {high}-{low}")
        if high - low >= _MOST_BUDGETS:
            raise RequestError(f"budgets '{part.strip()}': at most {_MOST_BUDGETS} in a range")
        found += range(low, high + 1)
    return list(dict.fromkeys(found))


def _tell_unscored(pool: Pool, verifier: str, aggregation: str) -> None:
    """Say how many samples have no score, and what becomes of them."""
    missing = int((np.isnan(verifier_scores(pool, verifier, aggregation)) & pool.present).sum())
    if missing:
        total = int(pool.present.sum())
        notify(f"{missing} of {total} samples have no {verifier} score: best-of-N ranks them last, no vote counts them")


def _tell_unscored_answers(chains: Chains, verifier: str, aggregation: str) -> None:
    """The same of answers of revision chains."""
    missing = int((np.isnan(chain_scores(chains, verifier, aggregation)) & chains.present).sum())
    if missing:
        notify(
            f"{missing} of {int(chains.present.sum())} answers of chains have no {verifier} score: no vote counts them"
        )


def _ratio(text: str) -> float | str:
    """A ratio of sequential to parallel: a number or one of the names."""
    try:
        return float(text)
    except ValueError:
        return one_of(text, (*NAMED_RATIOS, "all"), "ratio")
