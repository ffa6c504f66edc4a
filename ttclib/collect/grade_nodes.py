"""Grading the leaves of the sample tree that searches drew: the answer of the steps along their path."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from ttclib.collect.keeper import Keeper, Notify
from ttclib.collect.steps import split_steps
from ttclib.grading import get_grader, grade_problem, problem_choice, problem_grader
from ttclib.store import as_table, connect, replace_grades
from ttclib.store.classes import known_classes
from ttclib.store.remaining import ungraded_leaves
from ttclib.store.step_rows import node_texts, texts_of_searched_samples

_GRADED_AT_ONCE = 4096


def grade_nodes(store: Path, grader_name: str, *, again: bool = False, notify: Notify = lambda text: None) -> int:
    """Grade every leaf among a store's nodes that this grader has not graded.

    Parameters
    ----------
    store : pathlib.Path
    grader_name : {"math", "exact", "reasoning-gym"}
    again : bool
        Also those that it has graded; their grades are replaced.
    notify : callable

    Returns
    -------
    int
        Leaves graded. They share the numbers of their classes with the problem's samples.
    """
    grader = get_grader(grader_name)
    with connect(store, notify=notify) as con:
        leaves = ungraded_leaves(con, grader.name, again=again)
        if not leaves:
            return 0
        texts = {tuple(row[:4]): row[4] for row in node_texts(con)}
        for *key, index, completion, delimiter in texts_of_searched_samples(con):
            if (*key, str(index)) not in texts:
                for number, text in enumerate(split_steps(completion, delimiter or "\n")):
                    texts[(*key, str(index) + ".0" * number)] = text
        classes = known_classes(con, grader.name)
    notify(f"grade: {len(leaves):,} leaves of searches by {grader.name}")
    by_problem: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in leaves:
        by_problem[row[0]].append(row)
    keeper = Keeper(store)
    rows: list[dict[str, Any]] = []
    for number, (problem_id, found) in enumerate(by_problem.items(), start=1):
        completions = [_completion(texts, *row[:4]) for row in found]
        own = problem_grader(grader, *found[0][4:])
        choice = problem_choice(*found[0][5:7])
        grades = grade_problem(
            completions,
            found[0][4],
            own,
            known=classes.get(problem_id, ()),
            options=[None] * len(found) if choice.shuffled else choice.options,
        )
        rows += [
            {"problem_id": problem_id, "policy": policy, "setting": setting, "path": path, "grader": grader.name}
            | vars(grade)
            for (_, policy, setting, path, *_), grade in zip(found, grades, strict=True)
        ]
        if not again and (len(rows) >= _GRADED_AT_ONCE or number == len(by_problem)):
            keeper.keep("node_grades", rows)
            rows = []
    if again:
        replace_grades(store, "node_grades", grader.name, as_table("node_grades", rows), notify=notify)
    return len(leaves)


def _completion(texts: dict[tuple[str, ...], str], problem_id: str, policy: str, setting: str, path: str) -> str:
    """Text of the steps along a path."""
    found = []
    while path:
        found.append(texts[problem_id, policy, setting, path])
        path = path.rpartition(".")[0]
    return "".join(reversed(found))
