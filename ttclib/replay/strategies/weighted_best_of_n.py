"""Best-of-N weighted: the answer whose samples have the highest sum of scores.

A vote adds scores up, which needs them at 0 or above: the transforms `rank`, `sigmoid` and `softmax` give that of any
scores. They are monotone: they leave best-of-N as it is and change what a vote weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from scipy.stats import rankdata

from ttclib.errors import RequestError, one_of
from ttclib.replay.draws import draws_of
from ttclib.replay.estimate import Estimate
from ttclib.replay.strategies.majority_vote import SUBSETS_HELP, check_subsets
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.replay.voting import elect
from ttclib.samples import Pool

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


@register
@dataclass(frozen=True)
class WeightedBestOfN(WholeSamples):
    """Li et al. 2022, arXiv:2206.02336; Snell et al. 2024, arXiv:2408.03314."""

    transform: str = parameter("none", help="Of scores, before they weigh a vote.", allowed=tuple(TRANSFORMS))
    subsets: int = parameter(0, help=SUBSETS_HELP)

    name: ClassVar[str] = "weighted_best_of_n"
    label: ClassVar[str] = "best-of-N weighted"
    summary: ClassVar[str] = "answers with what the N samples with the highest sum of scores answer"
    needs_scores: ClassVar[bool] = True
    needs_answers: ClassVar[bool] = True
    look: ClassVar[Look | None] = Look("#0072B2", (12, 3, 2, 3), "diamond")

    def __post_init__(self) -> None:
        one_of(self.transform, TRANSFORMS, "transform")
        check_subsets(self.subsets)

    def said(self) -> list[str]:
        """The transform, where there is one."""
        return [] if self.transform == "none" else [self.transform]

    def among_all(self, scores: np.ndarray) -> np.ndarray:
        """As `WholeSamples.among_all`: ranks are taken over all problems."""
        return rank(scores) if self.transform == "rank" else scores

    def expected(self, pool: Pool, scores: np.ndarray | None, budgets: Sequence[int], seed: int) -> Estimate:
        """As `WholeSamples.expected`."""
        assert scores is not None
        transform = None if self.transform == "rank" else TRANSFORMS[self.transform]
        try:
            weights = scores if transform is None else np.asarray(transform(scores), dtype=float)
        except ValueError as error:
            raise RequestError(f"scores of '{pool.store}': {error}") from error
        return elect(
            pool.answer_ids,
            weights,
            pool.correct,
            budgets,
            pool_sizes=pool.pool_sizes,
            n_subsets=self.subsets or None,
            seed=draws_of(pool, seed),
        )
