"""Revision chains made from arrays, and their selection again by listing every subset: slow and obvious."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np

from ttclib.samples import AGGREGATIONS, Chains, Setting, Verifier


def made_chains(
    answer_ids: Any,
    correct: Any,
    last: Any = 0.5,
    *,
    completion_tokens: Any = 4.0,
    prompt_tokens: Any = 10.0,
    prm_tokens: Any = 14.0,
    lengths: Any = None,
) -> Chains:
    """Chains of any content, scored by an ORM; a single number stands in all cells."""
    ids = np.asarray(answer_ids)

    def table(values: Any) -> np.ndarray:
        return np.array(np.broadcast_to(np.asarray(values, dtype=float), ids.shape))

    ends = np.full(ids.shape[:2], ids.shape[2]) if lengths is None else np.asarray(lengths)
    return Chains(
        store="memory",
        policy="reviser",
        setting=Setting("s1"),
        problem_ids=[f"p{number}" for number in range(len(ids))],
        present=np.arange(ids.shape[2]) < ends[..., None],
        correct=table(correct),
        answer_ids=ids,
        completion_tokens=table(completion_tokens),
        prompt_tokens=table(prompt_tokens),
        verifiers={"orm": Verifier("orm", "orm", dict.fromkeys(AGGREGATIONS, table(last)), table(prm_tokens))},
    )


def scores_of(chains: Chains) -> np.ndarray:
    """What the ORM says of each answer."""
    return chains.verifiers["orm"].by("last")


def problem_of(chains: Chains, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Answers, scores, grades and lengths of one problem."""
    return chains.answer_ids[row], scores_of(chains)[row], chains.correct[row], chains.lengths[row]


def random_chains(rng: np.random.Generator, shape: tuple[int, int, int], *, n_classes: int = 3) -> Chains:
    """Answers without a class, a grade or a score among them."""
    ids = rng.integers(-1, n_classes, shape)
    grade = rng.integers(0, 2, (shape[0], n_classes + 1)).astype(float)
    correct = np.take_along_axis(grade, ids.reshape(shape[0], -1), axis=1).reshape(shape)
    correct[rng.random(shape) < 0.1] = np.nan
    scores = rng.random(shape)
    scores[rng.random(shape) < 0.1] = np.nan
    return made_chains(ids, correct, scores)


def vote(ballots: list[tuple[int, float]]) -> list[int]:
    """The classes with the largest sum."""
    totals: dict[int, float] = {}
    for answer, weight in ballots:
        totals[answer] = totals.get(answer, 0.0) + weight
    best = max(totals.values())
    return [answer for answer, total in totals.items() if np.isclose(total, best, rtol=1e-10, atol=0)]


def selected(
    ids: np.ndarray,
    scores: np.ndarray,
    correct: np.ndarray,
    lengths: np.ndarray,
    sequential: int,
    parallel: int,
    selection: str,
) -> np.ndarray:
    """Correctness and ungraded share over every subset of a problem's chains, each tie followed in every direction."""
    long = [chain for chain in range(len(ids)) if lengths[chain] >= sequential]
    if len(long) < parallel:
        return np.array([np.nan, np.nan])
    weight = scores if selection == "hierarchical" else np.ones(ids.shape)
    of_class: dict[int, list[float]] = {}
    for chain, j in product(long, range(sequential)):
        if ids[chain, j] >= 0 and not np.isnan(weight[chain, j]):
            of_class.setdefault(int(ids[chain, j]), []).append(correct[chain, j])

    def ballots(chain: int) -> list[tuple[int, float]]:
        return [
            (int(ids[chain, j]), float(weight[chain, j]))
            for j in range(sequential)
            if ids[chain, j] >= 0 and not np.isnan(weight[chain, j])
        ]

    values = []
    for subset in combinations(long, parallel):
        if selection == "majority":
            outcomes = [[ballot for chain in subset for ballot in ballots(chain)]]
        else:
            voting = [ballots(chain) for chain in subset]
            standing = [
                [(winner, max(w for a, w in cast if a == winner)) for winner in vote(cast)] for cast in voting if cast
            ]
            outcomes = [list(choice) for choice in product(*standing)]
        drawn = correct[list(subset), :sequential].ravel()
        values.append(np.mean([elected(cast, of_class, drawn) for cast in outcomes], axis=0))
    return np.mean(values, axis=0)


def elected(cast: list[tuple[int, float]], of_class: dict[int, list[float]], drawn: np.ndarray) -> np.ndarray:
    """What ballots elect; without any, one of those drawn."""
    grades = [np.array(of_class[answer]) for answer in vote(cast)] if cast else [drawn]
    return np.mean([[np.nansum(found) / len(found), np.isnan(found).mean()] for found in grades], axis=0)
