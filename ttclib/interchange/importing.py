"""Filling a store from a file of samples."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError
from ttclib.grading import Grader, get_grader, grade_problem
from ttclib.interchange.lines import Notify, SampleLine, read_samples
from ttclib.plausibility import doubt_grades, doubt_places
from ttclib.store import StoreLockedError, absorb, connect, is_collected, write_part
from ttclib.store.classes import known_classes
from ttclib.store.schema import parts_directory

IMPORTED_SETTING = "imported"
GIVEN = "given"
_ROWS_A_PART = 50_000
MakeProgress = Callable[[str, int, str], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def no_progress(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Show nothing."""
    yield lambda done: None


def import_samples(
    file: Path,
    store: Path,
    *,
    grader: str = "math",
    verifier: str = "prm",
    benchmark: str | None = None,
    progress: MakeProgress = no_progress,
    notify: Notify = lambda text: None,
) -> int:
    """Fill a store from interchange lines; nothing is written unless every line is good.

    Parameters
    ----------
    file : pathlib.Path
    store : pathlib.Path
        Made if it is not there.
    grader : {"math", "exact"}
        Tells equivalent answers apart from different ones, and grades where `correct` is null.
    verifier : str
        Name under which the step scores are kept.
    benchmark : str, optional
        By default the file's name without its ending.
    progress : callable
        ``progress(word, total, unit)`` gives a context manager that is told how many samples are
        graded, as `ttclib.collect.progress.progress` does.
    notify : callable
        Told, in a line each, of keys left out, of signs that the file is wrong, and of waiting.

    Returns
    -------
    int
        Samples new to the store.

    Raises
    ------
    RequestError
        A line that is not JSON, lacks a key, has a bad value or repeats a sample (named by its
        number); a problem with two texts, here or in the store; a store that cannot be read.
    """
    judge = get_grader(grader)
    lines = read_samples(file, notify)
    held = _Held.of(store, judge.name, notify)
    problems = _problems(lines, file, benchmark or file.stem, held)
    run = blake2b(file.read_bytes(), digest_size=6).hexdigest()
    samples, scores = [], []
    for line in lines.values():
        key = _key(line)
        samples.append(
            key
            | {name: getattr(line, name) for name in ("completion", "prompt_tokens", "completion_tokens")}
            | {"run_id": run}
        )
        if line.step_scores is not None:
            scores.append(key | {"verifier": verifier, "step_scores": line.step_scores, "run_id": run})
    grades = _grades(list(lines.values()), problems, held, judge, file, progress, notify)
    run_row = {"run_id": run, "command": "import", "started_at": datetime.now(UTC).replace(tzinfo=None)}
    tables: dict[str, list[dict[str, Any]]] = {
        "runs": [run_row | {"config": json.dumps({"file": file.name, "benchmark": benchmark})}],
        "problems": list(problems.values()),
        "settings": [{"setting": IMPORTED_SETTING}],
        "models": [{"model": policy} for policy in sorted({line.policy for line in lines.values()})],
        "samples": samples,
        "scores": scores,
        "grades": grades,
    }
    _write(store, tables)
    try:
        absorb(store, notify=notify)
    except StoreLockedError as error:
        # Somebody reads it, such as an open notebook. Nothing is lost, and nothing is to be done again.
        notify(f"the lines wait beside the store and count already: {error}")
    return _count(store) - held.n_samples


@dataclass(frozen=True)
class _Held:
    """What the store holds that an import must fit to."""

    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    classes: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    n_samples: int = 0

    @classmethod
    def of(cls, store: Path, grader: str, notify: Notify) -> _Held:
        """Read it, where there is a store."""
        if not is_collected(store):
            return cls()
        with connect(store, notify=notify) as con:
            problems = con.execute("SELECT problem_id, prompt, reference_answer FROM problems").fetchall()
            classes = known_classes(con, grader)
            n_samples = con.execute("SELECT count(*) FROM samples").fetchall()[0][0]
        return cls({row[0]: {"prompt": row[1], "reference_answer": row[2]} for row in problems}, classes, n_samples)


def _problems(lines: dict[int, SampleLine], file: Path, benchmark: str, held: _Held) -> dict[str, dict[str, Any]]:
    """A row a problem, from the first line that states a value; a line that contradicts is refused."""
    problems: dict[str, dict[str, Any]] = {}
    for number, line in lines.items():
        row = problems.setdefault(line.problem_id, {"problem_id": line.problem_id, "benchmark": benchmark})
        for name in ("prompt", "reference_answer"):
            value = getattr(line, name)
            stored = held.problems.get(line.problem_id, {}).get(name)
            known = stored if stored is not None else row.get(name)
            if value is not None and known is not None and value != known:
                where = "in the store" if stored is not None else "above"
                raise RequestError(
                    f"'{file}' line {number}: problem {line.problem_id!r} has another {name}, {value[:60]!r}, "
                    f"than {where}, {known[:60]!r}: give one, or another problem_id"
                )
            row[name] = value if value is not None else known
    return problems


def _grades(
    lines: list[SampleLine],
    problems: dict[str, dict[str, Any]],
    held: _Held,
    grader: Grader,
    file: Path,
    progress: MakeProgress,
    notify: Notify,
) -> list[dict[str, Any]]:
    by_problem: dict[str, list[SampleLine]] = defaultdict(list)
    for line in lines:
        by_problem[line.problem_id].append(line)
    rows = []
    checked: list[tuple[bool | None, bool | None]] = []
    answers: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))  # by policy, by problem
    done = 0
    with progress("grade", len(lines), "samples") as tell:
        for problem_id, members in by_problem.items():
            found = grade_problem(
                [line.completion for line in members],
                problems[problem_id]["reference_answer"],
                grader,
                answers=[line.answer for line in members],
                known=held.classes.get(problem_id, ()),
            )
            for line, graded in zip(members, found, strict=True):
                given = line.correct is not None
                rows.append(
                    _key(line)
                    | vars(graded)
                    | {"grader": GIVEN if given else grader.name, "correct": line.correct if given else graded.correct}
                )
                if graded.answer is not None:
                    checked.append((line.correct, graded.correct))
                    answers[line.policy][problem_id].append(graded.answer)
            done += len(members)
            tell(done)
    doubts = [doubt_grades([given for given, _ in checked], [ours for _, ours in checked])]
    doubts += [doubt_places(groups.values()) for groups in answers.values()]
    if stated := "; ".join(doubt for doubt in doubts if doubt):
        notify(
            f"warning: '{file}' may hold samples under the wrong problems: {stated}. They are imported as they stand."
        )
    return rows


def _write(store: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    """All of it, or nothing where the disk is full."""
    written: list[Path | None] = []
    try:
        for table, rows in tables.items():
            for begin in range(0, len(rows), _ROWS_A_PART):
                written.append(write_part(store, table, rows[begin : begin + _ROWS_A_PART]))
    except BaseException:
        for part in written:
            if part is not None:
                part.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or gone
            parts_directory(store).rmdir()
        raise


def _key(line: SampleLine) -> dict[str, Any]:
    return {
        "policy": line.policy,
        "problem_id": line.problem_id,
        "setting": IMPORTED_SETTING,
        "sample_index": line.sample_index,
    }


def _count(store: Path) -> int:
    with connect(store) as con:
        return int(con.execute("SELECT count(*) FROM samples").fetchall()[0][0])
