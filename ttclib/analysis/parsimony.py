"""The plan that is handed on: of all candidates that are as good as the best the cheapest, then the simplest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ttclib.analysis.candidates import Candidates
from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.optimise import Choice
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.resampling import Interval

ONE_POINT = 0.01


_TIE = 1e-9


# Of two that cost as much, the one with fewer parts; what is not named here has more.
SIMPLICITY = {"majority_vote": 0, "best_of_n": 1, "weighted_best_of_n": 2}


def plan_of(choice: Choice, difficulty: Difficulty | None = None, simplicity: Mapping[str, int] | None = None) -> Plan:
    """The plan of a choice: of all candidates that are as good as the best the cheapest.

    As good is: within one paired standard error and within one point of the best in that bin and limit. Of these the
    cheapest is taken, then the simplest, then what the limit below or the bin before takes. Where candidates are mixed
    or limits shared by bins the choice stands as it is.

    Parameters
    ----------
    difficulty : Difficulty, optional
        What its bins were cut by.
    simplicity : mapping of strategy to int, optional
        The smaller the simpler; None: `SIMPLICITY`.
    """
    able = choice.candidates
    order = SIMPLICITY if simplicity is None else simplicity
    simple = np.array([order.get(able.of(j).strategy, len(order)) for j in range(len(able))])
    rows: list[tuple[tuple[Step, ...], ...]] = []
    before: list[int] = []
    ends = choice.interval()
    for g in range(able.n_groups):
        member = able.bins == g + 1
        accuracy, cost = able.accuracy[member], able.cost[member].mean(axis=0)
        means = accuracy.mean(axis=0)
        steps: list[tuple[Step, ...]] = []
        taken: list[int] = []
        for k in range(choice.limits.shape[1]):
            best = int(choice.left[g, k])
            if best < 0:
                steps.append(())
                taken.append(-1)
            elif choice.per != "problem":
                part = float(choice.part[g, k])
                mixed = [(best, 1 - part), (int(choice.right[g, k]), part)]
                steps.append(tuple(_step(able, j, means, cost, share=share) for j, share in mixed if share > 1e-12))
                taken.append(best)
            else:
                neighbours = [*taken[-1:], *before[k : k + 1]]
                affordable = cost <= choice.limits[g + 1, k] * (1 + 1e-9) + 1e-12
                problems = able.clusters[member]
                j, best, tied = _parsimonious(accuracy, means, cost, affordable, simple, neighbours, problems)
                steps.append((_step(able, j, means, cost, given_up=float(means[best] - means[j]), tied=tied),))
                taken.append(j)
        rows.append(tuple(_with_ends(step, ends, g + 1, k) for k, step in enumerate(steps)))
        before = taken
    told: dict[str, Any] = {}
    if difficulty is not None:
        told = {
            "source": difficulty.predictor or difficulty.source,
            "verifier": difficulty.verifier,
            "aggregation": difficulty.aggregation,
            "thresholds": difficulty.thresholds,
            "tied_shares": difficulty.tied_shares,
            "n_probes": None if np.isnan(difficulty.n_probes) else float(difficulty.n_probes),
        }
    return Plan(
        limits=tuple(float(limit) for limit in choice.limits[0]),
        choices=tuple(rows),
        ledger=able.ledger,
        per=choice.per,
        n_problems=able.n_problems,
        **told,
    )


def _parsimonious(
    accuracy: np.ndarray,
    means: np.ndarray,
    cost: np.ndarray,
    affordable: np.ndarray,
    simple: np.ndarray,
    neighbours: Sequence[int],
    clusters: np.ndarray,
) -> tuple[int, int, int]:
    """The candidate to hand on, the best one, and how many tie with it."""
    best = int(np.argmax(np.where(affordable, means, -np.inf)))
    loss = means[best] - means
    apart = accuracy - accuracy[:, [best]] + loss
    # Rows of one problem are added first: they are one piece of evidence.
    _, number = np.unique(clusters, return_inverse=True)
    n = int(number.max()) + 1
    parts = np.zeros((n, accuracy.shape[1]))
    np.add.at(parts, number.ravel(), apart)
    error = np.sqrt((parts**2).sum(axis=0) * n / max(1, n - 1)) / len(accuracy)
    close = affordable & (loss <= np.minimum(error, ONE_POINT) + _TIE)
    places = np.flatnonzero(close)
    near = np.array([0 if j in neighbours else 1 for j in places])
    cheap = np.round(cost[places], 9)
    chosen = places[np.lexsort((places, near, simple[places], cheap))[0]]
    return int(chosen), best, int((affordable & (loss <= _TIE)).sum())


def _with_ends(steps: tuple[Step, ...], ends: Interval, group: int, k: int) -> tuple[Step, ...]:
    """Steps with the interval of what the choice comes to in their bin within their limit."""
    low, high = (float(side[group, k]) for side in (ends.low, ends.high))
    return tuple(replace(one, ci_low=low, ci_high=high) for one in steps)


def _step(able: Candidates, j: int, means: np.ndarray, cost: np.ndarray, **facts: Any) -> Step:
    one = able.of(j)
    source = one.source
    return Step(
        policy=source.policy,
        strategy=one.strategy,
        variant=one.variant,
        budget=able.budget(j),
        setting={} if source.setting is None else dict(source.setting.keys),
        parameters=dict(source.parameters),
        verifier=source.verifier,
        aggregation=source.aggregation,
        cost=float(cost[j]),
        accuracy=float(means[j]),
        **facts,
    )
