"""Monotone transforms of scores: they leave best-of-N as it is and change what a vote weighs.

A vote adds scores up, which needs them at 0 or above: `rank`, `sigmoid` and `softmax` give that of any scores.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from scipy.stats import rankdata

_EDGE = 1e-6  # a logit is taken no nearer to 0 and 1 than this: a vote must be finite


def logit(scores: ArrayLike) -> np.ndarray:
    """``log(s / (1 − s))``, from about −13.8 to 13.8: the evidence for an answer.

    Scores below 1/2 become negative, which a vote refuses to add up.

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


def sigmoid(scores: ArrayLike) -> np.ndarray:
    """``1 / (1 + exp(−s))``: raw logits of a verifier as the probabilities that they stand for, in (0, 1).

    Parameters
    ----------
    scores : array_like of float
        Any; NaN stays, −inf stays. Logits above some 37 all come to 1, and tie.

    Examples
    --------
    >>> sigmoid([0.0, 2.0, -2.0]).round(4).tolist()
    [0.5, 0.8808, 0.1192]
    """
    values = np.asarray(scores, dtype=float)
    return np.where(np.isneginf(values), -np.inf, expit(values))


def softmax(scores: ArrayLike) -> np.ndarray:
    """``exp(s)`` as a share of its sum over the samples of the same problem, in (0, 1].

    Parameters
    ----------
    scores : array_like of float, shape (problems, ...)
        Any but inf; NaN stays, −inf stays. Scores more than some 745 below the highest all come to 0, and tie.

    Raises
    ------
    ValueError
        A score is inf.

    Examples
    --------
    >>> softmax([[2.0, 1.0, float("nan")], [-700.0, -700.0, -700.0]]).round(4).tolist()
    [[0.7311, 0.2689, nan], [0.3333, 0.3333, 0.3333]]
    """
    values = np.asarray(scores, dtype=float)
    if np.isposinf(values).any():
        raise ValueError("softmax needs finite scores, got inf")
    rows = values.reshape(len(values), -1)
    finite = np.isfinite(rows)
    top = np.where(finite, rows, -np.inf).max(axis=1, initial=-np.inf, keepdims=True)
    raised = np.exp(np.where(finite, rows - np.where(np.isneginf(top), 0.0, top), -np.inf))
    shares = raised / np.maximum(raised.sum(axis=1, keepdims=True), np.finfo(float).tiny)
    return np.where(finite, shares, rows).reshape(values.shape)


TRANSFORMS: dict[str, Callable[[np.ndarray], np.ndarray] | None] = {
    "none": None,
    "logit": logit,
    "rank": rank,
    "sigmoid": sigmoid,
    "softmax": softmax,
}
# What each gives, of finite scores; only what is never below 0 can weigh a vote. Untransformed: the verifier's own.
RANGES: dict[str, tuple[float, float] | None] = {
    "none": None,
    "logit": (float(np.log(_EDGE) - np.log1p(-_EDGE)), float(np.log1p(-_EDGE) - np.log(_EDGE))),
    "rank": (0.0, 1.0),
    "sigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
}
