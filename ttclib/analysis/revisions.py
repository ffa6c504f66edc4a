"""What revising does: right at each position, what it turns wrong, and how a budget is best split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from ttclib.analysis.resampling import interval
from ttclib.replay.revision_outcomes import revision_splits
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


def chain_pass_at_1(chains: Chains, *, seed: int = 0) -> pl.DataFrame:
    """Chance that a chain's answer is right, by its position.

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
    ends = interval(by_problem, seed=seed)
    known = ~np.isnan(by_problem)
    rows = [
        {
            "position": position,
            "accuracy": float(by_problem[known[:, position], position].mean()),
            "ci_low": float(ends.low[position]),
            "ci_high": float(ends.high[position]),
            "n_problems": int(known[:, position].sum()),
            "n_answers": int(graded[:, :, position].sum()),
        }
        for position in np.flatnonzero(known.any(axis=0)).tolist()
    ]
    return pl.DataFrame(rows, schema=POSITION_SCHEMA)


def correct_to_wrong(chains: Chains, *, seed: int = 0) -> pl.DataFrame:
    """How often the next answer of a chain turns a right one wrong, and a wrong one right.

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
        ends = interval((n_changed, n_pairs), "ratio", seed=seed)
        rows.append(
            {
                "change": change,
                "share": float(ends.estimate),
                "ci_low": float(ends.low),
                "ci_high": float(ends.high),
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
    verifier: Verifier | None = None,
    aggregation: str = "last",
    bins_of_problems: Mapping[str, int] | None = None,
    n_bins: int = 0,
    seed: int = 0,
) -> pl.DataFrame:
    """Accuracy of every split of every budget into sequential and parallel.

    Parameters
    ----------
    budgets : sequence of int
        Answers a problem, over all chains.
    selection : {"hierarchical", "majority"}
    verifier : Verifier, optional
        Of the chains, the first where none is given; not read by ``majority``.
    aggregation : {"last", "min", "prod", "mean"}
    bins_of_problems : mapping of problem id to int, optional
        Difficulty bin, from 1 (easiest); a problem that is not there, or is 0, is in none.
    n_bins : int
        Bins to show, empty ones included.

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
        Unknown selection.

    References
    ----------
    Snell et al. 2024, arXiv:2408.03314, figure 7.
    """
    if verifier is None and selection != "majority":
        verifier = chains.verifier()
    found = revision_splits(chains, budgets, selection=selection, verifier=verifier, aggregation=aggregation, seed=seed)
    bins = np.array([(bins_of_problems or {}).get(problem_id, 0) for problem_id in chains.problem_ids], dtype=int)
    rows = []
    for (sequential, parallel), one in found:
        column = one.budgets.index(sequential * parallel)
        accuracy, tokens = one.accuracy[:, column], one.cost("completion_tokens")[:, column]
        ends = interval(accuracy, groups=bins, n_groups=n_bins, seed=seed)
        for group in range(n_bins + 1):
            member = ~np.isnan(accuracy) & (True if group == 0 else bins == group)
            rows.append(
                {
                    "budget": sequential * parallel,
                    "sequential": sequential,
                    "parallel": parallel,
                    "bin": group or None,
                    "accuracy": float(ends.estimate[group]),
                    "ci_low": float(ends.low[group]),
                    "ci_high": float(ends.high[group]),
                    "n_problems": int(member.sum()),
                    "tokens": float(tokens[member].mean()) if member.any() else None,
                }
            )
    return pl.DataFrame(rows, schema=SWEEP_SCHEMA).fill_nan(None)


def _graded(chains: Chains) -> np.ndarray:
    """Answers that are graded and lie before a chain's end or first hole."""
    within = np.arange(chains.correct.shape[2]) < chains.lengths[..., None]
    return np.asarray(within & ~np.isnan(chains.correct))


def _mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean over the chains, shape (problems, positions); NaN where none is known."""
    with np.errstate(invalid="ignore"):
        return np.asarray(values.sum(axis=1) / known.sum(axis=1))
