"""What several answers or one came to, in sentences computed from the numbers."""

from __future__ import annotations

from typing import Any

import polars as pl

from ttclib.analysis.columns import prefixed, shown, shown_size, strategy_label
from ttclib.replay.strategy import needs_truth
from ttclib.study import settling

# By unit of cost: what the one side is called, the other, and what both spend.
_EQUAL = {
    "dollars": ("cheaper", "dearer", "price"),
    "tokens": ("shorter", "longer", "tokens"),
    "": ("cheaper", "dearer", "cost"),
}


def of_many_or_once(frame: pl.DataFrame, unit: str, title: str = "") -> tuple[str, ...]:
    """Whether several cheaper answers or one dearer is right more often at equal cost; then a sentence a pair.

    Parameters
    ----------
    frame : polars.DataFrame
        As `ttclib.analysis.many_or_once.many_or_once` gives it.
    unit : str
        Of its costs, a ledger's.
    title : str
        What all sides have in common.
    """
    less, more, price = _EQUAL.get(unit, _EQUAL[""])
    lead = f"{f'{title}, ' if title else ''}at the {price} of one {more} answer"
    rows = frame.filter(pl.col("budget") > 1).to_dicts()
    equal = [row for row in rows if row["at_most"] is not None]
    if not equal:
        return (f"{lead} no {less} side has two.",)
    count = {who: sum(row["winner"] == who for row in equal) for who in ("many", "once", "too close")}
    n = len(equal)
    compared = f"{n} comparison{'' if n == 1 else 's'}"
    words = {"many": "ahead", "once": "behind"}
    every = {1: "the one comparison", 2: "both comparisons"}.get(n, f"all {compared}")
    parts = [
        f"{words[who]} in {every if count[who] == n else f'{count[who]} of {compared}'}" for who in words if count[who]
    ]
    close = f", {count['too close']} too close to call" if parts and count["too close"] else ""
    said = f"several {less} ones are {' and '.join(parts)}{close}"
    if not parts:
        said = f"several {less} ones and the one cannot be told apart in {f'any of {compared}' if n > 2 else every}"
    # Of what is decided, or else of all, the pair whose costs are nearest to one another.
    decided = [row for row in equal if row["winner"] in words] or equal
    telling = max(decided, key=lambda row: row["cost"] / row["at_most"] if row["at_most"] else 1.0)
    pairs = [(_pair(row, unit, len(frame)), _beyond(row, frame)) for row in equal]
    first = f"{lead}: {said}. {pairs[equal.index(telling)][0]}"
    left = settling.open_rows(equal, len(frame))
    settles = settling.said({f"{row['many']} × {row['budget']}": (needed, row["n_problems"]) for row, needed in left})
    return (first + pairs[0][1], *settles) if n == 1 else (first, *(pair + more for pair, more in pairs), *settles)


def _pair(row: dict[str, Any], unit: str, n_rows: int) -> str:
    """One comparison at equal cost; a label that is no name begins it with a capital."""
    how = f"by {strategy_label(row['strategy'])}" if not needs_truth(row["strategy"]) else "with a perfect verifier"
    ends = ", all that is held" if row["pool_ends_at"] is not None else ""
    first, blank, rest = row["many"].partition(" ")
    many = f"{first.capitalize() if blank and first.isalpha() else first}{blank}{rest}"
    return (
        f"{many} × {row['budget']} reaches {_share(row['accuracy_many'])} {how} for {_money(row['cost'], unit)}"
        f"{ends}, {row['once']} once {_share(row['accuracy_once'])} for {_money(row['cost_once'], unit)}: "
        f"{_many_ahead(row, n_rows)} on {_problems(row)}."
    )


def _beyond(row: dict[str, Any], frame: pl.DataFrame) -> str:
    """What no choice among these answers could do better, and what all of the pool comes to where it holds more."""
    said = ""
    if not needs_truth(row["strategy"]) and row["coverage"] is not None and row["coverage"] < row["accuracy_once"]:
        said = f" A perfect verifier among the {row['budget']} would reach {_share(row['coverage'])}."
    same = (pl.col(name) == row[name] for name in ("many", "once", "strategy"))
    for whole in frame.filter(pl.col("at_most").is_null(), *same).to_dicts():
        times = prefixed(whole["cost"] / whole["cost_once"], 2)
        verdict = {"many": "ahead", "once": "still behind"}.get(whole["winner"], "too close to call")
        said += (
            f" All {whole['budget']}, at {times} times the cost of the one, reach "
            f"{_share(whole['accuracy_many'])}: {verdict}."
        )
    return said


def _many_ahead(row: dict[str, Any], n_rows: int) -> str:
    gap, low, high = row["difference"], row["ci_low"], row["ci_high"]
    if row["winner"] in ("many", "once"):
        near, far = sorted((abs(low), abs(high)))
        return f"{row[row['winner']]} is ahead by {_size(gap)} points [{_size(near)}, {_size(far)}]"
    reason = f" after correction for {n_rows} comparisons" if low * high > 0 else ""
    return f"too close to call{reason}, {_points(gap)} points [{_points(low)}, {_points(high)}]"


def _money(value: float, unit: str) -> str:
    """A cost in its unit: ``$0.0696``, ``21,847 tokens``."""
    if unit == "dollars":
        return f"${prefixed(value)}"
    words = {"serial_tokens": "tokens of waiting", "flops": "FLOPs"}
    text = prefixed(value)
    return f"{text}{'' if unit == 'flops' and text[-1].isalpha() else ' '}{words.get(unit, unit)}"


def _share(value: float) -> str:
    return shown(value, "accuracy")


def _points(value: float) -> str:
    return shown(value, "difference")


def _size(value: float) -> str:
    return shown_size(value, "difference")


def _problems(row: dict[str, Any]) -> str:
    return f"{row['n_problems']} problem{'' if row['n_problems'] == 1 else 's'}"
