"""Parts of a pool: difficulty from some samples, accuracy from others."""

from __future__ import annotations

import numpy as np

from ttclib.errors import RequestError
from ttclib.samples import Pool


def split_pool(pool: Pool, n_parts: int = 2, seed: int = 0) -> list[Pool]:
    """A pool parted at random into pools of disjoint samples, problem by problem.

    Bins made of one part are out of fold for the others: a lucky sample cannot both make its problem
    look easy and be counted as a success.

    Parameters
    ----------
    pool : Pool
    n_parts : int
    seed : int

    Returns
    -------
    list of Pool
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
    return [pool.of_samples(order[:, part::n_parts]) for part in range(n_parts)]
