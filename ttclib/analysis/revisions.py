"""What revising does: right at each position, what it turns wrong, and how a budget is best split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ttclib.analysis.intervals import bootstrap_mean, bootstrap_ratio
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.revision_outcomes import revision_outcomes, revision_splits
from ttclib.samples import Chains, Verifier

POSITION_SCHEMA = {
    "position": pl.Int64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
    "n_answers": pl.Int64,
}
CHANGE_SCHEMA = {
    "change": pl.String,
    "share": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_changed": pl.Int64,
    "n_pairs": pl.Int64,
    "n_problems": pl.Int64,
}
SWEEP_SCHEMA = {
    "budget": pl.Int64,
    "sequential": pl.Int64,
    "parallel": pl.Int64,
    "bin": pl.Int64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "n_problems": pl.Int64,
    "tokens": pl.Float64,
}


def chain_pass_at_1(chains: Chains, *, level: float = 0.95, seed: int = 0) -> pl.DataFrame:
    """Chance that a chain's answer is right, by its position.

    Parameters
    ----------
    chains : Chains
    level : float
        Coverage of the intervals, which resample whole problems.
    seed : int

    Returns
    -------
    polars.DataFrame
        Columns as in `POSITION_SCHEMA`. `position` counts from 0, the answer that saw no other;
        `accuracy` is the mean over problems of the mean over their graded answers, `n_answers` of
        them. Positions that nobody graded are left out.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, figure 6 left.
    """
    graded = _graded(chains)
    by_problem = _mean(np.where(graded, chains.correct, 0.0), graded)
    low, high = bootstrap_mean(by_problem, level=level, seed=seed)
    known = ~np.isnan(by_problem)
    rows = [
        {
            "position": position,
            "accuracy": float(by_problem[known[:, position], position].mean()),
            "ci_low": float(low[position]),
            "ci_high": float(high[position]),
            "n_problems": int(known[:, position].sum()),
            "n_answers": int(graded[:, :, position].sum()),
        }
        for position in np.flatnonzero(known.any(axis=0)).tolist()
    ]
    return pl.DataFrame(rows, schema=POSITION_SCHEMA)


def correct_to_wrong(chains: Chains, *, level: float = 0.95, seed: int = 0) -> pl.DataFrame:
    """How often the next answer of a chain turns a right one wrong, and a wrong one right.

    Parameters
    ----------
    chains : Chains
    level : float
        Coverage of the intervals, which resample whole problems.
    seed : int

    Returns
    -------
    polars.DataFrame
        Two rows, `change` ``"correct_to_wrong"`` and ``"wrong_to_correct"``, with columns as in
        `CHANGE_SCHEMA`: `share` is `n_changed` of the `n_pairs` neighbouring answers, both graded, of
        which the first was right (wrong). An answer that was not found counts as its grade says, wrong.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, section 6.1: about 38 % of right answers are turned wrong.
    """
    graded, right = _graded(chains), chains.correct == 1
    pairs = graded[:, :, :-1] & graded[:, :, 1:]
    before, after = right[:, :, :-1], right[:, :, 1:]
    rows = []
    for change, first in (("correct_to_wrong", before), ("wrong_to_correct", ~before)):
        exposed = pairs & first
        n_pairs, n_changed = exposed.sum(axis=(1, 2)), (exposed & (after != before)).sum(axis=(1, 2))
        low, high = bootstrap_ratio(n_changed, n_pairs, level=level, seed=seed)
        rows.append(
            {
                "change": change,
                "share": n_changed.sum() / n_pairs.sum() if n_pairs.any() else None,
                "ci_low": low,
                "ci_high": high,
                "n_changed": int(n_changed.sum()),
                "n_pairs": int(n_pairs.sum()),
                "n_problems": int((n_pairs > 0).sum()),
            }
        )
    return pl.DataFrame(rows, schema=CHANGE_SCHEMA).fill_nan(None)


def ratio_sweep(
    chains: Chains,
    budgets: Sequence[int],
    *,
    selection: str = "hierarchical",
    verifier: str = "prm",
    aggregation: str = "last",
    bins_of_problems: Mapping[str, int] | None = None,
    n_subsets: int = 400,
    level: float = 0.95,
    seed: int = 0,
) -> pl.DataFrame:
    """Accuracy of every split of every budget into sequential and parallel.

    Parameters
    ----------
    chains : Chains
    budgets : sequence of int
        Answers a problem, over all chains.
    selection : {"hierarchical", "majority"}
    verifier, aggregation
        As in `Chains.verifier`.
    bins_of_problems : mapping of problem id to int, optional
        Difficulty bin, from 1 (easiest); a problem that is not there, or is 0, is in none.
    n_subsets : int
        Of the chains, where there are too many to take all.
    level : float
        Coverage of the intervals, which resample whole problems.
    seed : int

    Returns
    -------
    polars.DataFrame
        Columns as in `SWEEP_SCHEMA`, by budget, then from parallel to sequential; `bin` is null over
        all problems. Splits that the store does not hold are not there.

    Raises
    ------
    NotInStore
        The store holds no split of a budget.
    RequestError
        Unknown selection or verifier, or no scores of it.
    """
    reads = _reads(chains, selection, verifier)
    found = revision_splits(
        chains, budgets, selection=selection, verifier=reads, aggregation=aggregation, n_subsets=n_subsets, seed=seed
    )
    bins = np.array([(bins_of_problems or {}).get(problem_id, 0) for problem_id in chains.problem_ids], dtype=int)
    rows = []
    for (sequential, parallel), one in found:
        column = one.budgets.index(sequential * parallel)
        for number in [None, *range(1, int(bins.max(initial=0)) + 1)]:
            accuracy = one.accuracy[:, [column]]
            member = ~np.isnan(accuracy[:, 0]) & (True if number is None else bins == number)
            low, high = bootstrap_mean(accuracy[member], level=level, seed=seed)
            rows.append(
                {
                    "budget": sequential * parallel,
                    "sequential": sequential,
                    "parallel": parallel,
                    "bin": number,
                    "accuracy": float(accuracy[member].mean()) if member.any() else None,
                    "ci_low": float(low[0]),
                    "ci_high": float(high[0]),
                    "n_problems": int(member.sum()),
                    "tokens": float(one.cost("completion_tokens")[member, column].mean()) if member.any() else None,
                }
            )
    return pl.DataFrame(rows, schema=SWEEP_SCHEMA).fill_nan(None)


def replay_revisions(
    chains: Chains,
    budgets: Sequence[int],
    *,
    verifier: str = "prm",
    aggregation: str = "last",
    seed: int = 0,
    ratio: float | str = 1.0,
    selection: str = "hierarchical",
) -> list[Outcomes]:
    """Revisions as a strategy of `ttclib.analysis.strategies`: one `Outcomes`, or one a split.

    Parameters
    ----------
    chains : Chains
    budgets : sequence of int
    verifier, aggregation
        As in `Chains.verifier`; not read by ``majority``.
    seed : int
    ratio : float or {"sequential", "parallel", "best", "all"}
        As in `ttclib.replay.revision_outcomes.revision_outcomes`; ``"all"``: every split on its own.
    selection : {"hierarchical", "majority"}
    """
    reads = _reads(chains, selection, verifier)
    if ratio == "all":
        splits = revision_splits(
            chains, budgets, selection=selection, verifier=reads, aggregation=aggregation, seed=seed
        )
        return [one for _, one in splits]
    return [
        revision_outcomes(
            chains, budgets, ratio=ratio, selection=selection, verifier=reads, aggregation=aggregation, seed=seed
        )
    ]


def _reads(chains: Chains, selection: str, verifier: str) -> Verifier | None:
    """Who reads the chains; None: a majority needs nobody."""
    return None if selection == "majority" else chains.verifier(verifier)


def _graded(chains: Chains) -> np.ndarray:
    """Answers that are graded and lie before a chain's end or first hole."""
    within = np.arange(chains.correct.shape[2]) < chains.lengths[..., None]
    return np.asarray(within & ~np.isnan(chains.correct))


def _mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean over the chains, shape (problems, positions); NaN where none is known."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values.sum(axis=1) / known.sum(axis=1))
