"""Samples as JSON lines, to fill a store from a file and to hand one on.

One sample a line, with the keys of `KEYS`; a missing key is null. A given ``correct`` is kept as
that file's grade, a null one is graded.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ttclib.errors import RequestError, nearest
from ttclib.grading import get_grader, grade_problem
from ttclib.problems import read_json_lines
from ttclib.store import StoreLockedError, absorb, connect, pending_parts, write_part
from ttclib.store.pool import GRADES_READ

IMPORTED_SETTING = "imported"
GIVEN = "given"
_ROWS_A_PART = 50_000


class SampleLine(BaseModel):
    """One line of the interchange format."""

    model_config = ConfigDict(extra="forbid", strict=True)

    problem_id: str = Field(min_length=1)
    policy: str = Field(min_length=1)
    sample_index: int = Field(ge=0, lt=2**31)
    reference_answer: str | None = None
    prompt: str | None = None
    completion: str | None = None
    answer: str | None = None
    correct: bool | None = None
    step_scores: list[Annotated[float, Field(allow_inf_nan=False)]] | None = None
    prompt_tokens: int | None = Field(default=None, ge=0)
    completion_tokens: int | None = Field(default=None, ge=0)


KEYS = tuple(SampleLine.model_fields)


def import_samples(
    file: Path,
    store: Path,
    *,
    grader: str = "math",
    verifier: str = "prm",
    benchmark: str | None = None,
    notify: Callable[[str], None] = lambda text: None,
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
    notify : callable

    Returns
    -------
    int
        Samples new to the store.

    Raises
    ------
    RequestError
        A line that is not JSON, has an unknown key or a bad value, or repeats a sample (named by
        its number); problems that the store has with another text.
    """
    lines = _read(file)
    run = blake2b(file.read_bytes(), digest_size=6).hexdigest()
    problems = _problems(lines, file, benchmark or file.stem, store)
    samples, scores, grades = [], [], []
    for line in lines:
        key = _key(line)
        samples.append(
            key
            | {name: getattr(line, name) for name in ("completion", "prompt_tokens", "completion_tokens")}
            | {"run_id": run}
        )
        if line.step_scores is not None:
            scores.append(key | {"verifier": verifier, "step_scores": line.step_scores, "run_id": run})
    grades = _grades(lines, problems, store, grader)
    held = _count(store)
    run_row = {"run_id": run, "command": "import", "started_at": datetime.now(UTC).replace(tzinfo=None)}
    write_part(store, "runs", [run_row | {"config": json.dumps({"file": file.name, "benchmark": benchmark})}])
    write_part(store, "problems", list(problems.values()))
    write_part(store, "settings", [{"setting": IMPORTED_SETTING}])
    write_part(store, "models", [{"model": policy} for policy in sorted({line.policy for line in lines})])
    for table, rows in (("samples", samples), ("scores", scores), ("grades", grades)):
        for begin in range(0, len(rows), _ROWS_A_PART):
            write_part(store, table, rows[begin : begin + _ROWS_A_PART])
    absorb(store, notify=notify)
    return _count(store) - held


def export_samples(store: Path, *, policy: str | None = None, verifier: str | None = None) -> Iterator[str]:
    """The samples of a store as interchange lines, ordered by policy, problem and index.

    Parameters
    ----------
    store : pathlib.Path
    policy : str, optional
        By default all.
    verifier : str, optional
        Whose step scores; by default the one with the most.

    Yields
    ------
    str
        A line of JSON without its newline.
    """
    with connect(store) as con:
        if verifier is None:
            found = con.execute("SELECT verifier FROM scores GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").fetchall()
            verifier = found[0][0] if found else None
        rows = con.execute(_EXPORT, [verifier, policy])
        names = [column[0] for column in rows.description]
        while batch := rows.fetchmany(10_000):
            for row in batch:
                yield json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)


_EXPORT = f"""
SELECT problem_id, policy, sample_index, reference_answer, prompt, completion, answer, correct,
       step_scores, prompt_tokens, completion_tokens
FROM samples
LEFT JOIN problems USING (problem_id)
LEFT JOIN (SELECT * FROM scores WHERE verifier = $1) USING (policy, problem_id, setting, sample_index)
LEFT JOIN ({GRADES_READ}) USING (policy, problem_id, setting, sample_index)
WHERE $2 IS NULL OR policy = $2
ORDER BY policy, problem_id, setting, sample_index
"""


def _read(file: Path) -> list[SampleLine]:
    if not file.is_file():
        raise RequestError(f"no file '{file}': name a file of JSON lines")
    lines: list[SampleLine] = []
    seen: dict[tuple[str, str, int], int] = {}
    for number, row in read_json_lines(file):
        try:
            line = SampleLine.model_validate(row)
        except ValidationError as error:
            raise RequestError(f"'{file}' line {number}: {_explain(error)}") from error
        identity = (line.policy, line.problem_id, line.sample_index)
        if identity in seen:
            raise RequestError(
                f"'{file}' line {number} repeats line {seen[identity]}: sample {line.sample_index} of problem "
                f"'{line.problem_id}' by '{line.policy}' must stand there once"
            )
        seen[identity] = number
        lines.append(line)
    if not lines:
        raise RequestError(f"'{file}' holds no sample: give at least one line")
    return lines


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    where = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return f"unknown key '{where}'{nearest(where, KEYS)} Allowed: {', '.join(KEYS)}"
    if first["type"] == "missing":
        return f"lacks the key '{where}'"
    return f"{where} = {json.dumps(first['input'], default=str)}: {first['msg'][0].lower() + first['msg'][1:]}"


def _problems(lines: list[SampleLine], file: Path, benchmark: str, store: Path) -> dict[str, dict[str, Any]]:
    """A row a problem, from the first line that states a value; a line that contradicts is refused."""
    held: dict[str, dict[str, Any]] = {}
    if store.exists() or pending_parts(store):
        with connect(store) as con:
            rows = con.execute("SELECT problem_id, prompt, reference_answer FROM problems").fetchall()
        held = {row[0]: {"prompt": row[1], "reference_answer": row[2]} for row in rows}
    problems: dict[str, dict[str, Any]] = {}
    for line in lines:
        row = problems.setdefault(line.problem_id, {"problem_id": line.problem_id, "benchmark": benchmark})
        for name in ("prompt", "reference_answer"):
            value = getattr(line, name)
            known = row.get(name) or held.get(line.problem_id, {}).get(name)
            if value is not None and known is not None and value != known:
                raise RequestError(
                    f"'{file}': problem '{line.problem_id}' has two values of {name}, {known[:60]!r} and {value[:60]!r}: "
                    f"give one, or another problem_id"
                )
            row[name] = value if value is not None else known
    return problems


def _grades(
    lines: list[SampleLine], problems: dict[str, dict[str, Any]], store: Path, grader_name: str
) -> list[dict[str, Any]]:
    grader = get_grader(grader_name)
    known: dict[str, list[tuple[str, int]]] = defaultdict(list)
    if store.exists() or pending_parts(store):
        with connect(store) as con:
            for problem_id, answer, number in con.execute(
                "SELECT DISTINCT problem_id, answer, answer_class FROM grades WHERE answer_class IS NOT NULL"
            ).fetchall():
                known[problem_id].append((answer, number))
    by_problem: dict[str, list[SampleLine]] = defaultdict(list)
    for line in lines:
        by_problem[line.problem_id].append(line)
    rows = []
    for problem_id, members in by_problem.items():
        found = grade_problem(
            [line.completion for line in members],
            problems[problem_id]["reference_answer"],
            grader,
            answers=[line.answer for line in members],
            known=known[problem_id],
        )
        for line, graded in zip(members, found, strict=True):
            given = line.correct is not None
            rows.append(
                _key(line)
                | vars(graded)
                | {"grader": GIVEN if given else grader.name, "correct": line.correct if given else graded.correct}
            )
    return rows


def _key(line: SampleLine) -> dict[str, Any]:
    return {
        "policy": line.policy,
        "problem_id": line.problem_id,
        "setting": IMPORTED_SETTING,
        "sample_index": line.sample_index,
    }


def _count(store: Path) -> int:
    if not store.exists() and not pending_parts(store):
        return 0
    with connect(store) as con:
        return int(con.execute("SELECT count(*) FROM samples").fetchall()[0][0])
