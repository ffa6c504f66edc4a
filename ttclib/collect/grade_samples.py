"""Grading: what a grader has not graded of a store's samples and revision chains."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ttclib.collect.keeper import Keeper, Notify
from ttclib.collect.progress import progress
from ttclib.grading import Doubts, Grader, get_grader, grade_problem, problem_choice, problem_grader
from ttclib.store import as_table, connect, replace_grades
from ttclib.store.classes import known_classes
from ttclib.store.reading_through import refuse_damaged
from ttclib.store.tables import TABLES

_GRADED_AT_ONCE = 4096
_GRADES_OF = {"samples": "grades", "revisions": "revision_grades"}

# The answer that an import stated was never in a completion: it is taken from the grades that hold it.
_HELD = """
    SELECT {columns}, list(grader) AS came, bool_or(correct) FILTER (WHERE grader = 'given') AS given,
           first(answer ORDER BY grader <> 'given', grader DESC) FILTER (WHERE answer IS NOT NULL) AS stated
    FROM {table} GROUP BY ALL
"""


def grade(store: Path, grader_name: str, *, again: bool = False, notify: Notify = lambda text: None) -> int:
    """Grade every answer of a store that has no grade by this grader and none that came with it.

    Grades by another grader, or by an older version, stay where they are; no sample is touched.

    Parameters
    ----------
    store : pathlib.Path
    grader_name : {"math", "exact", "reasoning-gym"}
    again : bool
        Grade every answer: those that this grader has graded before, whose grades are replaced, and
        those that came with a grade, which stays beside it and is the one that is read.
    notify : callable

    Returns
    -------
    int
        Samples, and answers of revision chains, graded.

    Raises
    ------
    RequestError
        Unknown grader, or no such store.
    StoreLockedError
        Grades are to be replaced, and somebody holds the store's file; nothing has changed.
    """
    grader = get_grader(grader_name)
    refuse_damaged(store, notify=notify)
    graded = sum(_grade(store, kind, grader, again, notify) for kind in _GRADES_OF)
    if not graded:
        notify(f"grade: {grader.name} has graded all there is")
    return graded


def _grade(store: Path, kind: str, grader: Grader, again: bool, notify: Notify) -> int:
    table = _GRADES_OF[kind]
    key = TABLES[kind]
    columns = ", ".join(key)
    with connect(store, notify=notify) as con:
        todo = con.execute(
            f"""SELECT {columns}, completion, CASE WHEN command = 'import' THEN stated END, given, reference_answer,
                       prompt, metadata
                FROM {kind} LEFT JOIN problems USING (problem_id) LEFT JOIN runs USING (run_id)
                LEFT JOIN ({_HELD.format(table=table, columns=columns)}) USING ({columns})
                WHERE (completion IS NOT NULL OR stated IS NOT NULL)
                      AND ($2 OR came IS NULL OR NOT list_has_any(came, ['given', $1]))
                ORDER BY problem_id, {columns}""",
            [grader.name, again],
        ).fetchall()
        classes = known_classes(con, grader.name) if todo else {}
    if not todo:
        return 0
    by_problem: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in todo:
        by_problem[row[key.index("problem_id")]].append(row)
    notify(f"grade: {len(todo):,} {kind} by {grader.name}")
    keeper = Keeper(store)
    tally: Counter[str] = Counter()
    doubts: dict[str, Doubts] = {}
    done = 0
    with progress("grade", len(todo), kind) as tell:
        rows: list[dict[str, Any]] = []
        for problem_id, answers in by_problem.items():
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
                tell=partial(_tell_on, tell, done),
            )
            for row, found in zip(answers, grades, strict=True):
                policy = row[key.index("policy")]
                doubts.setdefault(policy, Doubts(f"grade: {policy!r}")).add(
                    problem_id, references[0], row[len(key)], found
                )
            rows += [
                dict(zip(key, row[: len(key)], strict=True)) | {"grader": grader.name, **vars(found)}
                for row, found in zip(answers, grades, strict=True)
            ]
            for theirs, found in zip(given, grades, strict=True):
                tally["ungradable"] += found.correct is None and references[0] is not None
                tally["both"] += theirs is not None and found.correct is not None
                tally["agree"] += theirs is not None and theirs == found.correct
            done += len(answers)
            if not again and (len(rows) >= _GRADED_AT_ONCE or done == len(todo)):
                keeper.keep(table, rows)
                rows = []
            tell(done)
    if again:
        replace_grades(store, table, grader.name, as_table(table, rows), notify=notify)
    for line in (line for pool in doubts.values() for line in pool.lines()):
        notify(line)
    if tally["both"]:
        notify(f"grade: {tally['agree']:,} of {tally['both']:,} grades that came with the {kind} say the same")
    if tally["ungradable"]:
        notify(f"grade: {tally['ungradable']:,} {kind} could not be graded, which is not 'wrong'")
    return len(todo)


def _tell_on(tell: Callable[[int], None], before: int, done: int) -> None:
    """Progress inside a problem: answers that take math-verify long are many samples of one."""
    tell(before + done)
