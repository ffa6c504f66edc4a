"""Budgets are whole numbers of samples."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def as_budgets(budgets: ArrayLike, name: str = "a budget") -> np.ndarray:
    """Budgets as an array of int, of the shape they are given in.

    Parameters
    ----------
    budgets : array_like
        Whole numbers of at least 1; 4.0 is one.
    name : str
        What they are called in an error.

    Returns
    -------
    numpy.ndarray of int

    Raises
    ------
    ValueError
        One of them is no number, not whole, or below 1.

    Examples
    --------
    >>> as_budgets([1, 4.0]).tolist()
    [1, 4]
    >>> as_budgets([2.5])
    Traceback (most recent call last):
    ...
    ValueError: a budget must be a whole number of samples, got 2.5
    """
    try:
        values = np.asarray(budgets, dtype=float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a whole number of samples, got {budgets!r}") from error
    whole = np.isfinite(values) & (values == np.floor(values))
    if not whole.all():
        raise ValueError(f"{name} must be a whole number of samples, got {values[~whole].flat[0]:g}")
    if np.any(values < 1):
        raise ValueError(f"{name} must be at least 1, got {values.min():g}")
    return values.astype(int)


def doublings(largest: int) -> list[int]:
    """1, 2, 4 … up to a number.

    Examples
    --------
    >>> doublings(10)
    [1, 2, 4, 8]
    """
    return [1 << exponent for exponent in range(largest.bit_length())]
