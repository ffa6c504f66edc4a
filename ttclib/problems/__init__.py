"""A benchmark → problems with stable ids.

A source is ``lab:test``, a JSON-lines file, a benchmark by its name (``math500``), any data set of
the hub (``hub:owner/name``) or tasks made to order (``reasoning-gym:chain_sum``).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError, one_of
from ttclib.problems.benchmarks import BENCHMARKS, Benchmark, hub_rows, read_json_lines
from ttclib.problems.problem import FIELDS, HASH, LINE, Problem, problem_from_row, prompt_id

__all__ = [
    "BENCHMARKS",
    "FIELDS",
    "HASH",
    "LINE",
    "Problem",
    "load_problems",
    "new_questions",
    "prompt_id",
    "read_json_lines",
]

LAB_SPLITS = ("test", "validation")
_DEFAULT_LIMIT = 100  # where a source could go on without end


def load_problems(
    source: str,
    *,
    limit: int | None = None,
    benchmark: str | None = None,
    fields: Mapping[Any, str] | None = None,
    revision: str | None = None,
    subset: str | None = None,
    split: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> list[Problem]:
    """Read problems from the lab, a JSON-lines file, the hub or a generator.

    Parameters
    ----------
    source : str
        ``lab:test``, ``lab:validation``, a path, a name of `BENCHMARKS`, ``hub:owner/name`` or
        ``reasoning-gym:TASK``.
    limit : int, optional
        The first so many; what is made without end gives 100 by default.
    benchmark : str, optional
        Name in the store; by default the file's, the benchmark's or the task's. A name of
        `BENCHMARKS` says how that benchmark calls its fields in a file of yours.
    fields : mapping, optional
        ``{"prompt": "question"}``: what the source calls a field. ``{"problem_id": "line"}``
        numbers the rows, for a source that has no ids; ``"hash"`` names them by their prompt, the
        same wherever it comes from. A reference answer that ends in ``#### 7``, as GSM8K's do, is
        7; what stands before goes to `metadata`.
    revision, subset, split : str, optional
        Of a data set on the hub; the named benchmarks pin theirs.
    parameters : mapping, optional
        Of a reasoning-gym task.
    seed : int
        Of a reasoning-gym task.

    Returns
    -------
    list of Problem
        At least one, ids distinct.

    Raises
    ------
    RequestError
        No such source; a line that is not JSON, lacks a field or repeats an id (named by its
        number); a package that is not installed.

    Examples
    --------
    >>> load_problems("lab:test", limit=1)[0].benchmark
    'lab'
    """
    if source.startswith("lab:"):
        return _lab_problems(one_of(source[4:], LAB_SPLITS, "lab split"), limit or _DEFAULT_LIMIT)
    if source.startswith("reasoning-gym:"):
        from ttclib.problems.benchmarks import gym_problems

        task = source.removeprefix("reasoning-gym:")
        return gym_problems(task, limit or _DEFAULT_LIMIT, seed, dict(parameters or {}), benchmark=benchmark)
    rows, known, name = _rows(source, benchmark, revision, subset, split)
    found: dict[str, Problem] = {}
    for number, row in islice(rows, limit):
        # A benchmark's own names hold where the row has them and the configuration says nothing else.
        native = {ours: theirs for ours, theirs in known.items() if ours not in row and theirs in (HASH, *row)}
        called = {**native, **(fields or {})}
        problem = problem_from_row(row, number, f"'{source}' line {number}", benchmark or name, called)
        if problem.problem_id in found:
            raise RequestError(
                f"'{source}' line {number}: problem_id '{problem.problem_id}' stands there twice: ids must differ"
            )
        found[problem.problem_id] = problem
    if not found:
        raise RequestError(f"'{source}' holds no problem: give at least one line")
    return list(found.values())


def new_questions(path: Path, benchmark: str | None = None) -> list[Problem]:
    """Questions to be answered: JSON lines with a `prompt` each.

    Parameters
    ----------
    path : pathlib.Path
    benchmark : str, optional
        Their name in a store; by default the file's.

    Returns
    -------
    list of Problem
        At least one, ids distinct. One without a `problem_id` is named by its prompt, one without a `reference_answer`
        has none.

    Raises
    ------
    RequestError
        No such file, a line that is not JSON, has no text or repeats a question; named by its number.
    """
    name, found, lines = benchmark or path.stem, dict[str, Problem](), dict[str, int]()
    for number, row in read_json_lines(path):
        fields = {} if "problem_id" in row else {"problem_id": HASH}
        one = problem_from_row({"reference_answer": None, **row}, number, f"'{path}' line {number}", name, fields)
        if one.problem_id in found:
            what = f"problem_id '{one.problem_id}'" if not fields else "the same question"
            raise RequestError(f"'{path}' line {number}: {what} stands in line {lines[one.problem_id]} already")
        found[one.problem_id], lines[one.problem_id] = one, number
    if not found:
        raise RequestError(f'\'{path}\' holds no question: give at least one line, such as {{"prompt": "1 + 1 = ?"}}')
    return list(found.values())


def _rows(
    source: str, benchmark: str | None, revision: str | None, subset: str | None, split: str | None
) -> tuple[Iterable[tuple[int, dict[str, Any]]], Mapping[str, str], str]:
    """Numbered rows, what their benchmark calls its fields, and a name."""
    path = Path(source)
    if path.is_file():
        named = BENCHMARKS.get(benchmark or path.stem)
        return read_json_lines(path), named.fields if named else {}, path.stem
    if source in BENCHMARKS:
        here = BENCHMARKS[source]
        pinned = Benchmark(
            here.hub_id, revision or here.revision, subset or here.subset, split or here.split, here.fields
        )
        return hub_rows(pinned), here.fields, source
    if source.startswith("hub:"):
        hub_id = source.removeprefix("hub:")
        return hub_rows(Benchmark(hub_id, revision, subset, split or "test", {})), {}, hub_id.rsplit("/", 1)[-1]
    raise RequestError(
        f"no problem file '{source}': name a JSON-lines file, a benchmark ({', '.join(BENCHMARKS)}), hub:OWNER/NAME, "
        f"reasoning-gym:TASK, or lab:test for the problems that ship"
    )


def _lab_problems(split: str, limit: int) -> list[Problem]:
    from ttclib.problems.arithmetic import held_out

    return [
        Problem(
            problem_id=f"lab-{split}-{number:04d}",
            prompt=exercise.prompt,
            reference_answer=str(exercise.value),
            benchmark="lab",
            metadata={"n_operations": exercise.n_operations},
        )
        for number, exercise in enumerate(held_out(split, limit))
    ]
