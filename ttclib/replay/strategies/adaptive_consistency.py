"""Adaptive consistency: a majority vote that stops once its leader is surely the most frequent answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.replay.draws import draws_of
from ttclib.replay.stop_rules import PRIORS, is_sure
from ttclib.replay.stopped import Stopped
from ttclib.replay.stopping import adaptive_consistency
from ttclib.replay.strategies.majority_vote import MajorityVote
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.samples import Pool


@register
@dataclass(frozen=True)
class AdaptiveConsistency(UntilSettled):
    """Aggarwal et al. 2023, arXiv:2305.11860.

    Examples
    --------
    >>> AdaptiveConsistency(threshold=0.8).variant
    'adaptive_consistency (threshold 0.8)'
    """

    threshold: float = parameter(
        0.95, help="Chance that the leading answer is the most frequent one, at which drawing stops.", several=True
    )
    prior: str = parameter(
        "beta", help="beta: against the second answer; dirichlet: against all seen.", allowed=tuple(PRIORS)
    )

    name: ClassVar[str] = "adaptive_consistency"
    label: ClassVar[str] = "adaptive consistency"
    summary: ClassVar[str] = "draws up to N samples, until the leading answer is surely the most frequent one"
    needs_answers: ClassVar[bool] = True
    answers_with: ClassVar[WholeSamples] = MajorityVote()
    look: ClassVar[Look | None] = Look("#44AA99", (), "square")

    def __post_init__(self) -> None:
        one_of(self.prior, PRIORS, "prior")
        if not 0.5 < self.threshold <= 1:
            raise RequestError(f"threshold {self.threshold:g}: give above 0.5, up to 1")

    def stop(self, pool: Pool, scores: np.ndarray | None, caps: Sequence[int], loads: np.ndarray, seed: int) -> Stopped:
        """As `UntilSettled.stop`."""
        return adaptive_consistency(
            pool.answer_ids,
            pool.correct,
            [self.threshold],
            caps,
            prior=self.prior,
            loads=loads,
            pool_sizes=pool.pool_sizes,
            seed=draws_of(pool, seed),
        )

    def settled(self, answer_ids: np.ndarray, scores: np.ndarray | None) -> bool:
        """As `UntilSettled.settled`."""
        return is_sure(np.bincount(answer_ids[answer_ids >= 0]), self.threshold, self.prior)
