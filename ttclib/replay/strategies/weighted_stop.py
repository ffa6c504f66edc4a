"""Weighted stop: a weighted vote that stops once its leader is ahead by a share of all scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.errors import RequestError
from ttclib.replay.draws import draws_of
from ttclib.replay.stop_rules import is_ahead
from ttclib.replay.stopped import Stopped
from ttclib.replay.stopping import weighted_stop
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategies.weighted_best_of_n import WeightedBestOfN
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.samples import Pool


@register
@dataclass(frozen=True)
class WeightedStop(UntilSettled):
    """Best-of-N weighted that ends early, from the second vote on: a single one is always all there is.

    Examples
    --------
    >>> WeightedStop(lead=0.25).variant
    'weighted_stop (lead 0.25)'
    """

    lead: float = parameter(
        0.5, help="Of the sum of all scores drawn, by which the leader must be ahead of the second.", several=True
    )

    name: ClassVar[str] = "weighted_stop"
    label: ClassVar[str] = "weighted vote until ahead"
    summary: ClassVar[str] = "draws up to N samples, until an answer's sum of scores is ahead by a share of all"
    needs_scores: ClassVar[bool] = True
    needs_answers: ClassVar[bool] = True
    waits_for_scores: ClassVar[bool] = True
    answers_with: ClassVar[WholeSamples] = WeightedBestOfN()
    look: ClassVar[Look | None] = Look("#AA4466", (4, 2), "diamond")

    def __post_init__(self) -> None:
        if not 0 < self.lead <= 1:
            raise RequestError(f"lead {self.lead:g}: give above 0, up to 1")

    def stop(self, pool: Pool, scores: np.ndarray | None, caps: Sequence[int], loads: np.ndarray, seed: int) -> Stopped:
        """As `UntilSettled.stop`."""
        assert scores is not None
        return weighted_stop(
            pool.answer_ids,
            scores,
            pool.correct,
            [self.lead],
            caps,
            loads=loads,
            pool_sizes=pool.pool_sizes,
            seed=draws_of(pool, seed),
        )

    def settled(self, answer_ids: np.ndarray, scores: np.ndarray | None) -> bool:
        """As `UntilSettled.settled`."""
        assert scores is not None
        cast = (answer_ids >= 0) & ~np.isnan(scores)
        votes = np.bincount(answer_ids[cast]), np.bincount(answer_ids[cast], scores[cast])
        return is_ahead(votes[1][votes[0] > 0], int(cast.sum()), self.lead)
