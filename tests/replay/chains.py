"""Revision chains made from arrays, and their selection again by listing every subset: slow and obvious."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

import numpy as np


@dataclass
class MadeChains:
    """Chains of any content; the tokens are simple unless given."""

    answer_ids: Any
    correct: Any
    last: Any = None
    completion_tokens: Any = None
    prompt_tokens: Any = None
    prm_tokens: Any = None
    lengths: Any = None
    store: str = "memory"
    policy: str = "reviser"
    verifier: str | None = "orm"
    problem_ids: list[str] = field(default_factory=list)
    scores: dict[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.answer_ids = np.asarray(self.answer_ids)
        shape = self.answer_ids.shape
        self.correct = np.asarray(self.correct, dtype=float)
        self.last = np.full(shape, 0.5) if self.last is None else np.asarray(self.last, dtype=float)
        self.scores = {"last": self.last} | self.scores
        defaults = {"completion_tokens": 4.0, "prompt_tokens": 10.0, "prm_tokens": 14.0}
        for name, value in defaults.items():
            given = getattr(self, name)
            setattr(self, name, np.full(shape, value) if given is None else np.asarray(given, dtype=float))
        self.lengths = np.full(shape[:2], shape[2]) if self.lengths is None else np.asarray(self.lengths)
        self.problem_ids = self.problem_ids or [f"p{number}" for number in range(shape[0])]

    def problem(self, row: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Answers, scores, grades and lengths of one."""
        return self.answer_ids[row], self.last[row], self.correct[row], self.lengths[row]


def random_chains(rng: np.random.Generator, shape: tuple[int, int, int], *, n_classes: int = 3) -> MadeChains:
    """Answers without a class, a grade or a score among them; a class has one grade."""
    ids = rng.integers(-1, n_classes, shape)
    grade = rng.integers(0, 2, (shape[0], n_classes + 1)).astype(float)
    grade[:, -1] = 0.0
    correct = np.take_along_axis(grade, ids.reshape(shape[0], -1), axis=1).reshape(shape)
    correct[rng.random(shape) < 0.1] = np.nan
    scores = rng.random(shape)
    scores[rng.random(shape) < 0.1] = np.nan
    return MadeChains(ids, correct, scores)


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
) -> float:
    """Expected correctness over every subset of the chains of one problem, every tie followed in each direction."""
    right = {int(a): c for a, c in zip(ids.ravel(), correct.ravel(), strict=True) if not np.isnan(c)}
    long = [chain for chain in range(len(ids)) if lengths[chain] >= sequential]
    if len(long) < parallel:
        return np.nan
    weight = scores if selection == "hierarchical" else np.ones(ids.shape)

    def ballots(chain: int) -> list[tuple[int, float]]:
        return [
            (int(ids[chain, j]), float(weight[chain, j]))
            for j in range(sequential)
            if ids[chain, j] >= 0 and not np.isnan(correct[chain, j]) and not np.isnan(weight[chain, j])
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
        values.append(np.mean([np.mean([right[a] for a in vote(cast)]) if cast else 0.0 for cast in outcomes]))
    return float(np.mean(values))
