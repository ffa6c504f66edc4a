"""A pool that was made in a notebook is asked as a store is."""

from __future__ import annotations

import polars as pl
import pytest

import ttclib
from ttclib.errors import NotInStore


def frame() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "problem_id": [f"p{row // 4}" for row in range(24)],
            "sample_index": [row % 4 for row in range(24)],
            "answer": [str(row % 3) for row in range(24)],
            "correct": [row % 3 == 0 for row in range(24)],
        }
    )


def test_a_frame_is_opened_and_asked():
    study = ttclib.open(ttclib.from_frame(frame()))
    found = study.replay()
    assert set(found.frame["strategy"]) == {"pass_at_k", "majority_vote"}
    one = found.frame.filter(strategy="pass_at_k", budget=1).row(0, named=True)
    assert one["accuracy"] == pytest.approx(1 / 3, abs=0.01) and one["n_problems"] == 6
    with pytest.raises(NotInStore, match="ttc revise"):
        study.replay(strategies="revisions")
