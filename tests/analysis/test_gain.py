"""What a gain is made of, against enumeration of subsets and a known truth."""

from itertools import combinations
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import make_pool
from ttclib.analysis.gain import gain, known_and_new, variety
from ttclib.errors import RequestError


@given(st.lists(st.booleans(), min_size=2, max_size=7), st.lists(st.booleans(), min_size=1, max_size=6), st.data())
def test_known_and_new_are_means_over_all_subsets(first, second, data):
    k = data.draw(st.integers(1, len(first) - 1))
    known, new = known_and_new([len(first)], [sum(first)], [len(second)], [sum(second)], k)
    new_first = np.mean(
        [
            first[one] and not any(first[other] for other in subset)
            for one in range(len(first))
            for subset in combinations([place for place in range(len(first)) if place != one], k)
        ]
    )
    missed = np.mean([not any(first[place] for place in subset) for subset in combinations(range(len(first)), k)])
    assert new[0].tolist() == pytest.approx([new_first, missed * np.mean(second)], abs=1e-12)
    assert (known + new)[0].tolist() == pytest.approx([np.mean(first), np.mean(second)], abs=1e-12)


@given(st.lists(st.integers(-1, 3), min_size=2, max_size=7), st.data())
def test_variety_is_a_mean_over_all_subsets(ids, data):
    k = data.draw(st.integers(2, len(ids)))
    distinct, entropy = [], []
    for subset in combinations(ids, k):
        distinct.append(len({one for one in subset if one >= 0}) / k)
        shares = [subset.count(one) / k for one in set(subset)]
        entropy.append(-sum(share * log(share) for share in shares) / log(k))
    agree = np.mean([one == other >= 0 for one, other in combinations(ids, 2)])
    found = variety(np.array([ids]), np.ones((1, len(ids)), dtype=bool), k)[0]
    assert found.tolist() == pytest.approx([np.mean(distinct), np.mean(entropy), agree], abs=1e-9)


def test_absent_samples_and_short_pools_are_no_answers():
    ids = np.array([[0, 1, -1], [0, 0, 0]])
    present = np.array([[True, True, False], [True, False, False]])
    found = variety(ids, present, 2)
    assert found[0].tolist() == pytest.approx([1.0, 1.0, 0.0]) and np.isnan(found[1]).all()


def test_parts_are_unbiased_for_a_known_truth():
    """A sharper model on half of the problems, a wider one on the other half."""
    rng = np.random.default_rng(3)
    n, k, problems = 8, 7, 40_000
    p = np.where(np.arange(problems) % 2, 0.2, 0.02)
    q = np.where(np.arange(problems) % 2, 0.5, 0.3)
    known, new = known_and_new(np.full(problems, n), rng.binomial(n, p), np.full(problems, n), rng.binomial(n, q), k)
    missed = (1 - p) ** k
    assert new.mean(axis=0) == pytest.approx([(missed * p).mean(), (missed * q).mean()], abs=3e-3)
    assert known.mean(axis=0) == pytest.approx([((1 - missed) * p).mean(), ((1 - missed) * q).mean()], abs=3e-3)


def pools(first, second, **more):
    return make_pool(np.array(first, dtype=float), **more), make_pool(np.array(second, dtype=float), **more)


def rows_of(frame):
    return {row["measure"]: row for row in frame.iter_rows(named=True)}


def test_a_sharper_side_gains_where_the_first_finds_the_answer():
    first, second = pools([[1, 0, 0, 0]] * 60, [[1, 1, 1, 0]] * 60)
    found = rows_of(gain(first, second))
    assert found["accuracy"]["difference"] == pytest.approx(0.5) and found["accuracy"]["winner"] == "second"
    assert found["coverage"]["difference"] == 0 and found["coverage"]["winner"] == "too close"
    assert found["known"]["difference"] + found["new"]["difference"] == pytest.approx(0.5)
    # One right of four: with it looked at, the other three are all wrong.
    assert found["known"]["first"] == 0 and found["known"]["second"] == pytest.approx(0.75 * 0.75)
    assert {row["budget"] for row in found.values()} == {3, 4}


def test_a_wider_side_gains_where_the_first_finds_nothing():
    first, second = pools([[1, 1, 0, 0], [0, 0, 0, 0]] * 30, [[1, 1, 0, 0], [1, 0, 0, 0]] * 30)
    found = rows_of(gain(first, second))
    assert found["new"]["difference"] == pytest.approx(0.125) and abs(found["known"]["difference"]) < 1e-12
    assert found["coverage"]["difference"] == pytest.approx(0.5) and found["coverage"]["winner"] == "second"


def test_the_sides_changed_over_change_the_sign_of_all_but_the_parts():
    rng = np.random.default_rng(0)
    first, second = pools(rng.random((50, 6)) < 0.3, rng.random((50, 6)) < 0.5)
    there, back = rows_of(gain(first, second)), rows_of(gain(second, first))
    for name in set(there) - {"known", "new"}:
        assert there[name]["difference"] == pytest.approx(-back[name]["difference"])
        assert there[name]["ci_low"] == pytest.approx(-back[name]["ci_high"], abs=5e-3)


@pytest.mark.parametrize(("k", "said"), [(1, "give at least 2"), (9, "9 samples: no problem holds as many")])
def test_a_number_of_samples_that_cannot_be(k, said):
    first, second = pools([[1, 0]], [[1, 1]])
    with pytest.raises(RequestError, match=said):
        gain(first, second, k)
    assert set(gain(first, second, 2)["budget"]) <= {1, 2}  # the least that can be


def test_one_sample_a_problem_says_nothing():
    first, second = pools([[1]] * 5, [[1]] * 5)
    with pytest.raises(RequestError, match="several samples of each problem"):
        gain(first, second)
