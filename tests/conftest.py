"""Fixtures that all rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.builders import build_store

HERE = Path(__file__).parent

# Examples are cheap, but a loaded machine may be slow at any one of them; failures repeat from run to run.
settings.register_profile("ttclib", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("ttclib")


# The files that take longest, half a minute and more, begin first: none is left for one worker while the other waits.
LONGEST = (
    "study/test_same_answer.py",
    "browser/test_all_pages.py",
    "browser/test_lab_and_pages.py",
    "test_docs.py",
    "show/test_notebooks.py",
    "lab/test_flywheel.py",
    "show/test_real_notebooks.py",
    "engines/test_engine.py",
    "show/test_suite.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {HERE / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture
def small_store(tmp_path: Path) -> Path:
    """20 problems x 16 samples, scored and graded."""
    return build_store(tmp_path / "small.duckdb")
