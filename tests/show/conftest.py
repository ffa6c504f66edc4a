"""Stores and curves for the tests of `ttclib.show`."""

from pathlib import Path

import polars as pl
import pytest

import ttclib
from tests.show.stores import make_store
from ttclib.show.notebook import SAMPLING
from ttclib.study.study import Study


@pytest.fixture(scope="session")
def demo_like_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store") / "demo_like.duckdb")


@pytest.fixture(scope="session")
def unscored_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_store(tmp_path_factory.mktemp("store") / "unscored.duckdb", scored=False)


@pytest.fixture(scope="session")
def study(demo_like_store: Path) -> Study:
    return ttclib.open(demo_like_store)


@pytest.fixture(scope="session")
def curves(study: Study) -> pl.DataFrame:
    return study.replay(strategies=SAMPLING, bins=3, told="same").frame
