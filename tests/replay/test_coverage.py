"""pass@k against enumeration, published values and its own invariants."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import real_data
from tests.replay.exact import any_right, mean_over_subsets
from ttclib.replay.coverage import pass_at_k


@pytest.mark.parametrize("n_samples", range(1, 8))
def test_equals_the_share_of_subsets_with_a_right_sample(n_samples):
    for n_correct in range(n_samples + 1):
        correct = [1.0] * n_correct + [0.0] * (n_samples - n_correct)
        for k in range(1, n_samples + 1):
            expected = mean_over_subsets(n_samples, k, any_right(correct))
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


def test_large_pools_do_not_overflow():
    assert 0 < pass_at_k(1_000_000, 1, 10) < 1.1e-5
    assert pass_at_k(1_000_000, 999_999, 2) == 1


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
