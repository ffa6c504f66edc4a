"""The pool that benchmarks share: drawn, not sampled from a model, so that anyone gets the same."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Pool(NamedTuple):
    """Arrays of shape (problems, samples)."""

    answer_ids: np.ndarray
    scores: np.ndarray
    correct: np.ndarray


def drawn_pool(n_problems: int = 500, n_samples: int = 256, n_answers: int = 24, seed: int = 0) -> Pool:
    """Problems of every difficulty, a few favourite wrong answers each, and a verifier of some use (AUC about .7)."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(n_answers - 1, 0.3), n_problems)
    right = rng.random((n_problems, n_samples)) < rng.beta(0.7, 0.9, (n_problems, 1))
    place = rng.random((n_problems, n_samples, 1))
    wrong = 1 + np.minimum((place > np.cumsum(shares, axis=1)[:, None, :]).sum(axis=2), n_answers - 2)
    evidence = 0.75 * right + rng.standard_normal(right.shape) + 0.5 * rng.standard_normal((n_problems, 1))
    return Pool(np.where(right, 0, wrong), 1 / (1 + np.exp(-evidence)), right.astype(float))
