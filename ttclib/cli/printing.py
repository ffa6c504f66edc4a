"""How an answer is printed: what was found in words, then the table; all of it as JSON or CSV."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import click
import polars as pl

from ttclib.analysis.columns import DASH, Column
from ttclib.cli.common import notify, print_json, say, wants
from ttclib.errors import visible
from ttclib.show.text_tables import aligned, text_table

LINES = 60  # that a reader is shown at most; all of it is in JSON and CSV
FEWEST = 6  # rows of a table, however little room is left


class Table(NamedTuple):
    """Rows, and which of their columns are shown; None: those that say something."""

    frame: pl.DataFrame
    columns: Sequence[Column | str] | None = None


def print_answer(
    frame: pl.DataFrame,
    *,
    rows: Any = None,
    heading: str = "",
    findings: Sequence[str] = (),
    notes: Sequence[str] = (),
    table: pl.DataFrame | Table | None = None,
    more: Sequence[tuple[str, pl.DataFrame | Table | Sequence[str]]] = (),
) -> None:
    """Print a result: for a reader, or in full where --json or --csv was given.

    Parameters
    ----------
    rows : object, optional
        What JSON holds; None: the rows of the frame.
    findings : sequence of str
        What was found, in sentences; first.
    notes : sequence of str
        What was left out; on standard error.
    table : polars.DataFrame or Table, optional
        What a reader is shown of the frame; None: all.
    more : sequence of (heading, frame or lines)
        Further tables; a frame may stand with the columns that are shown.
    """
    for note in notes:
        notify(note)
    if wants("json"):
        print_json(frame.to_dicts() if rows is None else rows, indent=1)
        return
    if wants("csv"):
        texts = pl.col(pl.String).map_elements(visible, return_dtype=pl.String)
        click.echo(frame.with_columns(texts).write_csv(), nl=False)
        return
    width = max(80, shutil.get_terminal_size((100, 24)).columns)
    left = LINES
    for sentence in findings:
        say(sentence)
        left -= -(-len(sentence) // width)
    parts = [(heading, frame if table is None else table), *more]
    unshown = 0
    for number, (title, part) in enumerate(parts):
        if number and left < FEWEST + 5:
            unshown += 1
            continue
        # What comes after keeps the least that it needs.
        limit = max(FEWEST, left - 6 - (FEWEST + 6) * (len(parts) - number - 1))
        said = _lines(part, width, limit)
        if not said:
            continue
        if any(line.startswith("… and ") for line in said):
            said[-1] += ": all with --json or --csv"
        for line in [title, *said] if title else said:
            say(line)
        left -= len(said) + bool(title)
    if unshown:
        say(f"… and {unshown} more table{'s' if unshown > 1 else ''}: all with --json")


def say_lines(lines: Iterable[str]) -> None:
    """Print lines of text, as many as a reader is shown; a long one counts as often as the terminal breaks it."""
    every, left = list(lines), LINES
    width = max(80, shutil.get_terminal_size((100, 24)).columns)
    for number, line in enumerate(every):
        left -= -(-max(1, len(line)) // width)
        if left < (number < len(every) - 1):
            say(f"… and {len(every) - number:,} lines more: all with --json")
            return
        say(line)


def record_lines(
    rows: Sequence[Mapping[str, Any]], cells: Mapping[str, Callable[[Any], str]], names: Collection[str]
) -> list[str]:
    """Records as a table: of each column its heading and what writes its cell; one without any value is left out.

    Parameters
    ----------
    names : collection of str
        Columns of words, which stand at the left.
    """
    columns = {heading: [write(row) for row in rows] for heading, write in cells.items()}
    columns = {heading: texts for heading, texts in columns.items() if set(texts) != {DASH}}
    places = {at for at, heading in enumerate(columns) if heading in names}
    width = max(80, shutil.get_terminal_size((100, 24)).columns)
    return aligned(
        list(columns), [list(row) for row in zip(*columns.values(), strict=True)], places, width
    ).splitlines()


def _lines(part: pl.DataFrame | Table | Sequence[str], width: int, limit: int) -> list[str]:
    if isinstance(part, pl.DataFrame):
        part = Table(part)
    if isinstance(part, Table):
        return text_table(*part, width, limit=limit).splitlines()
    cut = [f"… and {len(part) - limit:,} lines more"] if len(part) > limit else []
    return [*part[:limit], *cut]
