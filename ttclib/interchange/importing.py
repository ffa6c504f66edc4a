"""Filling a store from files of samples; `writing_parts` writes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from ttclib.grading import get_grader
from ttclib.interchange.assembling import Known, assemble
from ttclib.interchange.cell_values import cast_value
from ttclib.interchange.columns import Batch, Notes, Notify
from ttclib.interchange.grading_samples import grade_answers, grades_of
from ttclib.interchange.lint import ImportLint
from ttclib.interchange.reading import Found, digest, find_all, read_batches, reading_lines
from ttclib.interchange.sources import bare_name
from ttclib.interchange.spool import ROWS, Spool
from ttclib.interchange.store_tables import StoreTables, models_of, verifiers_of
from ttclib.interchange.writing_parts import Parts
from ttclib.store import StoreLockedError, absorb, check_writable, connect, is_collected
from ttclib.store.credit import credit_run
from ttclib.store.fact_tables import read_facts
from ttclib.store.graded_rows import known_classes
from ttclib.store.models import read_row, refuse_known_verifier
from ttclib.store.reading_through import refuse_damaged
from ttclib.store.remaining import known_problems, n_drawn
from ttclib.store.sample_rows import samples_held

_DRAWS = ("policy", "setting", "benchmark")
MakeProgress = Callable[[str, int, str], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def no_progress(what: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Show nothing."""
    yield lambda done: None


def import_samples(
    paths: Path | Sequence[Path],
    store: Path,
    *,
    file_format: str | None = None,
    fields: Mapping[str, str] | None = None,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: Mapping[str, Any] | None = None,
    grader: str = "math",
    verifier: str = "prm",
    facts: Mapping[str, Any] | None = None,
    prices: Path | None = None,
    credit: str | None = None,
    license: str | None = None,
    rows_at_once: int = ROWS,
    progress: MakeProgress = no_progress,
    notify: Notify = lambda text: None,
    report: Notify = lambda text: None,
) -> int:
    """Fill a store from files of samples or counts; nothing is written unless every row is good.

    Parameters
    ----------
    paths : pathlib.Path or sequence of them
        Files, or folders of them.
    store : pathlib.Path
        Made if it is not there.
    file_format : str, optional
        One of `ttclib.interchange.readers`; by default told by looking.
    fields : mapping of str to str, optional
        What the files call our columns.
    policy, benchmark : str, setting : mapping, optional
        Of rows that do not say theirs. By default the benchmark is the first file's name.
    grader : {"math", "exact"}
        Tells equivalent answers apart from different ones, and grades where `correct` is null.
    verifier : str
        Name under which the step scores are kept, where a file does not name it (in `readings`).
    facts : mapping of str to value, optional
        About the policy, where there is one only: `n_parameters`, `usd_per_mtok_output`, …
    prices : pathlib.Path, optional
        A table of facts by policy, as `ttclib.store.fact_tables.read_facts` reads it.
    credit, license : str, optional
        Whose samples these are, and on what terms; said wherever the store is shown.
    rows_at_once : int
        How many rows at most are worked on together: memory grows with it, and not with the files.
    progress : callable
        ``progress(word, total, unit)`` gives a context manager that is told how many samples are
        graded, as `ttclib.collect.progress.progress` does.
    notify : callable
        Told, in a line each, of keys left out, of signs that a file is wrong, and of waiting.
    report : callable
        Told, in a line each, of what was found, and what can be asked of it.

    Returns
    -------
    int
        Samples, or counts, new to the store.

    Raises
    ------
    RequestError
        A file that cannot be read, a row that lacks a key, has a bad value or repeats another (named by
        its number); a problem with two texts, here or in the store; a store that cannot be read.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    sources = find_all(files, fields)
    notes = Notes()
    run_ids = {source.path: digest(source.path) for source in sources}
    return import_batches(
        read_batches(sources, notes, file_format=file_format, run_ids=run_ids),
        store,
        notes=notes,
        files={run_ids[source.path]: source.name for source in sources},
        name=bare_name(files[0]),
        policy=policy,
        benchmark=benchmark,
        setting=setting,
        grader=grader,
        verifier=verifier,
        facts=facts,
        prices=prices,
        credit=credit,
        license=license,
        rows_at_once=rows_at_once,
        progress=progress,
        notify=notify,
        report=report,
    )


def import_batches(
    batches: Iterator[Batch],
    store: Path,
    *,
    notes: Notes,
    files: Mapping[str, str],
    name: str,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: Mapping[str, Any] | None = None,
    grader: str = "math",
    verifier: str = "prm",
    facts: Mapping[str, Any] | None = None,
    prices: Path | None = None,
    credit: str | None = None,
    license: str | None = None,
    rows_at_once: int = ROWS,
    progress: MakeProgress = no_progress,
    notify: Notify = lambda text: None,
    report: Notify = lambda text: None,
) -> int:
    """Fill a store from batches, as `import_samples` does from files.

    Parameters
    ----------
    notes : Notes
        Of the readers.
    files : mapping of str to str
        Name of each file by its batches' `run_id`.
    name : str
        Benchmark of problems that have none.
    policy, benchmark, setting, grader, verifier, facts, prices, credit, license, rows_at_once, progress, notify, report
        As in `import_samples`.

    Raises
    ------
    RequestError
    """
    judge = get_grader(grader)
    check_writable(store, notify=notify)
    credited = credit_run(credit, license)
    stated = {} if prices is None else read_facts(prices)
    held = _Held.of(store, judge.name, notify)
    with closing(Spool()) as spool:
        read = assemble(
            batches,
            notes,
            policy=policy,
            benchmark=benchmark,
            setting=_text_of(setting),
            known=Known(held.problems, held.samples),
            name=f"'{name}'",
            spool=spool,
            rows_at_once=rows_at_once,
        )
        models = models_of(read, stated, facts)
        if is_collected(store):
            for one in verifiers_of(read, verifier):
                refuse_known_verifier(store, one)
        references = dict(read.problems.select("problem_id", "reference_answer").iter_rows())
        showing = progress if len(read.keys) else no_progress
        with showing("grade", len(read.keys), "samples") as tell:
            graded = grade_answers(
                read.answers, references, judge, known=held.classes, n_samples=len(read.keys), tell=tell
            )
        started = datetime.now(UTC).replace(tzinfo=None)
        runs: list[dict[str, Any]] = [
            {"run_id": run_id, "command": "import", "config": json.dumps({"file": file, "benchmark": benchmark})}
            for run_id, file in files.items()
            if run_id in read.run_ids
        ]
        runs = [{**run, "started_at": started} for run in (*runs, *([credited] if credited else []))]
        tables = StoreTables(read, benchmark or name, verifier)
        found, lint = Found(), ImportLint(read)
        with Parts(store) as parts:
            parts.add({"runs": pa.Table.from_pylist(runs)} | tables.first(models))
            for samples in read.batches():
                grades = grades_of(samples, graded, references, judge)
                found.add(samples, grades)
                lint.add(samples, grades)
                parts.add(tables.of(samples, grades))
            parts.add(tables.last())
        for line in reading_lines(notes):
            notify(line)
        for line in found.lines(read):
            report(line)
        several = (
            max((frame.select(_DRAWS).n_unique() for frame in (read.keys, read.counts) if len(frame)), default=0) > 1
        )
        for finding in lint.findings():
            whose = f" of {finding.where}:" if several else ""
            notify(f"warning:{whose} {finding.text} They are imported as they stand.")
        n_read = len(read.keys) + len(read.counts)
    del read, graded, tables, lint  # the store's own memory comes on top
    try:
        absorb(store, notify=notify)
    except StoreLockedError as error:
        # Somebody reads it, such as an open notebook. Nothing is lost, and nothing is to be done again.
        notify(f"the lines wait beside the store and count already: {error}")
    added = _count(store) - held.n_rows
    if added < n_read:
        report(
            f"{n_read - added:,} were in the store already, by policy, problem, setting and sample_index: they stay as "
            "they are"
        )
    if stated or facts:
        for line in _contradicted(store, models):
            report(line)
    return added


@dataclass(frozen=True)
class _Held:
    """What the store holds that an import must fit to."""

    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    classes: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    n_rows: int = 0
    samples: Callable[[list[str]], pl.DataFrame] | None = None

    @classmethod
    def of(cls, store: Path, grader: str, notify: Notify) -> _Held:
        """Read it, where there is a store."""
        if not is_collected(store):
            return cls()
        refuse_damaged(store, notify=notify)
        with connect(store, notify=notify) as con:
            problems = known_problems(con)
            classes = known_classes(con, grader)
        return cls(problems, classes, _count(store), partial(samples_held, store))


def _contradicted(store: Path, models: pl.DataFrame) -> Iterator[str]:
    """Facts that the store knew otherwise, and keeps."""
    with connect(store) as con:
        for row in models.iter_rows(named=True):
            kept = read_row(con, row["model"])
            other = [name for name, value in row.items() if value is not None and kept.get(name) not in (None, value)]
            if other:
                yield (
                    f"the store states another {', '.join(other)} of '{row['model']}', which stays: change it with "
                    "`ttc models`"
                )


def _text_of(setting: Mapping[str, Any] | None) -> str | None:
    return cast_value("setting", dict(setting)) if setting else None


def _count(store: Path) -> int:
    with connect(store) as con:
        return n_drawn(con)
