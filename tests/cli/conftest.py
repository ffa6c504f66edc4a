"""Stores that commands are asked of, made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders import build_store
from tests.cli.asked import PLANS
from tests.cli.asked_stores import add_greedy, make_asked
from tests.cli.commands import ttc


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


@pytest.fixture(scope="session")
def plans(asked: Path) -> Path:
    """The folder of stores, with plans."""
    for name, words in PLANS.items():
        done = ttc(*words.split(), "--export-plan", name, cwd=asked)
        assert done.returncode == 0, done.stderr
    return asked


@pytest.fixture(scope="session")
def bench(plans: Path, tmp_path_factory) -> Path:
    """What commands that write work on a copy of."""
    folder = tmp_path_factory.mktemp("bench")
    from tests.cli.bench import make_work

    make_work(folder)
    for one in (*plans.glob("*.duckdb"), *plans.glob("*.json")):
        (folder / one.name).symlink_to(one)
    for words in (
        "import two.jsonl --store two.duckdb",
        "sample plain.toml",
        "sample run.toml --store scored.duckdb",
    ):
        done = ttc(*words.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder
