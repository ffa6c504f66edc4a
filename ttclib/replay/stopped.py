"""What a stopping rule comes to in expectation, and the rows that it is put together from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.errors import RequestError

N_BEFORE_LOADS = 4  # columns before the loads: accuracy, its error, the ungraded share, draws


class Stopped(NamedTuple):
    """A stopping rule's expectation, arrays of shape (problems, rules, caps).

    Attributes
    ----------
    accuracy, mc_error, ungraded : numpy.ndarray
        As in `ttclib.replay.estimate.Estimate`.
    draws : numpy.ndarray
        Expected number of samples drawn, from 1 to the cap.
    spent : numpy.ndarray, shape (problems, rules, caps, loads)
        Expected sum of each load over the samples drawn; NaN where that of a sample is not known.
    """

    accuracy: np.ndarray
    mc_error: np.ndarray
    ungraded: np.ndarray
    draws: np.ndarray
    spent: np.ndarray


def levels_of(values: ArrayLike, name: str, *, above: float, up_to: float = 1.0) -> np.ndarray:
    """What a rule compares with, as floats in (above, up_to]."""
    levels = np.atleast_1d(np.asarray(values, dtype=float))
    outside = ~((levels >= above if above == -np.inf else levels > above) & (levels <= up_to))
    if outside.any():
        allowed = "a number" if up_to == np.inf else f"above {above:g}, up to {up_to:g}"
        raise RequestError(f"{name} {levels[outside].flat[0]:g}: give {allowed}")
    return levels


def loads_of(loads: ArrayLike | None, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """What each sample costs, shape (problems, samples, loads), 0 where that is not known, and where."""
    table = np.zeros((*shape, 0)) if loads is None else np.asarray(loads, dtype=float)
    if table.ndim == 2:
        table = table[:, :, None]
    if table.ndim != 3 or table.shape[:2] != shape:
        raise ValueError(f"loads must have shape (problems, samples) or (problems, samples, loads), got {table.shape}")
    return np.nan_to_num(table), np.asarray(np.isnan(table))


def assembled(
    table: np.ndarray, right: np.ndarray, missing: np.ndarray, groups: list[tuple[np.ndarray, int]]
) -> Stopped:
    """Rows of accuracy, its error, the ungraded share, draws and loads; NaN where there is no grade, or no load."""
    for rows, size in groups:
        table[rows[np.isnan(right[rows, :size]).all(axis=1)], :, :, :3] = np.nan
        unknown = np.any(missing[rows, :size], axis=1)  # (problems, loads)
        spent = table[rows, :, :, N_BEFORE_LOADS:]
        table[rows, :, :, N_BEFORE_LOADS:] = np.where(np.reshape(unknown, (len(rows), 1, 1, -1)), np.nan, spent)
    accuracy, error, ungraded, draws = np.moveaxis(table[..., :N_BEFORE_LOADS], -1, 0)
    return Stopped(accuracy, error, ungraded, draws, spent=table[..., N_BEFORE_LOADS:])
