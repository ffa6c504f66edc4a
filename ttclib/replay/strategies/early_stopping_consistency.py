"""Early-stopping consistency: a majority vote that stops after the first window of samples with one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.errors import RequestError
from ttclib.replay.draws import draws_of
from ttclib.replay.estimate import Estimate
from ttclib.replay.stopped import Stopped
from ttclib.replay.stopping import early_stopping_consistency, window_waits
from ttclib.replay.strategies.majority_vote import MajorityVote
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.replay.strategy import Look, parameter, register
from ttclib.samples import Pool, Verifier


@register
@dataclass(frozen=True)
class EarlyStoppingConsistency(UntilSettled):
    """Li et al. 2024, arXiv:2401.10480. The samples of a window are drawn side by side.

    Examples
    --------
    >>> EarlyStoppingConsistency(window=5).variant
    'early_stopping_consistency (window 5)'
    """

    window: int = parameter(4, help="Samples that are drawn before it is asked whether they agree.", several=True)

    name: ClassVar[str] = "early_stopping_consistency"
    label: ClassVar[str] = "early-stopping consistency"
    summary: ClassVar[str] = "draws up to N samples, window by window, until all of a window give one answer"
    needs_answers: ClassVar[bool] = True
    answers_with: ClassVar[WholeSamples] = MajorityVote()
    look: ClassVar[Look | None] = Look("#117733", (7, 3), "diamond")

    def __post_init__(self) -> None:
        if self.window < 1:
            raise RequestError(f"window {self.window}: give at least 1 sample")

    def stop(self, pool: Pool, scores: np.ndarray | None, caps: Sequence[int], loads: np.ndarray, seed: int) -> Stopped:
        """As `UntilSettled.stop`."""
        return early_stopping_consistency(
            pool.answer_ids,
            pool.correct,
            [self.window],
            caps,
            loads=loads,
            pool_sizes=pool.pool_sizes,
            seed=draws_of(pool, seed),
        )

    def settled(self, answer_ids: np.ndarray, scores: np.ndarray | None) -> bool:
        """As `UntilSettled.settled`."""
        last = answer_ids[-self.window :]
        return len(answer_ids) % self.window == 0 and bool(last[0] >= 0 and (last == last[0]).all())

    def expected_and_spent(
        self, pool: Pool, reads: Verifier | None, scores: np.ndarray | None, budgets: Sequence[int], seed: int
    ) -> tuple[Estimate, dict[str, np.ndarray]]:
        """As `UntilSettled` does; a window is waited for, and reads the prompt's cache, as its longest."""
        found, costs = super().expected_and_spent(pool, reads, scores, budgets, seed)
        waits = window_waits(
            pool.answer_ids, pool.lengths, [self.window], budgets, pool_sizes=pool.pool_sizes, seed=draws_of(pool, seed)
        )[:, 0]
        prompt = pool.prompt_lengths[:, None]
        own = costs["context_tokens"] - prompt * costs["completion_tokens"]
        return found, costs | {"serial_tokens": waits, "kv_tokens": prompt * waits + own}
