"""Measures by name, and the page that is made of what they find."""

from __future__ import annotations

import os
import platform
import re
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "measurements.md"
Rows = list[dict[str, Any]]
HEAD = """# Measurements

Made by `make bench`, or one section anew by `python -m tests.benchmarks --only NAME`. Seconds are those of the
processors, of all threads together, on a machine that others use at the same time: compare what stands in one table,
which one run has measured, the contenders taking turns; ratios are medians of the rounds' ratios. What a store of a
hundred million samples comes to: [on paper](scale.md).

"""


@dataclass(frozen=True)
class Measure:
    """One section of the page.

    Attributes
    ----------
    name : str
    title : str
    text : str
        What is measured, and how to read it.
    run : callable
        Gives the rows of the table, by column.
    """

    name: str
    title: str
    text: str
    run: Callable[[], Rows]


MEASURES: dict[str, Measure] = {}
ORDER = (
    "start",
    "notebook",
    "explorer",
    "ingest",
    "bytes",
    "load",
    "growth",
    "large",
    "texts",
    "replay",
    "peers",
    "analysis",
    "grading",
    "engines",
    "live",
)


def measure(name: str, title: str, text: str) -> Callable[[Callable[[], Rows]], Callable[[], Rows]]:
    """Enter a function that returns rows."""

    def enter(run: Callable[[], Rows]) -> Callable[[], Rows]:
        MEASURES[name] = Measure(name, title, text, run)
        return run

    return enter


def write(found: dict[str, Rows], path: Path = PAGE) -> None:
    """Put what was found in its sections; those of other measures stay as they are."""
    old = sections(path.read_text(encoding="utf-8")) if path.exists() else {}
    parts = [HEAD]
    for name in sorted(MEASURES, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)):
        one = MEASURES[name]
        if name in found:
            parts.append(f"## {one.title}\n\n{one.text} (`{name}`; {machine()})\n\n{table(found[name])}\n")
        elif one.title in old:
            parts.append(old[one.title].rstrip() + "\n\n")
    path.write_text("".join(parts).rstrip() + "\n", encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """The sections of a page by their titles."""
    parts = re.split(r"^(?=## )", text, flags=re.M)[1:]
    return {part.partition("\n")[0].removeprefix("## "): part for part in parts}


def table(rows: Rows) -> str:
    """Rows as Markdown.

    Examples
    --------
    >>> print(table([{"what": "a", "s": 0.01234}, {"what": "b", "s": 1234567.0}]))
    | what | s |
    |---|---|
    | a | 0.0123 |
    | b | 1,234,567 |
    <BLANKLINE>
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = [names, ["---"] * len(names), *([shown(row.get(name)) for name in names] for row in rows)]
    return "".join(f"|{'|'.join(line)}|\n" if line[0] == "---" else f"| {' | '.join(line)} |\n" for line in lines)


def shown(value: Any) -> str:
    """A cell: three digits, and all of a large number's."""
    if value is None:
        return ""
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 100 or isinstance(value, int) else f"{value:.3g}"


def machine() -> str:
    """Where and with what it was measured."""
    names = ("duckdb", "polars", "pyarrow", "numpy", "numba")
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists() and (found := re.search(r"^model name\s*: (.*)$", info.read_text(), re.M)):
        cpu = found[1]
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{os.cpu_count()} × {cpu}, Python {sys.version.split()[0]}, {packages}"


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU time of one call, of all threads."""
    started = time.process_time()
    run()
    return time.process_time() - started


def in_turn(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each in every round; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(cpu_seconds(run))
    return taken


def beside(taken: dict[str, list[float]], ours: str) -> Rows:
    """A row a contender: its median, and the median of its rounds' ratios to ours."""
    return [
        {
            "": name,
            "CPU s": statistics.median(values),
            "÷ ours": statistics.median(a / b for a, b in zip(values, taken[ours], strict=True)),
        }
        for name, values in taken.items()
    ]
