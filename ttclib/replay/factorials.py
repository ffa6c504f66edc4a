"""Logarithms of factorials, from a table where one is worth while."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.special import gammaln

_LARGEST_TABLE = 1 << 20
_FEW = 1 << 10  # samples of a pool for which differences of log-factorials lose no more than 1e-12
_HALF_LOG_2_PI = 0.5 * np.log(2 * np.pi)


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


def log_avoided(n: np.ndarray, c: np.ndarray, k: np.ndarray) -> np.ndarray:
    """Logarithm of the chance that k of n samples hold none of c: ``log(C(n − c, k) / C(n, k))``, c + k <= n.

    In a large pool the logarithms of the four factorials are so much larger than what is left of them that
    digits would be lost: there Stirling's series is subtracted term by term.

    Examples
    --------
    >>> np.exp(log_avoided(np.array([10.0, 1e7]), np.array([3.0, 1.0]), np.array([5.0, 10.0]))).round(7).tolist()
    [0.0833333, 0.999999]
    """
    if n.size == 0 or n.max() <= _FEW:
        return log_factorial(n - c) - log_factorial(n - c - k) - log_factorial(n) + log_factorial(n - k)
    large = n + 1.0
    # Of (x − 1/2)·log x at n + 1, n + 1 − c, n + 1 − k and n + 1 − c − k the terms in log(n + 1) cancel.
    main = sum(sign * (large - less - 0.5) * np.log1p(-less / large) for sign, less in ((1, c), (1, k), (-1, c + k)))
    return main + _tail(large - c) + _tail(large - k) - _tail(large) - _tail(large - c - k)


def _tail(x: np.ndarray) -> np.ndarray:
    """What Stirling's formula lacks of log Γ(x), x >= 1."""
    far = np.maximum(x, 32.0)
    series = (1 - (1 - 1 / (3.5 * far**2)) / (30 * far**2)) / (12 * far)
    near = np.minimum(x, 32.0)
    return np.where(x >= 32, series, gammaln(near) - (near - 0.5) * np.log(near) + near - _HALF_LOG_2_PI)


@lru_cache(maxsize=12)
def _table(size: int) -> np.ndarray:
    return gammaln(np.arange(size) + 1.0)
