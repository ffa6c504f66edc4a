"""What the strategies share that draw one sample after the other until a rule says enough; the budget is the cap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ttclib.replay.estimate import Estimate
from ttclib.replay.stopped import Stopped
from ttclib.replay.strategies.whole_samples import WholeSamples
from ttclib.samples import Pool, Verifier


@dataclass(frozen=True)
class UntilSettled(WholeSamples):
    """A strategy with a stopping rule: what it spends is what it draws in expectation, not what it may.

    Notes
    -----
    Costs are as in `ttclib.replay.strategies.whole_samples.sampling_costs`, of the samples drawn. One is drawn after
    the other, so that all their tokens are waited for, and the prompt's cache is read by each of them alone; where
    the rule reads scores, the verifier is waited for after each of them.
    """

    named_only: ClassVar[bool] = True
    waits_for_scores: ClassVar[bool] = False
    answers_with: ClassVar[WholeSamples]

    def settled(self, answer_ids: np.ndarray, scores: np.ndarray | None) -> bool:
        """Whether the rule is met by samples in the order in which they were drawn, shape (samples,) each."""
        raise NotImplementedError

    def stops_at(self, answer_ids: np.ndarray, scores: np.ndarray | None) -> int | None:
        """After how many of the samples it stops; None: not yet."""
        for n in range(1, len(answer_ids) + 1):
            if self.settled(answer_ids[:n], None if scores is None else scores[:n]):
                return n
        return None

    def stop(self, pool: Pool, scores: np.ndarray | None, caps: Sequence[int], loads: np.ndarray, seed: int) -> Stopped:
        """The rule on the pool; the one rule there is."""
        raise NotImplementedError

    def expected_and_spent(
        self, pool: Pool, reads: Verifier | None, scores: np.ndarray | None, budgets: Sequence[int], seed: int
    ) -> tuple[Estimate, dict[str, np.ndarray]]:
        """As `WholeSamples.expected_and_spent`."""
        length, prompt = pool.lengths, pool.prompt_lengths[:, None]
        read = np.zeros(length.shape) if reads is None else reads.tokens_read
        loads = np.stack([length, length * (length - 1) / 2, read], axis=2)
        found = self.stop(pool, scores, budgets, loads, seed)
        draws, (tokens, own, read_tokens) = found.draws[:, 0], np.moveaxis(found.spent[:, 0], -1, 0)
        nothing = np.where(np.isnan(draws), np.nan, 0.0)
        context = prompt * tokens + own
        costs = {
            "generations": draws,
            "completion_tokens": tokens,
            "pruned_tokens": nothing,
            "rollout_tokens": nothing,
            "prefill_tokens": draws * prompt,
            "cached_prefill_tokens": nothing + prompt,
            "context_tokens": context,
            "kv_tokens": context,
            "prm_tokens": read_tokens,
            "serial_tokens": tokens,
            "serial_prm_tokens": read_tokens if self.waits_for_scores else nothing,
        }
        return Estimate(found.accuracy[:, 0], found.mc_error[:, 0], found.ungraded[:, 0]), costs
