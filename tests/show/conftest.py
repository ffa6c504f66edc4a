"""Stores and curves for the tests of `ttclib.show`."""

from pathlib import Path

import polars as pl
import pytest

from tests.show.stores import make_store
from ttclib.analysis.curves import SAMPLING, accuracy_curves, powers_of_two
from ttclib.store import SamplePool, load_pool


@pytest.fixture(scope="session")
def demo_like_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store") / "demo_like.duckdb")


@pytest.fixture(scope="session")
def unscored_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store") / "unscored.duckdb", scored=False)


@pytest.fixture(scope="session")
def pool(demo_like_store: Path) -> SamplePool:
    return load_pool(demo_like_store)


@pytest.fixture(scope="session")
def curves(pool: SamplePool) -> pl.DataFrame:
    return accuracy_curves(pool, SAMPLING, powers_of_two(pool), bins=3)
