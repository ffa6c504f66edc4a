"""Filling a store from files of samples: the one file here that writes to a store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from ttclib import setting_keys
from ttclib.errors import RequestError
from ttclib.grading import get_grader
from ttclib.interchange.assembling import Assembled, Known, assemble
from ttclib.interchange.batch import Batch, Notes, Notify
from ttclib.interchange.columns import cast_value
from ttclib.interchange.found import found_lines, reading_lines
from ttclib.interchange.grading_samples import grade_samples
from ttclib.interchange.lint import lint_import
from ttclib.interchange.reading import find_all, read_batches
from ttclib.interchange.sources import bare_name
from ttclib.store import StoreLockedError, absorb, connect, is_collected, write_part
from ttclib.store.classes import known_classes
from ttclib.store.models import refuse_known_verifier
from ttclib.store.schema import parts_directory
from ttclib.store.tables import columns_of

_ROWS_A_PART = 500_000
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
        Name under which the step scores are kept.
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
    return import_batches(
        read_batches(sources, notes, file_format=file_format),
        store,
        notes=notes,
        run_id=_digest([source.path for source in sources]),
        name=bare_name(files[0]),
        policy=policy,
        benchmark=benchmark,
        setting=setting,
        grader=grader,
        verifier=verifier,
        progress=progress,
        notify=notify,
        report=report,
    )


def import_batches(
    batches: Iterator[Batch],
    store: Path,
    *,
    notes: Notes,
    run_id: str,
    name: str,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: Mapping[str, Any] | None = None,
    grader: str = "math",
    verifier: str = "prm",
    progress: MakeProgress = no_progress,
    notify: Notify = lambda text: None,
    report: Notify = lambda text: None,
) -> int:
    """Fill a store from batches, as `import_samples` does from files.

    Parameters
    ----------
    batches : iterator of Batch
    store : pathlib.Path
    notes : Notes
        Of the readers.
    run_id : str
        Names this import: of the same content the same.
    name : str
        Benchmark of problems that have none.
    policy, benchmark, setting, grader, verifier, progress, notify, report
        As in `import_samples`.

    Returns
    -------
    int

    Raises
    ------
    RequestError
    """
    judge = get_grader(grader)
    held = _Held.of(store, judge.name, notify)
    read = assemble(
        batches,
        notes,
        policy=policy,
        benchmark=benchmark,
        setting=_text_of(setting),
        known=Known(held.problems),
        name=f"'{name}'",
    )
    references = dict(read.problems.select("problem_id", "reference_answer").iter_rows())
    showing = progress if len(read.samples) else no_progress
    with showing("grade", len(read.samples), "samples") as tell:
        grades = grade_samples(read.samples, references, judge, known=held.classes, tell=tell)
    for line in reading_lines(notes):
        notify(line)
    for line in found_lines(read, grades):
        report(line)
    several = (
        max((frame.select(_DRAWS).n_unique() for frame in (read.samples, read.counts) if len(frame)), default=0) > 1
    )
    for finding in lint_import(read, grades):
        whose = f" of {finding.where}:" if several else ""
        notify(f"warning:{whose} {finding.text} They are imported as they stand.")
    if is_collected(store) and read.samples["step_scores"].is_not_null().any():
        refuse_known_verifier(store, verifier)
    n_read = len(read.samples) + len(read.counts)
    config = json.dumps({"file": name, "benchmark": benchmark})
    started = datetime.now(UTC).replace(tzinfo=None)
    run = {"run_id": run_id, "command": "import", "started_at": started, "config": config}
    _write(store, {"runs": pa.Table.from_pylist([run])} | _tables(read, grades, run_id, benchmark or name, verifier))
    del read, grades  # the store's own memory comes on top
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
    return added


@dataclass(frozen=True)
class _Held:
    """What the store holds that an import must fit to."""

    problems: dict[str, dict[str, Any]] = field(default_factory=dict)
    classes: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    n_rows: int = 0

    @classmethod
    def of(cls, store: Path, grader: str, notify: Notify) -> _Held:
        """Read it, where there is a store."""
        if not is_collected(store):
            return cls()
        with connect(store, notify=notify) as con:
            rows = con.execute("SELECT problem_id, benchmark, prompt, reference_answer FROM problems").fetchall()
            classes = known_classes(con, grader)
        names = ("benchmark", "prompt", "reference_answer")
        return cls({row[0]: dict(zip(names, row[1:], strict=True)) for row in rows}, classes, _count(store))


def _text_of(setting: Mapping[str, Any] | None) -> str | None:
    return cast_value("setting", dict(setting)) if setting else None


def _tables(read: Assembled, grades: pl.DataFrame, run_id: str, benchmark: str, verifier: str) -> dict[str, pa.Table]:
    """Rows of the store's tables."""
    settings = pl.concat([read.samples["setting"], read.counts["setting"]]).unique(maintain_order=True).to_list()
    keys = {text: json.loads(text) if text is not None else {} for text in settings}
    names = {text: setting_keys.setting_name(found) for text, found in keys.items()}
    named = pl.col("setting").replace_strict(names, return_dtype=pl.String)
    samples, counts = (
        frame.with_columns(named, pl.lit(run_id).alias("run_id")) for frame in (read.samples, read.counts)
    )
    key = ["policy", "problem_id", "setting", "sample_index"]
    policies = pl.concat([samples["policy"], counts["policy"]]).unique().sort()
    scored = samples.filter(pl.col("step_scores").is_not_null())
    reading = pl.lit(0, dtype=pl.Int32).alias("reading")
    frames = {
        "problems": _with_difficulty(read, benchmark),
        "settings": pl.DataFrame(
            {"setting": list(names.values()), "keys": list(map(setting_keys.canonical_json, keys.values()))}
        ).unique("setting", maintain_order=True),
        "models": pl.DataFrame({"model": policies}),
        "samples": samples,
        "counts": counts,
        "scores": scored.select(*key, pl.lit(verifier).alias("verifier"), reading, "step_scores", "run_id"),
        "grades": pl.concat([samples.select(key), grades.drop("graded")], how="horizontal"),
    }
    return {
        table: frame.select(name for name, _ in columns_of(table) if name in frame.columns).to_arrow()
        for table, frame in frames.items()
        if len(frame)
    }


def _with_difficulty(read: Assembled, benchmark: str) -> pl.DataFrame:
    """The problems, with what counts say of their difficulty among the metadata."""
    problems = read.problems.with_columns(pl.col("benchmark").fill_null(benchmark))
    told = read.counts.select("problem_id", "difficulty").drop_nulls().unique("problem_id", maintain_order=True)
    metadata = [json.dumps({"difficulty": text}, ensure_ascii=False) for text in told["difficulty"].to_list()]
    told = told.select("problem_id", pl.Series("metadata", metadata, dtype=pl.String))
    return problems.join(told, on="problem_id", how="left", maintain_order="left")


def _write(store: Path, tables: dict[str, pa.Table]) -> None:
    """All of it, or nothing where the disk is full."""
    written: list[Path | None] = []
    try:
        for table, rows in tables.items():
            for begin in range(0, len(rows), _ROWS_A_PART):
                written.append(write_part(store, table, rows.slice(begin, _ROWS_A_PART)))
    except BaseException:
        for part in written:
            if part is not None:
                part.unlink(missing_ok=True)
        with suppress(OSError):  # not empty, or gone
            parts_directory(store).rmdir()
        raise


def _digest(files: Sequence[Path]) -> str:
    """Names a run by what it read."""
    digest = blake2b(digest_size=6)
    for path in files:
        try:
            with open(path, "rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
        except OSError as error:
            raise RequestError(f"cannot read '{path}': {error.strerror or error}") from error
    return digest.hexdigest()


def _count(store: Path) -> int:
    with connect(store) as con:
        return sum(int(con.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]) for name in ("samples", "counts"))
