"""Grading: what a grader has not graded of a store's samples and revision chains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ttclib.collect.keeper import Keeper, Notify
from ttclib.collect.progress import progress
from ttclib.collect.sharing import Work
from ttclib.grading import Doubts, Grader, get_grader, grade_problem, problem_choice, problem_grader
from ttclib.store import as_table, check_writable, connect, replace_grades
from ttclib.store.graded_rows import known_classes
from ttclib.store.reading_through import refuse_damaged
from ttclib.store.remaining import GRADES_OF, ungraded
from ttclib.store.tables import TABLES

_GRADED_AT_ONCE = 4096
Rows = list[tuple[Any, ...]]
Classes = dict[str, list[tuple[str, int]]]


def grade(store: Path, grader_name: str, *, again: bool = False, notify: Notify = lambda text: None) -> int:
    """Grade every answer of a store that has no grade by this grader and none that came with it.

    Grades by another grader, or by an older version, stay where they are; no sample is touched.

    Parameters
    ----------
    grader_name : {"math", "exact", "reasoning-gym"}
    again : bool
        Grade every answer: those that this grader has graded before, whose grades are replaced, and
        those that came with a grade, which stays beside it and is the one that is read.

    Returns
    -------
    int
        Samples, and answers of revision chains, graded here.

    Raises
    ------
    RequestError
        Unknown grader, no such store, or one that is not to be written to.
    StoreLockedError
        Grades are to be replaced, and somebody holds the store's file; nothing has changed.
    """
    grader = get_grader(grader_name)
    check_writable(store, notify=notify)
    refuse_damaged(store, notify=notify)
    graded = sum(_grade(store, kind, grader, again, notify) for kind in GRADES_OF)
    if not graded:
        notify(f"grade: {grader.name} has graded all there is")
    return graded


def _grade(store: Path, kind: str, grader: Grader, again: bool, notify: Notify) -> int:
    table = GRADES_OF[kind]
    key = TABLES[kind]
    keeper = Keeper(store)
    by_problem, classes = _ungraded(store, kind, grader, again, notify)
    n_todo = sum(map(len, by_problem.values()))
    if not n_todo:
        return 0
    notify(f"grade: {n_todo:,} {kind} by {grader.name}")
    tally: Counter[str] = Counter()
    doubts: dict[str, Doubts] = {}
    rows: list[dict[str, Any]] = []
    open_problems: list[str] = []  # graded, and not written
    done = 0
    with problems_to_grade(keeper, grader, by_problem, notify) as work, progress("grade", n_todo, kind) as tell:
        # What is graded is written before anything is waited for.
        while (names := work.take(1, wait=again or not open_problems)) or open_problems:
            for problem_id in names:
                if not again and not keeper.alone():  # another may have graded some, and numbered classes
                    by_problem[problem_id], classes = _again(store, kind, grader, problem_id)
                answers = by_problem[problem_id]
                if answers:
                    rows += _grade_problem(
                        problem_id, answers, key, grader, classes, tally, doubts, partial(_tell_on, tell, done)
                    )
                done += len(answers)
                open_problems += [] if again else names
                tell(done)
            if open_problems and (not names or len(rows) >= _GRADED_AT_ONCE):
                keeper.keep(table, rows)
                work.done(open_problems)
                rows, open_problems = [], []
        if again:
            replace_grades(store, table, grader.name, as_table(table, rows), notify=notify)
    for line in (line for pool in doubts.values() for line in pool.lines()):
        notify(line)
    if tally["both"]:
        notify(f"grade: {tally['agree']:,} of {tally['both']:,} grades that came with the {kind} say the same")
    if tally["ungradable"]:
        notify(f"grade: {tally['ungradable']:,} {kind} could not be graded, which is not 'wrong'")
    return done


def _grade_problem(
    problem_id: str,
    answers: Rows,
    key: Sequence[str],
    grader: Grader,
    classes: Classes,
    tally: Counter[str],
    doubts: dict[str, Doubts],
    tell: Callable[[int], None],
) -> list[dict[str, Any]]:
    """Grade what is lacking of a problem, and count what is to be said at the end."""
    completions, stated, given, references, *asked = zip(*(row[len(key) :] for row in answers), strict=True)
    own = problem_grader(grader, references[0], *(column[0] for column in asked))
    choice = problem_choice(*(column[0] for column in asked))
    grades = grade_problem(
        completions,
        references[0],
        own,
        answers=stated,
        known=classes.get(problem_id, ()),
        options=[None] * len(answers) if choice.shuffled else choice.options,
        tell=tell,
    )
    for row, found in zip(answers, grades, strict=True):
        policy = row[key.index("policy")]
        doubts.setdefault(policy, Doubts(f"grade: {policy!r}")).add(problem_id, references[0], row[len(key)], found)
    for theirs, found in zip(given, grades, strict=True):
        tally["ungradable"] += found.correct is None and references[0] is not None
        tally["both"] += theirs is not None and found.correct is not None
        tally["agree"] += theirs is not None and theirs == found.correct
    return [
        dict(zip(key, row[: len(key)], strict=True)) | {"grader": grader.name, **vars(found)}
        for row, found in zip(answers, grades, strict=True)
    ]


def problems_to_grade(keeper: Keeper, grader: Grader, problems: Iterable[str], notify: Notify) -> Work[str]:
    """Problems, of which one process at a time grades answers: their classes have one row of numbers."""
    kind = ("grades", grader.name)
    return Work(keeper, kind, list(problems), lambda name: (name, 0), what="grade: problems", notify=notify)


def _again(store: Path, kind: str, grader: Grader, problem_id: str) -> tuple[Rows, Classes]:
    by_problem, classes = _ungraded(store, kind, grader, False, lambda text: None, problem_id)
    return by_problem.get(problem_id, []), classes


def _ungraded(
    store: Path, kind: str, grader: Grader, again: bool, notify: Notify, of: str | None = None
) -> tuple[dict[str, Rows], Classes]:
    """What is to be graded, by problem, and the classes that answers have; of one problem, if it is named."""
    key = TABLES[kind]
    with connect(store, notify=notify) as con:
        todo = ungraded(con, kind, grader.name, again=again, of=of)
        classes = known_classes(con, grader.name, of) if todo else {}
    by_problem: dict[str, Rows] = defaultdict(list)
    for row in todo:
        by_problem[row[key.index("problem_id")]].append(row)
    return by_problem, classes


def _tell_on(tell: Callable[[int], None], before: int, done: int) -> None:
    """Progress inside a problem: answers that take math-verify long are many samples of one."""
    tell(before + done)
