"""Majority vote: the answer that most samples give (self-consistency)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.errors import RequestError
from ttclib.replay.draws import draws_of
from ttclib.replay.estimate import Estimate
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.replay.voting import elect
from ttclib.samples import Pool

SUBSETS_HELP = "Of votes that are not exact; 0: as many as keep the error below 0.001."


def check_subsets(subsets: int) -> None:
    """Refuse a number of subsets below 0."""
    if subsets < 0:
        raise RequestError(f"{subsets} subsets: give 1 or more, or 0 for as many as it takes")


@register
@dataclass(frozen=True)
class MajorityVote(WholeSamples):
    """Wang et al. 2022, arXiv:2203.11171."""

    subsets: int = parameter(0, help=SUBSETS_HELP)

    name: ClassVar[str] = "majority_vote"
    label: ClassVar[str] = "majority vote"
    summary: ClassVar[str] = "answers with what most of the N samples answer; needs no verifier"
    needs_answers: ClassVar[bool] = True
    look: ClassVar[Look | None] = Look("#009E73", (7, 3), "square")

    def __post_init__(self) -> None:
        check_subsets(self.subsets)

    def said(self) -> list[str]:
        """Nothing: the number of subsets moves no more than the error that is told beside it."""
        return []

    def expected(self, pool: Pool, scores: np.ndarray | None, budgets: Sequence[int], seed: int) -> Estimate:
        """As `WholeSamples.expected`."""
        return elect(
            pool.answer_ids,
            None,
            pool.correct,
            budgets,
            pool_sizes=pool.pool_sizes,
            n_subsets=self.subsets or None,
            seed=draws_of(pool, seed),
        )
