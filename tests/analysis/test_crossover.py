"""The crossover over R: the paper's multiplier, the curves it reads, where it crosses, and when it does not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.strategies_made import made
from tests.builders import make_pool
from ttclib.analysis.bill import DifficultyBill
from ttclib.analysis.crossing import CROSSING_SCHEMA, ROW_SCHEMA, crossing_rates
from ttclib.analysis.crossover import crossover, greedy_outcomes
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError
from ttclib.store.models import ModelFacts

NAN = float("nan")
SMALL, LARGE = ModelFacts("small", n_parameters=100), ModelFacts("large", n_parameters=1400)


def curve(n_problems=20, n_budgets=10, low=0.1, step=0.08, variant="best_of_n", spread=0.0, seed=0, costs=None):
    """Accuracy that rises by `step` for every doubling."""
    shift = np.random.default_rng(seed).normal(0, spread, (n_problems, 1))
    table = np.clip(low + step * np.arange(n_budgets) + shift, 0, 1)
    return made(table, variant=variant, costs=costs)


def greedy(accuracy=0.5, n_problems=20, **fields):
    return made(np.full((n_problems, 1), accuracy), variant="greedy", **fields)


def overall(result, which="frame"):
    return getattr(result, which).filter(pl.col("bin").is_null()).to_dicts()


def test_the_papers_multipliers_and_the_accuracy_read_there():
    result = crossover([curve()], greedy(), ratios=[0.16, 0.79, 22], param_ratio=14, n_resamples=5)
    rows = overall(result)
    assert [row["multiplier"] for row in rows] == pytest.approx([257.75, 63.3671, 15.7727], abs=1e-4)
    expected = [0.1 + 0.08 * np.log2(row["multiplier"]) for row in rows]
    assert [row["accuracy_small"] for row in rows] == pytest.approx(expected)
    assert [row["difference"] for row in rows] == pytest.approx([value - 0.5 for value in expected])
    assert [row["relative_gain"] for row in rows] == pytest.approx([(value - 0.5) / 0.5 for value in expected])
    assert [row["winner"] for row in rows] == ["small", "small", "large"]
    assert dict(result.frame.schema) == ROW_SCHEMA and dict(result.crossings.schema) == CROSSING_SCHEMA
    # The small one reaches .5 at N = 2^5 = 32 = 14 + 39 / R.
    crossing = overall(result, "crossings")[0]
    assert crossing["crossing"] == pytest.approx(39 / 18, rel=0.01) and crossing["supported"]
    assert "the larger model is ahead above R = 2.1" in crossing["verdict"]


def test_beyond_the_pool_nothing_is_claimed():
    result = crossover([curve(n_budgets=6)], greedy(0.99), ratios=[0.16, 0.79, 22], param_ratio=14, n_resamples=5)
    rows = overall(result)  # the pool ends at 32
    assert [row["accuracy_small"] is None for row in rows] == [True, True, False]
    assert [row["winner"] for row in rows] == [None, None, "large"] and rows[0]["ci_low"] is None
    crossing = overall(result, "crossings")[0]
    assert crossing["crossing"] is None and not crossing["supported"]
    assert 39 / 18 <= crossing["defined_from"] < 39 / 18 * 1.13  # the grid's step
    assert crossing["verdict"].startswith(
        "no crossing is supported by these samples: the small policy is ahead nowhere from R = 2"
    )
    none = crossover([curve(n_budgets=3)], greedy(), param_ratio=14, n_resamples=5)
    assert overall(none, "crossings")[0]["verdict"].startswith("not defined: the pool is too small")


def test_ahead_everywhere_is_no_crossing():
    crossing = overall(crossover([curve(low=0.4)], greedy(0.2), param_ratio=2, n_resamples=20), "crossings")[0]
    assert not crossing["supported"] and crossing["crossing"] is None
    assert crossing["verdict"].endswith("the small policy is ahead at every R")


def test_noise_supports_no_crossing_and_many_problems_do():
    # The sides differ by less than problems do: 8 problems cannot tell, 4,000 can.
    few, many = (
        overall(
            crossover(
                [made(np.clip(np.full((n, 10), 0.3) + 0.02 * np.arange(10) + noise, 0, 1))],
                made(np.clip(0.4 + np.random.default_rng(1).normal(0, 0.3, (n, 1)), 0, 1), variant="greedy"),
                param_ratio=14,
            ),
            "crossings",
        )[0]
        for n in (8, 4000)
        for noise in [np.random.default_rng(0).normal(0, 0.3, (n, 1))]
    )
    assert not few["supported"] and few["verdict"].startswith("no crossing is supported by these samples")
    assert many["supported"] and many["ci_low"] < many["crossing"] < many["ci_high"]


def test_by_bin_with_the_choice_made_anew():
    easy, hard = np.full((20, 10), 0.9), np.full((20, 10), 0.1)
    bins = np.repeat([1, 2], 20)
    best = made(np.vstack([easy, hard]))
    beam = made(np.vstack([easy - 0.3, hard + 0.05]), variant="beam_search (M=4)")
    large = made(np.repeat([[0.8], [0.4]], 20, axis=0), variant="greedy")
    result = crossover([best, beam], large, ratios=[1.0], param_ratio=14, bins=bins, n_resamples=20)
    rows = result.frame.to_dicts()
    assert [row["bin"] for row in rows] == [None, 1, 2]
    assert [row["accuracy_small"] for row in rows] == pytest.approx([0.525, 0.9, 0.15])
    assert [row["accuracy_large"] for row in rows] == pytest.approx([0.6, 0.8, 0.4])
    assert [row["winner"] for row in rows[1:]] == ["small", "large"]
    assert [row["n_problems"] for row in rows] == [40, 20, 20]
    assert result.small == "compute_optimal" and result.large == "greedy"


def test_models_give_m_and_the_ratio_of_training_tokens():
    result = crossover([curve()], greedy(), small_model=SMALL, large_model=LARGE, n_resamples=2)
    assert (result.param_ratio, result.training_tokens_ratio) == (14, 1)
    small = ModelFacts("small", n_parameters=100, training_tokens=10)
    large = ModelFacts("large", n_parameters=200, training_tokens=30)
    result = crossover([curve()], greedy(), small_model=small, large_model=large, ratios=[1.0], n_resamples=2)
    assert result.training_tokens_ratio == 3
    assert overall(result)[0]["multiplier"] == pytest.approx(2 + 3 * (3 * 2 - 1) / 1)
    given = crossover(
        [curve()], greedy(), small_model=small, large_model=large, training_tokens_ratio=1, ratios=[1.0], n_resamples=2
    )
    assert overall(given)[0]["multiplier"] == pytest.approx(5)


def test_the_larger_model_may_think_as_well():
    large = made(np.tile([0.4, 0.5, 0.6], (20, 1)), variant="best_of_n")
    result = crossover([curve()], large, ratios=[22.0], param_ratio=14, large_budget=4, n_resamples=2)
    row = overall(result)[0]
    assert row["multiplier"] == pytest.approx(4 * 14 + 39 / 22) and row["accuracy_large"] == pytest.approx(0.6)
    assert result.large_budget == 4


COSTS = {"generations": 2.0 ** np.arange(10), "completion_tokens": 50 * 2.0 ** np.arange(10)}


@given(st.floats(1, 50), st.floats(0.05, 50), st.floats(0.5, 3))
def test_flops_of_equally_long_answers_are_the_papers_formula(m, r, t):
    options = {"param_ratio": m, "training_tokens_ratio": t, "ratios": [r], "n_resamples": 1}
    large = greedy(costs={"generations": 1.0, "completion_tokens": 50.0})
    models = {"small_model": SMALL, "large_model": ModelFacts("large", n_parameters=round(100 * m))}
    options["param_ratio"] = round(100 * m) / 100
    paper, tokens, flops = (
        overall(crossover([curve(costs=COSTS)], large, ledger=ledger(unit=unit), **options, **models))[0]
        for unit in ("generations", "tokens", "flops")
    )
    assert flops["multiplier"] == pytest.approx(paper["multiplier"]) == pytest.approx(tokens["multiplier"])
    assert flops["accuracy_small"] == pytest.approx(paper["accuracy_small"], nan_ok=True)


def test_a_longer_answer_of_the_larger_model_leaves_more_to_the_small_one():
    large = greedy(costs={"generations": 1.0, "completion_tokens": 150.0})
    options = {"small_model": SMALL, "large_model": LARGE, "ratios": [22.0], "n_resamples": 1}
    row = overall(crossover([curve(costs=COSTS)], large, ledger=ledger(unit="flops"), **options))[0]
    assert row["multiplier"] == pytest.approx(3 * 14 + 39 / 22)


def test_difficulty_is_billed_to_the_small_side():
    bins = np.repeat([1, 2], 10)
    options = {"param_ratio": 14, "ratios": [22.0], "bins": bins, "n_resamples": 2}
    sides = [curve(), curve(variant="majority_vote", low=0.05)]
    free = overall(crossover(sides, greedy(), **options))[0]
    book = ledger(difficulty=True)
    with pytest.raises(RequestError, match="charges difficulty"):
        crossover(sides, greedy(), ledger=book, **options)
    billed = overall(crossover(sides, greedy(), ledger=book, bill=DifficultyBill(12), **options))[0]
    # 15.77 generations a problem, 12 of them for difficulty: 13 to 14 pay the first sample and the rest is thin.
    assert free["accuracy_small"] == pytest.approx(0.1 + 0.08 * np.log2(14 + 39 / 22))
    assert 0.1 + 0.08 < billed["accuracy_small"] < 0.1 + 0.08 * 2 < free["accuracy_small"]


def test_problems_that_one_side_lacks_are_left_out():
    small = made(np.array([[0.0, 0.2], [1.0, 1.0], [NAN, NAN]]), problem_ids=("a", "b", "c"))
    large = made(np.array([[0.5], [0.4], [NAN]]), variant="greedy", problem_ids=("c", "a", "b"))
    rows = overall(crossover([small], large, ratios=[3.0], param_ratio=1, n_resamples=2))
    assert (rows[0]["accuracy_small"], rows[0]["accuracy_large"], rows[0]["n_problems"]) == (0.0, 0.4, 1)


def test_the_interval_is_that_of_the_paired_difference():
    # Both sides share the problems' difficulty, so the difference is far surer than either side.
    ease = np.random.default_rng(2).random((50, 1)) * 0.5
    small, large = made(ease + 0.3 + np.zeros((1, 10))), made(ease + 0.2, variant="greedy")
    row = overall(crossover([small], large, ratios=[1.0], param_ratio=14))[0]
    assert row["difference"] == pytest.approx(0.1) and row["ci_low"] == pytest.approx(0.1) == row["ci_high"]


def test_other_rates_are_read_from_what_is_there():
    sides = [curve(spread=0.1), curve(variant="majority_vote", low=0.12, step=0.06, spread=0.1, seed=1)]
    options = {"bins": np.repeat([1, 2], 10), "n_resamples": 20}
    first = crossover(sides, greedy(), ratios=[22.0], param_ratio=14, **options)
    again = first.at([0.79, 5.0], param_ratio=7, training_tokens_ratio=2)
    anew = crossover(sides, greedy(), ratios=[0.79, 5.0], param_ratio=7, training_tokens_ratio=2, **options)
    assert again.frame.equals(anew.frame) and again.crossings.equals(anew.crossings)
    with pytest.raises(RequestError, match="exchange_rate must be above 0"):
        first.at([0.0])


@given(st.lists(st.sampled_from([-2.0, -1.0, 0.0, 1.0, 3.0, NAN]), min_size=2, max_size=9))
def test_crossing_is_where_the_lead_ends_for_good(leads):
    rates = 2.0 ** np.arange(len(leads))
    found = crossing_rates(rates, np.array(leads))
    ahead = [rate for rate, lead in zip(rates, leads, strict=True) if lead > 0]
    defined = [rate for rate, lead in zip(rates, leads, strict=True) if not np.isnan(lead)]
    if not defined:
        assert np.isnan(found)
    elif not ahead:
        assert found == 0
    elif ahead[-1] == defined[-1]:
        assert found == np.inf
    else:
        after = rates[list(rates).index(ahead[-1]) + 1]
        assert ahead[-1] <= found <= after


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"ratios": [0.16, 0]}, "exchange_rate must be above 0, got 0"),
        ({"ratios": [-1.0]}, "exchange_rate must be above 0, got -1"),
        ({"ratios": []}, "no exchange rate"),
        ({"param_ratio": 0.5}, "param_ratio must be at least 1"),
        ({"param_ratio": None}, "does not know n_parameters of the small policy"),
        ({"param_ratio": None, "small_model": SMALL}, "does not know n_parameters of the large policy"),
        ({"param_ratio": None, "small_model": SMALL, "large_model": ModelFacts("q")}, "n_parameters of the policy 'q'"),
        ({"param_ratio": None, "small_model": LARGE, "large_model": SMALL}, "at least 1; swap them"),
        ({"training_tokens_ratio": 0}, "training_tokens_ratio must be above 0"),
        ({"large_budget": 4}, "'greedy' has no budget 4: it has 1"),
        (
            {"large": made([[0.5]], variant="greedy", problem_ids=("x",))},
            "no shared problems between best_of_n, greedy",
        ),
        ({"large": made(np.full((20, 1), NAN), variant="greedy")}, "no shared problems that both sides answer"),
        ({"small": []}, "no strategy of the small policy"),
        ({"ledger": ledger(unit="flops")}, "completion_tokens of 'best_of_n' are not known"),
        ({"small": [curve(), curve(variant="x")], "bins": range(20)}, "folds need at least"),
    ],
)
def test_refusals(changed, message):
    arguments = {"small": [curve()], "large": greedy(), "param_ratio": 14, "n_resamples": 2} | changed
    with pytest.raises(RequestError, match=message):
        crossover(arguments.pop("small"), arguments.pop("large"), **arguments)


def test_greedy_is_greedy():
    pool = make_pool([[1], [0]], decoding={"temperature": 0.0})
    assert greedy_outcomes(pool).variant == "greedy"
    assert greedy_outcomes(pool).accuracy.tolist() == [[1], [0]]
    drawn = make_pool([[1, 0], [0, 0]], decoding={"temperature": 0.7})
    with pytest.raises(RequestError, match="'policy' has no greedy sample, only samples at temperature 0.7"):
        greedy_outcomes(drawn)
    sampled = greedy_outcomes(drawn, allow_sampled=True)
    assert sampled.variant == "sampled_pass_at_1" and sampled.accuracy.tolist() == [[0.5], [0]]
