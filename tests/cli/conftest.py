"""Stores that commands are asked of, made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import build_store
from tests.cli.asked_stores import add_greedy, make_asked


@pytest.fixture(scope="session")
def asking(tmp_path_factory) -> Path:
    """`s.duckdb`: 24 problems x 16 samples of a small policy, and greedy samples of one 14 times larger.

    `large.duckdb` holds the greedy samples alone, `q.duckdb` a policy of unknown size without scores.
    """
    folder = tmp_path_factory.mktemp("asking")
    store = build_store(folder / "s.duckdb", n_problems=24, policy="small", n_parameters=1000, absorbed=False)
    build_store(folder / "q.duckdb", n_problems=24, policy="drawn", n_parameters=None, scored=False)
    for path in (store, folder / "large.duckdb"):
        add_greedy(path)
    return folder


@pytest.fixture(scope="session")
def asked(asking: Path) -> Path:
    """The same folder with a store for every question (`tests.cli.asked_stores`)."""
    make_asked(asking)
    return asking
