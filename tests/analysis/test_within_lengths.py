"""Accuracy by length within a problem, against loops and a known truth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.analysis.lengths import within_lengths, worse_from
from ttclib.errors import RequestError


@given(
    st.lists(
        st.lists(st.tuples(st.sampled_from([0.0, 1.0, np.nan]), st.integers(1, 9)), min_size=6, max_size=6),
        min_size=1,
        max_size=8,
    ),
    st.integers(2, 4),
)
def test_as_a_loop_over_problems(rows, n_groups):
    right = np.array([[one for one, _ in row] for row in rows])
    length = np.array([[float(tokens) for _, tokens in row] for row in rows])
    expected: dict[int, list[float]] = {}
    for row in rows:
        own = sorted((tokens, one) for one, tokens in row if one == one)
        grades = [one for _, one in own]
        if len(own) < n_groups or sum(grades) in (0, len(own)):
            continue
        by_group: dict[int, list[float]] = {}
        for tokens, one in own:
            places = [place for place, (other, _) in enumerate(own, start=1) if other == tokens]
            number = int(np.ceil(n_groups * (np.mean(places) - 0.5) / len(own)))
            by_group.setdefault(number, []).append(one)
        for number, some in by_group.items():
            expected.setdefault(number, []).append(np.mean(some) - np.mean(grades))
    found = within_lengths(right, length, n_groups)
    assert found["length_group"].to_list() == sorted(expected)
    assert found["deviation"].to_list() == pytest.approx([np.mean(expected[one]) for one in sorted(expected)])
    assert found["n_problems"].to_list() == [len(expected[one]) for one in sorted(expected)]


def test_hard_problems_that_take_longer_do_not_make_length_harmful():
    """Length follows difficulty alone: within a problem it says nothing."""
    rng = np.random.default_rng(1)
    p = rng.random(400)[:, None]
    right = (rng.random((400, 40)) < p).astype(float)
    length = np.round(1000 * (1.2 - p) + rng.normal(0, 30, (400, 40)))
    assert np.corrcoef(right.ravel(), length.ravel())[0, 1] < -0.4
    found = within_lengths(right, length)
    assert worse_from(found) is None and found["deviation"].abs().max() < 0.03
    assert ((found["ci_low"] <= 0) & (found["ci_high"] >= 0)).sum() >= 4


def test_where_long_samples_fail_it_says_from_which_length():
    rng = np.random.default_rng(2)
    length = rng.uniform(50, 150, (300, 50))
    right = (rng.random((300, 50)) < np.where(length > 110, 0.2, 0.6)).astype(float)
    found = within_lengths(right, length)
    assert found["deviation"].to_list()[0] == pytest.approx(0.16, abs=0.03)
    assert worse_from(found) == pytest.approx(1.2, abs=0.02)  # the fourth fifth, 110 to 130 of a mean of 100


def test_nothing_to_learn_from_gives_no_rows():
    assert not len(within_lengths([[1, 1, 1, 1, 1, 1]], [[1, 2, 3, 4, 5, 6]]))
    assert not len(within_lengths([[1, 0]], [[1, 2]]))
    assert worse_from(within_lengths([[1, 0]], [[1, 2]])) is None


@pytest.mark.parametrize(("lengths", "n", "said"), [([[1, 2]], 1, "at least 2"), ([[1]], 2, "share one shape")])
def test_bad_input(lengths, n, said):
    with pytest.raises(RequestError, match=said):
        within_lengths([[1, 0]], lengths, n)
