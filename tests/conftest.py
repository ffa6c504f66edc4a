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


# The files that take longest begin first, so that none is left for one worker while the other waits: to xdist the
# longest are those of many tests, and these have few.
LONGEST = (
    "browser/test_lab_and_pages.py",
    "browser/test_all_pages.py",
    "collect/test_cluster.py",
    "show/test_notebooks.py",
    "show/test_real_notebooks.py",
    "soundness/test_verify.py",
    "lab/test_flywheel.py",
    "collect/test_search.py",
    "engines/test_engine.py",
    "study/test_same_answer.py",
    "collect/test_sharing.py",
    "collect/test_run.py",
    "show/test_suite.py",
    "study/test_forecasting.py",
    "collect/test_solve.py",
    "soundness/test_merge.py",
    "engines/test_chat.py",
    "engines/test_runs.py",
    "collect/test_revise.py",
    "collect/test_right_names.py",
    "engines/test_server.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first."""
    places = {HERE / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture
def small_store(tmp_path: Path) -> Path:
    """20 problems x 16 samples, scored and graded."""
    return build_store(tmp_path / "small.duckdb")
