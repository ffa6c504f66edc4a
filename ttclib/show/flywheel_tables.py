"""What rounds took, and the same FLOPs spent otherwise, as tables; of `ttclib.study.flywheel`."""

from __future__ import annotations

import polars as pl

from ttclib.analysis.column import Column
from ttclib.analysis.columns import column
from ttclib.show.html_tables import table
from ttclib.show.text_tables import INTERVAL

TAKEN = (
    "policy",
    "n_drawn",
    "n_kept",
    "n_kept_wrong",
    "sampling_flops",
    "scoring_flops",
    "training_flops",
    "spent_flops",
    "seconds",
)
GIVEN = (
    "policy",
    column("accuracy", label="one answer is right", ends=None),
    column("difference", label="this round"),
    INTERVAL,
    "per_flop",
    "coverage",
    "distinct",
)
EQUAL = (
    "policy",
    column("budget", label="samples"),
    column("base_budget", label="of the first"),
    column("first", label="the first's", ends=None),
    column("second", label="its own", ends=None),
    "difference",
    INTERVAL,
    column("from_queries", label="pays from queries", null="never"),
)
BINS = (
    "policy",
    column("first", label="by chance", ends=None),
    column("second", label="after", ends=None),
    "difference",
    INTERVAL,
    "n_problems",
)
_MEASURES = {"majority": "by majority vote", "coverage": "by a perfect verifier"}
_MOVES = {
    "accuracy": "an answer is right",
    "easier": "in an easier bin",
    "middle": "in the middle bin or an easier one",
}


def equal_tables(equal: pl.DataFrame, queries: float) -> list[tuple[str, pl.DataFrame]]:
    """A heading and rows a measure, at one sample, four, sixteen and so on."""
    equal = equal.filter(pl.col("budget").log(4).round(9) % 1 == 0)
    return [
        (f"At equal FLOPs, {queries:,.0f} queries sharing the rounds, {words}", equal.filter(pl.col("measure") == name))
        for name, words in _MEASURES.items()
    ]


def hardest_tables(bins: pl.DataFrame) -> list[tuple[str, pl.DataFrame]]:
    """A heading and rows a measure, of the hardest bin."""
    last = int(bins["bin"].max())  # type: ignore[arg-type]
    hardest = bins.filter(pl.col("bin") == last)
    return [
        (f"Problems of bin {last}: {words}", hardest.filter(pl.col("measure") == name))
        for name, words in _MOVES.items()
    ]


def rounds_tables(rounds: pl.DataFrame, k: int) -> list[tuple[str, pl.DataFrame, tuple[Column | str, ...]]]:
    """Headings, rows and columns: what each round took, and what it gave."""
    took = rounds.filter(pl.col("round") > 0)
    return [
        ("What each round took: samples of the training problems, FLOPs, seconds", took, TAKEN),
        (f"What each round gave on the test problems; coverage and different answers of {k} samples", rounds, GIVEN),
    ]


def rounds_html(rounds: pl.DataFrame, k: int) -> str:
    """What each round took and gave."""
    return "".join(table(part, columns, caption=heading) for heading, part, columns in rounds_tables(rounds, k))


def equal_html(equal: pl.DataFrame, queries: float) -> str:
    """Two tables: votes, and a perfect verifier."""
    return "".join(table(part, EQUAL, caption=heading) for heading, part in equal_tables(equal, queries))


def hardest_html(bins: pl.DataFrame) -> str:
    """Three tables of the hardest bin."""
    return "".join(table(part, BINS, caption=heading) for heading, part in hardest_tables(bins))
