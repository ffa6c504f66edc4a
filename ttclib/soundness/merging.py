"""`merge_stores`: several stores into a new one, and what numbers of classes mean in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa

from ttclib.errors import RequestError
from ttclib.grading import get_grader, grade_problem, problem_grader
from ttclib.soundness.verifying import todays_grader
from ttclib.store import connect
from ttclib.store.copying import filling, refuse_existing
from ttclib.store.merging import Conflicts, classes_in, merge_rows, problem_of, renumber
from ttclib.store.relations import row_counts
from ttclib.store.schema import store_path

Notify = Callable[[str], None]
# Classes that two stores number differently are numbered by their answers: from here on, where no grader numbers.
_OURS = 1 << 30
_Numbers = dict[str, set[tuple[int, int]]]  # by answer the (store, number) that it has


def merge_stores(
    paths: Sequence[str | Path],
    into: str | Path,
    *,
    wait_s: float | None = None,
    notify: Notify = lambda text: None,
) -> dict[str, int]:
    """Put stores together into a new one; what it holds does not depend on their order.

    Parameters
    ----------
    paths : sequence of str or pathlib.Path
        Stores, with the parts beside them; none is changed.
    into : str or pathlib.Path
        The new store.
    wait_s, notify
        As in `ttclib.store.connect`.

    Returns
    -------
    dict of str to int
        Rows of the new store, by table.

    Raises
    ------
    RequestError
        No such store, something at `into`, another model by the same name, or a row that two stores hold with other
        content: each is named, and nothing is written.
    DamagedStoreError
        A row cannot be read; nothing is written.
    """
    if not paths:
        raise RequestError("no store: name those to merge")
    target = store_path(into)
    refuse_existing(target)
    conflicts = Conflicts()
    classes: list[pa.Table] = []
    with filling(target) as con:
        for path in paths:
            with connect(path, wait_s=wait_s, notify=notify) as source:
                merge_rows(source, con, Path(path), conflicts)
                classes.append(classes_in(source))
        conflicts.refuse()
        numbers: list[tuple[str, str, str, int]] = []
        for problem_id, by_grader in _shared(classes):
            asked = problem_of(con, problem_id)
            if any(not _agree(held, _components(held, grader, asked)) for grader, held in by_grader.items()):
                for grader, held in by_grader.items():
                    named = _named(_components(held, grader, asked))
                    numbers += [(problem_id, grader, answer, number) for answer, number in named.items()]
        if numbers:
            renumber(con, numbers)
        return row_counts(con, set())


def _shared(classes: Sequence[pa.Table]) -> Iterator[tuple[str, dict[str, _Numbers]]]:
    """Problems with classes of several stores: by grader the numbers of each answer."""
    found: dict[str, dict[str, _Numbers]] = defaultdict(lambda: defaultdict(lambda: defaultdict(set)))
    stores: dict[str, set[int]] = defaultdict(set)
    for store, table in enumerate(classes):
        for problem_id in table["problem_id"].unique().to_pylist():
            stores[problem_id].add(store)
    for store, table in enumerate(classes):
        columns = (table[name].to_pylist() for name in ("problem_id", "grader", "answer", "number"))
        for problem_id, grader, answer, number in zip(*columns, strict=True):
            if len(stores[problem_id]) > 1:
                found[problem_id][grader][answer].add((store, number))
    for problem_id in sorted(found):
        yield problem_id, found[problem_id]


def _components(held: _Numbers, grader_name: str, asked: tuple[str | None, str | None, str | None]) -> list[list[str]]:
    """Answers that are one class: in one of the stores, or by the grader; each in order, and they by their first."""
    grader = todays_grader(grader_name) or get_grader("math")
    answers = sorted(held)
    grades = grade_problem([None] * len(answers), asked[0], problem_grader(grader, *asked), answers=answers)
    links: dict[object, list[str]] = defaultdict(list)
    for answer, grade in zip(answers, grades, strict=True):
        links["grader", grade.answer_class].append(answer)
        for place in held[answer]:
            links[place].append(answer)
    above = {answer: answer for answer in answers}

    def first(answer: str) -> str:
        while above[answer] != answer:
            above[answer] = above[above[answer]]
            answer = above[answer]
        return answer

    for linked in links.values():
        for answer in linked[1:]:
            one, other = sorted((first(linked[0]), first(answer)))
            above[other] = one
    together: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        together[first(answer)].append(answer)
    return list(together.values())


def _agree(held: _Numbers, components: Sequence[Sequence[str]]) -> bool:
    """Whether the stores' numbers tell the classes as they are, so that they can stay."""
    numbers = [{number for answer in answers for _, number in held[answer]} for answers in components]
    all_numbers = [number for own in numbers for number in own]
    one_each = all(len(own) == 1 for own in numbers) and len(set(all_numbers)) == len(all_numbers)
    return one_each and len({number >= _OURS for number in all_numbers}) == 1


def _named(components: Sequence[Sequence[str]]) -> dict[str, int]:
    """A number for each class from its first answer, whatever else is there."""
    taken: set[int] = set()
    found: dict[str, int] = {}
    for answers in components:
        number = _OURS + int.from_bytes(blake2b(answers[0].encode(), digest_size=4).digest(), "big") % (_OURS - 1)
        while number in taken:
            number += 1
        taken.add(number)
        found |= dict.fromkeys(answers, number)
    return found
