"""What the account says, in sentences computed from it."""

from __future__ import annotations

from typing import Any

import polars as pl

from ttclib.analysis.account import GIVEN, worth_of
from ttclib.analysis.columns import shown, shown_interval
from ttclib.analysis.efficiency import SAVES


def of_account(found: Any) -> tuple[str, ...]:
    """Whether the gain survives its own bill, from which budget on; what it would be for nothing; what does best."""
    frame: pl.DataFrame = found.frame
    rows = frame.drop_nulls("difference")
    if not len(rows):
        return ("No way to spend is affordable within any of the limits.",)
    paying = rows.filter(pl.col("pays"))
    said = [_survival(frame, paying, found)]
    given = rows.filter(pl.col("way") == GIVEN)
    if len(given):
        best = _best(given)
        sure = "" if best["verdict"] == SAVES else ", which is too close to tell"
        said.append(
            f"Were difficulty known for nothing, choosing by it would add at most {_points(best)} within "
            f"{_limit(best, found)}{sure}."
        )
    probed = frame.filter(pl.col("way").str.starts_with("probes_"))
    if len(probed) and len(given):
        said.append(_bill(probed.filter(pl.col("way") == probed["way"][0]), given, found))
    return tuple(said)


def _survival(frame: pl.DataFrame, paying: pl.DataFrame, found: Any) -> str:
    """The head: whether the gain survives its own bill, and from which budget on."""
    worth = worth_of(frame)
    if not len(paying):
        return "No way that pays for what it knows is affordable within any limit."
    if worth is None:
        best = _best(paying)
        return (
            f'No gain survives its own bill at any budget held: what comes nearest, "{best["label"]}", differs from '
            f"uniform by {_points(best)} within {_limit(best, found)}."
        )
    own = paying.filter(pl.col("way") == worth.way)
    row = own.filter(pl.col("at_most") == worth.first).row(0, named=True)
    if worth.to_the_end:
        span = f"from {_limit(row, found)} on"
    elif worth.last > worth.first:
        span = f"from {worth.first:.4g} to {worth.last:.4g} {found.unit}"
    else:
        span = f"at {_limit(row, found)} alone"
    line = (
        f'The gain survives its own bill {span}: "{row["label"]}" reaches {row["accuracy"]:.1%} within '
        f"{_limit(row, found)}, {_points(row)} more than uniform"
    )
    if row["factor"] is None:
        line += ", which gets there at no budget held"
    else:
        line += f", which spends {shown(row['factor'], 'factor')} as much for it"
    after = own.filter(pl.col("at_most") > worth.last).sort("at_most")
    if len(after):
        last = after.row(-1, named=True)
        line += f"; within {_limit(last, found)} it is {_points(last)}, {last['verdict']}"
    return f"{line}."


def _bill(rows: pl.DataFrame, given: pl.DataFrame, found: Any) -> str:
    """What becomes of the gain where the most probes are billed, and how many queries would have to share them."""
    label = rows["label"][0].removeprefix("by ")
    paid = rows.drop_nulls("accuracy").sort("at_most")
    if len(paid):
        last = paid.row(-1, named=True)
        line = f"With {label}, that is {_points(last)} within {_limit(last, found)}"
    else:
        line = f"With {label}, nothing is left of any budget held: the bill is {rows['bill'][0]:,.4g} {found.unit}"
    saves = given.filter(pl.col("verdict") == SAVES)["at_most"].to_list()
    shared = rows.filter(pl.col("at_most").is_in(saves)).drop_nulls("break_even_queries").sort("break_even_queries")
    if not len(shared):
        return (
            f"{line}; given for nothing it is not shown to save, so neither is any number of queries that pay for it."
        )
    at = shared.row(0, named=True)
    queries = f"{at['break_even_queries']:,.0f} queries of a problem"
    return f"{line}; {queries} must share it to break even within {_limit(at, found)}."


def _best(rows: pl.DataFrame) -> dict[str, Any]:
    return rows.sort("difference", "at_most", descending=[True, False]).row(0, named=True)


def _points(row: dict[str, Any]) -> str:
    ends = shown_interval(row["difference_low"], row["difference_high"], "difference")
    return f"{shown(row['difference'], 'difference')} points {ends}"


def _limit(row: dict[str, Any], found: Any) -> str:
    return f"{row['at_most']:.4g} {found.unit}"
