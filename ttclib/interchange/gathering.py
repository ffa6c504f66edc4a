"""What is known of all batches while they come: each is set aside, and what tells its samples apart is remembered."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from hashlib import md5

import polars as pl

from ttclib.errors import RequestError
from ttclib.interchange.columns import COUNT_COLUMNS, MORE_COLUMNS, SAMPLE_COLUMNS, Batch, Notes
from ttclib.interchange.grading_samples import find_answers
from ttclib.interchange.spool import Distinct, Spool, together
from ttclib.problems.problem import prompt_id

_NAMES = ("policy", "problem_id", "setting", "benchmark", "run")  # few distinct ones
OF_PROBLEM = ("prompt", "reference_answer")
TOGETHER = ("policy", "setting", "run", "problem_id")  # drawn with the options of a problem in one order
LETTER = r"^[A-Z]$"
_NO_ROW = pl.DataFrame(schema={"place": pl.UInt32, "source": pl.UInt32})


class Gathered:
    """What is known of all batches so far.

    Parameters
    ----------
    with_texts : bool
        Whether samples without a number of their own will be told by their texts.
    """

    def __init__(self, spool: Spool, notes: Notes, *, with_texts: bool) -> None:
        self.spool, self._notes, self._with_texts = spool, notes, with_texts
        self.sources: list[str] = []
        self.run_ids: list[str] = []
        self.n_rows = 0
        self._keys: list[pl.DataFrame] = []
        self._counts: list[pl.DataFrame] = []
        self.problems = Distinct(("benchmark", "problem_id"))
        self.stated = {column: Distinct(("benchmark", "problem_id", column)) for column in OF_PROBLEM}
        self.letters = Distinct((*TOGETHER, "benchmark", "reference_answer"))
        self.answers = Distinct(("benchmark", "problem_id", "found"))
        self._add_samples(find_answers(_absent(_NO_ROW, SAMPLE_COLUMNS)))

    def add(self, frame: pl.DataFrame, batch: Batch, defaults: Mapping[str, str | None]) -> None:
        """Take in rows of a batch."""
        if not len(frame):
            return
        if not self.sources or self.sources[-1] != batch.where:
            self.sources.append(batch.where)
            self.run_ids.append(batch.run_id)
        self.n_rows += len(frame)
        counted = {"n", "c"} <= set(frame.columns)
        frame = frame.with_columns(pl.lit(len(self.sources) - 1, dtype=pl.UInt32).alias("source"))
        frame = _named(
            _absent(frame, COUNT_COLUMNS if counted else SAMPLE_COLUMNS), defaults, self.sources, self._notes
        )
        if counted:
            self._counts.append(frame)
        else:
            frame = find_answers(frame.with_columns(pl.col("answer").replace({"": None})))
            self.spool.add(frame)
            self._add_samples(frame)

    def _add_samples(self, frame: pl.DataFrame) -> None:
        keys = frame.select(pl.col(_NAMES).cast(pl.Categorical), "sample_index", "place", "source")
        if self._with_texts:
            keys = keys.with_columns(_hashes(frame))
        self._keys.append(keys)
        self.problems.add(frame.select("benchmark", "problem_id"))
        for column, distinct in self.stated.items():
            distinct.add(frame.select("benchmark", "problem_id", column, "source", "place").drop_nulls(column))
        letters = frame.filter(pl.col("reference_answer").str.contains(LETTER))
        self.letters.add(letters.select(*TOGETHER, "benchmark", "reference_answer"))
        self.answers.add(frame.select("benchmark", "problem_id", "found").drop_nulls("found"))

    def keys(self) -> pl.DataFrame:
        """What tells one sample from another: names, index, place and source, and the text's hash if asked."""
        found = pl.concat(self._keys, rechunk=True)
        self._keys = []
        return found

    def counts(self) -> pl.DataFrame:
        """All counts."""
        return together(self._counts) if self._counts else _absent(_NO_ROW, COUNT_COLUMNS)


def _absent(frame: pl.DataFrame, wanted: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The wanted columns, `place` and `source`; those that are not there are null, but for what few files have."""
    here = frame.columns
    absent = [
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in wanted.items()
        if name not in here and name not in MORE_COLUMNS
    ]
    kept = (name for name in wanted if name in here or name not in MORE_COLUMNS)
    return frame.with_columns(*absent).select(*kept, "place", "source")


def _hashes(frame: pl.DataFrame) -> pl.Series:
    """The MD5 of the text of each sample that has no number of its own."""
    own = (frame["sample_index"].is_null() | frame["run"].is_not_null()).to_list()
    texts = frame["completion"].to_list()
    found = [
        md5(text.encode()).hexdigest() if mine and text is not None else None
        for mine, text in zip(own, texts, strict=True)
    ]
    return pl.Series("text", found, dtype=pl.String)


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
