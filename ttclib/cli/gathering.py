"""What the commands of analysis share: their options, and gathering strategies, bins and a ledger from a store."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl

from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.curves import DIFFICULTIES, powers_of_two
from ttclib.analysis.difficulty import (
    check_bins,
    difficulty_bins,
    oracle_difficulty,
    predicted_difficulty,
    threshold_bins,
)
from ttclib.analysis.folds import split_pool
from ttclib.analysis.groups import restrict, shared_problems
from ttclib.analysis.held import held_outcomes, on_every_problem
from ttclib.analysis.ledger import LEDGERS, SWITCHES, Ledger, ledger
from ttclib.analysis.strategies import REVISIONS, STRATEGIES, TREE_SEARCH, verifier_scores
from ttclib.cli.common import SEED, assignment, notify, whole_numbers
from ttclib.cli.searching import beam_width_of
from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revision_outcomes import NAMED_RATIOS
from ttclib.samples import AGGREGATIONS, Pool
from ttclib.store import load_pool
from ttclib.store.chains import load_chains
from ttclib.store.settings import has_nodes
from ttclib.store.tree import load_tree

BIN_OPTIONS = (
    click.option("--bins", type=int, help="Difficulty bins of equal size; by default 5."),
    click.option("--thresholds", help="Bins by absolute ease instead, from the easiest down, such as 0.5,0.1."),
    click.option("--difficulty", default="oracle", show_default=True, help=f"One of {', '.join(DIFFICULTIES)}."),
    click.option(
        "--out-of-fold", is_flag=True, help="Difficulty from half of the samples, sampling strategies from the other."
    ),
)
STRATEGY_OPTIONS = (
    click.option("--strategy", help="With commas; by default all that the store holds."),
    click.option("--budgets", help="Samples a problem, with commas; by default the powers of two up to the pool."),
    click.option("--verifier", default="prm", show_default=True, help="What scores: prm, orm, logprob or a name."),
    click.option("--aggregation", default="last", show_default=True, help=f"Of steps: {', '.join(AGGREGATIONS)}."),
    click.option("--beam-width", default="4,sqrt", show_default=True, help="Tree search: M or sqrt, with commas."),
    click.option("--lookahead-steps", default="1,3", show_default=True, help="Lookahead search: k, with commas."),
    click.option("--replicates", type=int, default=1, show_default=True, help="Tree search: to average over."),
    click.option(
        "--ratio", default="all", show_default=True, help=f"Revisions: a number, {', '.join(NAMED_RATIOS)}, all."
    ),
    click.option("--reviser", help="Revisions: model of the chains, needed where the store holds several."),
)
COST_OPTIONS = (
    click.option("--preset", default="snell", show_default=True, help=f"Cost ledger: {', '.join(LEDGERS)}."),
    click.option(
        "--charge", "charges", multiple=True, metavar="ITEM=VALUE", help=f"Switch one item: {', '.join(SWITCHES)}."
    ),
    click.option("--probes", type=int, help="Samples that told the difficulty; by default all that did."),
    click.option("--queries", type=float, default=1, show_default=True, help="Queries that share those samples."),
    click.option("--reuse-probes", is_flag=True, help="They count in the final selection: max(N, probes), not a sum."),
)
BOOTSTRAP_OPTIONS = (
    click.option("--resamples", type=click.IntRange(min=2), default=200, show_default=True, help="Of the bootstrap."),
    click.option("--seed", type=SEED, default=0, show_default=True, help="Of subsets, folds and the bootstrap."),
    click.option("--json", "as_json", is_flag=True, help="As JSON."),
)


def options(*groups: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """A decorator that gives a command several groups of options."""

    def give(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return give


@dataclass(frozen=True)
class Gathered:
    """The strategies of one policy with their problems' difficulty.

    `outcomes` cover the problems of `pool`, or fewer; `ease` and `bins` are in the order of the first.
    """

    pool: Pool
    outcomes: list[Outcomes]
    ease: np.ndarray
    bins: np.ndarray
    n_probes: int


def gather(store: Path, policy: str | None, choices: dict[str, Any], *, folds: int = 2) -> Gathered:
    """Read a store and replay what was asked for.

    Parameters
    ----------
    store : pathlib.Path
    policy : str or None
    choices : dict
        What `BIN_OPTIONS` and `STRATEGY_OPTIONS` gave, and the seed.
    folds : int
        Problems that every bin needs.
    """
    one_of(choices["difficulty"], DIFFICULTIES, "difficulty")
    one_of(choices["aggregation"], AGGREGATIONS, "aggregation")
    names = [name.strip() for name in (choices["strategy"] or ",".join(STRATEGIES)).split(",")]
    strategies = [one_of(name, STRATEGIES, "strategy") for name in names]
    strategies.sort(key=STRATEGIES.index)  # the sampling strategies first: their budgets are the grid
    sizes = None if choices["budgets"] is None else whole_numbers(choices["budgets"], "budgets")
    pool = load_pool(store, policy=policy, notify=notify)
    probes, answers = (pool, pool) if not choices["out_of_fold"] else split_pool(pool, 2, choices["seed"])
    ease = ease_of(probes, choices["difficulty"])
    bins = bins_of(ease, choices["bins"], choices["thresholds"])
    check_bins(bins, folds)
    sizes = sizes or powers_of_two(answers)
    wanted = set(strategies)
    tree = chains = None
    if wanted & set(TREE_SEARCH) and has_nodes(store, pool.policy, notify=notify):
        try:
            whole = load_tree(store, policy=pool.policy, setting=pool.setting, verifier=pool.verifier, notify=notify)
            searched = whole.searched()
            tree = searched if searched.problem_ids else whole
        except RequestError as error:
            if choices["strategy"]:
                raise
            notify(f"left out: tree search ({error})")
    if wanted & set(REVISIONS):
        try:
            chains = load_chains(store, choices["reviser"], notify=notify)
        except NotInStore:
            if choices["strategy"]:
                raise
    widths = [beam_width_of(width) for width in choices["beam_width"].split(",")]
    searching = {"beam_width": widths, "n_replicates": choices["replicates"]}
    steps = {"lookahead_steps": whole_numbers(choices["lookahead_steps"], "lookahead steps")}
    outcomes = held_outcomes(
        answers,
        strategies,
        sizes,
        tree=tree,
        chains=chains,
        verifier=choices["verifier"],
        aggregation=choices["aggregation"],
        options={
            "revisions": {"ratio": _ratio(choices["ratio"])},
            **dict.fromkeys(TREE_SEARCH, searching),
            "lookahead_search": searching | steps,
        },
        seed=choices["seed"],
        notify=notify,
    )
    if missing := [name for name in strategies if choices["strategy"] and name not in {o.strategy for o in outcomes}]:
        raise NotInStore(f"'{store}' does not hold {', '.join(missing)} of policy '{pool.policy}': collect it first")
    if choices["strategy"]:
        shared = shared_problems(outcomes)
        if not shared:
            raise RequestError(f"'{store}' holds no problem on which all of {', '.join(strategies)} were collected")
        if len(shared) < len(pool.problem_ids):
            notify(f"compared on the {len(shared)} problems that all of these strategies hold")
        outcomes = [restrict(one, shared) for one in outcomes]
    else:
        outcomes = on_every_problem(outcomes, notify=notify)
    first = outcomes[0].problem_ids
    place = {name: row for row, name in enumerate(pool.problem_ids)}
    rows = [place[name] for name in first]
    return Gathered(pool, outcomes, ease[rows], bins[rows], int(probes.pool_sizes.max()))


def ease_of(pool: Pool, difficulty: str) -> np.ndarray:
    """Ease of each problem by one of the difficulties."""
    return oracle_difficulty(pool.correct) if difficulty == "oracle" else predicted_difficulty(verifier_scores(pool))


def bins_of(ease: np.ndarray, n_bins: int | None, thresholds: str | None) -> np.ndarray:
    """Bins as the options ask for them."""
    if thresholds is not None:
        if n_bins is not None:
            raise RequestError("--bins and --thresholds: give one of them")
        return threshold_bins(ease, _numbers(thresholds, "thresholds"))
    count = 5 if n_bins is None else n_bins
    if count < 1:
        raise RequestError(f"{count} bins: give at least 1")
    return difficulty_bins(ease, count)


def ledger_of(choices: dict[str, Any]) -> Ledger:
    """The ledger as the options ask for it."""
    return ledger(choices["preset"], **dict(assignment(text) for text in choices["charges"]))


def bill_of(choices: dict[str, Any], n_probes: int) -> DifficultyBill:
    """The bill as the options ask for it."""
    probes = n_probes if choices["probes"] is None else choices["probes"]
    return DifficultyBill(probes, choices["queries"], choices["reuse_probes"])


def rates_of(text: str) -> list[float]:
    """Exchange rates from a text with commas."""
    return _numbers(text, "ratios")


def print_frames(as_json: bool, rows: Any, frames: Sequence[tuple[str, pl.DataFrame]]) -> None:
    """Rows as JSON, or frames as tables under their headings."""
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_hide_dataframe_shape=True, tbl_width_chars=200, float_precision=4,
        tbl_hide_column_data_types=True, fmt_str_lengths=120,
    ):  # fmt: skip
        for heading, frame in frames:
            click.echo(heading)
            click.echo(frame)


def without_bound(outcomes: Sequence[Outcomes]) -> list[Outcomes]:
    """The strategies that can be run: pass@k needs the answer."""
    return [one for one in outcomes if one.strategy != "pass_at_k"]


def _numbers(text: str, what: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RequestError(f"{what} '{text}': give numbers with commas, such as 0.5,0.1") from None


def _ratio(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return one_of(text, (*NAMED_RATIOS, "all"), "ratio")
