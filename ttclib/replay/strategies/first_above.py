"""First above: samples are drawn until the verifier gives one a score that is high enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.errors import RequestError
from ttclib.replay.stopped import Stopped
from ttclib.replay.stopping import first_above
from ttclib.replay.strategies.best_of_n import BestOfN
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.samples import Pool


@register
@dataclass(frozen=True)
class FirstAbove(UntilSettled):
    """Best-of-N that ends early. Where no score is high enough, the highest of N wins; exact over all orders.

    Examples
    --------
    >>> FirstAbove(score_threshold=0.5).variant
    'first_above (score threshold 0.5)'
    """

    score_threshold: float = parameter(0.9, help="Score at which a sample is taken at once.", several=True)

    name: ClassVar[str] = "first_above"
    label: ClassVar[str] = "first above a score"
    summary: ClassVar[str] = "draws up to N samples, until the verifier gives one a score that is high enough"
    needs_scores: ClassVar[bool] = True
    waits_for_scores: ClassVar[bool] = True
    answers_with: ClassVar[WholeSamples] = BestOfN()
    look: ClassVar[Look | None] = Look("#882255", (9, 2), "triangle-up")

    def __post_init__(self) -> None:
        if np.isnan(self.score_threshold):
            raise RequestError(f"score threshold {self.score_threshold}: give a number")

    def stop(self, pool: Pool, scores: np.ndarray | None, caps: Sequence[int], loads: np.ndarray, seed: int) -> Stopped:
        """As `UntilSettled.stop`."""
        assert scores is not None
        return first_above(scores, pool.correct, [self.score_threshold], caps, loads=loads, pool_sizes=pool.pool_sizes)

    def settled(self, answer_ids: np.ndarray, scores: np.ndarray | None) -> bool:
        """As `UntilSettled.settled`."""
        assert scores is not None
        return bool(scores[-1] >= self.score_threshold)
