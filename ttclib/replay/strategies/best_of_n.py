"""Best-of-N: the sample that a verifier scores highest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.replay.best_of_n import best_of_n
from ttclib.replay.estimate import Estimate
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, register
from ttclib.samples import Pool


@register
@dataclass(frozen=True)
class BestOfN(WholeSamples):
    """The highest score of N wins; exact over all subsets."""

    name: ClassVar[str] = "best_of_n"
    label: ClassVar[str] = "best-of-N"
    summary: ClassVar[str] = "answers with the one of N samples that the verifier scores highest"
    needs_scores: ClassVar[bool] = True
    look: ClassVar[Look | None] = Look("#D55E00", (), "triangle-up")

    def expected(self, pool: Pool, scores: np.ndarray | None, budgets: Sequence[int], seed: int) -> Estimate:
        """As `WholeSamples.expected`."""
        assert scores is not None
        return best_of_n(scores, pool.correct, budgets, pool_sizes=pool.pool_sizes)
