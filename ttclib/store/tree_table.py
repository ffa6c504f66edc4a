"""From the rows of a store to the one table of steps: the pool's and those that searches drew, without a row loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ttclib.errors import TTCError
from ttclib.samples import Steps


def put_together(
    pool: pl.DataFrame, drawn: pl.DataFrame, prompt_tokens: Sequence[int], problem_ids: Sequence[str], store: str
) -> Steps:
    """The trees of some problems.

    Parameters
    ----------
    pool : polars.DataFrame
        Samples in order of problem and index, with their steps as lists.
    drawn : polars.DataFrame
        Steps that searches drew, and readings of the pool's steps, in order of problem and path.
    prompt_tokens, problem_ids : sequence, one a problem
    store : str
        For errors.

    Raises
    ------
    TTCError
        A step follows one that is not there, or one that ends its solution.
    """
    samples, paths = _Samples(pool), _Paths(drawn)
    own = np.flatnonzero(_numbers(drawn, "is_own"))
    n_problems = len(problem_ids)
    of_pool = np.bincount(samples.problem, weights=samples.lengths, minlength=n_problems).astype(np.int64)
    of_own = np.bincount(paths.problem[own], minlength=n_problems)
    roots = np.r_[0, np.cumsum(1 + of_pool + of_own)]
    # Of each problem the root, then the steps of its samples, then what was drawn: the table is filled part by part.
    pool_rows = np.arange(samples.lengths.sum()) + np.repeat(np.cumsum(1 + np.r_[0, of_own[:-1]]), of_pool)
    rows = np.full(len(paths.problem), -1)
    rows[own] = np.arange(len(own)) + np.repeat(np.cumsum(1 + of_pool), of_own)
    samples.first_rows = pool_rows[samples.starts]
    rows_before = _rows_before(paths, rows, roots, samples)

    def column(name: str, at_root: float, of_samples: np.ndarray, dtype: type, missing: float = 0) -> np.ndarray:
        table = np.full(roots[-1], at_root, dtype=dtype)
        table[pool_rows] = of_samples
        table[rows[own]] = _numbers(drawn, name, missing)[own]
        return table

    parent = np.full(roots[-1], -1, np.int32)
    parent[pool_rows] = np.where(samples.number == 0, np.repeat(roots[:-1], of_pool), pool_rows - 1)
    parent[rows[own]] = rows_before[own]
    child = np.full(roots[-1], -1, np.int32)
    child[pool_rows] = np.where(samples.number == 0, samples.each("sample_index"), 0)
    child[rows[own]] = paths.last[own]
    ends = column("ends", False, samples.is_last, np.bool_)
    wrong = np.zeros(len(rows), bool)
    wrong[own] = (rows_before[own] < 0) | ends[rows_before[own]]
    if wrong.any():
        at = int(np.argmax(wrong))
        what = "which the store lacks" if rows_before[at] < 0 else "which ends its solution"
        raise TTCError(
            f"node '{paths.name(at)}' of problem '{problem_ids[paths.problem[at]]}' in '{store}' follows "
            f"'{paths.name(at).rpartition('.')[0]}', {what}: its prefix is none of this problem's; remove it, or "
            "collect into another store"
        )
    n_tokens = column("n_tokens", 0, samples.tokens, np.int32)
    n_tokens[roots[:-1]] = prompt_tokens
    score, is_read = samples.scores()
    steps = Steps(
        roots=roots,
        parent=parent,
        child=child,
        n_tokens=n_tokens,
        ends=ends,
        is_read=column("is_read", False, is_read, np.bool_),
        score=column("score", np.nan, score, np.float64, np.nan),
        prm_tokens=column("prm_tokens", np.nan, samples.prm_tokens(), np.float64, np.nan),
        is_graded=column("is_graded", False, samples.each("is_graded"), np.bool_),
        answer_class=column("answer_class", -1, samples.at_end("answer_class", -1), np.int32, -1),
        correct=column("correct", np.nan, samples.at_end("correct", np.nan), np.float64, np.nan),
    )
    _take_readings(steps, paths, rows, samples, drawn)
    return steps


class _Samples:
    """The pool's samples, and their steps one after the other."""

    def __init__(self, table: pl.DataFrame) -> None:
        self._table = table
        self.problem = _numbers(table, "problem")
        self.lengths, self.tokens = _lists(table, "step_tokens")
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.number = np.arange(len(self.tokens)) - np.repeat(self.starts, self.lengths)
        self.is_last = self.number == np.repeat(self.lengths, self.lengths) - 1
        self.first_rows = self.starts  # of each sample, where it stands in the table of all steps
        self._keys = _key(self.problem, _numbers(table, "sample_index"))

    def each(self, name: str, missing: float = 0) -> np.ndarray:
        """A sample's value at each of its steps."""
        return np.repeat(_numbers(self._table, name, missing), self.lengths)

    def at_end(self, name: str, missing: float) -> np.ndarray:
        """The same at its last step alone."""
        return np.where(self.is_last, self.each(name, missing), missing)

    def scores(self) -> tuple[np.ndarray, np.ndarray]:
        """Score of each step and whether it was read: of an outcome verifier the last alone."""
        counts, given = _lists(self._table, "step_scores")
        steps = np.full(len(self.tokens), np.nan)
        each = counts == self.lengths
        steps[np.repeat(each, self.lengths)] = given[np.repeat(each, counts)]
        last = np.flatnonzero((counts > 0) & ~each)
        steps[self.starts[last] + self.lengths[last] - 1] = given[np.cumsum(counts)[last] - 1]
        return steps, self.each("is_read") & (np.repeat(each, self.lengths) | ~self.each("has_scores") | self.is_last)

    def prm_tokens(self) -> np.ndarray:
        """Of what the verifier read of a sample the part up to each step's end."""
        upto = np.cumsum(self.tokens.astype(np.int64))
        upto -= np.repeat(upto[self.starts] - self.tokens[self.starts], self.lengths)
        prompt, completion = self.each("prompt_tokens", np.nan), self.each("completion_tokens", np.nan)
        return self.each("prm_tokens", np.nan) * (prompt + upto) / (prompt + completion)

    def row(self, problem: np.ndarray, index: np.ndarray, number: np.ndarray) -> np.ndarray:
        """Where step `number` of a problem's sample stands; −1: it is not there."""
        if not len(self._keys):
            return np.full(len(problem), -1)
        wanted = _key(problem, index)
        sample = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found = (self._keys[sample] == wanted) & (number < self.lengths[sample])
        return np.where(found, self.first_rows[sample] + number, -1)


class _Paths:
    """Paths as numbers, −1 for a greedy step."""

    def __init__(self, table: pl.DataFrame) -> None:
        self.problem = _numbers(table, "problem")
        self.lengths, self._steps = _lists(table, "steps")
        self._begins = np.cumsum(self.lengths) - self.lengths
        self.last = self._steps[self._begins + self.lengths - 1]

    def first(self, which: np.ndarray, n: int) -> np.ndarray:
        """The first `n` steps of some paths, shape (paths, n)."""
        return self._steps[self._begins[which][:, None] + np.arange(n)]

    def name(self, which: int) -> str:
        """A path as it is written."""
        steps = self.first(np.array([which]), int(self.lengths[which]))[0].tolist()
        return ".".join("g" if step < 0 else str(step) for step in steps)


def _rows_before(paths: _Paths, rows: np.ndarray, roots: np.ndarray, samples: _Samples) -> np.ndarray:
    """Row of what each step follows; −1: it is not there.

    In order of the paths that is the last one drawn of the length before, if its path is the beginning of this one;
    else a step of a sample, if all but the first step of the path are 0.
    """
    before = np.where(paths.lengths == 1, roots[paths.problem], -1)
    for length in range(2, paths.lengths.max(initial=0) + 1):
        here, above = (
            np.flatnonzero(paths.lengths == length),
            np.flatnonzero((paths.lengths == length - 1) & (rows >= 0)),
        )
        prefix = paths.first(here, length - 1)
        place = np.searchsorted(above, here) - 1
        follows = place >= 0
        at = above[place[follows]]
        follows[follows] = (paths.problem[at] == paths.problem[here[follows]]) & (
            paths.first(at, length - 1) == prefix[follows]
        ).all(axis=1)
        before[here[follows]] = rows[above[place[follows]]]
        rest = ~follows & (prefix[:, 1:] == 0).all(axis=1)
        number = np.full(rest.sum(), length - 2)
        before[here[rest]] = samples.row(paths.problem[here[rest]], prefix[rest, 0], number)
    return before


def _take_readings(steps: Steps, paths: _Paths, rows: np.ndarray, samples: _Samples, drawn: pl.DataFrame) -> None:
    """What searches had read of the pool's steps comes before what was read of whole samples."""
    score, prm_tokens = _numbers(drawn, "score", np.nan), _numbers(drawn, "prm_tokens", np.nan)
    for length in np.unique(paths.lengths[rows < 0]).tolist():
        which = np.flatnonzero((paths.lengths == length) & (rows < 0))
        path = paths.first(which, length)
        row = samples.row(paths.problem[which], path[:, 0], np.full(len(which), length - 1))
        there = (path[:, 1:] == 0).all(axis=1) & (row >= 0)
        row, which = row[there], which[there]
        steps.is_read[row], steps.score[row] = True, score[which]
        steps.prm_tokens[row] = np.where(np.isnan(prm_tokens[which]), steps.prm_tokens[row], prm_tokens[which])


def _key(problem: np.ndarray, index: np.ndarray) -> np.ndarray:
    return (problem.astype(np.int64) << 32) + index


def _numbers(table: pl.DataFrame, name: str, missing: float = 0) -> np.ndarray:
    """A column of numbers or truth values as an array; of the latter none is missing."""
    column = table[name]
    if column.null_count():
        column = (column.cast(pl.Float64) if np.isnan(missing) else column).fill_null(missing)
    return column.to_numpy()


def _lists(table: pl.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A column of lists: the length of each, 0 where there is none, and all values one after the other."""
    lengths = table[name].list.len().fill_null(0).cast(pl.Int64)
    return lengths.to_numpy(), table[name].filter(lengths > 0).explode().to_numpy()
