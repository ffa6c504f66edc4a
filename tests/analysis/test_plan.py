"""Plans: parsimony, the file, and application to problems that were not there."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.analysis.strategies_made import made
from tests.analysis.test_optimise import FEW, groups
from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.difficulty import Bill, difficulty_of_ease
from ttclib.analysis.frontier import frontier
from ttclib.analysis.ledger import ledger
from ttclib.analysis.optimise import optimise
from ttclib.analysis.parsimony import plan_of
from ttclib.analysis.plan import PLAN_SCHEMA, Plan
from ttclib.analysis.predictor import Predictor
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source
from ttclib.samples import ModelFacts, Setting


def planned(outcomes, limits, difficulty=None, **settings):
    by = candidates_of(outcomes, difficulty, ledger=ledger())
    return plan_of(optimise(by, limits, difficulty=difficulty, **FEW, **settings), difficulty)


def test_a_bin_solved_by_all_gets_the_cheapest_and_simplest_everywhere():
    names = ("beam_search (M=4)", "weighted_best_of_n", "best_of_n", "majority_vote")
    plan = planned([made(np.ones((30, 9)), variant=name) for name in names], 2.0 ** np.arange(9))
    assert plan.lines() == ["bin 1, at most 1–256: majority vote at N = 1"]
    assert plan.choices[0][0][0].tied == 4 and plan.choices[0][8][0].tied == 36


def test_within_one_standard_error_and_one_point_the_cheapest_is_taken():
    noise = np.random.default_rng(0).normal(0, 0.1, (40, 1))
    near = made(np.clip(np.array([0.5, 0.594, 0.6]) + noise * [1, -1, 1], 0, 1))  # paired error .03
    assert planned([near], [4.0]).choices[0][0][0].budget == 2
    assert planned([near], [4.0]).choices[0][0][0].given_up == pytest.approx(0.006, abs=0.03)
    far = made(np.clip(np.array([0.5, 0.55, 0.6]) + noise * [1, -1, 1], 0, 1))  # five points, two errors
    assert planned([far], [4.0]).choices[0][0][0].budget == 4
    sure = made(np.array([[0.5, 0.594, 0.6]] * 40))  # .6 points without any doubt: no error, no bargain
    assert planned([sure], [4.0]).choices[0][0][0].budget == 4


def test_the_neighbour_decides_between_what_costs_and_says_the_same():
    rng = np.random.default_rng(0)
    first, second = (made(rng.beta(3, 2, (40, 3)), variant=f"dvts ({name})") for name in "ab")
    both = [replace(one, accuracy=np.sort(one.accuracy, axis=1)) for one in (first, second)]
    both[1] = replace(both[1], accuracy=both[0].accuracy.copy())
    plan = planned(both, [1.0, 2.0, 4.0])
    assert len({steps[0].variant for steps in plan.choices[0]}) == 1


def test_the_file_is_read_back_as_it_was(tmp_path):
    source = Source(policy="p", setting=Setting("a1", {"temperature": 0.5, "top_p": 1.0}), verifier="v",
                    aggregation="last", policy_model=ModelFacts("p", n_parameters=10))  # fmt: skip
    one = made(np.random.default_rng(0).random((40, 4)), source=source)
    ease = np.concatenate([np.linspace(1, 0.2, 15), np.zeros(25)])
    told = difficulty_of_ease(ease, 4, source="predicted", verifier="v", aggregation="last", n_probes=16.0)
    plan = planned([one], [1.0, 4.0, 8.5], told).made_from("abc", {"ttclib": "0.1"})
    text = plan.to_json()
    read = json.loads(text)
    assert (read["format"], read["version"], read["store"]) == ("ttclib-plan", 2, "abc")
    assert read["stopping"] is None and read["predictor"] is None
    assert {"policy", "setting", "verifier", "aggregation", "budget", "variant"} <= set(read["choices"][0][0][0])
    assert read["difficulty"]["thresholds"] == list(told.thresholds) and read["ledger"]["unit"] == "generations"
    again = Plan.from_json(text)
    assert again == plan and again.to_json() == text
    assert dict(plan.frame().schema) == PLAN_SCHEMA and len(plan.frame()) == 12
    mixed = planned([one], [1.0, 3.0], told, per="average")
    assert Plan.from_json(mixed.to_json()) == mixed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a plan: export one"),
        ({"version": 3}, "of version 3, this library reads 1 and 2"),
        ({"stopping": {"rule": {}}}, "stopping rules are not those"),
        ({"predictor": {"name": "question"}}, "predictor cannot be read"),
        ({"choices": [[]]}, "more or fewer choices"),
        ({"limits": ["x"]}, "not a plan"),
        ({"ledger": {"unit": "euro"}}, "ledger item unit = 'euro'"),
        ({"difficulty": {}}, "not a plan"),
    ],
)
def test_what_is_no_plan_is_refused(change, message):
    text = planned([made(np.ones((20, 2)))], [1.0]).to_json()
    with pytest.raises(RequestError, match=message):
        Plan.from_json(json.dumps(json.loads(text) | change))
    with pytest.raises(RequestError, match="not a plan"):
        Plan.from_json("[1")


def test_a_predictor_of_another_difficulty_is_refused():
    told = difficulty_of_ease(np.linspace(1, 0, 20), 2)
    whole = json.loads(planned([made(np.ones((20, 2)))], [1.0], told).to_json())
    whole["predictor"] = Predictor("question:text", 0.5).to_data()
    with pytest.raises(RequestError, match="difficulty by oracle, and a predictor by question:text"):
        Plan.from_json(json.dumps(whole))


def test_choosing_by_hand():
    plan = planned([made(np.tile([0.2, 0.5, 0.9], (30, 1)))], [1.0, 4.0])
    assert plan.choose(1, 3.9)[0].budget == 1 and plan.choose(1, 100)[0].label == "best_of_n N=4"
    with pytest.raises(RequestError, match="bin 2: the plan has bins 1 to 1"):
        plan.choose(2, 1)
    with pytest.raises(RequestError, match="smallest limit is 1"):
        plan.choose(1, 0.5)
    poor = planned([made(np.tile([0.2, 0.5], (30, 1)), budgets=[4, 8])], [1.0, 4.0])
    assert poor.lines()[0] == "bin 1, at most 1: nothing is affordable"
    with pytest.raises(RequestError, match="no candidate is affordable"):
        poor.choose(1, 1)


TABLE = np.concatenate([np.tile([0.90, 0.92, 0.93], (20, 1)), np.tile([0.20, 0.40, 0.60], (20, 1))])


def test_an_applied_plan_pays_its_probes():
    told = groups(20, 20)
    plan = planned([made(TABLE)], [4.0], told)
    new = made(np.concatenate([TABLE[:5] - 0.1, TABLE[20:25] - 0.1]))
    ease = np.array([1.0] * 5 + [0.1] * 5)
    bare, paid, reused = (
        plan.apply([new], ease, bill=bill) for bill in (None, Bill(16), Bill(16, queries=2, reused=True))
    )
    assert bare.accuracy.mean() == pytest.approx((0.93 + 0.60) / 2 - 0.1)
    assert bare.generations.mean() == 4 and (paid.generations == 20).all() and (paid.probes == 16).all()
    assert (paid.cost == 20).all() and (reused.generations == 4 + 6).all()
    frame = paid.frame()
    assert frame["bin"].to_list() == [None, 1, 2] and frame["probes"].to_list() == [16] * 3
    assert frame["n_problems"].to_list() == [10, 5, 5] and (frame["ci_low"] < frame["accuracy"]).all()


def test_new_problems_never_solved_reach_every_bin():
    ease = np.concatenate([np.linspace(0.1, 1, 20), np.zeros(40)])
    plan = planned([made(np.random.default_rng(0).random((60, 3)))], [4.0], difficulty_of_ease(ease, 5))
    assert set(plan.bins(np.zeros(500)).tolist()) == {2, 3, 4, 5}


def test_what_cannot_be_applied_is_named():
    plan = planned([made(TABLE)], [4.0], groups(20, 20))
    other = made(TABLE, variant="majority_vote")
    with pytest.raises(
        RequestError, match=r"'best_of_n N=.' \(bin 1\) is not there: replay it too. Given: majority_vote"
    ):
        plan.apply([other], np.ones(40))
    with pytest.raises(RequestError, match="say how easy each problem is"):
        plan.apply([made(TABLE)])
    with pytest.raises(RequestError, match="replay those that it names"):
        plan.apply([])


def test_a_plan_of_several_settings_finds_its_own():
    sides = [
        made(TABLE * scale, source=Source(policy="p", setting=Setting(name, {"reasoning_effort": name})))
        for name, scale in (("low", 0.5), ("high", 1.0))
    ]
    plan = planned(sides, [4.0])
    assert plan.choices[0][0][0].setting == {"reasoning_effort": "high"}
    assert plan.apply(sides).accuracy.mean() == pytest.approx(TABLE[:, 2].mean())
    # Elsewhere the policy was sampled in one way only: that is what there is.
    elsewhere = replace(sides[0], source=Source(policy="p", setting=Setting("x", {"temperature": 1.0})))
    assert plan.apply([elsewhere]).accuracy.mean() == pytest.approx(TABLE[:, 2].mean() / 2)
    found = frontier(sides, limits=[4.0], n_resamples=50)
    row = found.frame.filter(strategy="compute_optimal").row(0, named=True)
    assert row["setting"] == "reasoning_effort=high" and row["policy"] == "p" and row["chosen"] == "best_of_n N=4"
