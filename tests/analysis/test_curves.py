"""Accuracy curves: the contract's columns, unequal pools, bins, what is unknown, what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tests.builders import build_store, make_pool
from ttclib.analysis.curves import (
    CURVE_SCHEMA,
    SAMPLING,
    accuracy_curves,
    powers_of_two,
    verifier_scores,
)
from ttclib.errors import RequestError
from ttclib.replay.coverage import pass_at_k
from ttclib.store import load_pool

COLUMNS = ["strategy", "budget", "bin", "accuracy", "ci_low", "ci_high", "n_problems", "n_samples", "tokens", "flops"]


def test_columns_are_the_contract(small_store):
    frame = accuracy_curves(load_pool(small_store), SAMPLING, [1, 4, 16], bins=5)
    assert frame.columns == [*COLUMNS, "variant", "mc_error"]
    assert frame.schema == pl.Schema(CURVE_SCHEMA)
    assert len(frame) == 4 * 3 * 6
    assert frame["strategy"].unique(maintain_order=True).to_list() == list(SAMPLING)
    assert frame.drop("bin").null_count().sum_horizontal()[0] == 0
    assert frame.filter((pl.col("ci_low") > pl.col("accuracy")) | (pl.col("ci_high") < pl.col("accuracy"))).is_empty()


def test_strategies_agree_at_one_sample(small_store):
    # With one sample there is nothing to choose: every strategy is pass@1.
    frame = accuracy_curves(load_pool(small_store), SAMPLING, [1])
    assert frame["accuracy"].to_list() == pytest.approx([frame["accuracy"][0]] * 4, abs=1e-12)


def test_selection_stays_below_coverage(small_store):
    pool = load_pool(small_store)
    frame = accuracy_curves(pool, SAMPLING, powers_of_two(pool)).pivot(on="strategy", index="budget", values="accuracy")
    for strategy in SAMPLING[1:]:
        assert (frame[strategy] <= frame["pass_at_k"] + 1e-9).all()


def test_numbers_of_a_pool_done_by_hand():
    pool = make_pool([[1, 0, 0, 0], [1, 1, 0, 0]], policy_parameters=1000)
    row = accuracy_curves(pool, ["pass_at_k"], [2]).row(0, named=True)
    assert row["accuracy"] == pytest.approx((1 / 2 + 5 / 6) / 2)
    assert (row["n_problems"], row["n_samples"]) == (2, 8)
    assert row["tokens"] == pytest.approx(20)  # two samples of ten tokens
    assert row["flops"] == pytest.approx(2 * 1000 * 20)


def test_unequal_pools_count_the_problems_that_hold_the_budget():
    pool = make_pool([[1, 0], [0, 1, 1, 0], [1, 1, 1, 1, 0, 0, 0, 0]])
    for strategy in SAMPLING:
        frame = accuracy_curves(pool, [strategy], [1, 2, 4, 8])
        assert frame["n_problems"].to_list() == [3, 3, 2, 1]
        assert frame["n_samples"].to_list() == [14, 14, 12, 8]
    coverage = accuracy_curves(pool, ["pass_at_k"], [4])["accuracy"][0]
    assert coverage == pytest.approx((pass_at_k(4, 2, 4) + pass_at_k(8, 4, 4)) / 2)
    assert powers_of_two(pool) == [1, 2]


def test_padding_is_no_sample():
    # The short pool alone and beside a longer one: the same numbers for it.
    alone = accuracy_curves(make_pool([[1, 0, 0]]), ["best_of_n"], [2])["accuracy"][0]
    beside = make_pool([[1, 0, 0], [0, 0, 0, 0, 0]])
    assert accuracy_curves(beside, ["best_of_n"], [2])["accuracy"][0] == pytest.approx(alone / 2)


def test_bins_part_the_problems_from_easy_to_hard(small_store):
    frame = accuracy_curves(load_pool(small_store), ["pass_at_k"], [1], bins=4)
    assert frame["bin"].to_list() == [None, 1, 2, 3, 4]
    assert frame["n_problems"].to_list() == [20, 5, 5, 5, 5]
    by_bin = frame["accuracy"].to_list()
    assert by_bin[1:] == sorted(by_bin[1:], reverse=True)
    assert np.mean(by_bin[1:]) == pytest.approx(by_bin[0])


def test_predicted_bins_use_scores_and_not_grades():
    scores = [[0.1, 0.1], [0.9, 0.9]]
    pool = make_pool([[1, 1], [0, 0]], scores=scores)
    oracle = accuracy_curves(pool, ["pass_at_k"], [1], bins=2, difficulty="oracle")
    predicted = accuracy_curves(pool, ["pass_at_k"], [1], bins=2, difficulty="predicted")
    assert oracle["accuracy"].to_list() == [0.5, 1, 0]
    assert predicted["accuracy"].to_list() == [0.5, 0, 1]


def test_an_ungraded_problem_is_left_out_and_not_wrong():
    pool = make_pool([[1, 1], [None, None]])
    for strategy in SAMPLING:
        row = accuracy_curves(pool, [strategy], [2]).row(0, named=True)
        assert row["accuracy"] == pytest.approx(1) and row["n_problems"] == 1


def test_an_unscored_problem_is_left_out_of_what_needs_scores():
    pool = make_pool([[1, 1], [0, 0]], scores=[[0.5, 0.6], [np.nan, np.nan]])
    frame = accuracy_curves(pool, SAMPLING, [2])
    assert dict(zip(frame["strategy"], frame["n_problems"], strict=True)) == {
        "pass_at_k": 2,
        "majority_vote": 2,
        "best_of_n": 1,
        "weighted_best_of_n": 1,
    }


def test_what_is_unknown_is_null():
    pool = make_pool([[1, 0]], policy_parameters=None)
    row = accuracy_curves(pool, ["pass_at_k"], [1]).row(0, named=True)
    assert row["flops"] is None and row["tokens"] == 10
    pool = make_pool([[1, 0]], completion_tokens=np.array([[10.0, np.nan]]))
    row = accuracy_curves(pool, ["pass_at_k"], [1]).row(0, named=True)
    assert row["flops"] is None and row["tokens"] is None


def test_a_bin_without_a_big_enough_pool_is_null():
    pool = make_pool([[1, 1], [0, 0, 0]])
    row = accuracy_curves(pool, ["pass_at_k"], [3], bins=2).filter(pl.col("bin") == 1).row(0, named=True)
    assert (row["accuracy"], row["ci_low"], row["tokens"], row["n_problems"]) == (None, None, None, 0)


def test_seed_decides(small_store):
    pool = load_pool(small_store)
    frames = [accuracy_curves(pool, ["weighted_best_of_n"], [3], seed=seed) for seed in (1, 1, 2)]
    assert frames[0].equals(frames[1]) and not frames[0].equals(frames[2])


def test_logprob_is_a_verifier_with_positive_weights(small_store):
    scores = verifier_scores(load_pool(small_store), "logprob")
    assert np.all((scores > 0) & (scores <= 1))
    assert accuracy_curves(load_pool(small_store), ["weighted_best_of_n"], [4], verifier="logprob")["accuracy"][0] > 0


@pytest.mark.parametrize("budget", [0, -1, 17])
def test_a_budget_out_of_range_says_the_pools_size(small_store, budget):
    with pytest.raises(RequestError, match=f"budget {budget} .*holds 16 samples a problem.*1 to 16"):
        accuracy_curves(load_pool(small_store), ["pass_at_k"], [1, budget])


def test_an_unknown_strategy_lists_them(small_store):
    with pytest.raises(
        RequestError, match=r"'bestofn'.*mean 'best_of_n'.*pass_at_k, majority_vote, best_of_n, weighted"
    ):
        accuracy_curves(load_pool(small_store), ["bestofn"], [1])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"verifier": "rpm"}, "unknown verifier 'rpm'.*prm, orm, logprob"),
        ({"aggregation": "max"}, "unknown aggregation 'max'.*last, min, prod, mean"),
        ({"difficulty": "hard"}, "unknown difficulty 'hard'.*oracle, predicted"),
        ({"bins": 0}, "0 bins: allowed 1 to 20"),
        ({"bins": 21}, "21 bins: allowed 1 to 20"),
    ],
)
def test_other_choices_are_refused_in_one_line(small_store, choice, message):
    with pytest.raises(RequestError, match=message) as raised:
        accuracy_curves(load_pool(small_store), ["best_of_n"], [1], **choice)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_status == 2


def test_a_store_without_scores_says_what_to_do(tmp_path):
    pool = load_pool(build_store(tmp_path / "s.duckdb", n_problems=3, n_samples=2, scored=False))
    assert len(accuracy_curves(pool, ["pass_at_k", "majority_vote"], [1])) == 2
    with pytest.raises(RequestError, match="no prm scores for policy 'policy': score it with `ttc score`"):
        accuracy_curves(pool, ["best_of_n"], [1])
