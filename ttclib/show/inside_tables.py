"""Whether samples catch up with steps, as tables; of `ttclib.study.inside` and `ttclib.study.inside_training`."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from ttclib.analysis.columns import column, strategy_label
from ttclib.show.html_tables import table
from ttclib.show.text_tables import INTERVAL
from ttclib.study.inside_results import Inside

CAUGHT = (
    column("once", label="against one of"),
    column("strategy", label="by"),
    column("caught", label="verdict"),
    "caught_at",
    column("budget", label="looked at: N"),
    column("equal", label="at equal"),
    "cost",
    "cost_once",
    "accuracy_many",
    "accuracy_once",
    "difference",
    INTERVAL,
)
MODELS = (column("policy", label="model"), column("accuracy", label="one, at once", ends=None), "accuracy_many",
          "accuracy_once", "difference", INTERVAL, column("caught", label="verdict"))  # fmt: skip
DATA = ("policy", "training_tokens", "accuracy", INTERVAL)
ROUTES = (column("route", label="way"), "exchange_rate", "policy", "k", "cost", "factor", "training_share")


def caught_in_words(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with strategies by their labels, and of what cost is equal: the unit, or all of the pool."""
    labels = pl.col("strategy").map_elements(strategy_label, return_dtype=pl.String)
    equal = pl.when(pl.col("at_most").is_null()).then(pl.lit("all that is held")).otherwise(pl.col("unit"))
    return frame.with_columns(strategy=labels, equal=equal).unique(
        ["once", "strategy", "budget", "equal"], maintain_order=True
    )


def caught_html(found: Inside) -> str:
    """Each strategy against one answer of each other side: at equal cost, and all that is held."""
    about = (found.title, f"several of {found.without}", f"{found.frame['n_problems'][0]} problems")
    return table(caught_in_words(found.frame), CAUGHT, caption=" · ".join(part for part in about if part))


def models_html(found: Sequence[Inside], caption: str = "") -> str:
    """A row a model: one answer at once, all that are held with a perfect verifier, and one with steps."""
    rows = []
    for one in found:
        whole = one.frame.filter(pl.col("strategy") == "pass_at_k").sort("budget").row(-1, named=True)
        single = one.curves.filter(pl.col("budget") == 1)["accuracy"][0]
        rows.append({"policy": one.title, "accuracy": single, **whole})
    return table(pl.DataFrame(rows), MODELS, caption=caption)


def training_html(frame: pl.DataFrame, routes: pl.DataFrame) -> str:
    """One answer by tokens of training, and what a query costs in all by each way."""
    return table(frame, DATA, caption="One answer, by tokens of training") + table(
        routes, ROUTES, caption="What a query costs in all, over R"
    )
