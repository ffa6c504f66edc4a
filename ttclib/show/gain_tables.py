"""What a gain is made of, as a table; of `ttclib.study.gain`."""

from __future__ import annotations

import polars as pl

from ttclib.analysis.columns import column
from ttclib.show.html_tables import table
from ttclib.show.text_tables import INTERVAL

# What is compared, in words; {} is the number of answers that are looked at.
MEASURE_WORDS = {
    "accuracy": "an answer is right",
    "known": "· where {} of the earlier find it",
    "new": "· where they do not",
    "coverage": "a right one is among {}",
    "distinct": "different answers, of {}",
    "entropy": "entropy of {}, of its largest",
    "agreement": "two answers agree",
}
_AHEAD = {"first": "the earlier", "second": "the later"}
COLUMNS = (
    column("measure", label="how often"),
    column("first", label="earlier", ends=None),
    column("second", label="later", ends=None),
    "difference",
    INTERVAL,
    column("winner", label="more by"),
)


def in_words(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with a column `words`: what each row compares."""
    rows = zip(frame["measure"], frame["budget"], strict=True)
    return frame.with_columns(words=pl.Series([MEASURE_WORDS[name].format(k) for name, k in rows], dtype=pl.String))


def tables_by_pair(frame: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """Each pair's heading and rows, as a reader calls them."""
    words = in_words(frame).with_columns(pl.col("winner").replace(_AHEAD)).drop("measure").rename({"words": "measure"})
    parts = words.group_by("first_side", "second_side", maintain_order=True)
    return [
        (f"{second} over {first}, {part['n_problems'][0]} problems", part.drop("first_side", "second_side"))
        for (first, second), part in parts
    ]


def gains_html(frame: pl.DataFrame) -> str:
    """A table a pair."""
    return "".join(table(part, COLUMNS, caption=title) for title, part in tables_by_pair(frame))
