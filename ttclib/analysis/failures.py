"""What wrong solutions look like: those that say a step twice, and those that are over after a step or two.

A search that works against a flawed verifier finds what the verifier likes, not what is right. Snell et al.
saw beam search end in repeated steps and in solutions of one or two steps.

References
----------
Snell et al. 2024, arXiv:2408.03314, section 5.3 and appendix E.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

FAILURE_SCHEMA = {
    "group": pl.Int64,
    "n_right": pl.Int64,
    "n_wrong": pl.Int64,
    "repeats_step": pl.Float64,
    "few_steps": pl.Float64,
    "mean_steps_wrong": pl.Float64,
    "mean_steps_right": pl.Float64,
}


def failure_shapes(
    solutions: Sequence[Sequence[str]], correct: ArrayLike, groups: ArrayLike, *, few: int = 2
) -> pl.DataFrame:
    """Shares of the wrong solutions that repeat a step, or are over after few.

    Parameters
    ----------
    solutions : sequence of sequences of str
        The steps of each.
    correct : array, shape (solutions,)
        1, 0, or NaN where it is not graded; those are left out.
    groups : int array, shape (solutions,)
        Such as difficulty bins.
    few : int, keyword-only
        Steps up to which a solution counts as short.

    Returns
    -------
    polars.DataFrame
        Columns as in `FAILURE_SCHEMA`, a row a group, in order. A share of no wrong solution is null.

    Raises
    ------
    ValueError
        Lengths that differ, or `few` below 1.

    Examples
    --------
    >>> failure_shapes([["1+1", "2"], ["1+1", "1+1", "3"], ["4"]], [1, 0, 0], [1, 1, 1])["repeats_step"].to_list()
    [0.5]
    """
    right, bins = np.asarray(correct, dtype=float), np.asarray(groups, dtype=int)
    if not len(solutions) == len(right) == len(bins):
        raise ValueError(
            f"{len(solutions)} solutions, {len(right)} grades and {len(bins)} groups: allowed as many each"
        )
    if few < 1:
        raise ValueError(f"few must be at least 1, got {few}")
    n_steps = np.array([len(steps) for steps in solutions], dtype=float)
    repeats = np.array([_repeats(steps) for steps in solutions], dtype=float)
    rows = []
    for group in np.unique(bins):
        own = bins == group
        wrong, fine = own & (right == 0), own & (right == 1)
        rows.append(
            {
                "group": int(group),
                "n_right": int(fine.sum()),
                "n_wrong": int(wrong.sum()),
                "repeats_step": _mean(repeats[wrong]),
                "few_steps": _mean((n_steps <= few)[wrong]),
                "mean_steps_wrong": _mean(n_steps[wrong]),
                "mean_steps_right": _mean(n_steps[fine]),
            }
        )
    return pl.DataFrame(rows, schema=FAILURE_SCHEMA)


def _repeats(steps: Sequence[str]) -> bool:
    """Whether a step says what another said before it."""
    said = [" ".join(step.split()) for step in steps]
    return len(set(said)) < len(said)


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
