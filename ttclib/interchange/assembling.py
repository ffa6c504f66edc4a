"""Batches of all files as one set of samples: named, numbered, checked against each other.

Pure: frames in, frames out. Nothing is written before all of this went well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

import polars as pl

from ttclib.errors import RequestError
from ttclib.grading.extraction import extract_answer
from ttclib.interchange.columns import COUNT_COLUMNS, MORE_COLUMNS, SAMPLE_COLUMNS, Batch, Notes, shown
from ttclib.interchange.numbering import Held, numbered
from ttclib.problems.problem import prompt_id

IDENTITY = ("policy", "problem_id", "setting", "sample_index")
_OF_PROBLEM = ("prompt", "reference_answer")
_SOLUTION = re.compile(r"^[ \t]*####|\\boxed|\\fbox", re.M)


@dataclass(frozen=True)
class Known:
    """What a store holds already that new samples must fit to."""

    # by problem_id: `benchmark`, `prompt`, `reference_answer`
    problems: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    held: Held | None = None  # gives the samples of some policies, as `numbering` takes them


@dataclass(frozen=True)
class Assembled:
    """Everything that was read."""

    # samples, counts: the columns of `columns`, and `place` and `source` (an index into `sources`)
    samples: pl.DataFrame
    counts: pl.DataFrame
    problems: pl.DataFrame  # `problem_id, benchmark, prompt, reference_answer`, one row a problem
    sources: list[str]  # begins a message that names a row of a source
    notes: Notes
    run_ids: list[str]  # names each source by its content


def assemble(
    batches: Iterable[Batch],
    notes: Notes,
    *,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: str | None = None,
    known: Known | None = None,
    name: str = "what was given",
) -> Assembled:
    """Put batches together.

    Parameters
    ----------
    policy, benchmark, setting : str, optional
        Of rows that do not say theirs; `setting` is a JSON object.
    name : str
        What was read, for a message.

    Raises
    ------
    RequestError
        A row without problem or policy, a sample that stands twice, a problem with two texts; no row at all.
    """
    known = known or Known()
    defaults = {"policy": policy, "benchmark": benchmark, "setting": setting}
    sources: list[str] = []
    run_ids: list[str] = []
    frames: dict[bool, list[pl.DataFrame]] = {True: [], False: []}
    for batch in batches:
        if not len(batch.frame):
            continue
        if not sources or sources[-1] != batch.where:
            sources.append(batch.where)
            run_ids.append(batch.run_id)
        counted = {"n", "c"} <= set(batch.frame.columns)
        wanted = COUNT_COLUMNS if counted else SAMPLE_COLUMNS
        here = batch.frame.columns
        absent = [
            pl.lit(None, dtype=kind).alias(name)
            for name, kind in wanted.items()
            if name not in here and name not in MORE_COLUMNS
        ]
        frame = batch.frame.with_columns(*absent, pl.lit(len(sources) - 1, dtype=pl.UInt32).alias("source"))
        kept = (name for name in wanted if name in here or name not in MORE_COLUMNS)
        frames[counted].append(_named(frame.select(*kept, "place", "source"), defaults, sources, notes))
    if not frames[True] and not frames[False]:
        raise RequestError(f"{name} holds no sample: give at least one")
    samples, counts = (
        _stacked(frames[counted], wanted) for counted, wanted in ((False, SAMPLE_COLUMNS), (True, COUNT_COLUMNS))
    )
    prefixed = _prefixed(
        pl.concat([samples.select("benchmark", "problem_id"), counts.select("benchmark", "problem_id")]), known
    )
    samples, counts = (frame.with_columns(prefixed) if prefixed is not None else frame for frame in (samples, counts))
    if samples["run"].null_count() < len(samples):
        _refuse_repeats(samples.drop_nulls("sample_index"), (*IDENTITY, "run"), sources)
    samples = numbered(samples, sources, run_ids, known.held, notes)
    _refuse_repeats(samples, IDENTITY, sources)
    _refuse_repeats(counts, IDENTITY[:-1], sources)
    samples = _of_shuffled_options(samples.with_columns(pl.col("answer").replace({"": None})), notes)
    problems = _problems(samples, counts, sources, known)
    return Assembled(samples.drop(*_OF_PROBLEM, "run"), counts, problems, sources, notes, run_ids)


def _stacked(frames: list[pl.DataFrame], wanted: Mapping[str, pl.DataType]) -> pl.DataFrame:
    if frames:
        return pl.concat(frames, how="diagonal", rechunk=True)
    columns = {name: kind for name, kind in wanted.items() if name not in MORE_COLUMNS}
    return pl.DataFrame(schema={**columns, "place": pl.UInt32, "source": pl.UInt32})


def _named(frame: pl.DataFrame, defaults: Mapping[str, str | None], sources: list[str], notes: Notes) -> pl.DataFrame:
    """Rows that all have a problem and a policy."""
    given = [pl.col(name).fill_null(value) for name, value in defaults.items() if value is not None]
    frame = frame.with_columns(given)
    if "prompt" in frame.columns and frame["problem_id"].null_count():
        prompts = frame.filter(pl.col("problem_id").is_null())["prompt"].unique().drop_nulls().to_list()
        if prompts:
            notes.said["samples name no problem: it is named by a hash of its prompt"] += frame[
                "problem_id"
            ].null_count()
            ids = pl.col("prompt").replace_strict({text: prompt_id(text) for text in prompts}, default=None)
            frame = frame.with_columns(pl.col("problem_id").fill_null(ids))
    for name, remedy in (
        ("problem_id", "add it, or say --field problem_id=THEIRS"),
        ("policy", "add it, or say --policy"),
    ):
        if frame[name].null_count():
            row = frame.filter(pl.col(name).is_null()).select("source", "place").row(0)
            close = get_close_matches(name, notes.unknown, n=1)
            meant = f"is '{close[0]}' meant? Say --field {name}={close[0]}" if close else remedy
            raise RequestError(f"{sources[row[0]]} {row[1]}: lacks the key '{name}': {meant}")
    return frame


def _prefixed(rows: pl.DataFrame, known: Known) -> pl.Expr | None:
    """The names of problems, with the benchmark's before it where two benchmarks have the same."""
    pairs = rows.unique().drop_nulls("benchmark")
    twice = set(pairs.group_by("problem_id").len().filter(pl.col("len") > 1)["problem_id"].to_list())
    table = {}
    for benchmark, problem_id in pairs.iter_rows():
        other = known.problems.get(problem_id, {}).get("benchmark")
        longer = f"{benchmark}/{problem_id}"
        if longer in known.problems or problem_id in twice or (other is not None and other != benchmark):
            table[f"{benchmark}\0{problem_id}"] = longer
    if not table:
        return None
    key = pl.concat_str("benchmark", pl.lit("\0"), "problem_id")
    return (
        key.replace_strict(table, default=None, return_dtype=pl.String)
        .fill_null(pl.col("problem_id"))
        .alias("problem_id")
    )


def _refuse_repeats(rows: pl.DataFrame, key: tuple[str, ...], sources: list[str]) -> None:
    repeated = rows.select(pl.struct(key).is_duplicated()).to_series()
    if not repeated.any():
        return
    doubles = rows.filter(repeated)
    first = doubles.filter(~doubles.select(pl.struct(key).is_first_distinct()).to_series()).row(0, named=True)
    same = doubles.filter(pl.all_horizontal(pl.col(name).eq_missing(pl.lit(first[name])) for name in key)).row(
        0, named=True
    )
    other = (
        f"line {same['place']}" if same["source"] == first["source"] else f"{sources[same['source']]} {same['place']}"
    )
    what = f"sample {first['sample_index']}" if "sample_index" in key else "the count"
    raise RequestError(
        f"{sources[first['source']]} {first['place']} repeats {other}: {what} of problem {first['problem_id']!r} by "
        f"{first['policy']!r} must stand there once"
    )


def _problems(samples: pl.DataFrame, counts: pl.DataFrame, sources: list[str], known: Known) -> pl.DataFrame:
    """A row a problem; a row that contradicts another, or the store, is refused."""
    every = pl.concat([samples.select("problem_id", "benchmark"), counts.select("problem_id", "benchmark")])
    problems = every.group_by("problem_id", maintain_order=True).agg(pl.col("benchmark").drop_nulls().first())
    for name in _OF_PROBLEM:
        stated = samples.select("problem_id", name, "source", "place").drop_nulls(name)
        distinct = stated.unique(["problem_id", name], keep="first", maintain_order=True)
        if name == "reference_answer":
            distinct = _final_answers(distinct)
            distinct = distinct.unique(["problem_id", name], keep="first", maintain_order=True)
        found: dict[str, str] = {}
        for problem_id, value, source, place in distinct.iter_rows():
            stored = known.problems.get(problem_id, {}).get(name)
            other = stored if stored is not None else found.get(problem_id)
            if other is not None and other != value:
                where = "in the store" if stored is not None else "above"
                raise RequestError(
                    f"{sources[source]} {place}: problem {problem_id!r} has another {name}, {_brief(value)}, than "
                    f"{where}, {_brief(other)}: give one, or another problem_id"
                )
            found[problem_id] = value
        ours = [
            found.get(problem_id, known.problems.get(problem_id, {}).get(name))
            for problem_id in problems["problem_id"].to_list()
        ]
        problems = problems.with_columns(pl.Series(name, ours, dtype=pl.String))
    return problems


def _of_shuffled_options(samples: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    """Samples whose options stood in another order for each policy, setting or run, graded by their own letter.

    Of such a problem no one letter is right, so that its reference stays unknown; within what was drawn
    together the letters mean the same.
    """
    together = ["policy", "setting", "run", "problem_id"]
    letters = samples.select(*together, "reference_answer").drop_nulls("reference_answer")
    several = (
        letters.group_by("problem_id")
        .agg(pl.col("reference_answer").unique())
        .filter(
            (pl.col("reference_answer").list.len() > 1)
            & pl.col("reference_answer").list.eval(pl.element().str.contains(r"^[A-Z]$")).list.all()
        )["problem_id"]
    )
    if not len(several):
        return samples
    fixed = letters.group_by(together).agg(pl.col("reference_answer").n_unique().alias("n"))
    moving = fixed.filter(pl.col("n") > 1)["problem_id"].unique()
    shuffled = several.filter(~several.is_in(moving.implode()))
    if not len(shuffled):
        return samples
    notes.said[
        "problems have their options in another order for each run: letters are graded, and no reference is stored"
    ] += len(shuffled)
    here = pl.col("problem_id").is_in(shuffled.implode())
    own = pl.col("answer").str.strip_chars() == pl.col("reference_answer")
    return samples.with_columns(
        pl.when(here).then(pl.coalesce("correct", own)).otherwise("correct").alias("correct"),
        pl.when(here).then(None).otherwise("reference_answer").alias("reference_answer"),
    )


def _final_answers(references: pl.DataFrame) -> pl.DataFrame:
    """The final answers of references that are whole solutions."""
    marked = {
        text: extract_answer(text) or text
        for text in references["reference_answer"].to_list()
        if _SOLUTION.search(text)
    }
    return references.with_columns(pl.col("reference_answer").replace(marked)) if marked else references


def _brief(value: str) -> str:
    return repr(value[:60]) if value.isprintable() else shown(value)
