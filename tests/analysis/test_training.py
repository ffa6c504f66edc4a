"""Train or sample: costs by hand, and checkpoints held out of a surface that is known."""

from __future__ import annotations

from math import comb

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from ttclib.analysis.held_out import predict_held_out
from ttclib.analysis.training import cost_a_query, train_or_sample
from ttclib.errors import RequestError

QUERIES = [1e2, 1e4, 1e6, 1e8, 1e10]


def two(**more):
    """A small model that solves each problem one time in 64, and one ten times as large that does every second time."""
    n, c = np.full((2, 40), 640), np.array([[10] * 40, [320] * 40])
    given = {"answer_tokens": 100.0, "targets": [0.5], "queries": QUERIES, "n_resamples": 60} | more
    return train_or_sample(["s", "l"], [1e6, 1e7], [1e8, 1e9], n, c, **given)


@pytest.mark.parametrize("target", [0.5, 0.8])
def test_costs_and_the_crossing_by_hand(target):
    found = two(targets=[target])
    samples = {row["policy"]: row["k"] for row in found.sizes.to_dicts()}
    # Half are covered by one sample of the larger model, and by 43 of 640 of the small one; 80 % by 3, and by 95.
    drawn = {
        name: next(k for k in range(1, 640) if 1 - comb(640 - right, k) / comb(640, k) >= target)
        for name, right in (("s", 10), ("l", 320))
    }
    assert samples == drawn and samples["l"] == (1 if target == 0.5 else 3)
    for row in found.choices.to_dicts():
        size, tokens = {"s": (1e6, 1e8), "l": (1e7, 1e9)}[row["policy"]]
        cost = 6 * size * tokens / row["queries"] + 2 * size * 100 * samples[row["policy"]]
        assert row["cost"] == pytest.approx(cost) == cost_a_query(size, tokens, row["k"], row["queries"], 100)
        assert row["training_share"] == pytest.approx(6 * size * tokens / row["queries"] / cost)
        assert row["exchange_rate"] == pytest.approx(row["queries"] * 100 * row["k"] / tokens)
    (row,) = found.takeovers.to_dicts()
    equal = 3 * (1e7 * 1e9 - 1e6 * 1e8) / (100 * (1e6 * samples["s"] - 1e7 * samples["l"]))
    assert row["policy"] == "l" and row["from_queries"] == pytest.approx(equal)
    assert row["ci_low"] <= equal <= row["ci_high"] and row["supported"]
    assert found.choices["policy"].to_list() == ["s"] * 3 + ["l"] * 2  # equal near 9 million queries, or 4.5


def test_every_size_is_told_against_the_cheapest():
    frame = two().sizes
    assert (frame.group_by("queries").agg(pl.col("factor").min())["factor"] == 1.0).all()
    assert len(frame) == 2 * len(QUERIES)


def test_a_target_that_nobody_reaches_has_no_choice():
    n = np.full((2, 30), 64)
    c = np.zeros((2, 30), dtype=int)
    c[:, :10] = 8
    found = train_or_sample(["a", "b"], [1e6, 1e7], [1e8, 1e8], n, c, answer_tokens=10, targets=[0.2, 0.9],
                            queries=QUERIES, n_resamples=20)  # fmt: skip
    lacking = found.choices.filter(found.choices["target"] == 0.9)
    assert lacking["policy"].null_count() == len(QUERIES) and lacking["cost"].null_count() == len(QUERIES)
    assert found.reached["coverage"].to_list() == pytest.approx([1 / 3, 1 / 3])
    assert (found.choices.filter(found.choices["target"] == 0.2)["policy"] == "a").all()  # level: the smaller one


def test_a_problem_counts_once_however_often_it_was_sampled():
    c = np.array([[5] * 10 + [0] * 10, [5] * 10 + [0] * 10])
    even = train_or_sample(["a", "b"], [1e6, 1e7], [1e8, 1e8], np.full((2, 20), 10), c, answer_tokens=10,
                           targets=[0.3], queries=QUERIES, n_resamples=20)  # fmt: skip
    more = np.array([[10] * 10 + [100_000] * 10] * 2)
    uneven = train_or_sample(["a", "b"], [1e6, 1e7], [1e8, 1e8], more, c, answer_tokens=10, targets=[0.3],
                             queries=QUERIES, n_resamples=20)  # fmt: skip
    assert_frame_equal(even.choices, uneven.choices)


@pytest.mark.parametrize(
    "wrong", [{"targets": [1.0]}, {"targets": []}, {"answer_tokens": 0.0}, {"queries": [10.0]}, {"queries": [10, 1]}]
)
def test_refused(wrong):
    with pytest.raises(RequestError):
        two(**wrong)


def surface(seed: int, noise: float = 0.25, n_problems: int = 60):
    """Checkpoints of six sizes × five lengths of training, pass@1 ~ Beta on a smooth surface with noise."""
    rng = np.random.default_rng(seed)
    sizes, tokens = (np.repeat(np.logspace(7, 10, 6), 5), np.tile(np.logspace(9, 11.5, 5), 6))
    x, z = np.log10(sizes) - 8.5, np.log10(tokens) - 10
    alpha = np.exp(-1 + 0.2 * x + 0.2 * z + noise * rng.standard_normal(30))
    beta = np.exp(4 - 0.8 * x - 0.7 * z + noise * rng.standard_normal(30))
    ease = rng.beta(alpha[:, None], beta[:, None], (30, n_problems))
    n = np.full(ease.shape, 400)
    return [f"m{at}" for at in range(30)], sizes, tokens, n, rng.binomial(n, ease)


def test_the_interval_of_a_held_out_checkpoint_holds_as_often_as_it_says():
    found = [predict_held_out(*surface(seed), [1, 64]) for seed in range(6)]
    share = np.mean([frame["holds"].mean() for frame in found])
    assert 0.9 <= share <= 1.0
    assert all(
        (one["ci_low"] <= one["predicted"]).all() and (one["predicted"] <= one["ci_high"]).all() for one in found
    )
    narrow = predict_held_out(*surface(0), [64], level=0.6)["holds"].mean()
    assert 0.35 <= narrow <= 0.85


def test_a_checkpoint_is_predicted_without_itself():
    names, sizes, tokens, n, c = surface(3)
    other = c.copy()
    other[17] = np.minimum(n[17], c[17] * 3 + 20)
    both = [predict_held_out(names, sizes, tokens, n, one, [64]) for one in (c, other)]
    plain, changed = ({row["policy"]: row for row in one.to_dicts()} for one in both)
    for name in ("predicted", "ci_low", "ci_high"):
        assert plain["m17"][name] == pytest.approx(changed["m17"][name], rel=1e-6)
    assert plain["m17"]["measured"] != changed["m17"]["measured"]
    assert plain["m18"]["predicted"] != changed["m18"]["predicted"]


def test_those_that_solve_little_are_left_out_and_few_checkpoints_refused():
    names, sizes, tokens, n, c = surface(1)
    c[:2] = 0
    c[0, :9] = 1
    assert "m0" not in (kept := predict_held_out(names, sizes, tokens, n, c, [1])["policy"].to_list())
    assert len(kept) <= 28
    with pytest.raises(RequestError, match="needs 12"):
        predict_held_out(names[:8], sizes[:8], tokens[:8], n[:8], c[:8], [1])
    with pytest.raises(RequestError, match="three sizes"):
        predict_held_out(names, np.full(30, 1e8), tokens, n, c, [1])
