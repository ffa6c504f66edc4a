"""REBASE: the continuations are shared out in proportion to exp(score/T)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import ClassVar

from ttclib.errors import RequestError
from ttclib.replay.beam import as_finals, check_budget, scores_ahead
from ttclib.replay.strategies.tree_search import TreeSearch
from ttclib.replay.strategy import Look, parameter, register
from ttclib.replay.tree import MAX_ROUNDS, ROOT, Children, Node, Search, best_first
from ttclib.replay.walks import Walked, walked_by

TEMPERATURE = 0.2


def rebase(
    n_beams: int,
    *,
    temperature: float = TEMPERATURE,
    aggregation: str = "last",
    first: int = 0,
    max_rounds: int = MAX_ROUNDS,
) -> Search:
    """Reward-balanced search: a candidate of reward R is continued in proportion to exp(R/T).

    Draw N first steps. Round by round, what has ended is set aside as a solution and lowers the
    budget by one; the rest of the budget is shared over the candidates still open (`allocate`), and
    those that get no share are dropped. N solutions are returned, each drawn once: duplicates in
    text are kept as drawn, none is copied.

    Parameters
    ----------
    n_beams : int
        N, the budget: solutions at the end, and candidates decoded side by side at the most.
    temperature : float, keyword-only
        T of the softmax over rewards.
    aggregation, first, max_rounds
        As in `ttclib.replay.beam.beam_search`.

    Raises
    ------
    RequestError
        N below 1.

    References
    ----------
    Wu et al. 2024, arXiv:2408.00724, and the order of their code (`allocate`).
    """
    check_budget(n_beams)
    return _search(n_beams, temperature, aggregation, first, max_rounds)


def _search(n_beams: int, temperature: float, aggregation: str, first: int, max_rounds: int) -> Search:
    ended: list[Node] = []
    (candidates,) = yield [Children(ROOT, n_beams, first)]
    for _ in range(max_rounds - 1):
        ended += [node for node in candidates if node.finished]
        candidates = [node for node in candidates if not node.finished]
        if not candidates:
            break
        rewards = yield from scores_ahead(candidates, 0, aggregation)
        shares = allocate(rewards, n_beams - len(ended), temperature)
        drawn = yield [Children(node.path, share) for node, share in zip(candidates, shares, strict=True) if share]
        candidates = [child for children in drawn for child in children]
    return (yield from as_finals(ended + candidates, aggregation))


def allocate(rewards: Sequence[float], budget: int, temperature: float = TEMPERATURE) -> list[int]:
    """Share a budget over candidates by the softmax of their rewards, without overspending.

    Rounding each share could spend more than there is. As in the authors' code the candidates are
    walked from the highest reward on: each gets its part of the budget still left, in proportion to
    its weight among the weights still left, rounded up.

    Parameters
    ----------
    rewards : sequence of float
        NaN (could not be scored): no weight, unless all are.
    budget : int
        At least 1.

    Returns
    -------
    list of int
        Sums to the budget; in the order of the rewards.

    Examples
    --------
    >>> allocate([0.5, 0.5, 0.5, 0.5], 6)
    [2, 2, 1, 1]
    """
    top = max((reward for reward in rewards if not math.isnan(reward)), default=0.0)
    weights = [0.0 if math.isnan(reward) else math.exp((reward - top) / temperature) for reward in rewards]
    if not any(weights):
        weights = [1.0] * len(rewards)
    shares = [0] * len(rewards)
    left = budget
    order = best_first(rewards)
    remaining_weights = list(accumulate(weights[i] for i in reversed(order)))[::-1]
    for i, remaining in zip(order, remaining_weights, strict=True):
        # Rounding of the quotient must not turn a whole share into the next one.
        shares[i] = min(left, math.ceil(left * weights[i] / remaining - 1e-9)) if remaining else 0
        left -= shares[i]
        if not left:
            break
    return shares


def _walk(search: Rebase, asked: Walked) -> None:
    from ttclib.replay.rebase_kernel import walk_rebase

    walk_rebase(
        *(asked.tree, asked.roots, asked.n_rows, asked.budgets, float(search.rebase_temperature)),
        *(asked.max_rounds, asked.selection, asked.results, asked.status, asked.returned),
    )


@register
@dataclass(frozen=True)
class Rebase(TreeSearch):
    """Wu et al. 2024, arXiv:2408.00724."""

    rebase_temperature: float = parameter(TEMPERATURE, help="T of the softmax over rewards.", several=True)

    name: ClassVar[str] = "rebase"
    label: ClassVar[str] = "REBASE"
    summary: ClassVar[str] = "shares N continuations among all candidates in proportion to exp(score/T)"
    look: ClassVar[Look | None] = Look("#8C7A00", (2, 3), "triangle-left")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.rebase_temperature > 0:
            raise RequestError(f"rebase temperature {self.rebase_temperature}: give a number above 0")

    def said(self) -> list[str]:
        """T, where it is not the paper's."""
        own = [] if self.rebase_temperature == TEMPERATURE else [f"T={self.rebase_temperature:g}"]
        return [*own, *super().said()]

    @walked_by(_walk)
    def start(self, budget: int, *, aggregation: str = "last", first: int = 0) -> Search:
        """As `TreeSearch.start`."""
        return rebase(
            budget,
            temperature=self.rebase_temperature,
            aggregation=aggregation,
            first=first,
            max_rounds=self.max_rounds,
        )
