"""Result columns as objects: one name, type, meaning and way of writing for frames, tables, tooltips and docs.

Every frame that the analysis gives is made of these. A value becomes text in one place, `shown`, so that a table, a
tooltip and a sentence cannot write one number in two ways. Another package adds a column by an entry point in the
group ``ttclib.columns`` that gives a `Column` or several.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from ttclib.analysis.column import DASH, Column
from ttclib.analysis.result_columns import OWN
from ttclib.errors import one_of
from ttclib.plugins import plugins
from ttclib.replay.strategy import strategies

ENTRY_POINTS = "ttclib.columns"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y", "R", "Q")
# What frames hold beside registered strategies.
OTHER_LABELS = {"compute_optimal": "compute-optimal", "samples": "whole samples"}


def strategy_label(name: str) -> str:
    """A strategy or a variant of one, such as ``beam_search (M=4)`` or ``large: dvts``, as readers call it.

    Examples
    --------
    >>> strategy_label("best_of_n"), strategy_label("beam_search (M=4)"), strategy_label("revisions (ratio 0.25)")
    ('best-of-N', 'beam search (M=4)', 'revisions (ratio 1:4)')
    """
    known = {each: one.label for each, one in strategies().items()} | OTHER_LABELS
    whose, colon, own = name.rpartition(": ")
    first, blank, rest = own.partition(" ")
    label = known.get(first, first.replace("_", " "))
    return f"{whose}{colon}{label}{blank}{_with_ratio(rest)}"


def _with_ratio(text: str) -> str:
    """Sequential to parallel as two numbers, of which one is 1, as an axis of ratios says it."""
    before, named, rest = text.partition("(ratio ")
    number = rest.split(",")[0].split(")")[0]
    if not named or not number.replace(".", "", 1).isdigit() or not float(number):
        return text
    ratio = float(number)
    told = f"{ratio:g}:1" if ratio >= 1 else f"1:{1 / ratio:g}"
    return f"{before}{named}{told}{rest[len(number) :]}"


def prefixed(value: float, digits: int = 3) -> str:
    """A quantity with so many digits, whole ones are kept: below 100,000 as it is, beyond with an SI prefix.

    Examples
    --------
    >>> prefixed(0.25), prefixed(16.0), prefixed(1862.4), prefixed(999_700.0), prefixed(3.7e13), prefixed(100, 2)
    ('0.25', '16', '1,862', '1.00 M', '37.0 T', '100')
    """
    size = abs(value)
    if size < 99_999.5:
        return _unsigned_zero(f"{value:,.0f}" if size >= 10**digits - 0.5 else f"{value:.{digits}g}")
    mantissa, _, exponent = f"{value:.{digits - 1}e}".partition("e")
    power = min(int(exponent) // 3, len(PREFIXES) - 1)
    ahead = int(exponent) - 3 * power
    return _unsigned_zero(f"{float(mantissa) * 10**ahead:.{max(0, digits - 1 - ahead)}f} {PREFIXES[power]}")


def sized(value: float) -> str:
    """Parameters or tokens as models are called by them.

    Examples
    --------
    >>> sized(14_000_000), sized(1_400_000_000), sized(55_000)
    ('14M', '1.4B', '55K')
    """
    for unit, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:g}"


def _unsigned_zero(text: str) -> str:
    """A number without the sign of a zero, and with a minus instead of a hyphen."""
    if not any(digit in text for digit in "123456789"):
        return text.lstrip("+-")
    return text.replace("-", "−") if text.startswith("-") else text


def _whole(value: Any) -> str:
    return _unsigned_zero(f"{value:,.0f}")


# How a value is written, by kind.
KINDS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "told": lambda value: str(value).replace(":", ": "),
    "name": lambda value: strategy_label(str(value)),
    "flag": lambda value: "yes" if value else "no",
    "grade": lambda value: {1.0: "✓", 0.0: "✗"}.get(float(value), f"{value:.2f}"),
    "bin": lambda value: f"{value:d}" if value else "not graded",
    "count": _whole,
    "share": lambda value: _unsigned_zero(f"{value * 100:.1f}") + "%",
    "points": lambda value: _unsigned_zero(f"{value * 100:+.1f}"),
    "change": lambda value: _unsigned_zero(f"{value * 100:+.1f}") + "%",
    "times": lambda value: f"{prefixed(value)} ×",
    "ratio": prefixed,
    "quantity": prefixed,
    "size": sized,
    "score": lambda value: _unsigned_zero(f"{value:.2f}"),
    "mean": lambda value: _unsigned_zero(f"{value:,.1f}"),
}
_UNITS = {"points": " points"}


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def shown(value: Any, of: Column | str, *, unit: bool = False) -> str:
    """A value as a reader sees it; the only place where numbers become text.

    Parameters
    ----------
    value : object
        None and NaN are missing.
    of : Column or str
        The column, or its name.
    unit : bool
        Add the unit, for where no heading says it.

    Raises
    ------
    RequestError
        An unknown column.

    Examples
    --------
    >>> shown(0.79649, "accuracy"), shown(None, "bin"), shown(-0.0001, "difference"), shown(3.7e13, "flops", unit=True)
    ('79.6%', 'all', '0.0', '37.0 TFLOPs')
    """
    found = _as_column(of)
    if _missing(value):
        return found.null
    if isinstance(value, float) and math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = KINDS[found.kind](value)
    if not unit:
        return text
    if text[-1].isalpha() and found.unit:
        return text + found.unit  # a prefix and its unit are one word
    return text + (f" {found.unit}" if found.unit else _UNITS.get(found.kind, ""))


def shown_size(value: float, of: Column | str) -> str:
    """How large a difference is, without its sign.

    Examples
    --------
    >>> shown_size(-0.12, "difference")
    '12.0'
    """
    return shown(abs(value), of).lstrip("+")


def shown_interval(low: Any, high: Any, of: Column | str) -> str:
    """An interval as a reader sees it, beside its estimate, so without a unit; an end that is not there is open.

    Examples
    --------
    >>> shown_interval(0.741, 0.83, "accuracy"), shown_interval(1.05, None, "factor")
    ('[74.1, 83.0]', '[1.05, ∞)')
    >>> shown_interval(None, None, "accuracy")
    '–'
    """
    found = _as_column(of)
    if _missing(low) and _missing(high):
        return DASH
    ends = [DASH if _missing(end) else shown(end, found).rstrip("%× ") for end in (low, high)]
    lowest = "(0" if found.kind in ("times", "ratio", "quantity") else "(−∞"  # what is a factor is above zero
    left = lowest if _missing(low) or low == -math.inf else f"[{ends[0]}"
    right = "∞)" if _missing(high) or high == math.inf else f"{ends[1]}]"
    return f"{left}, {right}"


def ends_of(of: Column | str, available: Iterable[str]) -> tuple[str, str] | None:
    """The columns with the ends of a column's interval, of those that a frame has, in its order; None: it has none.

    Ends of a column's own name come first. An interval that several columns could have, such as `ci_low` and
    `ci_high`, is that of the last of them before it.

    Examples
    --------
    >>> ends_of("accuracy", ["accuracy", "ci_low", "ci_high"])
    ('ci_low', 'ci_high')
    >>> ends_of("accuracy", ["accuracy", "difference", "ci_low", "ci_high"]) is None
    True
    """
    found, names = _as_column(of), list(available)
    own = (f"{found.name}_low", f"{found.name}_high")
    if set(own) <= set(names):
        return own
    if found.ends is None or not set(found.ends) <= set(names):
        return None
    could = [
        name
        for name in names
        if name in columns() and columns()[name].ends == found.ends and f"{name}_low" not in names
    ]
    before = [name for name in could if names.index(name) < names.index(found.ends[0])]
    owner = before[-1] if before else could[0] if could else found.name
    return found.ends if found.name == owner or found.name not in names else None


def bin_title(number: int, n_bins: int) -> str:
    """What a difficulty bin is called, of so many that were cut, also where one has no rows.

    Examples
    --------
    >>> bin_title(1, 5), bin_title(4, 5), bin_title(5, 5)
    ('bin 1 (easiest)', 'bin 4', 'bin 5 (hardest)')
    """
    ends = {1: " (easiest)", n_bins: " (hardest)"} if n_bins > 1 else {}
    return f"bin {number}{ends.get(number, '')}"


def column(name: str, **changes: Any) -> Column:
    """A registered column, or one like it with another label, kind or word for what is missing.

    Raises
    ------
    RequestError
        An unknown column.

    Examples
    --------
    >>> column("difference", null="beyond the pool").null
    'beyond the pool'
    """
    found = columns()[one_of(name, columns(), "column")]
    return replace(found, **changes) if changes else found


def _as_column(of: Column | str) -> Column:
    return column(of) if isinstance(of, str) else of


def schema(*names: str) -> dict[str, Any]:
    """Types by name, as a polars frame takes them.

    Raises
    ------
    RequestError
        An unknown column.

    Examples
    --------
    >>> schema("bin", "accuracy")
    {'bin': Int64, 'accuracy': Float64}
    """
    return {name: column(name).dtype for name in names}


@cache
def columns() -> Mapping[str, Column]:
    """Every column by name: ttclib's own, then those of other packages; of two with one name the first stays."""
    found = {one.name: one for one in OWN}
    for _, given in plugins(ENTRY_POINTS, (Column, tuple, list), "a Column or several"):
        for one in (given,) if isinstance(given, Column) else given:
            found.setdefault(one.name, one)
    return found
