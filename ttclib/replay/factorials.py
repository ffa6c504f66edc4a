"""Logarithms of factorials, from a table where one is worth while."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln

_LARGEST_TABLE = 1 << 20


def log_factorial(values: np.ndarray) -> np.ndarray:
    """``log(v!)`` of whole numbers of at least 0, given as floats or ints.

    Examples
    --------
    >>> log_factorial(np.array([0, 1, 4])).round(4).tolist()
    [0.0, 0.0, 3.1781]
    """
    largest = int(values.max()) if values.size else 0
    if largest >= _LARGEST_TABLE:
        return gammaln(values + 1.0)
    return log_factorials(largest)[values.astype(np.int64)]


def log_factorials(largest: int) -> np.ndarray:
    """``log(v!)`` for v = 0 … largest, and some more."""
    return _table(max(1024, 1 << largest.bit_length()))


def log_binomial(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """``log C(n, k)`` for 0 <= k <= n."""
    return log_factorial(n) - log_factorial(k) - log_factorial(n - k)


@lru_cache(maxsize=12)
def _table(size: int) -> np.ndarray:
    return gammaln(np.arange(size) + 1.0)
