"""Monotone transforms of scores: they leave best-of-N as it is and change what a vote weighs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

_EDGE = 1e-6  # a logit is taken no nearer to 0 and 1 than this: a vote must be finite


def logit(scores: ArrayLike) -> np.ndarray:
    """``log(s / (1 − s))``, so that votes add up as evidence: scores below 1/2 count against an answer.

    Parameters
    ----------
    scores : array_like of float
        In [0, 1]; NaN stays, and so does −inf, the score of a sample that was cut. Values nearer than
        1e-6 to an end are taken to be there, since a vote must be finite.

    Raises
    ------
    ValueError
        A score lies outside [0, 1].

    Examples
    --------
    >>> logit([0.5, 0.9, float("nan")]).round(4).tolist()
    [0.0, 2.1972, nan]
    """
    values = np.asarray(scores, dtype=float)
    outside = ((values < 0) | (values > 1)) & ~np.isneginf(values)
    if outside.any():
        raise ValueError(f"logit needs scores between 0 and 1, got {values[outside].flat[0]:g}")
    inside = np.clip(values, _EDGE, 1 - _EDGE)
    return np.where(np.isneginf(values), -np.inf, np.log(inside) - np.log1p(-inside))


def rank(scores: ArrayLike) -> np.ndarray:
    """Share of all scores that are no higher, in (0, 1]; those that tie share their mean.

    Weights then no longer depend on how a verifier spaces its scores, only on their order.

    Parameters
    ----------
    scores : array_like of float
        Ranked all together; NaN stays, −inf stays.

    Examples
    --------
    >>> rank([[3.0, -1.0], [3.0, float("nan")]]).round(4).tolist()
    [[0.8333, 0.3333], [0.8333, nan]]
    """
    values = np.asarray(scores, dtype=float)
    ranked = np.isfinite(values)
    result = values.copy()
    result[ranked] = rankdata(values[ranked]) / max(1, int(ranked.sum()))
    return result


TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray] | None] = {"none": None, "logit": logit, "rank": rank}
