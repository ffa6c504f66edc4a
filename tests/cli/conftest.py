"""Stores that commands are asked of, made once a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.asked import PLANS
from tests.cli.asked_stores import make_asked, make_sides
from tests.cli.commands import ttc


@pytest.fixture(scope="session")
def asking(tmp_path_factory) -> Path:
    """`s.duckdb`: 24 problems x 16 samples of a small policy, and greedy samples of one 14 times larger.

    `large.duckdb` holds the greedy samples alone, `q.duckdb` a policy of unknown size without scores.
    """
    folder = tmp_path_factory.mktemp("asking")
    make_sides(folder)
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
        "import pair.jsonl --store pair.duckdb",
        "sample plain.toml",
        "sample run.toml --store scored.duckdb",
    ):
        done = ttc(*words.split(), cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder
