"""The crossover: its multiplier, at most, the pool's end, verdicts, and where the lead changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made
from tests.analysis.test_optimise import groups
from ttclib.analysis.crossover import crossover, model_ratio, training_ratio
from ttclib.analysis.crossover_tables import CROSSING_SCHEMA, ROW_SCHEMA, crossing_rates
from ttclib.analysis.difficulty import Difficulty
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source
from ttclib.samples import ModelFacts

QUICK = {"n_resamples": 200, "partitions": 3}
RATIOS = (0.16, 0.79, 22.0)


def small(row, n=60, **fields):
    return made(np.tile(row, (n, 1)), **fields)


def large(value, n=60, **fields):
    return made(np.full((n, 1), value), variant="greedy", budgets=[1], **fields)


RISING = np.linspace(0.40, 0.80, 9)


def test_the_paper_s_multipliers_and_at_most():
    found = crossover([small(RISING)], large(0.6), RATIOS, param_ratio=14.0, **QUICK)
    assert dict(found.frame.schema) == ROW_SCHEMA and dict(found.crossings.schema) == CROSSING_SCHEMA
    assert found.frame["multiplier"].to_list() == pytest.approx([257.75, 63.3671, 15.7727], abs=1e-4)
    assert found.frame["cost"].to_list() == [256, 32, 8]
    assert found.frame["accuracy_small"].to_list() == pytest.approx([RISING[8], RISING[5], RISING[3]])
    assert found.frame["difference"].to_list() == pytest.approx([0.2, 0.05, -0.05])
    assert found.frame["relative_gain"].to_list() == pytest.approx([0.2 / 0.6, 0.05 / 0.6, -0.05 / 0.6])
    assert found.notes == [
        "R = 0.16: 256 of 257.75 affordable samples are in the store; the small side is a lower bound"
    ]
    assert found.unit == "generations a problem, no verifier charged"


def test_a_problem_in_no_bin_is_left_out():
    table = np.where(np.arange(60)[:, None] < 20, 0.0, RISING)
    bins = np.repeat([0, 1, 2], 20)  # by absolute ease a problem may be in none
    told = Difficulty(np.linspace(0, 1, 60), bins)
    found = crossover([made(table)], large(0.6), RATIOS, told, param_ratio=14.0, **QUICK).frame
    whole = found.filter(pl.col("bin").is_null())
    assert whole["n_problems"].to_list() == [40] * 3
    assert whole["accuracy_small"].to_list() == pytest.approx([RISING[8], RISING[5], RISING[3]])


def test_a_small_model_that_over_optimises_keeps_its_best():
    peaked = small([0.50, 0.60, 0.70, 0.72, 0.72, 0.71, 0.70, 0.68, 0.656])
    found = crossover([peaked], large(0.6), RATIOS, param_ratio=14.0, **QUICK).frame
    assert found["accuracy_small"].to_list() == pytest.approx([0.72] * 3)


def test_more_candidates_never_make_the_point_worse_in_sample():
    vote, best = small(RISING, variant="majority_vote"), small(RISING[::-1] - 0.1)
    alone = crossover([vote], large(0.6), RATIOS, param_ratio=14.0, **QUICK).frame["accuracy_small"].to_list()
    both = crossover([best, vote], large(0.6), RATIOS, param_ratio=14.0, **QUICK).frame["accuracy_small"].to_list()
    assert all(b >= a - 1e-12 for a, b in zip(alone, both, strict=True))


def test_where_the_lead_changes():
    # A budget of 16 is as good as the larger model: c = 14 + 39/R = 16 at R = 19.5; the choice is a step at most at C.
    found = crossover([small(RISING, 200)], large(float(RISING[4]) - 1e-6, 200), RATIOS, param_ratio=14.0, **QUICK)
    row = found.crossings.row(0, named=True)
    assert row["crossing"] == pytest.approx(19.5, rel=1e-6) and row["pool_reaches_from"] == pytest.approx(
        39 / 242, rel=1e-6
    )
    assert row["ci_low"] < row["crossing"] and row["ci_low"] < 19.5


def test_never_and_always():
    ahead = crossover([small(RISING, 400)], large(0.1, 400), RATIOS, param_ratio=14.0, **QUICK)
    assert set(ahead.frame["winner"]) == {"small"}
    assert ahead.crossings["crossing"].to_list() == [None] and "ahead at every R" in ahead.crossings["verdict"][0]
    behind = crossover([small(RISING, 400)], large(0.95, 400), RATIOS, param_ratio=14.0, **QUICK)
    assert set(behind.frame["winner"]) == {"large"} and "ahead nowhere" in behind.crossings["verdict"][0]
    for found in (ahead, behind):  # no crossing is no number, neither 0 nor infinite
        assert found.crossings.select("crossing", "ci_low", "ci_high").row(0) == (None, None, None)
        assert found.crossings["supported"].to_list() == [False]
    assert "the pool ends below" in behind.frame["verdict"][0]


def test_equally_right_is_too_close():
    told = groups(50, 50)
    both = made(np.concatenate([np.ones((50, 3)), np.tile([0.2, 0.3, 0.4], (50, 1))]))
    other = made(np.concatenate([np.full((50, 1), 1 - 4.7e-11), np.full((50, 1), 0.9)]), variant="greedy", budgets=[1])
    rows = crossover([both], other, [22.0], told, param_ratio=2.0, **QUICK).frame
    assert rows["winner"].to_list() == ["large", "too close", "large"] and rows["bin"].to_list() == [None, 1, 2]
    assert rows["ci_low"][1] < 0 < rows["ci_high"][1] and "too close to call on 50 problems" in rows["verdict"][1]


def test_nothing_affordable_is_not_answerable():
    dear = small([0.5, 0.6], budgets=[64, 128])
    row = crossover([dear], large(0.6), [22.0], param_ratio=14.0, **QUICK).frame.row(0, named=True)
    assert row["winner"] is None and row["accuracy_small"] is None and "not answerable" in row["verdict"]


SMALL, LARGE = (ModelFacts(name, n_parameters=size, training_tokens=100) for name, size in (("s", 10), ("l", 40)))


def with_tokens(one, model, each):
    tokens = np.tile(each * np.asarray(one.budgets, float), (len(one.problem_ids), 1))
    return replace(one, costs={"completion_tokens": tokens}, source=Source(policy=model.model, policy_model=model))


@pytest.mark.parametrize("unit", ["flops", "tokens"])
def test_equal_answers_give_the_formula_in_every_unit(unit):
    ours, theirs = with_tokens(small(RISING), SMALL, 50.0), with_tokens(large(0.6), LARGE, 50.0)
    found = crossover([ours], theirs, RATIOS, ledger=ledger(unit=unit), **QUICK)
    assert found.param_ratio == 4 and found.training_tokens_ratio == 1
    assert found.frame["multiplier"].to_list() == pytest.approx([4 + 9 / rate for rate in RATIOS])


def test_a_talkative_larger_model_leaves_more_to_the_small_one():
    ours, theirs = with_tokens(small(RISING), SMALL, 50.0), with_tokens(large(0.6), LARGE, 100.0)
    found = crossover([ours], theirs, [1.0], ledger=ledger(unit="flops"), **QUICK)
    assert found.frame["multiplier"].to_list() == pytest.approx([2 * 4 + 9])


def test_the_larger_model_may_use_test_time_compute_too():
    theirs = [made(np.tile([0.6, 0.7, 0.9], (60, 1)), variant="majority_vote"), small([0.6, 0.75, 0.5])]
    one = crossover([small(RISING)], theirs, RATIOS, param_ratio=14.0, large_budget=2, **QUICK)
    assert one.frame["accuracy_large"].to_list() == pytest.approx([0.75] * 3)
    assert one.frame["multiplier"].to_list() == pytest.approx([2 * 14 + 39 / rate for rate in RATIOS])
    vote = crossover([small(RISING)], theirs[0], RATIOS, param_ratio=14.0, large_budget=4, **QUICK)
    assert vote.frame["accuracy_large"].to_list() == pytest.approx([0.9] * 3)
    with pytest.raises(RequestError, match="'majority_vote' has no budget 8: it has 1, 2, 4"):
        crossover([small(RISING)], theirs[0], RATIOS, param_ratio=14.0, large_budget=8)


def test_a_larger_side_that_spends_more_than_allowed_is_refused():
    theirs = [
        made(np.tile([0.6, 0.7], (60, 1)), variant=name, budgets=[4, 8]) for name in ("majority_vote", "best_of_n")
    ]
    with pytest.raises(RequestError, match="the larger policy has no strategy of at most 2 generations"):
        crossover([small(RISING)], theirs, RATIOS, param_ratio=14.0, large_budget=2, **QUICK)


def test_what_one_sample_of_the_small_policy_costs_must_be_known():
    theirs = with_tokens(large(0.6), LARGE, 50.0)
    without = with_tokens(small([0.5, 0.6], budgets=[2, 4]), SMALL, 50.0)
    for unit in ("tokens", "flops"):
        with pytest.raises(RequestError, match="compare a strategy at budget 1 too"):
            crossover([without], theirs, RATIOS, ledger=ledger(unit=unit), **QUICK)
    nameless = replace(with_tokens(small(RISING), SMALL, 50.0), source=Source(policy="s"))
    with pytest.raises(RequestError, match="n_parameters of the policy 's': give it with `ttc models`"):
        crossover([nameless], theirs, RATIOS, ledger=ledger(unit="flops"), param_ratio=4.0, **QUICK)


def test_data_of_training_is_part_of_the_bill_where_both_models_tell_it():
    more = replace(LARGE, training_tokens=300)
    assert training_ratio(None, SMALL, more) == 3 and training_ratio(5, SMALL, more) == 5
    untold, none = replace(SMALL, training_tokens=None), replace(SMALL, training_tokens=0)
    for one, other in ((None, more), (SMALL, None), (untold, more), (SMALL, untold), (none, more)):
        assert training_ratio(None, one, other) == 1
    for unit in ("generations", "tokens", "flops"):
        sides = with_tokens(small(RISING), SMALL, 50.0), with_tokens(large(0.6), more, 50.0)
        found = crossover([sides[0]], sides[1], RATIOS, ledger=ledger(unit=unit), **QUICK)
        assert found.training_tokens_ratio == 3 and found.param_ratio == 4
        # 4 of the larger model's N, and its training on 3 times as much: 3 (4 · 3 − 1) / R
        assert found.frame["multiplier"].to_list() == pytest.approx([4 + 33 / rate for rate in RATIOS])


def test_other_rates_and_ratios_of_the_same_comparison():
    found = crossover([small(RISING)], large(0.6), RATIOS, param_ratio=14.0, **QUICK)
    other = found.at([1.0], param_ratio=2.0)
    fresh = crossover([small(RISING)], large(0.6), [1.0], param_ratio=2.0, **QUICK)
    assert other.frame.equals(fresh.frame) and other.frame["multiplier"].to_list() == [5.0]


def test_rates_beside_the_main_ones_are_told_with_these():
    """Who is ahead at the main rates does not hang on how many others are looked at; another R is told with them."""
    rng = np.random.default_rng(3)
    noisy = made(np.clip(RISING + rng.normal(0, 0.35, (60, 9)), 0, 1))
    rates = sorted({*np.geomspace(0.05, 60, 25).tolist(), *RATIOS})
    asked = {"param_ratio": 14.0, **QUICK}
    main = crossover([noisy], large(0.6), RATIOS, **asked).frame
    found = crossover([noisy], large(0.6), rates, main_ratios=RATIOS, **asked)
    assert found.only(RATIOS).frame["winner"].to_list() == main["winner"].to_list()
    other = next(rate for rate in rates if rate not in RATIOS)
    alone = crossover([noisy], large(0.6), [*RATIOS, other], **asked)
    assert found.only([other]).frame["winner"].to_list() == alone.only([other]).frame["winner"].to_list()
    assert len(found.only([other]).frame) == 1 and found.frame["winner"].null_count() == 0
    # A lead that so many comparisons drown is told among few.
    together = crossover([noisy], large(0.6), rates, **asked).frame
    assert (together["winner"] == "too close").sum() >= (found.frame["winner"] == "too close").sum()


def test_shared_problems_alone_are_compared():
    theirs = replace(large(0.6, 40), problem_ids=tuple(f"p{i}" for i in range(59, 19, -1)))
    found = crossover([small(RISING)], theirs, RATIOS, groups(30, 30), param_ratio=14.0, **QUICK)
    assert found.frame["n_problems"].to_list()[::3] == [40, 10, 30]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ratios": []}, "no exchange rate"),
        ({"ratios": [0.0]}, "exchange_rate must be above 0"),
        ({"param_ratio": 0.5}, "param_ratio must be at least 1"),
        ({"param_ratio": None}, "does not know n_parameters of the small policy"),
        ({"small": []}, "no strategy of the small policy"),
        ({"ledger": ledger("dollars")}, "pretraining has no"),
        ({"large": replace(large(0.5), problem_ids=tuple(f"q{i}" for i in range(60)))}, "no shared problems"),
        ({"difficulty": groups(3, 3)}, "difficulty must be of the small policy's problems"),
    ],
)
def test_the_impossible_is_refused(change, message):
    given = {"small": [small(RISING)], "large": large(0.6), "ratios": RATIOS, "param_ratio": 14.0} | change
    with pytest.raises(RequestError, match=message):
        crossover(**given)
    with pytest.raises(RequestError, match="swap them"):
        model_ratio(None, LARGE, SMALL)


def test_crossing_rates_by_hand():
    rates = np.array([1.0, 4.0, 16.0])
    table = np.array([[0.2, 0.1, -0.1], [1, 1, 1], [0, 0, -1], [np.nan, -0.1, 0.1], [np.nan] * 3])
    assert crossing_rates(rates, table)[:4].round(3).tolist() == [8.0, np.inf, 0.0, np.inf]
    assert np.isnan(crossing_rates(rates, table)[4])
