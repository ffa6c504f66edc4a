"""Where problems of each bin go, against simulations of known truth; equal compute against hand computation."""

import numpy as np
import polars as pl
import pytest

from tests.builders import make_pool
from ttclib.analysis.flow import AGAIN, equal_compute, flow
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k
from ttclib.samples import ModelFacts


def pools(truth, later, n_base=64, n_later=32, seed=0):
    """A first policy and one more, whose samples are right with known chances."""
    rng = np.random.default_rng([seed, 7])  # other numbers than those that deal the halves
    base = make_pool(rng.random((len(truth), n_base)) < truth[:, None], policy="base")
    return base, make_pool(rng.random((len(later), n_later)) < later[:, None], policy="later")


def hardest(frame, measure, number=5):
    return frame.filter((pl.col("bin") == number) & (pl.col("measure") == measure)).row(0, named=True)


def test_where_nothing_was_learned_nothing_flows_beyond_noise():
    """Telling and reporting on the same samples would read regression to the mean as progress; this does not."""
    inside, differences, naive = [], [], []
    for seed in range(40):
        truth = np.random.default_rng([seed, 8]).beta(0.6, 0.6, 100)
        base, later = pools(truth, truth, n_base=16, n_later=8, seed=seed)
        _, bins = flow(base, [later], seed=seed)
        for measure in ("accuracy", "easier", "middle"):
            row = hardest(bins, measure)
            inside.append(row["ci_low"] <= 0 <= row["ci_high"])
            differences.append(row["difference"])
        told = base.correct[:, :8].mean(axis=1)
        worst = np.argsort(told)[:20]
        naive.append(later.correct[worst].mean() - told[worst].mean())
    assert np.mean(inside) > 0.93
    assert np.mean(naive) > 0.02, "bins told and reported on the same samples"
    assert abs(np.mean(differences)) < 0.01


def test_what_was_learned_is_what_flows():
    truth = np.repeat([0.9, 0.7, 0.5, 0.3, 0.02], 40)
    later = np.where(truth == 0.02, 0.5, truth)
    base, other = pools(truth, later, n_base=256, n_later=64)
    flows, bins = flow(base, [other])
    row = hardest(bins, "accuracy")
    assert row["difference"] == pytest.approx(0.48, abs=0.03) and row["winner"] == "second"
    assert hardest(bins, "middle")["second"] > 0.8 and hardest(bins, "middle")["first"] == 0.0
    assert hardest(bins, "accuracy", 2)["winner"] == "too close"
    to = flows.filter((pl.col("bin") == 5) & (pl.col("policy") == "later")).sort("share")["bin_after"][-1]
    assert to == 3


def test_shares_of_each_bin_add_up_and_the_diagonal_is_by_chance():
    truth = np.random.default_rng(3).random(60)
    flows, bins = flow(*(lambda a, b: (a, [b]))(*pools(truth, truth)))
    sums = flows.group_by("policy", "bin").agg(pl.col("share").sum())["share"]
    assert sums.to_list() == pytest.approx([1.0] * 10)
    again = flows.filter(pl.col("policy") == AGAIN)
    assert again.filter(pl.col("bin") == pl.col("bin_after"))["share"].mean() > 0.5
    assert bins.filter(pl.col("bin").is_null())["n_problems"].to_list() == [60] * 3


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_all_right_or_all_wrong_moves_nobody_for_sure(right):
    base, later = pools(np.full(20, right), np.full(20, right), n_base=8, n_later=4)
    _, bins = flow(base, [later])
    assert set(bins["winner"]) == {"too close"}


def test_what_cannot_be_parted_is_refused():
    base, later = pools(np.full(3, 0.5), np.full(3, 0.5), n_base=2, n_later=2)
    with pytest.raises(RequestError, match="give at least 4 of 'base'"):
        flow(base, [later])
    base, later = pools(np.full(3, 0.5), np.full(4, 0.5))
    with pytest.raises(RequestError, match="other problems"):
        flow(base, [later])


def test_equal_compute_is_what_a_hand_computes():
    """A sample costs 2·1,000·10 FLOPs of either; 800,000 shared by 10 queries are 4 samples more."""
    truth = np.random.default_rng(1).random(40)
    base, later = pools(truth, np.minimum(1, truth + 0.1))
    frame = equal_compute(base, [later], {"later": 800_000.0}, 10)
    cover = frame.filter(pl.col("measure") == "coverage")
    assert cover["budget"].to_list() == [1, 2, 4, 8, 16, 32]
    assert cover["cost"].to_list() == [20_000 * k + 80_000 for k in cover["budget"]]
    assert cover["base_budget"].to_list() == [k + 4 for k in cover["budget"]]
    row = cover.row(2, named=True)
    assert row["first"] == pytest.approx(np.mean(pass_at_k(base.pool_sizes, base.n_correct, 8)))
    assert row["second"] == pytest.approx(np.mean(pass_at_k(later.pool_sizes, later.n_correct, 4)))
    assert row["difference"] == pytest.approx(row["second"] - row["first"])
    vote = frame.filter((pl.col("measure") == "majority") & (pl.col("budget") == 1)).row(0, named=True)
    assert vote["second"] == pytest.approx(later.correct.mean())
    assert np.mean(pass_at_k(base.pool_sizes, base.n_correct, row["needed"])) >= row["second"]
    assert row["from_queries"] == pytest.approx(800_000 / (20_000 * (row["needed"] - 4)))


def test_a_pool_that_ends_below_stands_for_more_and_says_so():
    truth = np.random.default_rng(1).random(40)
    base, later = pools(truth, truth)
    frame = equal_compute(base, [later], {"later": 80e6}, 10).filter(pl.col("measure") == "coverage")
    assert not frame["held"].any() and frame["base_budget"][0] == 401
    assert set(frame["first"].round(12)) == {round(float(np.mean(pass_at_k(base.pool_sizes, base.n_correct, 64))), 12)}


def test_equal_compute_needs_the_parameters():
    base, later = pools(np.full(4, 0.5), np.full(4, 0.5))
    unknown = make_pool(later.correct, policy="later", policy_model=ModelFacts("later"))
    with pytest.raises(RequestError, match="does not know how many parameters 'later' has"):
        equal_compute(base, [unknown], {"later": 1.0}, 10)
