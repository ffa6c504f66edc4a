"""How long to wait for a store, and DuckDB's errors in one line."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from ttclib.errors import RequestError, TTCError
from ttclib.store import StoreLockedError, absorb, connect
from ttclib.store.locks import WAIT_S, as_ours, default_wait_s

STORE = Path("runs/lab.duckdb")


def test_the_environment_says_how_long_to_wait(monkeypatch):
    monkeypatch.delenv("TTC_WAIT_S", raising=False)
    assert default_wait_s() == WAIT_S
    monkeypatch.setenv("TTC_WAIT_S", "0.5")
    assert default_wait_s() == 0.5


@pytest.mark.parametrize("wrong", ["", "soon", "-1", "nan", "inf"])
def test_a_wait_that_is_none_is_refused(tmp_path, monkeypatch, wrong):
    absorb(tmp_path / "s.duckdb")
    monkeypatch.setenv("TTC_WAIT_S", wrong)
    with pytest.raises(RequestError, match=r"TTC_WAIT_S=.*0 or more"), connect(tmp_path / "s.duckdb"):
        pass
    with connect(tmp_path / "s.duckdb", wait_s=0):  # a given one wins
        pass


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            'IO Error: Could not set lock on file "x": Conflicting lock is held in /bin/python3 (PID 42)',
            StoreLockedError,
            "'runs/lab.duckdb' is locked by process 42 (python3): close its store or stop it (kill 42)",
        ),
        ('Could not set lock on file "x": held elsewhere', StoreLockedError, "is locked: close what uses it"),
        ('IO Error: Cannot open file "x": Permission denied', RequestError, "check who may read and write it"),
        ("IO Error: Could not write: No space left on device", RequestError, "no space left for 'runs/lab.duckdb'"),
        ("Internal Error: odd\nand more lines", TTCError, "'runs/lab.duckdb': Internal Error: odd"),
    ],
)
def test_errors_become_one_line(text, kind, message):
    ours = as_ours(duckdb.Error(text), STORE)
    assert type(ours) is kind and message in str(ours) and "\n" not in str(ours)
