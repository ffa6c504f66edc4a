"""Grades, answers and classes derived once more, and compared with those that a store holds.

Only what today's graders made can be: a grade by another version stands as it is, as does one that came with the data.
A grade that could not be told, now or then, contradicts nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache

from ttclib.errors import RequestError
from ttclib.grading import (
    GRADERS,
    Grade,
    Grader,
    extract_answer,
    get_grader,
    grade_problem,
    problem_choice,
    problem_grader,
)
from ttclib.store.findings import Finding, at
from ttclib.store.graded_rows import GradedProblem, GradedRow

_SHOWN = 60


@cache
def todays_grader(name: str) -> Grader | None:
    """The grader that a grade's name means, if it is today's; one without a version is taken for it."""
    for known in GRADERS:
        try:
            grader = get_grader(known)
        except RequestError:  # a package that is not installed
            continue
        if name in (grader.name, known):
            return grader
    return None


def regraded(problem: GradedProblem) -> Iterator[Finding]:
    """What of a problem's grades by one grader comes out otherwise."""
    grader = todays_grader(problem.grader)
    if grader is None:
        return
    own = problem_grader(grader, problem.reference, problem.prompt, problem.metadata)
    choice = problem_choice(problem.prompt, problem.metadata)
    stated = [row.answer for row in problem.rows]
    texts = [None] * len(stated)
    options = texts if choice.shuffled else choice.options
    # As `ttc grade` does, and as an import.
    derived = [
        grade_problem(texts, problem.reference, own, answers=stated, options=options),
        grade_problem(texts, problem.reference, grader, answers=stated),
    ]
    wrong: set[int] = set()
    for number, row in enumerate(problem.rows):
        what = _fault_of_answer(row) or _fault_of_grade(row, [grades[number] for grades in derived])
        if what:
            wrong.add(number)
            yield _finding("grade", problem, row, what)
    if choice.options is None and not choice.shuffled:  # letters vote for what they stand for
        for number, what in _classes(problem, own):
            if number not in wrong:
                yield _finding("class", problem, problem.rows[number], what)


def _finding(kind: str, problem: GradedProblem, row: GradedRow, what: str) -> Finding:
    return Finding(kind, problem.table, at(row.key), what, row.key)


def _fault_of_answer(row: GradedRow) -> str | None:
    """An answer that is found in the text neither today nor literally; how answers are found may have changed since."""
    if row.answer is None or row.completion is None or row.imported or row.answer in row.completion:
        return None
    found = extract_answer(row.completion)
    if found == row.answer:
        return None
    return f"its answer is {_quoted(row.answer)}, its text says {_quoted(found)}: it may be a sample of another problem"


def _fault_of_grade(row: GradedRow, derived: Sequence[Grade]) -> str | None:
    if row.answer is None or row.correct is None:
        return None
    if any(grade.correct is None or grade.correct == row.correct for grade in derived):
        return None
    said, found = ("right", "wrong") if row.correct else ("wrong", "right")
    return f"answer {_quoted(row.answer)} is {found}, not {said}"


def _quoted(text: str | None) -> str:
    return "none" if text is None else repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")


def _classes(problem: GradedProblem, own: Grader) -> Iterator[tuple[int, str]]:
    """Rows whose class holds answers that are not equivalent to theirs, or lacks some that are."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(problem.rows):
        if row.answer is not None and row.answer_class is not None:
            places[row.answer].append(number)
    answers = list(places)
    if len(answers) < 2:
        return
    held = {
        answer: Counter(problem.rows[n].answer_class for n in numbers).most_common(1)[0][0]
        for answer, numbers in places.items()
    }
    found = _placed(answers, problem, own)
    by_class, by_form = defaultdict(list), defaultdict(list)
    for answer in answers:
        by_class[held[answer]].append(answer)
        by_form[found[answer]].append(answer)
    told: set[str] = set()
    for members in by_class.values():
        largest = _largest(members, found, places)
        for answer in members:
            if found[answer] != found[largest] and not _alike(answer, largest, problem, own):
                told.add(answer)
                for number in places[answer]:
                    yield number, f"class {held[answer]} is that of {_quoted(largest)}, which {_quoted(answer)} is not"
    for members in by_form.values():
        largest = _largest(members, held, places)
        for answer in members:
            if held[answer] != held[largest] and answer not in told and _alike(answer, largest, problem, own):
                for number in places[answer]:
                    yield number, f"class {held[answer]}, and {_quoted(largest)}, which is the same, {held[largest]}"


def _placed(answers: list[str], problem: GradedProblem, grader: Grader) -> dict[str, int | None]:
    grades = grade_problem([None] * len(answers), problem.reference, grader, answers=answers)
    return {answer: grade.answer_class for answer, grade in zip(answers, grades, strict=True)}


def _alike(one: str, other: str, problem: GradedProblem, grader: Grader) -> bool:
    """Whether two answers are one class when nothing else is there."""
    placed = _placed([one, other], problem, grader)
    return placed[one] == placed[other]


def _largest(members: list[str], classes: dict[str, int | None], places: dict[str, list[int]]) -> str:
    """Of answers one whose class, as told otherwise, has most of the rows."""
    sizes: Counter[int | None] = Counter()
    for answer in members:
        sizes[classes[answer]] += len(places[answer])
    most = max(sizes.values())
    return next(answer for answer in members if sizes[classes[answer]] == most)
