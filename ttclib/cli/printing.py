"""How an answer is printed: what was found in words, then the table; all of it as JSON or CSV."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any

import click
import polars as pl

from ttclib.cli.common import notify
from ttclib.show.text_tables import text_table


def print_answer(
    frame: pl.DataFrame,
    *,
    as_json: bool = False,
    as_csv: bool = False,
    rows: Any = None,
    heading: str = "",
    findings: Sequence[str] = (),
    notes: Sequence[str] = (),
    table: pl.DataFrame | None = None,
    more: Sequence[tuple[str, pl.DataFrame | Sequence[str]]] = (),
) -> None:
    """Print a result.

    Parameters
    ----------
    frame : polars.DataFrame
    as_json, as_csv : bool
        In full, for programs.
    rows : object, optional
        What JSON holds; None: the rows of the frame.
    heading : str
    findings : sequence of str
        What was found, in sentences; first.
    notes : sequence of str
        What was left out; on standard error.
    table : polars.DataFrame, optional
        What a reader is shown of the frame; None: all.
    more : sequence of (heading, frame or lines)
        Further tables.
    """
    for note in notes:
        notify(note)
    if as_json:
        click.echo(json.dumps(frame.to_dicts() if rows is None else rows, indent=1))
        return
    if as_csv:
        click.echo(frame.write_csv(), nl=False)
        return
    for sentence in findings:
        click.echo(sentence)
    width = max(80, shutil.get_terminal_size((100, 24)).columns)
    for title, part in ((heading, frame if table is None else table), *more):
        if title:
            click.echo(title)
        if isinstance(part, pl.DataFrame) and not part.width:
            continue
        click.echo(text_table(part, width=width) if isinstance(part, pl.DataFrame) else "\n".join(part))
