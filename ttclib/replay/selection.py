"""Choosing among the solutions that a search ends with, and what the search has spent, counted from what it asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ttclib.errors import one_of
from ttclib.replay.listing import TIE
from ttclib.replay.tree import Children, Final, Greedy, Node, Request, SampleTree, Score, added
from ttclib.replay.voting import check_weights

SELECTIONS = ("weighted_best_of_n", "best_of_n", "majority_vote")


class Solution(NamedTuple):
    """A solution with its grade."""

    score: float  # NaN: not scored
    answer_class: int  # negative: no answer
    correct: float  # 1, 0, or NaN: could not be graded


class Choice(NamedTuple):
    """What was chosen, ties shared equally."""

    accuracy: float  # chance that it is right, in [0, 1]; NaN where no solution is graded
    ungraded: float  # chance that it was not graded, which counts as not right


def choose(solutions: Sequence[Solution], selection: str = "weighted_best_of_n") -> Choice:
    """The answer that a selection takes among solutions.

    The rules are those of the pool's strategies with the whole pool as budget (`ttclib.replay.estimate`): no grade
    is seen; a solution without what the selection reads is taken only where all are without, at random.

    Parameters
    ----------
    selection : {"weighted_best_of_n", "best_of_n", "majority_vote"}

    Raises
    ------
    RequestError
        Unknown selection, or a score below 0 weighs a vote.

    Examples
    --------
    >>> found = [Solution(0.9, 0, 1.0), Solution(0.5, 1, 0.0), Solution(0.45, 1, 0.0), Solution(0.3, 2, 0.0)]
    >>> choose(found, "best_of_n").accuracy, choose(found, "weighted_best_of_n").accuracy
    (1.0, 0.0)
    """
    one_of(selection, SELECTIONS, "selection")
    if all(math.isnan(solution.correct) for solution in solutions):
        return Choice(math.nan, math.nan)
    comparable = [
        solution
        for solution in solutions
        if (selection == "best_of_n" or solution.answer_class >= 0)
        and (selection == "majority_vote" or not math.isnan(solution.score))
    ]
    if not comparable:
        return _any_of(solutions)
    if selection == "best_of_n":
        top = max(solution.score for solution in comparable)
        return _any_of([solution for solution in comparable if solution.score == top])
    voters: dict[int, list[Solution]] = {}
    for solution in comparable:
        voters.setdefault(solution.answer_class, []).append(solution)
    if selection == "majority_vote":
        votes = {name: float(len(found)) for name, found in voters.items()}
    else:
        check_weights(np.array([solution.score for solution in comparable]))
        votes = {name: added(solution.score for solution in found) for name, found in voters.items()}
    least = max(votes.values()) * (1 - TIE)
    elected = [_any_of(voters[name]) for name, weight in votes.items() if weight >= least]
    return Choice(*(added(part) / len(elected) for part in zip(*elected, strict=True)))


def _any_of(solutions: Sequence[Solution]) -> Choice:
    """One of them at random."""
    grades = [solution.correct for solution in solutions]
    right = sum(grade for grade in grades if not math.isnan(grade))
    return Choice(right / len(grades), sum(map(math.isnan, grades)) / len(grades))


class Spending:
    """Watches the rounds of one search on one problem.

    A request that draws is charged its prefix anew (`prefill_tokens`) for each draw; with a prefix
    cache each token of a prefix is read once. Token j (from 0) of a draw behind p tokens attends to
    p + j. Draws of one round decode side by side: what they share is read once a step for as long as
    one of those that share it still decodes (`kv_tokens`). A rollout and a whole sample are one draw.
    The verifier reads a step with all that stands before it, and no step twice.

    What must be waited for is one draw after the other: a round waits for its longest draw
    (`serial_tokens`) or, where the verifier is asked, for its longest reading (`serial_prm_tokens`).
    """

    def __init__(self, tree: SampleTree) -> None:
        self._tree = tree
        self._drawn: list[Node] = []  # steps, rollouts apart
        self._rollout_tokens = 0
        self._prefixes: set[Node] = set()
        self._scored: set[str] = set()
        self._prefill = self._context = self._kv = 0
        self._prm_tokens = 0.0
        self._serial = 0
        self._serial_prm = 0.0

    def observe(self, requests: Sequence[Request], answers: Sequence[Any]) -> None:
        """Take in a round."""
        draws: list[tuple[Node, int]] = []  # (what stands before it, tokens)
        reads: list[float] = []
        for request, answer in zip(requests, answers, strict=True):
            if isinstance(request, Score):
                if request.path not in self._scored:
                    self._scored.add(request.path)
                    reads.append(self._tree.prm_tokens(request.path))
            elif isinstance(request, Children):
                self._drawn += answer
                draws += [(node.parent, node.n_tokens) for node in answer]
            else:
                n_tokens = sum(node.n_tokens for node in answer)
                draws.append((answer[0].parent, n_tokens))
                if isinstance(request, Greedy):
                    self._rollout_tokens += n_tokens
                else:
                    self._drawn += answer
        self._spend(draws)
        self._serial += max((n_tokens for _, n_tokens in draws), default=0)
        self._prm_tokens += added(reads)
        self._serial_prm += math.nan if any(map(math.isnan, reads)) else max(reads, default=0.0)

    def _spend(self, draws: list[tuple[Node, int]]) -> None:
        decodes_for: dict[Node, int] = {}  # steps of decoding for which a prefix's keys and values are read
        for before, n_tokens in draws:
            prefix = before.prefix_tokens + before.n_tokens
            own = n_tokens * (n_tokens - 1) // 2
            self._prefill += prefix
            self._context += n_tokens * prefix + own
            self._kv += own
            node: Node | None = before
            while node is not None and decodes_for.get(node, -1) < n_tokens:
                decodes_for[node] = n_tokens
                node = node.parent
        self._kv += sum(node.n_tokens * steps for node, steps in decodes_for.items())
        self._prefixes |= decodes_for.keys()

    def costs(self, finals: Sequence[Final]) -> dict[str, float]:
        """Spent so far, by the names of `ttclib.replay.outcomes.COSTS`, but for the generations.

        Parameters
        ----------
        finals : sequence of Final
            What the search returned: the steps of these are not pruned.
        """
        returned: set[Node] = set()
        for final in finals:
            node: Node | None = final.node
            while node is not None and node not in returned:
                returned.add(node)
                node = node.parent
        drawn_tokens = sum(node.n_tokens for node in self._drawn)
        return {
            "completion_tokens": drawn_tokens + self._rollout_tokens,
            "pruned_tokens": sum(node.n_tokens for node in self._drawn if node not in returned),
            "rollout_tokens": self._rollout_tokens,
            "prefill_tokens": self._prefill,
            "cached_prefill_tokens": sum(node.n_tokens for node in self._prefixes),
            "context_tokens": self._context,
            "kv_tokens": self._kv,
            "prm_tokens": self._prm_tokens,
            "serial_tokens": self._serial,
            "serial_prm_tokens": self._serial_prm,
        }
