"""Between the budgets that were replayed: straight lines over log2 of the budget or cost, and nothing beyond them."""

from __future__ import annotations

import numpy as np

_ROUNDING = 1e-9


def accuracy_at(cost: np.ndarray, accuracy: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Accuracy at any cost within a curve, interpolated in log cost.

    Parameters
    ----------
    cost : float array, shape (budgets,)
        Ascending, above 0.
    accuracy : float array, shape (…, budgets)
        NaN points are undefined, and so is what lies next to them.
    wanted : float array, shape (points,)

    Returns
    -------
    numpy.ndarray, shape (…, points)
        NaN outside the curve: it is not extrapolated.

    Examples
    --------
    >>> accuracy_at(np.array([1.0, 4.0]), np.array([0.2, 0.6]), np.array([2.0, 8.0])).round(3).tolist()
    [0.4, nan]
    """
    result = np.full((*accuracy.shape[:-1], len(wanted)), np.nan)
    if not len(cost) or np.isnan(cost).any():
        return result
    with np.errstate(invalid="ignore", divide="ignore"):
        x, at = np.log2(cost), np.log2(wanted)
    inside = (at >= x[0] - _ROUNDING) & (at <= x[-1] + _ROUNDING)
    at = np.clip(at[inside], x[0], x[-1])
    right = np.clip(np.searchsorted(x, at, side="left"), min(1, len(x) - 1), len(x) - 1)
    left = np.maximum(right - 1, 0)
    span = np.where(right > left, x[right] - x[left], 1.0)
    share = (at - x[left]) / span
    low, high = accuracy[..., left], accuracy[..., right]
    # A point on the curve needs no neighbour.
    between = np.where(share <= _ROUNDING, low, np.where(share >= 1 - _ROUNDING, high, low + share * (high - low)))
    result[..., inside] = between
    return result


def cost_for(cost: np.ndarray, accuracy: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The smallest cost at which a curve reaches a target, interpolated in log cost.

    Parameters
    ----------
    cost : float array, shape (…, budgets) or (budgets,)
        Ascending, above 0.
    accuracy : float array, shape (…, budgets)
        Need not rise; the first time it reaches the target counts. NaN points are passed over.
    target : float array, shape (…, points)

    Returns
    -------
    numpy.ndarray, shape (…, points)
        The first cost where the curve begins at or above the target; inf where it never gets there:
        the budget needed lies beyond the pool; NaN where the target is.

    Examples
    --------
    >>> cost_for(np.array([1.0, 4.0, 16.0]), np.array([0.2, 0.6, 0.6]), np.array([0.1, 0.4, 0.7])).round(6).tolist()
    [1.0, 2.0, inf]
    """
    reached = accuracy[..., None, :] >= target[..., :, None] - _ROUNDING
    first = reached.argmax(axis=-1)
    before = np.maximum(first - 1, 0)
    spread = np.broadcast_to(accuracy, (*target.shape[:-1], accuracy.shape[-1]))
    x = np.broadcast_to(np.log2(cost), spread.shape)
    y1, y0, x1, x0 = (np.take_along_axis(table, at, -1) for table in (spread, x) for at in (first, before))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((target - y0) / (y1 - y0), 0.0, 1.0)
    exact = np.isnan(share) | (first == 0)
    found = 2.0 ** np.where(exact, x1, x0 + share * (x1 - x0))
    return np.where(np.isnan(target), np.nan, np.where(reached.any(axis=-1), found, np.inf))
