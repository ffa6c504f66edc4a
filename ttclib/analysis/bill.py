"""The price of knowing how hard a problem is.

The compute-optimal strategy needs a problem's difficulty, and that takes samples: 2,048 each in the
paper, which leaves them out. They may be charged in full, shared by queries that repeat the same
problem, or made few and used again in the final selection.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ttclib.analysis.compute_optimal import ComputeOptimal
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.strategies import SAMPLING
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.samples import ModelFacts


@dataclass(frozen=True)
class DifficultyBill:
    """How the samples that tell a problem's difficulty are paid.

    Attributes
    ----------
    n_probes : int
        Samples a problem, at least 0.
    queries : float
        Queries of the same problem that share them, at least 1.
    reused : bool
        They are among the samples of the final selection where the chosen strategy draws whole,
        independent samples: N samples then cost max(N, n_probes). A tree search or a revision
        chain draws its own.
    """

    n_probes: int
    queries: float = 1.0
    reused: bool = False

    def __post_init__(self) -> None:
        if self.n_probes < 0:
            raise RequestError(f"{self.n_probes} difficulty samples: give at least 0")
        if not self.queries >= 1:
            raise RequestError(f"{self.queries} queries share the difficulty samples: give at least 1")

    def samples(self, chosen: ComputeOptimal) -> np.ndarray:
        """Samples to pay beyond the strategy's own, a problem and query; shape (problems, budgets)."""
        budgets = np.asarray(chosen.aligned.budgets, dtype=float)
        extra = np.zeros(chosen.used.shape[1:])
        for used, outcome in zip(chosen.used, chosen.aligned.outcomes, strict=True):
            held = budgets if self.reused and outcome.strategy in SAMPLING else np.zeros_like(budgets)
            extra += used * np.maximum(0.0, self.n_probes - held)
        return extra / self.queries

    def price(
        self, chosen: ComputeOptimal, ledger: Ledger, policy: ModelFacts | None, verifier: ModelFacts | None = None
    ) -> np.ndarray:
        """The bill in a ledger's unit, shape (problems, budgets).

        Raises
        ------
        RequestError
            No sampling strategy of budget 1 tells what a sample costs, or the ledger lacks a fact.
        """
        probe = probe_of(chosen)
        column = probe.budgets.index(1)
        return self.samples(chosen) * ledger.price(probe, policy, verifier)[:, [column]]


def probe_of(chosen: ComputeOptimal) -> Outcomes:
    """The strategy whose budget of one tells what a difficulty sample costs.

    Predicted difficulty reads the verifier, so there the first that needs its scores; for oracle
    difficulty the first that does not.
    """
    single = [one for one in chosen.aligned.outcomes if one.strategy in SAMPLING and 1 in one.budgets]
    if not single:
        raise RequestError("what a difficulty sample costs is not known: compare a sampling strategy at budget 1 too")
    scored = [one for one in single if one.strategy in ("best_of_n", "weighted_best_of_n")]
    wanted = scored if chosen.policy.difficulty == "predicted" else [one for one in single if one not in scored]
    return (wanted or single)[0]


def billed_ratio(budget: float, baseline_budget: float, n_probes: float, queries: float = 1.0) -> float:
    """How many times dearer a strategy is than the baseline that matches it, difficulty charged.

    Parameters
    ----------
    budget, baseline_budget : float
        Generations of the strategy, and of the baseline at equal accuracy.
    n_probes : float
        Samples that told the difficulty.
    queries : float
        That share them.

    Returns
    -------
    float
        ``(budget + n_probes / queries) / baseline_budget``; below 1 the strategy saves.

    Examples
    --------
    >>> billed_ratio(16, 64, 2048), billed_ratio(64, 256, 2048)
    (32.25, 8.25)
    """
    return (budget + n_probes / queries) / baseline_budget


def break_even_queries(budget: float, baseline_budget: float, n_probes: float) -> float:
    """Queries of the same problem after which the difficulty samples have paid for themselves.

    Returns
    -------
    float
        ``n_probes / (baseline_budget − budget)``, at least 1; inf where the strategy saves nothing.

    Examples
    --------
    >>> round(break_even_queries(16, 64, 2048), 2), break_even_queries(16, 16, 2048)
    (42.67, inf)
    """
    saved = baseline_budget - budget
    if np.isnan(saved):
        return float("nan")
    if n_probes <= 0:
        return 1.0 if saved >= 0 else float("inf")
    return max(1.0, float(n_probes / saved)) if saved > 0 else float("inf")
