"""pass@k: whether a right answer is among the k, which no way of picking can beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.replay.coverage import coverage
from ttclib.replay.estimate import Estimate
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, register
from ttclib.samples import Pool


@register
@dataclass(frozen=True)
class PassAtK(WholeSamples):
    """Chen et al. 2021, arXiv:2107.03374, for the estimator."""

    name: ClassVar[str] = "pass_at_k"
    label: ClassVar[str] = "pass@k"
    summary: ClassVar[str] = "counts whether any of the N samples is right; no method that picks one can beat it"
    needs_truth: ClassVar[bool] = True
    takes_counts: ClassVar[bool] = True
    look: ClassVar[Look | None] = Look("#000000", (2, 3), "circle")

    def expected(self, pool: Pool, scores: np.ndarray | None, budgets: Sequence[int], seed: int) -> Estimate:
        """As `WholeSamples.expected`."""
        sizes = pool.pool_sizes
        return coverage(sizes, pool.n_correct, sizes - pool.n_graded, budgets)
