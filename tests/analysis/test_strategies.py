"""The registry: every strategy ends in Outcomes, and what it costs is counted, not guessed."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from tests.builders import build_store, make_pool
from ttclib.analysis.curves import curves_of_outcomes
from ttclib.analysis.strategies import SAMPLING, STRATEGIES, outcomes_of, sampling_outcomes
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.outcomes import COSTS, Outcomes
from ttclib.store import load_pool

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
