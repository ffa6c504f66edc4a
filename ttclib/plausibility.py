"""Signs that samples stand under the wrong problems, or that their grades are another file's.

A dump may be well-formed and yet wrong. These checks cost little, read no model, and only warn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

_FEWEST_GRADES = 10
_FEWEST_PAIRS = 50
_MOST_DISAGREEMENT = 0.2
_LEAST_AGREEMENT = 1.5
_MOST_BY_CHANCE = 0.2


def doubt_grades(given: Sequence[bool | None], ours: Sequence[bool | None]) -> str | None:
    """Compare the grades that came with samples to a grader's own.

    Parameters
    ----------
    given, ours : sequence of bool or None
        Grades of the same samples; None: not graded.

    Returns
    -------
    str or None
        What is odd: more than a fifth of the samples that both graded differ.

    Examples
    --------
    >>> doubt_grades([True] * 20, [True] * 12 + [False] * 8)
    'of 20 grades that can be checked 8 contradict the answer and reference_answer'
    >>> doubt_grades([True] * 20, [None] * 18 + [False] * 2) is None
    True
    """
    both = [(left, right) for left, right in zip(given, ours, strict=True) if left is not None and right is not None]
    differing = sum(left != right for left, right in both)
    if len(both) < _FEWEST_GRADES or differing <= _MOST_DISAGREEMENT * len(both):
        return None
    return f"of {len(both):,} grades that can be checked {differing:,} contradict the answer and reference_answer"


def doubt_places(answers: Iterable[Sequence[str]]) -> str | None:
    """See whether answers to one problem agree more often than answers to different problems.

    However weak a policy is, its answers to one question resemble each other more than its answers
    to other questions. Where they do not, samples were shuffled between problems.

    Parameters
    ----------
    answers : iterable of sequences of str
        The answers to each problem, one policy's.

    Returns
    -------
    str or None
        What is odd. None as well where there are too few answers to tell, or where any two answers
        agree too often by chance (yes or no, multiple choice).

    Examples
    --------
    >>> right = [[str(problem)] * 3 + ["other"] for problem in range(40)]
    >>> doubt_places(right) is None
    True
    >>> shuffled = [[str((problem + 7 * index) % 40) for index in range(4)] for problem in range(40)]
    >>> doubt_places(shuffled)
    'answers to one problem agree in 0.0 % of pairs, answers to different problems in 1.9 %'
    """
    everywhere: Counter[str] = Counter()
    alike_within = pairs_within = 0
    for group in answers:
        counts = Counter("".join(answer.split()) for answer in group)
        everywhere += counts
        alike_within += _pairs(counts.values())
        pairs_within += _pairs([len(group)])
    alike_across = _pairs(everywhere.values()) - alike_within
    pairs_across = _pairs([everywhere.total()]) - pairs_within
    if pairs_within < _FEWEST_PAIRS or pairs_across < _FEWEST_PAIRS:
        return None
    within, across = alike_within / pairs_within, alike_across / pairs_across
    if across == 0 or across > _MOST_BY_CHANCE or within >= _LEAST_AGREEMENT * across:
        return None
    return (
        f"answers to one problem agree in {within:.1%} of pairs, answers to different problems in {across:.1%}".replace(
            "%", " %"
        )
    )


def _pairs(counts: Iterable[int]) -> int:
    return sum(count * (count - 1) // 2 for count in counts)
