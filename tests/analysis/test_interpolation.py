"""Between budgets: log-linear, and nothing beyond."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.analysis.interpolation import accuracy_at, cost_for

NAN = float("nan")
curves = st.lists(st.floats(0, 1), min_size=2, max_size=7)


@given(curves, st.lists(st.floats(0.5, 200), min_size=1, max_size=8))
def test_accuracy_at_equals_numpys_interpolation_inside_and_is_undefined_outside(curve, wanted):
    cost, wanted = 2.0 ** np.arange(len(curve)), np.round(wanted, 3)  # an end missed by rounding is an end
    found = accuracy_at(cost, np.array(curve), wanted)
    expected = np.interp(np.log2(wanted), np.log2(cost), curve, left=NAN, right=NAN)
    np.testing.assert_allclose(found, expected, atol=1e-7)


def test_undefined_points_reach_to_their_neighbours_and_no_further():
    cost = np.array([1.0, 2, 4, 8])
    found = accuracy_at(cost, np.array([0.1, 0.2, NAN, 0.4]), np.array([1, 1.5, 2, 3, 4, 6, 8]))
    assert np.isnan(found).tolist() == [False, False, False, True, True, True, False]
    assert accuracy_at(np.array([4.0]), np.array([0.3]), np.array([4.0, 5.0])).tolist() == pytest.approx(
        [0.3, NAN], nan_ok=True
    )
    assert np.isnan(accuracy_at(np.array([1.0, NAN]), np.array([0.3, 0.4]), np.array([1.0]))).all()


def by_loop(cost, curve, target):
    for column, accuracy in enumerate(curve):
        if accuracy >= target - 1e-9:
            if column == 0:
                return cost[0]
            share = (target - curve[column - 1]) / (accuracy - curve[column - 1])
            return 2 ** (np.log2(cost[column - 1]) + min(max(share, 0), 1) * np.log2(cost[column] / cost[column - 1]))
    return np.inf


@given(
    st.lists(curves.filter(lambda c: len(c) == 4), min_size=1, max_size=3),
    st.lists(st.floats(0, 1), min_size=1, max_size=4),
)
def test_cost_for_equals_the_loop(rows, targets):
    cost, table = np.array([1.0, 3, 5, 64]), np.array(rows)
    found = cost_for(cost, table, np.tile(targets, (len(rows), 1)))
    expected = [[by_loop(cost, row, target) for target in targets] for row in rows]
    np.testing.assert_allclose(found, expected)


@given(curves, st.floats(0.01, 0.99))
def test_a_rising_curve_reaches_what_it_is_worth_there(curve, share):
    cost, rising = 2.0 ** np.arange(len(curve)), np.cumsum(np.array(curve) + 0.01)
    at = 2.0 ** (share * (len(curve) - 1))
    target = accuracy_at(cost, rising, np.array([at]))
    assert cost_for(cost, rising, target)[0] == pytest.approx(at, rel=1e-5)


def test_an_unknown_target_needs_an_unknown_cost():
    assert np.isnan(cost_for(np.array([1.0, 2]), np.array([0.1, 0.2]), np.array([NAN])))[0]
