"""Difficulty told a few problems at a time is the same as at once, from columns of 32 bits too."""

from __future__ import annotations

import numpy as np
import pytest

from ttclib.analysis.agreement import cheap_difficulty
from ttclib.analysis.difficulty import tell_difficulty
from ttclib.samples import blocks


@pytest.fixture
def tables() -> tuple[np.ndarray, np.ndarray]:
    """Grades and scores, which 32 bits hold, with holes."""
    rng = np.random.default_rng(3)
    shape = (31, 20)
    correct = np.where(rng.random(shape) < 0.1, np.nan, rng.random(shape) < rng.random((31, 1)))
    scores = np.where(rng.random(shape) < 0.1, np.nan, rng.random(shape).astype(np.float32))
    return correct, scores


@pytest.mark.parametrize("cells", [1, 50, 10_000])
def test_the_same_in_blocks(tables, cells, monkeypatch):
    correct, scores = tables

    def told(grades: np.ndarray, judged: np.ndarray) -> list[np.ndarray]:
        found = [
            tell_difficulty(grades),
            tell_difficulty(judged, source="predicted", correct=grades, verifier="v", aggregation="last"),
        ]
        assert all(one.bias is not None for one in found)
        return [part for one in found for part in (one.ease, one.bins, one.bias)] + [
            *cheap_difficulty(grades, 3, seed=1),
            *cheap_difficulty(judged, 3, grades, seed=1),
        ]

    whole = told(correct, scores)
    monkeypatch.setattr(blocks, "BLOCK", cells)
    for one, wanted in zip(told(correct.astype(np.float32), scores.astype(np.float32)), whole, strict=True):
        np.testing.assert_allclose(one, wanted, rtol=0, atol=1e-12)


def test_grades_of_any_kind_are_taken():
    assert tell_difficulty([[True, False], [True, True]], 2).ease.tolist() == [0.5, 1.0]
    assert cheap_difficulty([[1, 1, 1], [0, 0, 0]], 1, n_draws=2)[0].tolist() == [[1.0, 0.0], [1.0, 0.0]]
