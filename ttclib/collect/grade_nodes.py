"""Grading the leaves of the sample tree that searches drew: the answer of the steps along their path."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ttclib.collect.grade_samples import problems_to_grade
from ttclib.collect.keeper import Keeper, Notify
from ttclib.collect.progress import progress
from ttclib.collect.steps import split_steps
from ttclib.grading import Grader, get_grader, grade_problem, problem_choice, problem_grader
from ttclib.store import as_table, connect, replace_grades
from ttclib.store.graded_rows import known_classes
from ttclib.store.remaining import node_texts, texts_of_searched_samples, ungraded_leaves

_GRADED_AT_ONCE = 4096


def grade_nodes(store: Path, grader_name: str, *, again: bool = False, notify: Notify = lambda text: None) -> int:
    """Grade every leaf among a store's nodes that this grader has not graded.

    Parameters
    ----------
    grader_name : {"math", "exact", "reasoning-gym"}
    again : bool
        Also those that it has graded; their grades are replaced.

    Returns
    -------
    int
        Leaves graded here. They share the numbers of their classes with the problem's samples.
    """
    grader = get_grader(grader_name)
    keeper = Keeper(store)
    by_problem, texts, classes = _ungraded(store, grader, again, notify)
    n_todo = sum(map(len, by_problem.values()))
    if not n_todo:
        return 0
    notify(f"grade: {n_todo:,} leaves of searches by {grader.name}")
    rows: list[dict[str, Any]] = []
    open_problems: list[str] = []  # graded, and not written
    n_graded = 0
    with problems_to_grade(keeper, grader, by_problem, notify) as work, progress("grade", n_todo, "leaves") as tell:
        # What is graded is written before anything is waited for.
        while (names := work.take(1, wait=again or not open_problems)) or open_problems:
            for problem_id in names:
                found = by_problem[problem_id]
                if not again and not keeper.alone():  # another may have graded some, and numbered classes
                    fresh, _, classes = _ungraded(store, grader, False, notify, problem_id)
                    found = [row for row in fresh.get(problem_id, []) if tuple(row[:4]) in texts]
                if found:
                    rows += _grade_problem(found, texts, grader, classes.get(problem_id, ()))
                n_graded += len(found)
                tell(n_graded)
                open_problems += [] if again else names
            if open_problems and (not names or len(rows) >= _GRADED_AT_ONCE):
                keeper.keep("node_grades", rows)
                work.done(open_problems)
                rows, open_problems = [], []
        if again:
            replace_grades(store, "node_grades", grader.name, as_table("node_grades", rows), notify=notify)
    return n_graded


def _grade_problem(
    leaves: list[tuple[Any, ...]], texts: dict[tuple[str, ...], str], grader: Grader, known: Sequence[tuple[str, int]]
) -> list[dict[str, Any]]:
    choice = problem_choice(*leaves[0][5:7])
    grades = grade_problem(
        [_completion(texts, *row[:4]) for row in leaves],
        leaves[0][4],
        problem_grader(grader, *leaves[0][4:]),
        known=known,
        options=[None] * len(leaves) if choice.shuffled else choice.options,
    )
    return [
        {"problem_id": problem_id, "policy": policy, "setting": setting, "path": path}
        | {"grader": grader.name, **vars(grade)}
        for (problem_id, policy, setting, path, *_), grade in zip(leaves, grades, strict=True)
    ]


def _ungraded(
    store: Path, grader: Grader, again: bool, notify: Notify, of: str | None = None
) -> tuple[dict[str, list[tuple[Any, ...]]], dict[tuple[str, ...], str], dict[str, list[tuple[str, int]]]]:
    """Leaves to grade, by problem; the texts of all steps; the classes that answers have. Of one problem, if named."""
    by_problem: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    with connect(store, notify=notify) as con:
        leaves = ungraded_leaves(con, grader.name, again=again, of=of)
        if not leaves:
            return {}, {}, {}
        texts: dict[tuple[str, ...], str] = {}
        if of is None:
            texts = {tuple(row[:4]): row[4] for row in node_texts(con)}
            for *key, index, completion, delimiter in texts_of_searched_samples(con):
                if (*key, str(index)) not in texts:
                    for number, text in enumerate(split_steps(completion, delimiter or "\n")):
                        texts[(*key, str(index) + ".0" * number)] = text
        classes = known_classes(con, grader.name, of)
    for row in leaves:
        by_problem[row[0]].append(row)
    return by_problem, texts, classes


def _completion(texts: dict[tuple[str, ...], str], problem_id: str, policy: str, setting: str, path: str) -> str:
    """Text of the steps along a path."""
    found = []
    while path:
        found.append(texts[problem_id, policy, setting, path])
        path = path.rpartition(".")[0]
    return "".join(reversed(found))
