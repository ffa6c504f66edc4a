"""What the strategies share that spend N on whole, independent samples: budgets, pools of unequal size, costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError
from ttclib.replay.arrays import as_answers, as_grades, as_table, check_one_shape
from ttclib.replay.best_of_n import expected_largest
from ttclib.replay.budgets import as_budgets, doublings
from ttclib.replay.estimate import Estimate, grades_by_answer
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategy import Strategy
from ttclib.samples import LOGPROB, Pool, Verifier
from ttclib.samples.blocks import widened


class Truncated(NamedTuple):
    """Samples after a cap, arrays of shape (problems, samples)."""

    # numpy.ndarray of float; 0 beyond the cap; NaN where a sample was not graded or its length is not known
    correct: np.ndarray
    answer_ids: np.ndarray  # numpy.ndarray of int; −1 beyond the cap: no answer, no vote
    completion_tokens: np.ndarray  # numpy.ndarray of float; at most the cap
    # numpy.ndarray of float; −inf beyond the cap, below every other score; all NaN if none were given
    scores: np.ndarray


def truncate(
    correct: ArrayLike,
    answer_ids: ArrayLike,
    completion_tokens: ArrayLike,
    max_tokens: int,
    *,
    scores: ArrayLike | None = None,
) -> Truncated:
    """Cut every sample at a number of tokens; the answer stands at the end, so a cut sample has none.

    Parameters
    ----------
    correct : array_like of float or bool, shape (problems, samples)
        1, 0, NaN: not graded.
    answer_ids : array_like of int, shape (problems, samples)
        As in `ttclib.replay.voting.majority_vote`.
    completion_tokens : array_like of float, shape (problems, samples)
        NaN: not known; what a cap would have done to such a sample is not known either.
    max_tokens : int
        At least 1. A sample of exactly this length is whole.
    scores : array_like of float, shape (problems, samples), keyword-only, optional

    Raises
    ------
    ValueError
        The cap is below 1 or not whole, or shapes differ.

    References
    ----------
    Accuracy against a length cap by truncation of cached samples: Chen et al. 2024, arXiv:2412.21187.

    Examples
    --------
    >>> cut = truncate([[1, 1]], [[0, 0]], [[10, 30]], 20, scores=[[0.4, 0.9]])
    >>> cut.correct.tolist(), cut.answer_ids.tolist(), cut.completion_tokens.tolist(), cut.scores.tolist()
    ([[1.0, 0.0]], [[0, -1]], [[10.0, 20.0]], [[0.4, -inf]])
    """
    cap = float(as_budgets(max_tokens, "max_tokens"))
    right, ids, tokens = as_grades(correct), as_answers(answer_ids), as_table(completion_tokens, "completion_tokens")
    given = np.full(right.shape, np.nan) if scores is None else as_table(scores, "scores")
    check_one_shape(correct=right, answer_ids=ids, completion_tokens=tokens, scores=given)
    beyond, unknown = tokens > cap, np.isnan(tokens)
    return Truncated(
        correct=np.where(beyond, 0.0, np.where(unknown, np.nan, right)),
        answer_ids=np.where(beyond, -1, ids),
        completion_tokens=np.minimum(tokens, cap),
        scores=np.where(beyond & (scores is not None), -np.inf, given),
    )


@dataclass(frozen=True)
class WholeSamples(Strategy):
    """A strategy that chooses among N samples of the pool; `expected` says how, `replay` does the rest."""

    reads: ClassVar[str] = "pool"
    takes_counts: ClassVar[bool] = False

    def collected(self, samples: Pool) -> list[int]:
        """The powers of two up to the largest pool, what some problem can answer; and all of the smallest pool."""
        return sorted({*doublings(self.largest(samples)), max(1, int(samples.pool_sizes.min()))})

    def largest(self, samples: Pool) -> int:
        """The largest pool."""
        return int(samples.pool_sizes.max())

    def replay(
        self,
        samples: Pool,
        budgets: Sequence[int],
        *,
        verifier: Verifier | None = None,
        aggregation: str = "last",
        seed: int = 0,
    ) -> Outcomes:
        """As `Strategy.replay`; NaN where a pool is smaller than the budget, and where nothing is graded."""
        sizes = sorted({int(budget) for budget in budgets})
        check_budgets(sizes, samples)
        if samples.counts is not None and not self.takes_counts:
            raise RequestError(
                f"'{samples.store}' holds counts of '{samples.policy}' and no samples, so {self.label} cannot be "
                "replayed: allowed pass_at_k"
            )
        if not samples.n_graded.any():
            raise RequestError(
                f"'{samples.store}' holds no graded sample of '{samples.policy}': grade it with `ttc grade`"
            )
        if self.needs_answers and not samples.has_answers:
            raise RequestError(
                f"'{samples.store}' holds no final answers of '{samples.policy}', without which {self.label} has "
                "nothing to count: import them as `answer`, or the completions as `completion` and `ttc grade` them"
            )
        reads = (verifier or samples.verifier()) if self.reads_scores else None
        scores = None if reads is None else self.among_all(reads.by(aggregation))
        parts = []
        for rows, block in samples.blocks():
            own = reads if reads is None or block is samples else reads.cut(_rows_of(rows))
            parts.append(self._of_block(block, own, None if scores is None else widened(scores[rows]), sizes, seed))
        found = Estimate(*map(np.concatenate, zip(*(estimate for estimate, _ in parts), strict=True)))
        costs = {name: np.concatenate([spent[name] for _, spent in parts]) for name in parts[0][1]}
        return self.outcomes(
            samples,
            reads,
            aggregation,
            budgets=tuple(sizes),
            problem_ids=tuple(samples.problem_ids),
            accuracy=found.accuracy,
            costs=costs,
            mc_error=found.mc_error,
            ungraded=found.ungraded,
        )

    def among_all(self, scores: np.ndarray) -> np.ndarray:
        """Scores as they are read where that depends on those of other problems; by default as they are."""
        return scores

    def _of_block(
        self, pool: Pool, reads: Verifier | None, scores: np.ndarray | None, sizes: Sequence[int], seed: int
    ) -> tuple[Estimate, dict[str, np.ndarray]]:
        """Some problems of a pool."""
        if pool.counts is None and np.isnan(pool.correct).any():
            pool = replace(pool, correct=grades_by_answer(pool.answer_ids, pool.correct))
        found, costs = self.expected_and_spent(pool, reads, scores, sizes, seed)
        if scores is not None:  # of a problem whose samples nobody scored, this strategy says nothing
            unscored = np.isnan(scores).all(axis=1)[:, None]
            found = Estimate(*(np.where(unscored, np.nan, part) for part in found))
        return found, costs

    def expected_and_spent(
        self, pool: Pool, reads: Verifier | None, scores: np.ndarray | None, budgets: Sequence[int], seed: int
    ) -> tuple[Estimate, dict[str, np.ndarray]]:
        """What the strategy comes to, and what it costs: N samples, unless it stops before."""
        return self.expected(pool, scores, budgets, seed), sampling_costs(pool, budgets, reads)

    def expected(self, pool: Pool, scores: np.ndarray | None, budgets: Sequence[int], seed: int) -> Estimate:
        """What the strategy comes to, by the scores that it reads."""
        raise NotImplementedError


def _rows_of(rows: slice) -> Callable[[np.ndarray], np.ndarray]:
    return lambda table: widened(table[rows])


def check_budgets(budgets: Sequence[int], pool: Pool) -> None:
    """Refuse a budget below 1 or above every pool."""
    largest = int(pool.pool_sizes.max())
    for budget in budgets:
        if not 1 <= budget <= largest:
            raise RequestError(
                f"budget {budget} is out of range: the pool of '{pool.policy}' holds {largest} samples a problem, "
                f"allowed 1 to {largest}"
            )


def powers_of_two(pool: Pool) -> list[int]:
    """1, 2, 4 … up to the smallest pool: the budgets that every problem can answer."""
    return doublings(int(pool.pool_sizes.min()))


def sampling_costs(pool: Pool, budgets: Sequence[int], verifier: Verifier | None = None) -> dict[str, np.ndarray]:
    """What N random samples of each problem cost, and the verifier's reading of them.

    Parameters
    ----------
    verifier : Verifier, optional
        Whose reading is charged; None: nobody reads.

    Returns
    -------
    dict of str to float array, shape (problems, budgets)
        By the names of `ttclib.replay.outcomes.COSTS`; NaN: a pool smaller than the budget, or a
        count that the store lacks, unless few are lacking (`Pool.lengths`).

    Notes
    -----
    Token j (from 0) of a completion behind p prompt tokens attends to p + j tokens, so a completion of
    L tokens has p·L + L(L − 1)/2 `context_tokens`. N trials side by side read the prompt's cache once
    a step for as long as one of them still decodes: `kv_tokens` are p·E[longest of N] + N·E[L(L − 1)/2].
    They are waited for until the longest of them ends: `serial_tokens` are E[longest of N].
    """
    size = np.where(np.asarray(budgets)[None] <= pool.pool_sizes[:, None], np.asarray(budgets, dtype=float), np.nan)
    nothing = np.where(np.isnan(size), np.nan, 0.0)
    if pool.counts is not None:
        return {"generations": size, "pruned_tokens": nothing, "rollout_tokens": nothing}
    length, prompt = pool.lengths, pool.prompt_lengths[:, None]
    own = _mean_of_samples(pool, length * (length - 1) / 2)
    mean_length = _mean_of_samples(pool, length)
    read = np.zeros(length.shape) if verifier is None else verifier.tokens_read
    longest, longest_read = (expected_largest(each, budgets, pool_sizes=pool.pool_sizes) for each in (length, read))
    return {
        "generations": size,
        "completion_tokens": size * mean_length,
        "pruned_tokens": nothing,
        "rollout_tokens": nothing,
        "prefill_tokens": size * prompt,
        "cached_prefill_tokens": nothing + prompt,
        "context_tokens": size * (prompt * mean_length + own),
        "kv_tokens": prompt * longest + size * own,
        "prm_tokens": size * _mean_of_samples(pool, read),
        "serial_tokens": longest,
        "serial_prm_tokens": longest_read,
    }


def _mean_of_samples(pool: Pool, values: np.ndarray) -> np.ndarray:
    """Mean over a problem's samples, shape (problems, 1); NaN where one is unknown."""
    return (np.where(pool.present, values, 0.0).sum(axis=1) / np.maximum(1, pool.pool_sizes))[:, None]


def cap_length(pool: Pool, max_tokens: int) -> Pool:
    """The pool as it were had every sample been cut at so many tokens.

    Parameters
    ----------
    max_tokens : int
        At least 1.

    Returns
    -------
    Pool
        As `ttclib.replay.strategies.whole_samples.truncate` does it: a longer sample is unanswered, wrong, scored below
        every other, and has spent the cap. What a verifier read of it is not known.

    Raises
    ------
    RequestError
        The cap is below 1, or the store does not know the length of any sample.
    """
    if max_tokens < 1:
        raise RequestError(f"length cap {max_tokens}: give at least 1 token")
    if np.isnan(pool.completion_tokens).all():
        raise RequestError(f"'{pool.store}' does not know how long the samples of '{pool.policy}' are: no length cap")
    left = truncate(pool.correct, pool.answer_ids, pool.completion_tokens, max_tokens)
    beyond = pool.completion_tokens > max_tokens
    verifiers = {
        name: replace(
            found,
            scores={how: np.where(beyond, -np.inf, table) for how, table in found.scores.items()},
            prm_tokens=np.where(beyond & (found.kind != LOGPROB), np.nan, found.prm_tokens),
        )
        for name, found in pool.verifiers.items()
    }
    return replace(
        pool,
        correct=left.correct,
        answer_ids=left.answer_ids,
        completion_tokens=left.completion_tokens,
        verifiers=verifiers,
    )
