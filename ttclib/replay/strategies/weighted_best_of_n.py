"""Best-of-N weighted: the answer whose samples have the highest sum of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.errors import RequestError, one_of
from ttclib.replay.draws import draws_of
from ttclib.replay.estimate import Estimate
from ttclib.replay.strategies.majority_vote import SUBSETS_HELP, check_subsets
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.replay.transforms import TRANSFORMS, rank
from ttclib.replay.voting import elect
from ttclib.samples import Pool


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
