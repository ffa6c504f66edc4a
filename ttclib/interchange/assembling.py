"""Batches of all files as one set of samples: named, numbered, checked against each other.

Each batch is set aside as it comes; of all of them together only what tells one sample from another stays in memory,
and what is said of the problems. Nothing is written before all of this went well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from ttclib.errors import RequestError
from ttclib.grading.extraction import extract_answer
from ttclib.interchange.columns import Batch, Notes, shown
from ttclib.interchange.gathering import LETTER, OF_PROBLEM, TOGETHER, Gathered
from ttclib.interchange.numbering import Held, numbered
from ttclib.interchange.spool import ROWS, Distinct, Spool, pieces, together

IDENTITY = ("policy", "problem_id", "setting", "sample_index")
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

    keys: pl.DataFrame  # `policy, problem_id, setting, benchmark, sample_index` of each sample, in the order read
    counts: pl.DataFrame  # the columns of `columns`, and `place` and `source` (an index into `sources`)
    problems: pl.DataFrame  # `problem_id, benchmark, prompt, reference_answer`, one row a problem
    answers: pl.DataFrame  # `problem_id, answer`, those that were given or found, each once
    sources: list[str]  # begins a message that names a row of a source
    notes: Notes
    run_ids: list[str]  # names each source by its content
    spool: Spool
    prefixed: pl.Expr | None
    shuffled: pl.Series  # problems whose options stood in another order for each run

    def batches(self, columns: Iterable[str] | None = None) -> Iterator[pl.DataFrame]:
        """The samples some at a time, in the order read: the columns of `columns`, ``place, source, found, searched``.

        Parameters
        ----------
        columns : iterable of str, optional
            Only these, where they are there.
        """
        wanted = None if columns is None else {*columns, "problem_id", "benchmark", "answer", "reference_answer"}
        first = 0
        for number in range(len(self.spool)):
            frame = self.spool.read(number, None if wanted is None else sorted(wanted))
            if self.prefixed is not None:
                frame = frame.with_columns(self.prefixed)
            if len(self.shuffled):
                frame = _graded_by_letter(frame, self.shuffled)
            index = self.keys["sample_index"].slice(first, len(frame))
            first += len(frame)
            yield frame.with_columns(index).drop(*OF_PROBLEM, "run", strict=False)


def assemble(
    batches: Iterable[Batch],
    notes: Notes,
    *,
    policy: str | None = None,
    benchmark: str | None = None,
    setting: str | None = None,
    known: Known | None = None,
    name: str = "what was given",
    spool: Spool | None = None,
    rows_at_once: int = ROWS,
) -> Assembled:
    """Put batches together.

    Parameters
    ----------
    policy, benchmark, setting : str, optional
        Of rows that do not say theirs; `setting` is a JSON object.
    name : str
        What was read, for a message.
    spool : Spool, optional
        Where samples are set aside until they are asked for.
    rows_at_once : int
        How many at most are worked on together.

    Raises
    ------
    RequestError
        A row without problem or policy, a sample that stands twice, a problem with two texts; no row at all.
    """
    known = known or Known()
    defaults = {"policy": policy, "benchmark": benchmark, "setting": setting}
    gathered = Gathered(spool or Spool(), notes, with_texts=known.held is not None)
    for batch in batches:
        for piece in pieces(batch.frame, rows_at_once):
            gathered.add(piece, batch, defaults)
    if not gathered.n_rows:
        raise RequestError(f"{name} holds no sample: give at least one")
    sources, keys, counts = gathered.sources, gathered.keys(), gathered.counts()
    pairs = gathered.problems.frame()
    prefixed = _prefixed(together([pairs, counts.select("benchmark", "problem_id")]), known)
    if prefixed is not None:
        keys, counts = (
            frame.with_columns(pl.col("benchmark", "problem_id").cast(pl.String)).with_columns(prefixed)
            for frame in (keys, counts)
        )
        keys = keys.with_columns(pl.col("benchmark", "problem_id").cast(pl.Categorical))

    def named(distinct: Distinct) -> pl.DataFrame:
        frame = distinct.frame()
        return frame if prefixed is None else frame.with_columns(prefixed)

    if keys["run"].null_count() < len(keys):
        _refuse_repeats(keys.drop_nulls("sample_index"), (*IDENTITY, "run"), sources)
    keys = numbered(keys, sources, gathered.run_ids, known.held, notes)
    _refuse_repeats(keys, IDENTITY, sources)
    _refuse_repeats(counts, IDENTITY[:-1], sources)
    stated = {column: named(distinct) for column, distinct in gathered.stated.items()}
    shuffled = _shuffled(stated["reference_answer"], named(gathered.letters), notes)
    stated["reference_answer"] = stated["reference_answer"].filter(~pl.col("problem_id").is_in(shuffled.implode()))
    every = together([named(gathered.problems), counts.select("problem_id", "benchmark")])
    return Assembled(
        keys=keys.select(*IDENTITY, "benchmark"),
        counts=counts,
        problems=_problems(every, stated, sources, known),
        answers=named(gathered.answers)
        .select("problem_id", pl.col("found").alias("answer"))
        .unique(maintain_order=True),
        sources=sources,
        notes=notes,
        run_ids=gathered.run_ids,
        spool=gathered.spool,
        prefixed=prefixed,
        shuffled=shuffled,
    )


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
    doubles = rows.filter(repeated).with_columns(pl.col(pl.Categorical).cast(pl.String))
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


def _problems(
    every: pl.DataFrame, stated: Mapping[str, pl.DataFrame], sources: list[str], known: Known
) -> pl.DataFrame:
    """A row a problem; a row that contradicts another, or the store, is refused.

    Parameters
    ----------
    every : polars.DataFrame
        ``problem_id, benchmark`` of all rows, or of the first of those that are alike.
    stated : mapping
        By column: what is said of problems, each saying once, with the place of the first row that says it.
    """
    problems = every.group_by("problem_id", maintain_order=True).agg(pl.col("benchmark").drop_nulls().first())
    for name, said in stated.items():
        distinct = said.unique(["problem_id", name], keep="first", maintain_order=True)
        if name == "reference_answer":
            distinct = _final_answers(distinct)
            distinct = distinct.unique(["problem_id", name], keep="first", maintain_order=True)
        found: dict[str, str] = {}
        for problem_id, value, source, place in distinct.select("problem_id", name, "source", "place").iter_rows():
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


def _shuffled(references: pl.DataFrame, letters: pl.DataFrame, notes: Notes) -> pl.Series:
    """Problems whose options stood in another order for each policy, setting or run.

    Of such a problem no one letter is right, so that its reference stays unknown and each sample is graded by its own
    letter; within what was drawn together the letters mean the same.
    """
    several = (
        references.group_by("problem_id")
        .agg(pl.col("reference_answer").unique())
        .filter(
            (pl.col("reference_answer").list.len() > 1)
            & pl.col("reference_answer").list.eval(pl.element().str.contains(LETTER)).list.all()
        )["problem_id"]
    )
    if not len(several):
        return several
    fixed = letters.group_by(TOGETHER).agg(pl.col("reference_answer").n_unique().alias("n"))
    moving = fixed.filter(pl.col("n") > 1)["problem_id"].unique()
    shuffled = several.filter(~several.is_in(moving.implode()))
    if len(shuffled):
        notes.said[
            "problems have their options in another order for each run: letters are graded, and no reference is stored"
        ] += len(shuffled)
    return shuffled


def _graded_by_letter(samples: pl.DataFrame, shuffled: pl.Series) -> pl.DataFrame:
    """Samples of problems with shuffled options, graded each by its own letter."""
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
