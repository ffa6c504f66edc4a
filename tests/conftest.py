"""Fixtures that all rooms share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.builders import build_store

# Examples are cheap, but a loaded machine may be slow at any one of them; failures repeat from run to run.
settings.register_profile("ttclib", deadline=None, derandomize=True, database=None, max_examples=60)
settings.load_profile("ttclib")


@pytest.fixture
def small_store(tmp_path: Path) -> Path:
    """20 problems x 16 samples, scored and graded."""
    return build_store(tmp_path / "small.duckdb")
