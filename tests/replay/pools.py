"""Small random pools in which grades, answers and scores are missing."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

NAN = float("nan")


class Made(NamedTuple):
    """One problem's samples."""

    ids: list[int]
    scores: list[float]
    correct: list[float]


@st.composite
def pools(draw, largest: int = 7, scores=(0.0, 0.1, 0.2, 0.3, 0.9, NAN), grades=(0.0, 1.0, NAN)) -> Made:
    """Answers (−1: none), scores and grades, each sample's drawn by itself: those of an answer may differ."""
    size = draw(st.integers(1, largest))

    def column(values):
        return draw(st.lists(st.sampled_from(values), min_size=size, max_size=size))

    return Made(column([-1, 0, 1, 2]), column(scores), column(grades))
