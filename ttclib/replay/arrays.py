"""What the estimators are given, as arrays of one shape (problems, samples), or an error that says why not."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def as_table(values: ArrayLike, name: str) -> np.ndarray:
    """Values as an array of float, shape (problems, samples).

    Parameters
    ----------
    values : array_like
        Numbers or booleans; None is NaN.
    name : str
        What they are called in an error.

    Raises
    ------
    ValueError
        They are no numbers, not two-dimensional, or rows differ in length.

    Examples
    --------
    >>> as_table([[True, None]], "correct").tolist()
    [[1.0, nan]]
    >>> as_table([[1, 0], [1]], "correct")
    Traceback (most recent call last):
    ...
    ValueError: correct must have rows of one length, got 1 to 2 samples: replay each pool size by itself
    """
    try:
        table = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        lengths = _lengths(values)
        if len(lengths) > 1:
            raise ValueError(
                f"{name} must have rows of one length, got {min(lengths)} to {max(lengths)} samples: "
                "replay each pool size by itself"
            ) from error
        raise ValueError(f"{name} must be numbers of shape (problems, samples)") from error
    if table.ndim != 2:
        raise ValueError(f"{name} must have shape (problems, samples), got {table.shape}")
    return table


def as_grades(correct: ArrayLike) -> np.ndarray:
    """Grades as floats in [0, 1], NaN: not graded, shape (problems, samples).

    Raises
    ------
    ValueError
        As `as_table`, or a grade lies outside [0, 1].
    """
    right = as_table(correct, "correct")
    outside = (right < 0) | (right > 1)
    if outside.any():
        raise ValueError(f"correct must lie between 0 and 1, or be NaN, got {right[outside][0]:g}")
    return right


def as_answers(answer_ids: ArrayLike) -> np.ndarray:
    """Answer classes as int, −1: no answer, shape (problems, samples).

    Raises
    ------
    ValueError
        As `as_table`, or a class is not whole.
    """
    given = as_table(answer_ids, "answer_ids")
    ids = np.where(np.isnan(given), -1, given)
    whole = np.isfinite(ids) & (ids == np.floor(ids))
    if not whole.all():
        raise ValueError(f"answer_ids must be whole numbers, negative or NaN for no answer, got {ids[~whole][0]:g}")
    return np.maximum(ids, -1).astype(np.int64)


def check_one_shape(**tables: np.ndarray) -> None:
    """Refuse arrays that disagree in shape.

    Raises
    ------
    ValueError
    """
    if len({table.shape for table in tables.values()}) > 1:
        found = ", ".join(f"{name} {table.shape}" for name, table in tables.items())
        raise ValueError(f"arrays must share one shape (problems, samples), got {found}")


def rows_by_size(pool_sizes: ArrayLike | None, shape: tuple[int, int]) -> list[tuple[np.ndarray, int]]:
    """Problems whose pools are equal in size, by their rows, and that size; smallest first.

    Parameters
    ----------
    pool_sizes : array_like of int, shape (problems,), or None
        Samples of each problem, which stand first in its row; None: all of the row.
    shape : tuple of int
        (problems, samples) of the arrays.

    Raises
    ------
    ValueError
        Not one whole number a problem, or not within the row.

    Examples
    --------
    >>> [(rows.tolist(), size) for rows, size in rows_by_size([4, 2, 4], (3, 4))]
    [([1], 2), ([0, 2], 4)]
    """
    if pool_sizes is None:
        return [(np.arange(shape[0]), shape[1])]
    sizes = np.asarray(pool_sizes, dtype=float)
    if sizes.shape != shape[:1]:
        raise ValueError(f"pool_sizes must have shape (problems,) = {shape[:1]}, got {sizes.shape}")
    if not np.all((sizes == np.floor(sizes)) & (sizes >= 0) & (sizes <= shape[1])):
        raise ValueError(f"pool_sizes must be whole numbers from 0 to {shape[1]}, the samples of a row")
    return [(np.flatnonzero(sizes == size), int(size)) for size in np.unique(sizes)]


def _lengths(values: ArrayLike) -> set[int]:
    try:
        return {len(row) for row in values}  # type: ignore[union-attr,arg-type]
    except TypeError:
        return set()
