"""The registry: every strategy ends in Outcomes, and what it costs is counted, not guessed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest
from ttclib.analysis.strategies import SAMPLING, STRATEGIES, cap_length, outcomes_of, sampling_outcomes, verifier_scores

from tests.builders import build_store, make_pool
from ttclib.analysis.curves import INTERVALS, accuracy_curves, curves_of_outcomes
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.outcomes import COSTS, Outcomes
from ttclib.replay.transforms import logit
from ttclib.store import load_pool, write_part

NAN = np.nan
LENGTHS = np.array([[3.0, 8.0, 5.0, 2.0], [4.0, 1.0, NAN, NAN]])


def test_the_nine_names_of_the_field():
    assert (
        *("pass_at_k", "majority_vote", "best_of_n", "weighted_best_of_n"),
        *("beam_search", "lookahead_search", "dvts", "rebase", "revisions"),
    ) == STRATEGIES


@pytest.mark.parametrize("strategy", SAMPLING)
def test_costs_are_the_mean_over_all_subsets(strategy):
    pool = make_pool([[1, 0, 1, 0], [0, 1]], completion_tokens=LENGTHS, prm_tokens=LENGTHS + 7)
    outcomes = sampling_outcomes(pool, strategy, [4, 1, 2])
    assert (outcomes.strategy, outcomes.variant, outcomes.budgets) == (strategy, strategy, (1, 2, 4))
    assert set(outcomes.costs) == set(COSTS)
    for row, lengths in enumerate(([3, 8, 5, 2], [4, 1])):
        for column, n in enumerate(outcomes.budgets):
            if n > len(lengths):
                assert all(np.isnan(table[row, column]) for name, table in outcomes.costs.items() if name[0] != "p")
                continue
            subsets = list(combinations(lengths, n))
            steps = [[[5 + token for token in range(length)] for length in subset] for subset in subsets]
            own = [sum(sum(range(length)) for length in subset) for subset in subsets]
            expected = {
                "generations": n,
                "completion_tokens": np.mean([sum(subset) for subset in subsets]),
                "pruned_tokens": 0,
                "rollout_tokens": 0,
                "prefill_tokens": 5 * n,
                "cached_prefill_tokens": 5,
                "context_tokens": np.mean([sum(map(sum, subset)) for subset in steps]),
                "kv_tokens": np.mean([5 * max(subset) + rest for subset, rest in zip(subsets, own, strict=True)]),
                "prm_tokens": np.mean([sum(subset) + 7 * n for subset in subsets]) if "best" in strategy else 0,
            }
            found = {name: outcomes.cost(name)[row, column] for name in COSTS}
            assert found == pytest.approx(expected, rel=1e-9)


def test_what_the_store_does_not_know_is_nan():
    pool = make_pool([[1, 0]], completion_tokens=np.array([[3.0, NAN]]), prompt_tokens=np.array([NAN]))
    outcomes = sampling_outcomes(pool, "best_of_n", [1, 2])
    unknown = [name for name in COSTS if np.isnan(outcomes.cost(name)).all()]
    assert unknown == [name for name in COSTS if name not in ("generations", "pruned_tokens", "rollout_tokens")]


def test_a_sample_that_the_verifier_could_not_read_cost_it_nothing():
    pool = make_pool([[1, 0, 1]], scores=[[0.5, NAN, 0.2]], prm_tokens=np.array([[10.0, NAN, 20.0]]))
    assert sampling_outcomes(pool, "best_of_n", [3]).cost("prm_tokens").tolist() == [[pytest.approx(30)]]
    read_but_not_counted = make_pool([[1, 0]], scores=[[0.5, 0.2]], prm_tokens=np.array([[10.0, NAN]]))
    assert np.isnan(sampling_outcomes(read_but_not_counted, "best_of_n", [2]).cost("prm_tokens")).all()


def test_the_policys_own_logprob_costs_no_verifier():
    assert sampling_outcomes(make_pool([[1, 0]]), "best_of_n", [2], verifier="logprob").cost("prm_tokens")[0, 0] == 0


@pytest.mark.parametrize("strategy", STRATEGIES[4:])
def test_what_was_never_collected_names_the_command(small_store, strategy):
    command = "revise" if strategy == "revisions" else "search"
    with pytest.raises(NotInStore, match=f"which {strategy} needs: collect it with `ttc {command}`") as raised:
        outcomes_of(load_pool(small_store), strategy, [1])
    assert raised.value.exit_status == 1 and "\n" not in str(raised.value)


def test_an_unknown_strategy_is_refused(small_store):
    with pytest.raises(RequestError, match="unknown strategy 'beam_serch': did you mean 'beam_search'"):
        outcomes_of(load_pool(small_store), "beam_serch", [1])


def test_any_outcomes_become_rows():
    one = Outcomes(
        "beam_search",
        "beam_search (M=4)",
        (4, 16),
        ("b", "a", "x"),
        np.array([[0.0, 0.5], [1.0, 0.5], [NAN, 1.0]]),
        {"completion_tokens": np.array([[10.0, 40.0], [20.0, 80.0], [NAN, 60.0]])},
    )
    frame = curves_of_outcomes(
        [one], budgets=[16, 8, 4], bins_of_problems={"a": 1, "b": 2}, samples_of_problems={"a": 3}, n_parameters=10
    )
    assert frame.select("budget", "bin").rows() == [(16, None), (4, None), (16, 1), (4, 1), (16, 2), (4, 2)]
    assert frame["variant"].unique().to_list() == ["beam_search (M=4)"]
    assert frame["accuracy"].to_list() == pytest.approx([2 / 3, 0.5, 0.5, 1, 0.5, 0])
    assert frame["n_problems"].to_list() == [3, 2, 1, 1, 1, 1]
    assert frame["n_samples"].to_list() == [3, 3, 3, 3, 0, 0]
    assert frame["tokens"].to_list() == [60, 15, 80, 20, 40, 10]
    assert frame["flops"].to_list() == [1200, 300, 1600, 400, 800, 200]


def test_prm_tokens_and_models_come_from_the_store(tmp_path):
    store = build_store(tmp_path / "s.duckdb", n_problems=3, n_samples=4)
    pool = load_pool(store)
    assert pool.policy_model is not None and pool.policy_model.n_parameters == 161_728
    assert pool.policy_model.n_layers is None and pool.verifier_model is None
    assert pool.prm_tokens is not None and np.isnan(pool.prm_tokens).all()


def test_columns_of_bins_that_hold_nobody_stay():
    one = Outcomes("best_of_n", "best_of_n", (1,), ("a",), np.array([[1.0]]), {})
    frame = curves_of_outcomes([one], bins_of_problems={"a": 1}, n_bins=2)
    assert frame.filter(pl.col("bin") == 2)["n_problems"].to_list() == [0]
    assert frame["n_samples"].to_list() == [None] * 3


def two_verifiers(tmp_path):
    store = build_store(tmp_path / "v.duckdb", n_problems=6, n_samples=8)
    rng = np.random.default_rng(1)
    key = {"policy": "policy", "setting": "abc", "verifier": "judge"}
    rows = [
        {**key, "problem_id": f"p{p:03d}", "sample_index": i, "step_scores": [float(rng.random())], "prm_tokens": 9}
        for p in range(6)
        for i in range(8)
    ]
    write_part(store, "scores", rows)
    return load_pool(store)


def test_any_verifier_of_the_store_by_kind_or_name(tmp_path):
    pool = two_verifiers(tmp_path)
    assert (pool.verifier, list(pool.verifiers)) == ("prm", ["judge", "prm"])
    assert verifier_scores(pool, "orm") is pool.verifiers["judge"].scores["last"]
    np.testing.assert_array_equal(verifier_scores(pool, "judge", "min"), verifier_scores(pool, "orm", "prod"))
    assert verifier_scores(pool, "prm") is pool.scores["last"]
    by_kind, by_name = (sampling_outcomes(pool, "best_of_n", [4], verifier=name) for name in ("orm", "judge"))
    np.testing.assert_array_equal(by_kind.accuracy, by_name.accuracy)
    assert not np.array_equal(by_kind.accuracy, sampling_outcomes(pool, "best_of_n", [4]).accuracy)
    assert by_kind.cost("prm_tokens") == pytest.approx(np.full((6, 1), 36.0))
    assert np.isnan(sampling_outcomes(pool, "best_of_n", [4]).cost("prm_tokens")).all()
    with pytest.raises(RequestError, match="unknown verifier 'juge': did you mean 'judge'"):
        verifier_scores(pool, "juge")


def test_an_orm_that_is_not_there_names_what_is(small_store):
    with pytest.raises(RequestError, match=r"holds no orm scores .*one score a sample\): its verifiers are prm"):
        verifier_scores(load_pool(small_store), "orm")


def test_a_transform_that_does_not_fit_is_told_in_one_line():
    pool = make_pool([[1, 0]], scores=[[2.0, 0.5]])
    with pytest.raises(RequestError, match="prm scores of 'memory': logit needs scores between 0 and 1, got 2"):
        sampling_outcomes(pool, "weighted_best_of_n", [2], transform=logit)


@pytest.mark.parametrize("strategy", SAMPLING)
def test_nothing_graded_is_an_error(strategy):
    with pytest.raises(RequestError, match="holds no graded sample of 'policy': grade it with `ttc grade`"):
        sampling_outcomes(make_pool([[None, None]]), strategy, [1])


def test_nothing_both_graded_and_scored_is_an_error():
    pool = make_pool([[1, 0], [None, None]], scores=[[NAN, NAN], [0.4, 0.5]])
    with pytest.raises(RequestError, match="no problem of policy 'policy' that is both graded and scored"):
        sampling_outcomes(pool, "best_of_n", [1])
    assert not np.isnan(sampling_outcomes(pool, "majority_vote", [1]).accuracy[0]).any()


def test_a_length_cap_cuts_samples_and_their_cost_but_not_the_bins():
    pool = make_pool(
        [[1, 1, 0, 0], [1, 0, 0, 0]],
        scores=[[0.9, 0.5, 0.3, 0.2], [0.9, 0.1, 0.2, 0.3]],
        completion_tokens=np.array([[5.0, 30.0, 5.0, 5.0], [40.0, 5.0, 5.0, 5.0]]),
        prm_tokens=np.full((2, 4), 10.0),
    )
    capped = cap_length(pool, 10)
    assert capped.correct.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0]]
    found = sampling_outcomes(capped, "best_of_n", [4])
    assert found.accuracy == pytest.approx(np.array([[1], [0]]))
    assert found.cost("completion_tokens").tolist() == [[25], [25]]
    frame = accuracy_curves(pool, ["pass_at_k"], [1], length_cap=10, bins=2, difficulty="predicted")
    assert frame["accuracy"].to_list() == pytest.approx([0.125, 0.25, 0])
    with pytest.raises(RequestError, match="length cap 0: give at least 1"):
        cap_length(pool, 0)
    with pytest.raises(RequestError, match="does not know how long"):
        cap_length(make_pool([[1]], completion_tokens=np.array([[NAN]])), 5)


def test_the_monte_carlo_error_reaches_the_row(tmp_path):
    pool = load_pool(build_store(tmp_path / "s.duckdb", n_problems=30, n_samples=40))
    frame = accuracy_curves(pool, ["majority_vote", "weighted_best_of_n"], [1, 2, 16, 40], bins=3)
    exact = frame.filter((pl.col("strategy") == "majority_vote") | pl.col("budget").is_in([1, 2, 40]))
    assert exact["mc_error"].to_list() == [0] * len(exact)
    sampled = frame.filter((pl.col("strategy") == "weighted_best_of_n") & (pl.col("budget") == 16))["mc_error"]
    assert 0 < sampled[0] < 1e-3 < 0.002 > sampled[1:].max()
    rough = accuracy_curves(pool, ["weighted_best_of_n"], [16], n_subsets=50)["mc_error"][0]
    assert 2e-3 < rough < 2e-2
    with pytest.raises(RequestError, match="unknown interval 'wide'"):
        accuracy_curves(pool, ["pass_at_k"], [1], interval="wide")
    point, whole = (accuracy_curves(pool, ["pass_at_k"], [1, 4, 40], interval=i) for i in INTERVALS)
    assert (whole["ci_high"] - whole["ci_low"] >= point["ci_high"] - point["ci_low"] - 0.02).all()
