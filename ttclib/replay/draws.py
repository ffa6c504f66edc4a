"""Random numbers of each problem's own: neither the order of problems nor how they are parted moves a result."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeAlias

import numpy as np

from ttclib.samples import Chains, Pool


@dataclass(frozen=True)
class Draws:
    """Where the random numbers of problems begin, and how many problems an average is over."""

    seed: int
    keys: np.ndarray  # uint64 array, shape (problems,); names each problem
    n_problems: int  # of the whole, where these are a part of it: how many subsets a vote draws depends on it

    def of(self, row: int | np.integer[Any]) -> tuple[int, int]:
        """Seed of one problem, as `numpy.random.SeedSequence` takes it."""
        return self.seed, int(self.keys[row])


Seed: TypeAlias = int | Draws


def draws_of(samples: Pool | Chains, seed: int) -> Draws:
    """The random numbers of a pool's problems, told by their names."""
    keys = [blake2b(name.encode(), digest_size=8).digest() for name in samples.problem_ids]
    whole = samples.block_of if isinstance(samples, Pool) else None
    return Draws(seed, np.frombuffer(b"".join(keys), dtype="<u8"), whole or len(keys))


def as_draws(seed: Seed, n_problems: int) -> Draws:
    """A plain seed numbers the problems by their rows.

    Examples
    --------
    >>> as_draws(3, 2).of(1)
    (3, 1)
    """
    return seed if isinstance(seed, Draws) else Draws(seed, np.arange(n_problems, dtype=np.uint64), n_problems)
