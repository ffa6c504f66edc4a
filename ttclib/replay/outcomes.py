"""What a strategy came to on every problem, and what it spent: the one shape that all strategies share.

Sampling, tree search and revisions each end in an `Outcomes`; difficulty bins, the compute-optimal
choice, the frontier and the crossover read nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ttclib.samples import ModelFacts, Setting

COSTS = (
    "generations",  # answers charged as the papers do: N; lookahead N·(k + 1); revisions: all answers of all chains
    "completion_tokens",  # every decoded token, pruned branches and lookahead rollouts included
    "pruned_tokens",  # of these, in steps that no returned answer contains, rollouts apart
    "rollout_tokens",  # of these, in lookahead rollouts
    "prefill_tokens",  # prefix tokens of all requests, each read anew
    "cached_prefill_tokens",  # the same with a prefix cache: every distinct prefix token once
    "context_tokens",  # sum over decoded tokens of the tokens they attend to
    "kv_tokens",  # the same, but what trials of a problem share is read once for all that decode side by side
    "prm_tokens",  # tokens the verifier reads
    "serial_tokens",  # decoded one after the other: what must be waited for
    "serial_prm_tokens",  # read by the verifier one after the other, where later draws wait for it
)


@dataclass(frozen=True)
class Source:
    """Whose answers a strategy chooses among, and who reads them: what a price needs to know of both."""

    policy: str = ""
    setting: Setting | None = None
    policy_model: ModelFacts | None = None
    # verifier, aggregation: None: the strategy reads no scores
    verifier: str | None = None
    aggregation: str | None = None
    verifier_model: ModelFacts | None = None
    # the strategy's own, by which it can be replayed elsewhere
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcomes:
    """One strategy on every problem at every budget, in expectation over what the store holds.

    Attributes
    ----------
    strategy : str
        The field's name: ``best_of_n``, ``beam_search``, …
    variant : str
        Tells strategies of one name apart: ``"beam_search (M=4)"``; else the name itself.
    budgets : tuple of int
        Ascending.
    problem_ids : tuple of str
    accuracy : float array, shape (problems, budgets)
        Chance of a right answer, in [0, 1]; NaN: not defined at this budget.
    costs : mapping of str to float array, shape (problems, budgets)
        Expected spending a problem, by the names in `COSTS`; NaN: not known. A name that is not
        there is not known either.
    mc_error : float array, shape (problems, budgets), or None
        Standard error of `accuracy` from averaging over random subsets; 0: exact; None: not known.
    ungraded : float array, shape (problems, budgets), or None
        Chance that the answer chosen is one that could not be graded, which counts as not right: were all of them
        right, accuracy would be higher by so much. None: 0.
    source : Source

    Raises
    ------
    ValueError
        Shapes disagree, a cost's name is unknown, or budgets do not ascend.
    """

    strategy: str
    variant: str
    budgets: tuple[int, ...]
    problem_ids: tuple[str, ...]
    accuracy: np.ndarray
    costs: Mapping[str, np.ndarray]
    mc_error: np.ndarray | None = None
    ungraded: np.ndarray | None = None
    source: Source = Source()

    def __post_init__(self) -> None:
        shape = (len(self.problem_ids), len(self.budgets))
        if unknown := set(self.costs) - set(COSTS):
            raise ValueError(f"unknown cost {', '.join(sorted(unknown))}: allowed {', '.join(COSTS)}")
        tables = {"accuracy": self.accuracy, **self.costs, "mc_error": self.mc_error, "ungraded": self.ungraded}
        for name, table in tables.items():
            if table is not None and table.shape != shape:
                raise ValueError(f"{name} must have shape (problems, budgets) = {shape}, got {table.shape}")
        if list(self.budgets) != sorted(set(self.budgets)):
            raise ValueError(f"budgets must ascend, got {self.budgets}")

    def cost(self, name: str) -> np.ndarray:
        """One cost, shape (problems, budgets); NaN throughout where it is not known."""
        if name not in COSTS:
            raise ValueError(f"unknown cost {name}: allowed {', '.join(COSTS)}")
        return self.costs.get(name, np.full(self.accuracy.shape, np.nan))


def restrict(outcome: Outcomes, problem_ids: Sequence[str]) -> Outcomes:
    """The same strategy on these problems, in this order; each must be there."""
    if outcome.problem_ids == tuple(problem_ids):
        return outcome
    place = {name: row for row, name in enumerate(outcome.problem_ids)}
    return cut(outcome, rows=[place[name] for name in problem_ids])


def cut(outcome: Outcomes, *, rows: ArrayLike | None = None, columns: ArrayLike | None = None) -> Outcomes:
    """The same strategy on some problems, by their rows, at some budgets, by their columns; None: on all."""
    n_rows, n_columns = outcome.accuracy.shape
    cells = np.ix_(
        np.arange(n_rows) if rows is None else np.asarray(rows, dtype=int),
        np.arange(n_columns) if columns is None else np.asarray(columns, dtype=int),
    )
    return replace(
        outcome,
        budgets=tuple(outcome.budgets[column] for column in cells[1].ravel()),
        problem_ids=tuple(outcome.problem_ids[row] for row in cells[0].ravel()),
        accuracy=outcome.accuracy[cells],
        costs={name: table[cells] for name, table in outcome.costs.items()},
        mc_error=None if outcome.mc_error is None else outcome.mc_error[cells],
        ungraded=None if outcome.ungraded is None else outcome.ungraded[cells],
    )
