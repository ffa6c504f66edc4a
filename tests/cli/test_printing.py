"""What a command prints fits a reader: the findings, then tables for as long as there is room."""

from __future__ import annotations

import json

import click
import polars as pl
import pytest
from click.testing import CliRunner

from ttclib.cli.common import as_csv, as_json
from ttclib.cli.printing import LINES, Table, print_answer


@pytest.mark.parametrize("n_findings", [1, 30, 70])
def test_tables_that_do_not_fit_are_counted_not_printed(capsys: pytest.CaptureFixture[str], n_findings: int) -> None:
    frame = pl.DataFrame({"budget": list(range(40)), "accuracy": [0.5] * 40})
    findings = [f"finding {number}" for number in range(n_findings)]
    more = [(f"table {number}", Table(frame)) for number in range(9)]
    print_answer(frame, heading="the first", findings=findings, table=Table(frame), more=more)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:n_findings] == findings and "the first" in lines
    assert len(lines) <= max(LINES, n_findings + 12)
    shown = sum(line.startswith("table ") for line in lines)
    assert lines[-1] == f"… and {9 - shown} more tables: all with --json"


def test_all_tables_are_printed_where_they_fit(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"budget": [1, 2], "accuracy": [0.5, 0.6]})
    print_answer(frame, findings=["one"], more=[(f"table {number}", Table(frame)) for number in range(3)])
    said = capsys.readouterr().out
    assert "more table" not in said and all(f"table {number}" in said for number in range(3))


def test_an_answer_is_printed_in_the_form_that_was_asked_for() -> None:
    frame = pl.DataFrame({"budget": [1, 2], "accuracy": [0.5, 0.6]})

    @click.command()
    @as_json()
    @as_csv()
    def command() -> None:
        print_answer(frame, findings=["found"], rows={"all": 2})

    said = [CliRunner().invoke(command, flags).stdout for flags in ([], ["--json"], ["--csv"], [])]
    assert "found" in said[0] == said[3]
    assert json.loads(said[1]) == {"all": 2}
    assert said[2].splitlines() == ["budget,accuracy", "1,0.5", "2,0.6"]
