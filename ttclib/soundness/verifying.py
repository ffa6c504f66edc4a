"""`verify_store`: every hash, count, class, key, path, part and packed file of a store derived once more.

Of grades only what today's graders made can be: one by another version stands as it is, as does one that came with
the data. A grade that could not be told, now or then, contradicts nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ttclib.errors import RequestError, TTCError
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
from ttclib.store.blocks import log_is_whole
from ttclib.store.findings import Finding, at
from ttclib.store.graded_rows import GRADED, GradedProblem, GradedRow, graded_problems, graders_of
from ttclib.store.inspection import Inspection, inspected
from ttclib.store.packed import packed_path, unpack_to
from ttclib.store.relations import row_counts, rows_unsound
from ttclib.store.schema import parts_directory, pending_parts, plain_path
from ttclib.store.sound_parts import checked_packed

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


Notify = Callable[[str], None]


@dataclass(frozen=True)
class Verdict:
    """What was found."""

    store: str
    findings: tuple[Finding, ...]  # empty: the store is sound
    notes: tuple[str, ...]  # what could not be checked, and why
    rows: dict[str, int] = field(default_factory=dict)  # by table, of what was read and checked

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    @property
    def sound_tables(self) -> tuple[str, ...]:
        """Tables with rows of which nothing is wrong."""
        wrong = {one.table for one in self.findings}
        return tuple(table for table, n in self.rows.items() if n and table not in wrong)

    def record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "store": self.store,
            "sound": self.is_sound,
            "findings": [one.record() for one in self.findings],
            "notes": list(self.notes),
            "rows": self.rows,
            "sound_tables": list(self.sound_tables),
        }


def verify_store(path: str | Path, *, wait_s: float | None = None, notify: Notify = lambda text: None) -> Verdict:
    """Look at every byte and every row of a store, of the parts beside it and of its packed form. Nothing is changed.

    Parameters
    ----------
    path : str or pathlib.Path
        A store, or a packed one (``NAME.duckdb.xz``), which is looked at without being unpacked beside it.
    wait_s, notify
        As in `ttclib.store.connect`.

    Returns
    -------
    Verdict

    Raises
    ------
    RequestError
        No such store, a DuckDB file of something else, or a newer schema.
    StoreLockedError
        Another process writes to it for longer than `wait_s`.
    """
    with at_hand(path) as (store, findings):
        with inspected(store, wait_s=wait_s, notify=notify) as found:
            rows, notes = row_counts(found.con, skipped := set(found.lost)), list(found.notes)
            findings += found.findings
            faults, unchecked = rows_unsound(found.con, skipped)
            findings += faults
            findings += regraded_all(found, skipped, notes)
            if unchecked:
                notes.append(f"what cannot be read was not compared: {', '.join(sorted(unchecked))}")
            log = store.with_name(store.name + ".wal")
            if log.exists() and store.exists():
                notes.append("it has a write-ahead log: a process writes to it, or was killed; it counts as part of it")
                if not log_is_whole(log):
                    notes.append(
                        f"{log.name} ends within an entry: a write was cut off, as by a kill, and is not counted"
                    )
        return Verdict(str(path), tuple(findings), tuple(notes), rows)


@contextmanager
def at_hand(path: str | Path) -> Iterator[tuple[Path, list[Finding]]]:
    """A store that can be opened, and what is wrong with its packed form; one that is packed alone lies elsewhere.

    Raises
    ------
    RequestError
        No such store.
    """
    given = plain_path(path)
    if given.is_dir() and not pending_parts(given):
        raise RequestError(
            f"'{given}' is a folder without parts: name a store's DuckDB file, or a packed one, NAME.duckdb.xz"
        )
    packed = given if given.suffix == ".xz" else packed_path(given)
    if given.suffix != ".xz" and (given.exists() or pending_parts(given)):
        yield given, checked_packed(given)
        return
    if not packed.is_file():
        raise RequestError(f"no store at '{given}': name its DuckDB file, or a packed one, NAME.duckdb.xz")
    with TemporaryDirectory() as folder:
        place = Path(folder) / (packed.name.removesuffix(".xz") or "store.duckdb")
        try:
            unpack_to(packed, place)
        except TTCError as error:
            parts_directory(place).mkdir()  # there is nothing to read
            place.unlink(missing_ok=True)
            yield place, [Finding("packed", None, packed.name, str(error))]
            return
        yield place, []


def regraded_all(found: Inspection, skipped: set[str], notes: list[str]) -> Iterator[Finding]:
    """Grades and classes that come out otherwise; what could not be derived is added to the notes."""
    if skipped & {"samples", "revisions", "problems", "runs"}:
        notes.append("grades were not derived again: samples, problems or runs cannot be read in full")
        return
    for table in GRADED:
        if table in skipped:
            continue
        for grader, n_rows in graders_of(found.con, table):
            if grader != "given" and todays_grader(grader) is None:
                notes.append(f"{n_rows:,} {table} by '{grader}' were not derived again: this ttclib has another grader")
        for problem in graded_problems(found.con, table):
            yield from regraded(problem)
