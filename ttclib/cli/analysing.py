"""Commands that analyse: difficulty, the frontier, efficiency, the crossover, and a chosen policy on new problems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl

from ttclib.analysis.compute_optimal import compute_optimal
from ttclib.analysis.crossing import check_ratios
from ttclib.analysis.crossover import crossover as compare_models
from ttclib.analysis.crossover import greedy_outcomes, model_ratio
from ttclib.analysis.curves import DIFFICULTIES, powers_of_two
from ttclib.analysis.difficulty import (
    Agreement,
    cheap_difficulty,
    difficulty_agreement,
    difficulty_table,
    oracle_difficulty,
    predicted_difficulty,
    threshold_bins,
)
from ttclib.analysis.efficiency import efficiency as saving
from ttclib.analysis.frontier import frontier as trade_off
from ttclib.analysis.groups import group_means, ordered_interval, resample_weights
from ttclib.analysis.policy import ChosenPolicy
from ttclib.analysis.probing import probed_choice
from ttclib.analysis.strategies import SAMPLING, verifier_scores
from ttclib.cli.common import STORE, cli, notify, whole_numbers
from ttclib.cli.gathering import (
    BIN_OPTIONS,
    BOOTSTRAP_OPTIONS,
    COST_OPTIONS,
    STRATEGY_OPTIONS,
    bill_of,
    bins_of,
    gather,
    ledger_of,
    options,
    print_frames,
    rates_of,
    without_bound,
)
from ttclib.errors import RequestError, one_of
from ttclib.store import load_pool
from ttclib.store.settings import greedy_pool

POLICY = click.option("--policy", help="Needed where the store holds several.")


@cli.command()
@STORE
@POLICY
@click.option("--bins", type=int, help="Difficulty bins of equal size; by default 5.")
@click.option("--thresholds", help="Bins by absolute ease instead, from the easiest down, such as 0.5,0.1.")
@click.option(
    "--probes", default="1,2,4,8,16", show_default=True, help="Sample counts of cheap difficulty, with commas."
)
@options(BOOTSTRAP_OPTIONS)
def difficulty(store: Path, policy: str | None, probes: str, **choices: Any) -> None:
    """How hard each problem is: oracle and predicted bins, how far they agree, and what few samples tell."""
    pool = load_pool(store, policy=policy, notify=notify)
    tables = {"oracle": pool.correct}
    if np.isnan(pool.scores["last"]).all():
        notify("no PRM scores: predicted difficulty is left out; `ttc score` adds them")
    else:
        tables["predicted"] = verifier_scores(pool)
    eases = {
        name: (oracle_difficulty if name == "oracle" else predicted_difficulty)(table) for name, table in tables.items()
    }
    if np.isnan(eases["oracle"]).all():
        raise RequestError(f"'{store}' holds no grades for policy '{pool.policy}': `ttc grade` it")
    counted = [k for k in whole_numbers(probes, "probes") if k <= pool.pool_sizes.max()]
    bins = {name: bins_of(ease, choices["bins"], choices["thresholds"]) for name, ease in eases.items()}
    n_bins = int(max(found.max() for found in bins.values()))
    summary = pl.concat(
        difficulty_table(ease, bins[name]).insert_column(0, pl.Series("difficulty", [name] * _height(bins[name])))
        for name, ease in eases.items()
    )
    agreements = []
    if len(eases) == 2:
        found = difficulty_agreement(
            eases["oracle"], eases["predicted"], n_bins, n_resamples=choices["resamples"], seed=choices["seed"]
        )
        agreements.append(_agreement_row("predicted", None, found))
    for name, table in tables.items():
        for k in counted:
            drawn = cheap_difficulty(table, k, seed=choices["seed"])[0]
            found = difficulty_agreement(
                eases["oracle"], drawn, n_bins, n_resamples=choices["resamples"], seed=choices["seed"]
            )
            agreements.append(_agreement_row(name, k, found))
    problems = [
        {
            "problem_id": problem,
            "n_samples": int(pool.pool_sizes[row]),
            **{name: None if np.isnan(ease[row]) else float(ease[row]) for name, ease in eases.items()},
            **{f"{name}_bin": int(found[row]) or None for name, found in bins.items()},
        }
        for row, problem in enumerate(pool.problem_ids)
    ]
    listed = {"bins": summary.to_dicts(), "agreement": agreements, "problems": problems}
    agreed = pl.DataFrame([{name: row[name] for name in row if name != "confusion"} for row in agreements])
    frames = [
        (f"Difficulty bins of '{pool.policy}', {len(pool.problem_ids)} problems (1 is the easiest)", summary),
        ("Agreement with oracle difficulty from all samples, by what tells it", agreed),
    ]
    if len(eases) == 2:
        frames.append(("Problems by oracle bin (rows) and predicted bin", _confusion(agreements[0]["confusion"])))
    print_frames(choices["as_json"], listed, frames)


@cli.command()
@STORE
@POLICY
@options(STRATEGY_OPTIONS, BIN_OPTIONS, COST_OPTIONS, BOOTSTRAP_OPTIONS)
@click.option("--export-policy", type=click.Path(path_type=Path), help="Write the chosen policy to this JSON file.")
def frontier(store: Path, policy: str | None, export_policy: Path | None, **choices: Any) -> None:
    """Accuracy against cost: every strategy and the compute-optimal choice, by bin and over all."""
    book = ledger_of(choices)
    got = gather(store, policy, choices)
    result = trade_off(
        got.outcomes,
        got.bins,
        ease=got.ease,
        difficulty=choices["difficulty"],
        ledger=book,
        policy=got.pool.policy_model,
        verifier=got.pool.verifier_model,
        bill=bill_of(choices, got.n_probes),
        n_resamples=choices["resamples"],
        seed=choices["seed"],
    )
    assert result.chosen is not None
    if export_policy is not None:
        _write(export_policy, result.chosen.policy.to_json())
        notify(f"policy written to '{export_policy}'")
    rows = [{**row, "unit": result.unit, "difficulty": choices["difficulty"]} for row in result.frame.to_dicts()]
    lines = pl.DataFrame({"policy": result.chosen.policy.lines()})
    heading = f"Accuracy against {result.unit}, bins by {choices['difficulty']} difficulty"
    shown = (
        result.frame.drop("variant") if (result.frame["variant"] == result.frame["strategy"]).all() else result.frame
    )
    print_frames(choices["as_json"], rows, [(heading, shown), ("What the compute-optimal strategy chooses", lines)])


@cli.command()
@STORE
@POLICY
@click.option("--baseline", default="best_of_n", show_default=True, help="Strategy, or variant, that is compared with.")
@click.option(
    "--cheap", metavar="K,K,…", help="Instead: difficulty from so many samples, used again, sampling strategies alone."
)
@options(STRATEGY_OPTIONS, BIN_OPTIONS, COST_OPTIONS, BOOTSTRAP_OPTIONS)
def efficiency(store: Path, policy: str | None, baseline: str, cheap: str | None, **choices: Any) -> None:
    """What the baseline needs for the compute-optimal accuracy, with and without the bill for difficulty."""
    if cheap is not None:
        _cheap_efficiency(store, policy, baseline, whole_numbers(cheap, "cheap"), choices)
        return
    book = ledger_of(choices)
    got = gather(store, policy, choices)
    runnable = without_bound(got.outcomes)
    chosen = compute_optimal(runnable, got.bins, ease=got.ease, difficulty=choices["difficulty"], seed=choices["seed"])
    named = [one for one in runnable if baseline in (one.variant, one.strategy)]
    if not named:
        raise RequestError(f"baseline '{baseline}' is not there. Allowed: {', '.join(one.variant for one in runnable)}")
    frame = saving(
        chosen,
        named[0],
        bill=bill_of(choices, got.n_probes),
        ledger=book,
        policy=got.pool.policy_model,
        verifier=got.pool.verifier_model,
        n_resamples=choices["resamples"],
        seed=choices["seed"],
    )
    rows = [{"baseline": named[0].variant, **row, "unit": book.label} for row in frame.to_dicts()]
    heading = f"{book.label}: what {named[0].variant} needs for the accuracy of compute_optimal"
    print_frames(choices["as_json"], rows, [(heading, frame)])


def _cheap_efficiency(
    store: Path, policy: str | None, baseline: str, n_probes: list[int], choices: dict[str, Any]
) -> None:
    pool = load_pool(store, policy=policy, notify=notify)
    asked = choices["strategy"]
    strategies = [name.strip() for name in asked.split(",")] if asked else [n for n in SAMPLING if n != "pass_at_k"]
    frame = probed_choice(
        pool,
        n_probes,
        powers_of_two(pool) if choices["budgets"] is None else whole_numbers(choices["budgets"], "budgets"),
        strategies=strategies,
        baseline=baseline,
        difficulty=one_of(choices["difficulty"], DIFFICULTIES, "difficulty"),
        n_bins=choices["bins"] or 5,
        verifier=choices["verifier"],
        aggregation=choices["aggregation"],
        n_resamples=choices["resamples"],
        seed=choices["seed"],
    )
    heading = f"Generations that {baseline} needs for what {choices['difficulty']} difficulty from few samples buys"
    rows = [{"baseline": baseline, **row, "difficulty": choices["difficulty"]} for row in frame.to_dicts()]
    print_frames(choices["as_json"], rows, [(heading, frame)])


@cli.command()
@click.option("--store", type=click.Path(path_type=Path), help="DuckDB file that holds both policies.")
@click.option("--small", required=True, help="Policy that is given test-time compute.")
@click.option("--large", required=True, help="Larger policy, sampled once, greedily.")
@click.option("--small-store", type=click.Path(path_type=Path), help="Store of the small policy, if another.")
@click.option("--large-store", type=click.Path(path_type=Path), help="Store of the larger policy, if another.")
@click.option("--ratios", default="0.16,0.79,22", show_default=True, help="R = inference / pretraining tokens.")
@click.option("--param-ratio", type=float, help="M; by default from the models' parameters.")
@click.option("--training-tokens-ratio", type=float, help="Of large over small; by default from the models, or 1.")
@click.option("--large-strategy", help="What the larger policy does instead of one greedy sample.")
@click.option("--large-budget", type=int, default=1, show_default=True, help="Generations of --large-strategy.")
@click.option("--allow-sampled", is_flag=True, help="Without a greedy sample, take the larger policy's pass@1.")
@options(STRATEGY_OPTIONS, BIN_OPTIONS, COST_OPTIONS, BOOTSTRAP_OPTIONS)
def crossover(
    store: Path | None,
    small: str,
    large: str,
    small_store: Path | None,
    large_store: Path | None,
    ratios: str,
    param_ratio: float | None,
    training_tokens_ratio: float | None,
    large_strategy: str | None,
    large_budget: int,
    allow_sampled: bool,
    **choices: Any,
) -> None:
    """A small policy with test-time compute against a larger one, at equal FLOPs, over R."""
    rates = rates_of(ratios)
    book = ledger_of(choices)
    ours, theirs = small_store or store, large_store or store
    if ours is None or theirs is None:
        raise RequestError("no store: give --store, or both --small-store and --large-store")
    if large_strategy is None:
        if large_budget != 1:
            raise RequestError(
                f"--large-budget {large_budget} needs --large-strategy: one greedy sample is a budget of 1"
            )
        pool = greedy_pool(theirs, large, notify=notify)
        answer = greedy_outcomes(pool, allow_sampled=allow_sampled)
    else:
        several = choices | {"strategy": large_strategy, "budgets": str(large_budget), "bins": 1, "thresholds": None}
        other = gather(theirs, large, several, folds=1)
        pool, answer = other.pool, other.outcomes[0]
    m_ratio = model_ratio(param_ratio, load_pool(ours, policy=small, notify=notify).policy_model, pool.policy_model)
    check_ratios(rates, m_ratio, training_tokens_ratio or 1.0, large_budget)  # before anything long is replayed
    got = gather(ours, small, choices)
    result = compare_models(
        without_bound(got.outcomes),
        answer,
        ratios=rates,
        small_model=got.pool.policy_model,
        large_model=pool.policy_model,
        param_ratio=m_ratio,
        training_tokens_ratio=training_tokens_ratio,
        large_budget=large_budget,
        bins=got.bins,
        difficulty=choices["difficulty"],
        ledger=book,
        verifier=got.pool.verifier_model,
        bill=bill_of(choices, got.n_probes),
        n_resamples=choices["resamples"],
        seed=choices["seed"],
    )
    sides = {"small": small, "small_strategy": result.small, "large": large, "large_strategy": result.large}
    facts = {
        "param_ratio": result.param_ratio,
        "training_tokens_ratio": result.training_tokens_ratio,
        "large_budget": result.large_budget,
        "unit": result.unit,
        "difficulty": choices["difficulty"],
    }
    by_bin = {row["bin"]: row for row in result.crossings.to_dicts()}
    ends = {"crossing": "crossing", "crossing_low": "ci_low", "crossing_high": "ci_high"}
    rows = [
        {
            **sides,
            **row,
            **{name: by_bin[row["bin"]][key] for name, key in ends.items()},
            **{key: by_bin[row["bin"]][key] for key in ("supported", "verdict", "defined_from")},
            **facts,
        }
        for row in result.frame.to_dicts()
    ]
    heading = (
        f"'{small}' ({result.small}) against '{large}' ({result.large}, N={large_budget}): "
        f"M = {result.param_ratio:.4g}, bins by {choices['difficulty']} difficulty of '{small}'"
    )
    told = result.crossings.select("bin", "crossing", "ci_low", "ci_high", "defined_from", "verdict", "n_problems")
    print_frames(choices["as_json"], rows, [(heading, result.frame), ("Where the larger model takes the lead", told)])


@cli.command(name="apply-policy")
@click.argument("file", type=click.Path(path_type=Path))
@STORE
@POLICY
@click.option("--probes", type=int, default=4, show_default=True, help="Samples that tell a new problem's difficulty.")
@click.option("--draws", type=click.IntRange(min=1), default=20, show_default=True, help="Random draws of the probes.")
@options(STRATEGY_OPTIONS, BOOTSTRAP_OPTIONS)
def apply_policy(file: Path, store: Path, policy: str | None, probes: int, draws: int, **choices: Any) -> None:
    """Use a policy that `ttc frontier --export-policy` wrote on another store, from cheap difficulty."""
    try:
        chosen = ChosenPolicy.from_json(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(f"cannot read '{file}': {error.strerror}") from error
    everyone = {"bins": 1, "thresholds": None, "difficulty": chosen.difficulty, "out_of_fold": False}
    got = gather(store, policy, choices | everyone, folds=1)
    runnable = without_bound(got.outcomes)
    table = got.pool.correct if chosen.difficulty == "oracle" else verifier_scores(got.pool)
    place = {name: row for row, name in enumerate(got.pool.problem_ids)}
    order = [place[name] for name in runnable[0].problem_ids]
    ease = cheap_difficulty(table[order], probes, n_draws=draws, seed=choices["seed"])
    applied = [chosen.apply(runnable, one) for one in ease]
    accuracy = np.mean([one.accuracy for one in applied], axis=0)
    placed = np.mean([threshold_bins(one, chosen.thresholds or ()) for one in ease], axis=0)
    nowhere = np.zeros(len(accuracy), dtype=int)
    means = group_means(accuracy, nowhere, resample_weights(len(accuracy), choices["resamples"], choices["seed"]))
    low, high = ordered_interval(means)
    rows = [
        {
            "strategy": "compute_optimal",
            "budget": budget,
            "generations": max(budget, probes),
            "accuracy": float(means[0, 0, column]),
            "ci_low": float(low[0, column]),
            "ci_high": float(high[0, column]),
            "n_problems": int((~np.isnan(accuracy[:, column])).sum()),
            "probes": probes,
            "mean_bin": float(placed.mean()),
        }
        for column, budget in enumerate(applied[0].budgets)
        if not np.isnan(means[0, 0, column])
    ]
    heading = f"The policy of '{file}' on '{got.pool.policy}', difficulty from {probes} samples a problem"
    print_frames(choices["as_json"], rows, [(heading, pl.DataFrame(rows))])


def _agreement_row(told_by: str, k: int | None, found: Agreement) -> dict[str, Any]:
    return {
        "difficulty": told_by,
        "n_probes": k,
        "spearman": None if np.isnan(found.spearman) else found.spearman,
        "ci_low": None if np.isnan(found.spearman_low) else found.spearman_low,
        "ci_high": None if np.isnan(found.spearman_high) else found.spearman_high,
        "same_bin": found.same_bin,
        "within_one": found.within_one,
        "n_problems": found.n_problems,
        "confusion": found.confusion.tolist(),
    }


def _confusion(table: list[list[int]]) -> pl.DataFrame:
    rows = [
        {"oracle": row, **{str(column): n for column, n in enumerate(counts, 1)}} for row, counts in enumerate(table, 1)
    ]
    return pl.DataFrame(rows)


def _height(bins: np.ndarray) -> int:
    return int(bins.max()) + int((bins == 0).any())


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.rename(path)
    except OSError as error:
        raise RequestError(f"cannot write '{path}': {error.strerror}") from error
    finally:
        temporary.unlink(missing_ok=True)
