"""Whole samples, independent or in chains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from ttclib.samples.blocks import constant, row_blocks, widened
from ttclib.samples.facts import ModelFacts, Setting
from ttclib.samples.scores import Scored, Verifier

FEW_UNKNOWN = 0.1  # the share of samples without a token count that the others may stand for


@dataclass(frozen=True)
class Pool(Scored):
    """The samples of one policy under one setting, or their counts.

    Pools of unequal size are padded at the right; `present` says which cells hold a sample.

    Attributes
    ----------
    store, policy : str
    setting : Setting
    problem_ids : list of str, length problems
    present : bool array, shape (problems, samples)
    correct : float array, shape (problems, samples)
        1, 0, or NaN: not graded.
    answer_ids : int array, shape (problems, samples)
        Equivalence class of the answer within its problem; −1: no answer.
    completion_tokens : float array, shape (problems, samples)
        NaN: unknown.
    prompt_tokens : float array, shape (problems,)
    verifiers : mapping of str to Verifier
        The one that scored most first; ``logprob`` is among them.
    policy_model : ModelFacts or None
    benchmark : str or None
    counts : (int array, int array) or None
        Shape (problems,) each: samples and right ones, where that is all that is known. The other arrays then
        have no columns.
    block_of : int or None
        Problems of the pool that this is a block of (`blocks`); None: it is no block.

    Notes
    -----
    A large pool's columns are kept in 32 bits where these hold every value: sum them up in full precision, as `blocks`
    gives them.
    """

    store: str
    policy: str
    setting: Setting
    problem_ids: list[str]
    present: np.ndarray
    correct: np.ndarray
    answer_ids: np.ndarray
    completion_tokens: np.ndarray
    prompt_tokens: np.ndarray
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    policy_model: ModelFacts | None = None
    benchmark: str | None = None
    counts: tuple[np.ndarray, np.ndarray] | None = None
    block_of: int | None = None

    @property
    def pool_sizes(self) -> np.ndarray:
        """Samples of each problem, shape (problems,)."""
        return self.present.sum(axis=1) if self.counts is None else self.counts[0]

    @property
    def n_graded(self) -> np.ndarray:
        """Samples with a grade of right or wrong, shape (problems,)."""
        return (~np.isnan(self.correct)).sum(axis=1) if self.counts is None else self.counts[0]

    @property
    def n_correct(self) -> np.ndarray:
        """Of the graded ones the right ones, shape (problems,)."""
        if self.counts is not None:
            return self.counts[1]
        parts = [np.nansum(self.correct[rows], axis=1, dtype=float) for rows in row_blocks(self.correct.shape)]
        return np.concatenate(parts)

    @property
    def has_answers(self) -> bool:
        """Whether a final answer of any sample is known."""
        return bool((self.answer_ids >= 0).any())

    @property
    def n_unknown_lengths(self) -> int:
        """Samples of which the store does not know how long they are."""
        return int((np.isnan(self.completion_tokens) & self.present).sum())

    @property
    def lengths(self) -> np.ndarray:
        """`completion_tokens`, where few are unknown these as the mean of their problem's others, for what all cost.

        Of a problem without any, the mean over problems. Where more than `FEW_UNKNOWN` of the samples are unknown,
        the rest no longer stands for them: unknown they stay.
        """
        stand_in = self._length_of_unknown()
        return self.completion_tokens if stand_in is None else _filled(self, stand_in)

    def _length_of_unknown(self) -> np.ndarray | None:
        """What stands for an unknown length in each problem, shape (problems,); None: nothing does."""
        unknown = self.n_unknown_lengths
        if self.block_of is not None or not unknown or unknown > FEW_UNKNOWN * self.present.sum():
            return None
        known = self.present & ~np.isnan(self.completion_tokens)
        total = np.where(known, self.completion_tokens, 0.0).sum(axis=1, dtype=float)
        count = known.sum(axis=1)
        mean = total / np.maximum(count, 1)
        mean[count == 0] = mean[count > 0].mean()
        return np.asarray(mean)

    @property
    def prompt_lengths(self) -> np.ndarray:
        """`prompt_tokens`, where few are unknown these as the mean of the others."""
        unknown = np.isnan(self.prompt_tokens)
        if self.block_of is not None or not unknown.any() or unknown.sum() > FEW_UNKNOWN * len(unknown):
            return self.prompt_tokens
        return np.where(unknown, np.nanmean(self.prompt_tokens), self.prompt_tokens)

    @property
    def policy_parameters(self) -> int | None:
        """Parameters of the policy, for FLOPs; None: the store does not know."""
        return None if self.policy_model is None else self.policy_model.n_parameters

    def of_problems(self, rows: np.ndarray) -> Pool:
        """The same pool on some of its problems, by their rows or a mask, in that order."""
        places = np.arange(len(self.problem_ids))[rows]
        if np.array_equal(places, np.arange(len(self.problem_ids))):
            return self  # nothing is copied

        def pick(table: np.ndarray) -> np.ndarray:
            return table[places]

        return replace(
            self,
            problem_ids=[self.problem_ids[place] for place in places],
            prompt_tokens=pick(self.prompt_tokens),
            counts=None if self.counts is None else (pick(self.counts[0]), pick(self.counts[1])),
            **self._samples(pick),
        )

    def blocks(self, n_cells: int | None = None) -> Iterator[tuple[slice, Pool]]:
        """The pool in parts of some problems each, in full precision; a small pool is its only part.

        What is told by all problems is told before: what stands for unknown lengths, and by `block_of` how many
        problems an average will be over.

        Parameters
        ----------
        n_cells : int, optional
            Samples a part, at most, but for a problem that has more; by default `ttclib.samples.blocks.BLOCK`.

        Yields
        ------
        (slice, Pool)
            Rows, and the pool of these.
        """
        parts = row_blocks(self.present.shape, n_cells)
        if len(parts) == 1 or self.counts is not None:
            yield slice(None), self
            return
        stand_in, prompts = self._length_of_unknown(), self.prompt_lengths
        for rows in parts:
            part = replace(
                self,
                problem_ids=self.problem_ids[rows],
                prompt_tokens=prompts[rows],
                block_of=self.block_of or len(self.problem_ids),
                **self._samples(lambda table, rows=rows: widened(table[rows])),
            )
            yield rows, part if stand_in is None else replace(part, completion_tokens=_filled(part, stand_in[rows]))

    def of_samples(self, columns: np.ndarray) -> Pool:
        """The same pool with some of its samples.

        Parameters
        ----------
        columns : int array, shape (problems, chosen)
            Which samples of each problem, those present first.
        """
        return replace(self, **self._samples(lambda table: np.take_along_axis(table, columns, axis=1)))

    def _samples(self, pick: Any) -> dict[str, Any]:
        """The fields with a value a sample, each cut by `pick`; aggregations that share an array go on sharing it."""
        present = pick(self.present)
        cut = {id(self.present): present}

        def once(table: np.ndarray) -> np.ndarray:
            if id(table) not in cut:
                # One value throughout takes no memory, and goes on so.
                same = table.size > 0 and not any(table.strides)
                cut[id(table)] = constant(table.flat[0], present.shape) if same else pick(table)
            return cut[id(table)]

        verifiers = {name: one.cut(once) for name, one in self.verifiers.items()}
        tables = ("present", "correct", "answer_ids", "completion_tokens")
        return {"verifiers": verifiers, **{name: once(getattr(self, name)) for name in tables}}


def _filled(pool: Pool, stand_in: np.ndarray) -> np.ndarray:
    unknown = pool.present & np.isnan(pool.completion_tokens)
    return np.where(unknown, stand_in[:, None], pool.completion_tokens)


@dataclass(frozen=True)
class Chains(Scored):
    """The revision chains of one model under one setting.

    Problems with fewer chains are padded at the end of the second axis, shorter chains at the end of
    the third; `present` says which cells hold an answer.

    Attributes
    ----------
    store, policy : str
        `policy` is the revision model.
    setting : Setting
    problem_ids : list of str, length problems
    present : bool array, shape (problems, chains, positions)
    correct : float array, shape (problems, chains, positions)
        1, 0, or NaN: not graded.
    answer_ids : int array, shape (problems, chains, positions)
        Equivalence class of the answer within its problem; −1: no answer.
    completion_tokens : float array, shape (problems, chains, positions)
        Of this answer. NaN: unknown.
    prompt_tokens : float array, shape (problems, chains, positions)
        Before this answer: the prompt and the earlier answers in view.
    verifiers : mapping of str to Verifier
        The one that scored most first; ``logprob`` is among them. Their `prm_tokens` count the earlier answers in
        view, too.
    policy_model : ModelFacts or None
    """

    store: str
    policy: str
    setting: Setting
    problem_ids: list[str]
    present: np.ndarray
    correct: np.ndarray
    answer_ids: np.ndarray
    completion_tokens: np.ndarray
    prompt_tokens: np.ndarray
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    policy_model: ModelFacts | None = None

    @cached_property
    def selected(self) -> dict[tuple[Any, ...], Any]:
        """What was selected from these chains before, by how it was; for `ttclib.replay.revision_outcomes`."""
        return {}

    @property
    def lengths(self) -> np.ndarray:
        """Answers of each chain up to its end or its first hole, shape (problems, chains)."""
        return np.cumprod(self.present, axis=2).sum(axis=2)
