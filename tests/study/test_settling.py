"""What would settle a verdict: held against drawing that many problems, and against the rule that tells winners."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from ttclib.analysis.efficiency import TOO_CLOSE
from ttclib.analysis.winners import leads
from ttclib.study import findings, settling


def told(differences: np.ndarray, n_comparisons: int = 1) -> tuple[str | None, float, float]:
    """Who is ahead by a table's own rule, and the interval; beside it rows that are level."""
    low, high = ends(differences)
    level = [np.tile([-0.3, 0.3], 400) + at * 1e-9 for at in range(n_comparisons - 1)]
    bounds = [(low, high), *[ends(row) for row in level]]
    return leads([differences, *level], *zip(*bounds, strict=True))[0], low, high


def ends(differences: np.ndarray) -> tuple[float, float]:
    error = 1.959964 * differences.std(ddof=1) / math.sqrt(len(differences))
    return differences.mean() - error, differences.mean() + error


@pytest.mark.parametrize("n_comparisons", [1, 20])
@pytest.mark.parametrize(("mean", "spread"), [(0.05, 0.5), (-0.04, 0.3), (0.15, 0.9)])
def test_with_so_many_problems_the_same_difference_is_told_and_with_fewer_it_is_not(
    mean: float, spread: float, n_comparisons: int
) -> None:
    def drawn(n: int) -> np.ndarray:
        pattern = np.random.default_rng(0).normal(size=n)
        return mean + spread * (pattern - pattern.mean()) / pattern.std(ddof=1)

    winner, low, high = told(drawn(60), n_comparisons)
    assert winner == "too close"
    needed = settling.problems_needed(mean, low, high, 60, n_comparisons=n_comparisons)
    assert needed > 60
    ahead = "small" if mean > 0 else "large"
    assert told(drawn(math.ceil(needed * 1.1)), n_comparisons)[0] == ahead
    assert told(drawn(int(needed * 0.85)), n_comparisons)[0] == "too close"


@pytest.mark.parametrize(
    ("difference", "low", "high"),
    [(0.0, -0.1, 0.1), (0.01, -0.1, 0.1), (-0.009, -0.2, 0.1), (0.1, -math.inf, 0.2), (0.1, -0.1, math.inf)],
)
def test_no_number_settles_what_is_no_lead_or_open(difference: float, low: float, high: float) -> None:
    assert settling.problems_needed(difference, low, high, 50) == math.inf


def test_a_far_end_that_is_wide_asks_for_no_fewer() -> None:
    towards = settling.problems_needed(0.1, -0.3, 0.2, 50)
    assert towards >= 50 * (0.4 / 0.1) ** 2


def test_a_factor_is_settled_where_its_interval_leaves_out_one() -> None:
    for factor, low, high in ((1.5, 0.8, 2.9), (0.6, 0.3, 1.4)):
        needed = settling.factor_needed(factor, low, high, 80)
        shrunk = math.sqrt(80 / needed)
        end = low if factor > 1 else high
        assert (factor * (end / factor) ** shrunk - 1) * (factor - 1) >= -1e-3
    assert settling.factor_needed(1.5, None, 3.0, 80) == math.inf


@pytest.mark.parametrize(
    ("factor", "low", "high"),
    [(0.0, 0.0, 0.5), (1.0, 0.5, 2.0), (2.0, 0.0, 4.0), (2.0, None, 4.0), (0.5, 0.1, math.inf)],
)
def test_a_factor_that_no_number_of_problems_settles(factor: float, low: float | None, high: float) -> None:
    assert settling.factor_needed(factor, low, high, 100) == math.inf


def test_sentences_name_what_is_open_and_nothing_else() -> None:
    assert settling.said({}) == ()
    (one,) = settling.said({"R = 1": (1e9, 100)})
    assert one == "To settle it, if the difference stays as it is: R = 1 more than 100,000 problems (100 here)."
    (many,) = settling.said({f"pair {at}": (100.0 * (9 - at), 50) for at in range(9)} | {"level": (math.inf, 50)})
    assert many.startswith(
        "To settle it, if the differences stay as they are: pair 8 about 100 problems (50 here); pair 7"
    )
    assert "pair 3" not in many and "; 4 others more; level no number" in many
    rows = [{"winner": winner, "difference": 0.1, "ci_low": -0.1, "ci_high": 0.3, "n_problems": 50, "at": at}
            for at, winner in enumerate(("too close", "small", None))]  # fmt: skip
    assert [row["at"] for row, _ in settling.open_rows(rows, 3)] == [0]


def efficiency(factor: float, low: float | None) -> tuple[str, ...]:
    row = {"bin": None, "budget": 8, "accuracy": 0.7, "baseline_cost": 8.0, "cost": 8 / factor, "verdict": TOO_CLOSE,
           "factor": factor, "factor_low": low, "factor_high": 4.0, "n_problems": 50}  # fmt: skip
    frame = pl.DataFrame([row])

    class Found:
        baseline = "best_of_n"
        unit = "generations"

    Found.frame = frame  # type: ignore[attr-defined]
    return findings.of_efficiency(Found)  # type: ignore[arg-type]


def test_a_saving_that_is_not_shown_says_how_many_problems_would_show_it() -> None:
    said = efficiency(2.0, 0.5)
    assert said[0].startswith("No saving over best-of-N is shown on 50 problems")
    assert said[1] == "To settle it, if the difference stays as it is: at 70.0% about 200 problems (50 here)."
    assert "its interval is open" in efficiency(2.0, None)[1]
    assert len(efficiency(0.9, 0.5)) == 1
