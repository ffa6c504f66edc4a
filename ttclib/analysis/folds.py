"""Parts of a pool: difficulty from some samples, accuracy from others."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from ttclib.errors import RequestError
from ttclib.store.pool import SamplePool, VerifierScores


def split_pool(pool: SamplePool, n_parts: int = 2, seed: int = 0) -> list[SamplePool]:
    """A pool parted at random into pools of disjoint samples, problem by problem.

    Bins made of one part are out of fold for the others: a lucky sample cannot both make its problem
    look easy and be counted as a success.

    Parameters
    ----------
    pool : SamplePool
    n_parts : int
    seed : int

    Returns
    -------
    list of SamplePool
        Every part has the same problems and as many samples of each, up to one.

    Raises
    ------
    RequestError
        A problem has fewer samples than parts.
    """
    if pool.pool_sizes.min() < n_parts:
        poorest = pool.problem_ids[int(pool.pool_sizes.argmin())]
        raise RequestError(f"problem '{poorest}' has {pool.pool_sizes.min()} samples: {n_parts} parts need {n_parts}")
    rng = np.random.default_rng(seed)
    draws = np.where(pool.present, rng.random(pool.present.shape), np.inf)
    order = np.argsort(draws, axis=1)  # those present first, shuffled
    return [take_samples(pool, order[:, part::n_parts]) for part in range(n_parts)]


def take_samples(pool: SamplePool, columns: np.ndarray) -> SamplePool:
    """The same pool with some of its samples.

    Parameters
    ----------
    pool : SamplePool
    columns : int array, shape (problems, kept)
        Which samples of each problem, those present first.
    """

    def pick(value: Any) -> Any:
        if isinstance(value, np.ndarray) and value.shape == pool.present.shape:
            return np.take_along_axis(value, columns, axis=1)
        if isinstance(value, dict):
            return {name: pick(table) for name, table in value.items()}
        if isinstance(value, VerifierScores):
            return replace(value, scores=pick(value.scores), prm_tokens=pick(value.prm_tokens))
        return value

    return replace(pool, **{field.name: pick(getattr(pool, field.name)) for field in fields(pool)})
