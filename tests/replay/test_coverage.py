"""pass@k against enumeration, published values and its own invariants."""

from __future__ import annotations

from fractions import Fraction
from math import comb, prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import real_data
from tests.replay.exact import any_right, at_each_size, mean_over_subsets
from tests.replay.pools import pools
from ttclib.replay.coverage import coverage, pass_at_k


@pytest.mark.parametrize("n_samples", range(1, 8))
def test_equals_the_share_of_subsets_with_a_right_sample(n_samples):
    for n_correct in range(n_samples + 1):
        correct = [1.0] * n_correct + [0.0] * (n_samples - n_correct)
        for k in range(1, n_samples + 1):
            expected = mean_over_subsets(n_samples, k, any_right(correct))[0]
            assert pass_at_k(n_samples, n_correct, k) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("n_samples", "n_correct", "k", "expected"),
    [(10, 3, 5, 0.9166667), (200, 5, 10, 0.2282845), (10_000, 27, 100, 0.2379280)],
)
def test_reference_values(n_samples, n_correct, k, expected):
    assert pass_at_k(n_samples, n_correct, k) == pytest.approx(expected, abs=5e-8)


def test_undefined_above_the_pool_never_one():
    assert np.isnan(pass_at_k(10, 10, 11))
    assert np.isnan(pass_at_k(0, 0, 1))


def test_broadcasts_and_gives_a_plain_float_for_numbers():
    table = pass_at_k([[10], [20]], [[3], [0]], [1, 5, 11])
    assert table.shape == (2, 3)
    assert table[0, 0] == pytest.approx(0.3)
    assert np.isnan(table[0, 2]) and table[1, 2] == 0
    assert isinstance(pass_at_k(10, 3, 5), float)


@pytest.mark.parametrize("n_samples", [1000, 1024, 1025, 30_000, 1_000_000, 10_000_000])
@pytest.mark.parametrize("n_correct", [1, 2, 27, 900])
@pytest.mark.parametrize("k", [1, 2, 10, 97])
def test_large_pools_as_whole_numbers_count_them(n_samples, n_correct, k):
    # To eight digits of the chance itself, however small; C(n, k) alone would overflow.
    expected = 1 - Fraction(comb(n_samples - n_correct, k), comb(n_samples, k))
    assert pass_at_k(n_samples, n_correct, k) == pytest.approx(float(expected), rel=5e-9)
    assert pass_at_k(n_samples, k, n_correct) == pytest.approx(float(expected), rel=5e-9)


@pytest.mark.parametrize("left", [0, 1, 5, 31, 32, 40])
def test_large_pools_of_which_few_are_not_drawn(left):
    # One right sample is missed with the chance that it is among those left: left/n.
    n_samples = 1_000_000
    assert 1 - pass_at_k(n_samples, 1, n_samples - left) == pytest.approx(left / n_samples, abs=1e-14)


def test_large_pools_do_not_overflow():
    assert pass_at_k(1_000_000, 999_999, 2) == 1
    assert pass_at_k(10_000_000, 5_000_000, 5_000_000) == 1


@given(pools())
def test_with_ungraded_samples_it_is_the_mean_over_all_subsets(pool):
    n_samples, grades = len(pool.correct), np.array(pool.correct)
    found = coverage([n_samples], [(grades == 1).sum()], [np.isnan(grades).sum()], range(1, n_samples + 2))
    if np.isnan(grades).all():
        assert all(np.isnan(part).all() for part in found)
        return
    accuracy, ungraded = at_each_size(n_samples, any_right(pool.correct))
    assert found.accuracy[0, :-1] == pytest.approx(accuracy, abs=1e-12)
    assert found.ungraded[0, :-1] == pytest.approx(ungraded, abs=1e-12)
    assert not found.mc_error[0, :-1].any() and all(np.isnan(part[0, -1]) for part in found)


@pytest.mark.parametrize("counts", [(4, 3, 2), (4, 1, -1), (4, 5, 0)])
def test_refuses_more_than_there_are(counts):
    with pytest.raises(ValueError, match="must lie between 0 and n_samples"):
        coverage(*([count] for count in counts), [1])


@pytest.mark.parametrize(("n_samples", "n_correct", "k"), [(10, 3, 0), (10, 11, 1), (10, -1, 1)])
def test_refuses_the_impossible(n_samples, n_correct, k):
    with pytest.raises(ValueError, match="must"):
        pass_at_k(n_samples, n_correct, k)


@given(st.integers(1, 400), st.data())
def test_rises_with_k_from_pass_at_1(n_samples, data):
    n_correct = data.draw(st.integers(0, n_samples))
    curve = pass_at_k(n_samples, n_correct, np.arange(1, n_samples + 1))
    assert curve[0] == pytest.approx(n_correct / n_samples, abs=1e-9)
    assert np.all(np.diff(curve) >= -1e-9)
    assert np.all((curve >= 0) & (curve <= 1))
    assert curve[-1] == (1.0 if n_correct else 0.0)


@given(st.integers(1, 200), st.data())
def test_rises_with_the_right_samples(n_samples, data):
    k = data.draw(st.integers(1, n_samples))
    assert np.all(np.diff(pass_at_k(n_samples, np.arange(n_samples + 1), k)) >= -1e-9)


def test_code_generations_of_a_real_model():
    tasks = real_data("codet_humaneval_164x100.jsonl")
    right = np.array([sum(task["passed"]) for task in tasks])
    curve = pass_at_k(100, right[:, None], [1, 10, 100]).mean(axis=0)
    assert curve == pytest.approx([0.221, 0.504, 0.738], abs=6e-4)


def test_arithmetic_of_a_real_model():
    problems = real_data("smollm2_arith_120x128.jsonl.gz")
    right = np.array([sum(sample["correct"] for sample in problem["samples"]) for problem in problems])
    curve = pass_at_k(128, right[:, None], [1, 8, 32, 128]).mean(axis=0)
    assert curve == pytest.approx([0.077, 0.269, 0.438, 0.625], abs=6e-4)


@pytest.mark.parametrize(("n_samples", "n_correct"), [(4, 2.5), (4.5, 2), (float("nan"), 0), (4, float("nan"))])
def test_counts_are_whole(n_samples, n_correct):
    with pytest.raises(ValueError, match="must be whole numbers"):
        pass_at_k(n_samples, n_correct, 1)


def test_pools_of_millions():
    """One right sample of n is among k with chance k/n; half of them right, all k are wrong with about 2^-k."""
    n = 3 << 20
    found = pass_at_k([n, n, n], [1, n // 2, n], [7, 3, 1])
    assert found == pytest.approx([7 / n, 1 - prod((n / 2 - i) / (n - i) for i in range(3)), 1.0], rel=1e-6)
