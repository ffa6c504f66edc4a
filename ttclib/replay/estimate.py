"""What a strategy came to, and the one rule for samples that are not graded, not answered or not scored.

*Choosing never sees a grade.* A strategy compares the samples that have what it reads: a score for best-of-N, an
answer for a vote, both for a weighted one. What it cannot compare it takes last and at random: only where nothing
that was drawn can be compared. *The grade of what was chosen* is 1, 0 or not known; not known counts as not right in
`Estimate.accuracy`, and its chance stands in `Estimate.ungraded`, so that the truth lies between accuracy and
accuracy + ungraded. An elected answer's grade is the mean over the samples that voted for it, as if the one handed on
were any of them; `grades_by_answer` first gives all samples of an answer the grade that some of them have.

So with one sample every strategy chooses that sample, and all agree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from ttclib.replay.arrays import as_answers, as_grades, check_one_shape


class Estimate(NamedTuple):
    """A strategy's expectation, arrays of shape (problems, budgets).

    Attributes
    ----------
    accuracy : numpy.ndarray
        Chance of a right answer, in [0, 1]; NaN where the budget exceeds the pool, or no sample is graded.
    mc_error : numpy.ndarray
        Standard error of `accuracy` from averaging over random subsets instead of all; 0: exact.
    ungraded : numpy.ndarray
        Chance that the answer is one that was not graded: accuracy <= truth <= accuracy + ungraded.
    """

    accuracy: np.ndarray
    mc_error: np.ndarray
    ungraded: np.ndarray


def grades_by_answer(answer_ids: ArrayLike, correct: ArrayLike) -> np.ndarray:
    """Grades in which a sample without one has the grade of the others with the same answer, if these agree.

    Parameters
    ----------
    answer_ids : array_like of int, shape (problems, samples)
        Equivalence class of the answer within its problem; negative, NaN or None: no answer.
    correct : array_like of float or bool, shape (problems, samples)
        NaN: not graded.

    Returns
    -------
    numpy.ndarray, shape (problems, samples)
        NaN where no sample of the answer is graded or two of them differ, and where there is neither grade nor answer.

    Raises
    ------
    ValueError
        Shapes differ, a class is not whole or a grade lies outside [0, 1].

    Examples
    --------
    >>> grades_by_answer([[0, 0, 1, -1]], [[1, None, None, None]]).tolist()
    [[1.0, 1.0, nan, nan]]
    """
    ids, right = as_answers(answer_ids), as_grades(correct)
    check_one_shape(answer_ids=ids, correct=right)
    lacking = np.isnan(right) & (ids >= 0)
    result = right.copy()
    for row in np.flatnonzero(lacking.any(axis=1)):
        graded = ~np.isnan(right[row]) & (ids[row] >= 0)
        classes, codes = np.unique(ids[row], return_inverse=True)
        lowest, highest = np.full(len(classes), np.inf), np.full(len(classes), -np.inf)
        np.minimum.at(lowest, codes[graded], right[row][graded])
        np.maximum.at(highest, codes[graded], right[row][graded])
        told = np.where(lowest == highest, lowest, np.nan)
        result[row] = np.where(lacking[row], told[codes], right[row])
    return result
