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
        Steps that searches drew, and readings of the pool's steps, in any order.
    prompt_tokens, problem_ids : sequence, one a problem
    store : str
        For errors.

    Raises
    ------
    TTCError
        A step follows one that is not there, or one that ends its solution.
    """
    samples, loose = _Samples(pool), _Loose(drawn)
    own = _in_order(drawn)
    n_problems = len(problem_ids)
    of_pool = np.bincount(samples.problem, weights=samples.lengths, minlength=n_problems).astype(np.int64)
    of_own = np.bincount(_numbers(drawn, "problem")[own], minlength=n_problems)
    roots = np.r_[0, np.cumsum(1 + of_pool + of_own)]
    # Of each problem the root, then the steps of its samples, then what was drawn: the table is filled part by part.
    pool_rows = np.arange(samples.lengths.sum()) + np.repeat(np.cumsum(1 + np.r_[0, of_own[:-1]]), of_pool)
    own_rows = np.arange(len(own)) + np.repeat(np.cumsum(1 + of_pool), of_own)
    samples.first_rows = pool_rows[samples.starts]
    before = _rows_before(drawn, own, own_rows, loose, roots, samples)

    def column(name: str, at_root: float, of_samples: np.ndarray, dtype: type, missing: float = 0) -> np.ndarray:
        table = np.full(roots[-1], at_root, dtype=dtype)
        table[pool_rows] = of_samples
        table[own_rows] = _numbers(drawn, name, missing)[own]
        return table

    parent = np.full(roots[-1], -1, np.int32)
    parent[pool_rows] = np.where(samples.number == 0, np.repeat(roots[:-1], of_pool), pool_rows - 1)
    parent[own_rows] = before
    child = np.full(roots[-1], -1, np.int32)
    child[pool_rows] = np.where(samples.number == 0, samples.each("sample_index"), 0)
    child[own_rows] = _numbers(drawn, "child")[own]
    ends = column("ends", False, samples.is_last, np.bool_)
    wrong = np.flatnonzero((before < 0) | ends[before])
    if len(wrong):
        at = wrong[0]
        lost = before[at] < 0
        name = loose.name(own[at]) if lost else _name(own_rows[at], parent, child)
        problem_id = problem_ids[_numbers(drawn, "problem")[own[at]]]
        what = "which the store lacks" if lost else "which ends its solution"
        raise TTCError(
            f"node '{_short(name)}' of problem '{problem_id}' in '{store}' follows "
            f"'{_short(name.rpartition('.')[0])}', {what}: "
            f"its prefix is none of this problem's; remove it, or collect into another store"
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
    # What searches had read of the pool's steps comes before what was read of whole samples.
    row = loose.rows_in_pool(samples, 0)
    there = (row >= 0) & (_numbers(drawn, "id", -1)[loose.which] < 0)
    row, which = row[there], loose.which[there]
    tokens = _numbers(drawn, "prm_tokens", np.nan)[which]
    steps.is_read[row], steps.score[row] = True, _numbers(drawn, "score", np.nan)[which]
    steps.prm_tokens[row] = np.where(np.isnan(tokens), steps.prm_tokens[row], tokens)
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


class _Loose:
    """What follows no step that a search drew: first steps, steps behind a sample's, and readings of a sample's.

    Attributes
    ----------
    which : int array
        Their places in the table of what was drawn.
    lengths : int array
        Of their paths.
    """

    def __init__(self, drawn: pl.DataFrame) -> None:
        self.which = np.flatnonzero(_numbers(drawn, "above", -1) < 0)
        self._problem = _numbers(drawn, "problem")[self.which]
        own, self._steps = _lists(drawn, "steps")
        self.lengths = own[self.which]
        self._begins = np.cumsum(self.lengths) - self.lengths

    def rows_in_pool(self, samples: _Samples, short: int) -> np.ndarray:
        """Rows of what their paths, `short` steps cut off, name in the pool: all but the first step are 0; else −1."""
        if not len(self.which):
            return self.which
        ends, not_first = self._begins + self.lengths - short, np.r_[0, np.cumsum(self._steps != 0)]
        number = self.lengths - short - 1
        row = samples.row(self._problem, self._steps[self._begins], number)
        return np.where((number >= 0) & (not_first[ends] == not_first[np.minimum(self._begins + 1, ends)]), row, -1)

    def name(self, which: int) -> str:
        """A path as it is written."""
        at = int(np.searchsorted(self.which, which))
        steps = self._steps[self._begins[at] : self._begins[at] + self.lengths[at]]
        return _written(steps.tolist())


def _in_order(drawn: pl.DataFrame) -> np.ndarray:
    """Places of what was drawn by problem and depth, so that each step stands behind its parent."""
    ids = _numbers(drawn, "id", -1)
    own = np.flatnonzero(ids >= 0)
    place = np.empty(len(own), np.int64)  # by id
    place[ids[own]] = own
    above = _numbers(drawn, "above", -1)[place]
    depth, deeper = np.zeros(len(own), np.int16), np.flatnonzero(above >= 0)
    at = above[deeper]
    while len(deeper):  # those that have one more before the step that is looked at
        depth[deeper] += 1
        at = above[at]
        deeper, at = deeper[at >= 0], at[at >= 0]
    return place[np.lexsort((depth, _numbers(drawn, "problem")[place]))]


def _rows_before(
    drawn: pl.DataFrame,
    own: np.ndarray,
    own_rows: np.ndarray,
    loose: _Loose,
    roots: np.ndarray,
    samples: _Samples,
) -> np.ndarray:
    """Row of what each drawn step follows: another, the root, or a sample's step; −1: it is not there."""
    ids, above = _numbers(drawn, "id", -1)[own], _numbers(drawn, "above", -1)[own]
    row_of_id = np.empty(len(own), np.int64)
    row_of_id[ids] = own_rows
    others = np.full(len(drawn), -1)
    others[loose.which] = loose.rows_in_pool(samples, 1)
    first = loose.which[loose.lengths == 1]
    others[first] = roots[_numbers(drawn, "problem")[first]]
    return np.where(above >= 0, row_of_id[above], others[own])


def _name(row: int, parent: np.ndarray, child: np.ndarray) -> str:
    steps: list[int] = []
    while parent[row] >= 0:
        steps.append(int(child[row]))
        row = parent[row]
    return _written(steps[::-1])


def _short(name: str) -> str:
    return name if len(name) <= 80 else f"{name[:80]}…"


def _written(steps: Sequence[int]) -> str:
    return ".".join("g" if step < 0 else str(step) for step in steps)


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
