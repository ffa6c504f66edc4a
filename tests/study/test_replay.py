"""What a study answers about whole samples: edges of pools, bins, grades, scores and requests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.builders import build_store, make_pool
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.coverage import pass_at_k
from ttclib.samples import Pool
from ttclib.store import load_pool, write_part
from ttclib.study.opening import Member
from ttclib.study.study import Study

SAMPLING = ("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n")
SEARCHES = ("beam_search", "lookahead_search", "dvts", "rebase", "revisions")


def study(pool: Pool | Path) -> Study:
    return Study((Member(pool if isinstance(pool, Pool) else load_pool(pool)),), Path("memory"))


def rows(pool: Pool | Path, strategies, budgets, **choices) -> pl.DataFrame:
    return study(pool).replay(strategies=strategies, budgets=budgets, **choices).frame


def test_strategies_agree_at_one_sample(small_store):
    # With one sample there is nothing to choose: every strategy is pass@1.
    found = rows(small_store, SAMPLING, [1])["accuracy"].to_list()
    assert found == pytest.approx([found[0]] * 4, abs=1e-12)


def test_selection_stays_below_coverage(small_store):
    frame = rows(small_store, SAMPLING, [1, 2, 4, 8, 16]).pivot(on="strategy", index="budget", values="accuracy")
    for strategy in SAMPLING[1:]:
        assert (frame[strategy] <= frame["pass_at_k"] + 1e-9).all()


def test_numbers_of_a_pool_done_by_hand():
    row = rows(make_pool([[1, 0, 0, 0], [1, 1, 0, 0]]), ["pass_at_k"], [2]).row(0, named=True)
    assert row["accuracy"] == pytest.approx((1 / 2 + 5 / 6) / 2)
    assert (row["n_problems"], row["n_samples"], row["generations"], row["tokens"]) == (2, 8, 2, 20)
    assert row["flops"] == pytest.approx(2 * 1000 * 20)


def test_all_budgets_are_answered_on_the_problems_that_hold_the_largest():
    pool = make_pool([[1, 0], [0, 1, 1, 0], [1, 1, 1, 1, 0, 0, 0, 0]])
    for strategy in SAMPLING:
        frame = rows(pool, [strategy], [1, 2, 4])
        assert frame["n_problems"].to_list() == [2, 2, 2] and frame["n_samples"].to_list() == [12, 12, 12]
        assert rows(pool, [strategy], [1, 2, 4], problems="own")["n_problems"].to_list() == [3, 3, 2]
    coverage = rows(pool, ["pass_at_k"], [4])["accuracy"][0]
    assert coverage == pytest.approx((pass_at_k(4, 2, 4) + pass_at_k(8, 4, 4)) / 2)


def test_padding_is_no_sample():
    # The short pool alone and beside a longer one: the same numbers for it.
    alone = rows(make_pool([[1, 0, 0]]), ["best_of_n"], [2])["accuracy"][0]
    beside = make_pool([[1, 0, 0], [0, 0, 0, 0, 0]])
    assert rows(beside, ["best_of_n"], [2])["accuracy"][0] == pytest.approx(alone / 2)


def test_bins_part_the_problems_from_easy_to_hard(small_store):
    frame = rows(small_store, ["pass_at_k"], [1], bins=4, told="same")
    assert frame["bin"].to_list() == [None, 1, 2, 3, 4]
    assert frame["n_problems"].to_list() == [20, 5, 5, 5, 5]
    by_bin = frame["accuracy"].to_list()
    assert by_bin[1:] == sorted(by_bin[1:], reverse=True)
    assert np.mean(by_bin[1:]) == pytest.approx(by_bin[0])


def test_predicted_bins_use_scores_and_not_grades():
    pool = make_pool([[1, 1], [0, 0]], scores=[[0.1, 0.1], [0.9, 0.9]])
    for difficulty, expected in (("oracle", [0.5, 1, 0]), ("predicted", [0.5, 0, 1])):
        frame = rows(pool, ["pass_at_k"], [1], bins=2, difficulty=difficulty, told="same")
        assert frame["accuracy"].to_list() == expected


def test_an_ungraded_problem_is_left_out_and_not_wrong():
    for strategy in SAMPLING:
        row = rows(make_pool([[1, 1], [None, None]]), [strategy], [2]).row(0, named=True)
        assert row["accuracy"] == pytest.approx(1) and row["n_problems"] == 1


def test_what_needs_scores_and_what_does_not_stand_on_the_same_problems():
    pool = make_pool([[1, 1], [0, 0]], scores=[[0.5, 0.6], [np.nan, np.nan]])
    found = study(pool).replay(strategies=SAMPLING, budgets=[2])
    assert found.frame["n_problems"].to_list() == [1] * 4
    assert any("1 of 2 problems" in note for note in found.notes)


def test_seed_decides(small_store):
    frames = [rows(small_store, ["weighted_best_of_n"], [3], seed=seed) for seed in (1, 1, 2)]
    assert frames[0].equals(frames[1]) and not frames[0].equals(frames[2])


def test_a_budget_is_answered_alike_whatever_else_is_asked(small_store):
    alone, among = rows(small_store, ["majority_vote"], [8]), rows(small_store, SAMPLING, [2, 8, 16])
    assert alone.equals(among.filter(strategy="majority_vote", budget=8))


@pytest.mark.parametrize("budget", [0, -1, 17])
def test_a_budget_out_of_range_is_refused(small_store, budget):
    with pytest.raises(RequestError, match=f"budget {budget}"):
        rows(small_store, ["pass_at_k"], [1, budget])


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"strategies": ["bestofn"]}, r"'bestofn'.*mean 'best_of_n'.*pass_at_k, majority_vote, best_of_n, weighted"),
        ({"verifier": "rpm"}, "unknown verifier 'rpm'"),
        ({"verifier": "orm"}, "orm scores"),
        ({"aggregation": "max"}, "unknown aggregation 'max'.*last, min, prod, mean"),
        ({"difficulty": "hard"}, "unknown difficulty 'hard'.*oracle, predicted"),
        ({"bins": 0}, "0 bins"),
        ({"bins": 21}, "21 bins"),
        ({"interval": "wide"}, "unknown interval 'wide'"),
        ({"length_cap": 0}, "length cap 0: give at least 1"),
    ],
)
def test_other_choices_are_refused_in_one_line(small_store, choice, message):
    with pytest.raises(RequestError, match=message) as raised:
        study(small_store).replay(**{"strategies": ["best_of_n"], "budgets": [1], **choice})
    assert "\n" not in str(raised.value) and raised.value.exit_status == 2


@pytest.mark.parametrize("strategy", SEARCHES)
def test_what_was_never_collected_names_the_command(small_store, strategy):
    with pytest.raises(NotInStore, match=f"ttc {'revise' if strategy == 'revisions' else 'search'} ") as raised:
        rows(small_store, [strategy], [4])
    assert raised.value.exit_status == 1 and "\n" not in str(raised.value)


def test_a_store_without_scores_says_what_to_do(tmp_path):
    store = build_store(tmp_path / "s.duckdb", n_problems=3, n_samples=2, scored=False)
    assert len(rows(store, ["pass_at_k", "majority_vote"], [1])) == 2
    with pytest.raises(RequestError, match=r"holds no prm scores for policy .policy. .*: score it with `ttc score`"):
        rows(store, ["best_of_n"], [1])


@pytest.mark.parametrize("strategy", SAMPLING)
def test_nothing_graded_is_an_error(strategy):
    with pytest.raises(RequestError, match="holds no graded sample of 'policy': grade it with `ttc grade`"):
        rows(make_pool([[None, None]]), [strategy], [1])


def test_nothing_both_graded_and_scored_is_an_error():
    pool = make_pool([[1, 0], [None, None]], scores=[[np.nan, np.nan], [0.4, 0.5]])
    with pytest.raises(RequestError, match="no problem of policy 'policy' that is both graded and scored"):
        rows(pool, ["best_of_n"], [1])
    assert len(rows(pool, ["majority_vote"], [1])) == 1


def test_any_verifier_of_the_store_by_kind_or_name(tmp_path):
    store = build_store(tmp_path / "v.duckdb", n_problems=6, n_samples=8)
    rng = np.random.default_rng(1)
    key = {"policy": "policy", "setting": "abc", "verifier": "judge"}
    scored = [
        {**key, "problem_id": f"p{p:03d}", "sample_index": i, "step_scores": [float(rng.random())], "prm_tokens": 9}
        for p in range(6)
        for i in range(8)
    ]
    write_part(store, "scores", scored)
    by_kind, by_name, by_prm = (
        rows(store, ["best_of_n"], [4], verifier=one)["accuracy"][0] for one in ("orm", "judge", "prm")
    )
    assert by_kind == by_name != by_prm
    with pytest.raises(RequestError, match="unknown verifier 'juge': did you mean 'judge'"):
        rows(store, ["best_of_n"], [4], verifier="juge")


def test_a_length_cap_cuts_samples_and_their_cost_but_not_the_bins():
    pool = make_pool(
        [[1, 1, 0, 0], [1, 0, 0, 0]],
        scores=[[0.9, 0.5, 0.3, 0.2], [0.9, 0.1, 0.2, 0.3]],
        completion_tokens=np.array([[5.0, 30.0, 5.0, 5.0], [40.0, 5.0, 5.0, 5.0]]),
    )
    whole = rows(pool, ["best_of_n"], [4], length_cap=10)
    assert whole["accuracy"][0] == pytest.approx(0.5) and whole["tokens"][0] == 25
    frame = rows(pool, ["pass_at_k"], [1], length_cap=10, bins=2, difficulty="predicted", told="same")
    assert frame["accuracy"].to_list() == pytest.approx([0.125, 0.25, 0])
    with pytest.raises(RequestError, match="does not know how long"):
        rows(make_pool([[1]], completion_tokens=np.array([[np.nan]])), ["pass_at_k"], [1], length_cap=5)


def test_the_monte_carlo_error_reaches_the_row(tmp_path):
    pool = load_pool(build_store(tmp_path / "s.duckdb", n_problems=30, n_samples=40))
    frame = rows(pool, ["majority_vote", "weighted_best_of_n"], [1, 2, 16, 40])
    exact = frame.filter((pl.col("strategy") == "majority_vote") | pl.col("budget").is_in([1, 2, 40]))
    assert exact["mc_error"].to_list() == [0] * len(exact)
    sampled = frame.filter((pl.col("strategy") == "weighted_best_of_n") & (pl.col("budget") == 16))["mc_error"][0]
    assert 0 < sampled < 1e-3
