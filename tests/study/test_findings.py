"""Sentences on data of known shape: the right one, with the table's numbers, and never one that they do not carry."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from ttclib.analysis.compare import compare
from ttclib.analysis.crossover import crossover
from ttclib.analysis.curves import accuracy_curve
from ttclib.analysis.difficulty import Bill, tell_difficulty
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.frontier import frontier
from ttclib.analysis.ledger import LEDGERS
from ttclib.replay.outcomes import Outcomes, Source
from ttclib.samples import ModelFacts
from ttclib.study import findings

N = 120
EASE = np.linspace(0.9, 0.1, N)
SNELL = LEDGERS["snell"]


def outcomes(strategy: str, at: dict[int, float], *, policy: str = "small", noise: float = 0.05) -> Outcomes:
    """A strategy whose mean accuracy is known at each budget, problems spread about it."""
    rng = np.random.default_rng(len(strategy))
    shifts = np.clip(rng.normal(0, noise, (N, 1)), -2 * noise, 2 * noise)
    table = np.clip(np.array([list(at.values())]) + shifts - shifts.mean(), 0, 1)
    budgets = tuple(at)
    spent = np.tile(np.array(budgets, dtype=float), (N, 1))
    model = ModelFacts(policy, 1000 if policy == "small" else 14_000)
    ids = tuple(f"p{row:03d}" for row in range(N))
    costs = {"generations": spent, "completion_tokens": 50 * spent}
    return Outcomes(strategy, strategy, budgets, ids, table, costs, source=Source(policy, policy_model=model))


def difficulty(bins: int = 2):
    rng = np.random.default_rng(0)
    return tell_difficulty((rng.random((N, 16)) < EASE[:, None]).astype(float), bins, told_on="other")


def crossing(small: dict[int, float], large: float, *, ratio: float = 1.0, param_ratio: float = 8.0):
    return crossover(
        [outcomes("best_of_n", small)], [outcomes("greedy", {1: large}, policy="large")], [ratio], difficulty(),
        ledger=SNELL, bill=Bill(0), param_ratio=param_ratio, n_resamples=200,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("small", "large", "said"),
    [
        ({1: 0.5, 8: 0.9}, 0.4, "R = 1: the small policy is ahead by 50.0 points"),
        ({1: 0.1, 8: 0.2}, 0.8, "R = 1: the larger model is ahead by 60.0 points"),
        ({1: 0.5, 8: 0.6}, 0.6, "R = 1: too close to call on 120 problems"),
    ],
)
def test_who_is_ahead_in_a_crossover(small, large, said):
    found = crossing(small, large)
    sentence, *settles = findings.of_crossover(found)
    assert sentence.startswith(said), sentence
    # Level: no number of problems tells a lead that is none.
    assert settles == (["To settle it, if the difference stays as it is: R = 1 no number, as a lead of a point or less "
                        "is none."] if "too close" in said else [])  # fmt: skip
    assert ("bins 1–2 " in sentence) == (found.frame["winner"].n_unique() == 1)
    gap, low, high = (found.frame.row(0, named=True)[name] for name in ("difference", "ci_low", "ci_high"))
    shown = {f"{abs(value) * 100:.1f}" for value in (gap, low, high)}
    assert shown <= set(re.findall(r"\d+\.\d", sentence))


def test_bins_that_differ_are_named_one_by_one():
    rows = [
        {"exchange_rate": 1.0, "bin": number, "difference": gap, "ci_low": gap - 0.1, "ci_high": gap + 0.1,
         "winner": winner, "n_problems": 40}
        for number, gap, winner in ((None, 0.0, "too close"), (1, 0.3, "small"), (2, 0.0, "too close"),
                                    (3, 0.3, "small"), (4, -0.3, "large"), (5, -0.3, "large"))
    ]  # fmt: skip
    frame, nobody = pl.DataFrame(rows, infer_schema_length=None), SimpleNamespace(outcomes=())
    found = SimpleNamespace(frame=frame, choice=SimpleNamespace(candidates=nobody))
    sentence, settles = findings.of_crossover(found)
    assert settles.startswith("To settle it, if the difference stays as it is: R = 1 no number")
    assert sentence == (
        "R = 1: too close to call on 40 problems, 0.0 points [−10.0, +10.0]; bins 1, 3 the small one ahead, bins 4–5 "
        "the larger one ahead, bin 2 too close to call."
    )


def test_what_no_candidate_can_afford_is_not_answerable():
    sentence, settles = findings.of_crossover(crossing({4: 0.5, 8: 0.9}, 0.4, ratio=1000.0, param_ratio=1.5))
    assert sentence == "R = 1e+03: not answerable, for no candidate costs as little."
    assert settles == "To settle it at R = 1e+03: a smaller policy, or shorter answers, by `ttc sample`."


def test_many_rates_are_told_at_five():
    found = crossing({1: 0.5, 8: 0.9}, 0.4).at(np.geomspace(0.1, 10, 9).tolist())
    said = [line for line in findings.of_crossover(found) if line.startswith("R = ")]
    assert [float(line[4:].split(":")[0]) for line in said] == pytest.approx([0.1, 0.316, 1, 3.16, 10], rel=0.01)


def curve(strategy: str, at: dict[int, float]) -> pl.DataFrame:
    return accuracy_curve(outcomes(strategy, at))


def test_curves_name_the_best_and_the_gap_to_a_perfect_verifier():
    frame = pl.concat([curve("pass_at_k", {1: 0.5, 16: 0.88}), curve("best_of_n", {1: 0.5, 16: 0.75}),
                       curve("majority_vote", {1: 0.5, 16: 0.6})])  # fmt: skip
    best, gap = findings.of_curves(frame)
    assert best.startswith("Most accurate: best-of-N at N = 16 with 75.0% [")
    assert best.endswith("on 120 problems, before majority vote at N = 16 with 60.0%.")
    assert gap == "At N = 16 a perfect verifier would reach 88.0%, 13.0 points more than the most accurate."


def test_the_gap_is_to_the_most_accurate_of_any_budget():
    frame = pl.concat([curve("pass_at_k", {1: 0.5, 16: 0.88}), curve("best_of_n", {1: 0.5, 16: 0.7}),
                       curve("beam_search", {4: 0.8})])  # fmt: skip
    best, gap = findings.of_curves(frame)
    assert "beam search at N = 4 with 80.0%" in best and ", 8.0 points more than the most accurate." in gap


@pytest.mark.parametrize(
    ("at", "falls"),
    [({1: 0.5, 8: 0.8, 64: 0.6}, True), ({1: 0.5, 8: 0.8, 64: 0.8}, False), ({1: 0.5, 8: 0.7, 64: 0.8}, False),
     ({1: 0.5, 8: 0.8, 64: 0.798}, False)],
)  # fmt: skip
def test_over_optimisation_is_said_where_it_is_shown_and_nowhere_else(at, falls):
    said = findings.of_curves(curve("best_of_n", at))
    worse = [line for line in said if line.startswith("More samples make best-of-N worse in the end: 80.0% at N = 8, ")]
    assert bool(worse) == falls
    assert not falls or (worse[0].endswith("] at N = 64.") and f", {at[64] * 100:.1f}% [" in worse[0])
    peak = max(at, key=lambda size: at[size])
    assert f"N = {peak} with {max(at.values()) * 100:.1f}%" in said[0]  # the cheapest of those as good


def test_of_coverage_alone_nothing_is_said_of_strategies():
    (said,) = findings.of_curves(curve("pass_at_k", {1: 0.5, 16: 0.88}))
    assert said.startswith("At N = 16 a right answer is among the samples of 88.0%") and "perfect" not in said


def test_where_nothing_is_left_for_a_verifier_no_gap_is_claimed():
    frame = pl.concat([curve("pass_at_k", {1: 0.5, 16: 0.9}), curve("best_of_n", {1: 0.5, 16: 0.9})])
    assert findings.of_curves(frame)[-1].endswith("no more than the most accurate.")


def front(*curves: Outcomes, limits: list[float] | None = None):
    return frontier(list(curves), difficulty(), ledger=SNELL, bill=Bill(0), limits=limits, n_resamples=50)


def test_a_frontier_tells_the_choice_beside_the_best_single_strategy():
    found = front(outcomes("best_of_n", {1: 0.5, 16: 0.8}), outcomes("majority_vote", {1: 0.5, 16: 0.6}), limits=[16.0])
    first, second = findings.of_frontier(found)
    assert first.startswith("Within 16 generations a problem the best choice reaches 80.0%")
    assert first.endswith("] on 120 problems.")  # all that was allowed is spent
    assert second == "That is as much as best-of-N at N = 16 alone reaches."
    dearer = findings.of_frontier(front(outcomes("best_of_n", {1: 0.5, 16: 0.8, 24: 0.9}), limits=[16.0]))
    assert dearer[1] == "That is as much as best-of-N at N = 16 alone reaches.", "what costs more is no rival"
    cheap = findings.of_frontier(front(outcomes("best_of_n", {4: 0.5}), limits=[2.0]))
    assert cheap == ("No candidate is affordable within any limit.",)
    (saved,) = findings.of_frontier(front(outcomes("best_of_n", {1: 0.5, 16: 0.8}), limits=[40.0]))[:1]
    assert "], spending 16, on 120 problems." in saved and saved.startswith("Within 40 generations")


def test_a_frontier_of_coverage_alone_says_who_checks():
    (said,) = findings.of_frontier(front(outcomes("pass_at_k", {1: 0.5, 16: 0.8}), limits=[16.0]))
    assert said.startswith("Within 16 generations a problem the best choice, checked by a perfect verifier, reaches 80")


def saving(base: dict[int, float], other: dict[int, float]):
    every = [outcomes("weighted_best_of_n", other), outcomes("best_of_n", base)]
    return efficiency(every, every[1], difficulty(), ledger=SNELL, bill=Bill(0), n_resamples=200)


def test_efficiency_says_how_much_is_saved_and_what_it_costs():
    found = saving({1: 0.5, 4: 0.6, 16: 0.7}, {1: 0.5, 2: 0.7, 4: 0.9})
    said = findings.of_efficiency(found)
    best = max((row for row in found.frame.to_dicts() if row["bin"] is None and row["verdict"] == "saves"),
               key=lambda row: row["factor"])  # fmt: skip
    assert f"the best choice needs {best['factor']:.3g} times less than best-of-N" in said[0]
    assert f"{best['cost']:.3g} instead of {best['baseline_cost']:.3g} generations" in said[0] and best["factor"] > 4


def test_the_bill_of_a_saving_is_told_as_what_it_comes_to():
    for billed, words in ((2.0, "it still needs 2 times less."), (0.4, "it needs 2.5 times as much.")):
        row = {"bin": None, "verdict": "saves", "accuracy": 0.7, "factor": 4.0, "factor_low": 2.0, "factor_high": 8.0,
               "open_low": False, "open_high": False, "cost": 4.0, "baseline_cost": 16.0,
               "billed_factor": billed}  # fmt: skip
        found = SimpleNamespace(frame=pl.DataFrame([row]), baseline="best_of_n", unit="generations a problem")
        assert findings.of_efficiency(found)[1].endswith(words)


def test_no_saving_is_claimed_where_there_is_none():
    flat = saving({1: 0.5, 4: 0.5}, {1: 0.5, 4: 0.5})
    assert "needs" not in " ".join(findings.of_efficiency(flat)) and "no factor" in findings.of_efficiency(flat)[0]
    worse = saving({1: 0.5, 4: 0.6, 16: 0.7}, {1: 0.5, 4: 0.55, 16: 0.6})
    assert all(word not in " ".join(findings.of_efficiency(worse)) for word in ("times less", "still needs"))


@pytest.mark.parametrize(("first", "second", "word"), [(0.5, 0.7, "beta ahead"), (0.7, 0.5, "alpha ahead"),
                                                       (0.6, 0.6, "too close to call")])  # fmt: skip
def test_two_sides(first, second, word):
    sides = [[outcomes("best_of_n", {1: 0.5, 8: value})] for value in (first, second)]
    frame = compare(*sides, names=("alpha", "beta"))
    said, *settles = findings.of_sides(SimpleNamespace(frame=frame, names=("alpha", "beta")))
    assert bool(settles) == (word == "too close to call")
    assert said.startswith(f"best-of-N at N = 8: {word}, ") and said.endswith("for beta on 120 problems.")
    assert f"{abs(second - first) * 100:.1f} points" in said


def sided(low: float, high: float, winner: str) -> SimpleNamespace:
    rows = [{"strategy": "best_of_n", "variant": "best_of_n", "bin": None, "budget": 8, "winner": winner,
             "difference": (low + high) / 2, "ci_low": low, "ci_high": high, "n_problems": 50}]  # fmt: skip
    return SimpleNamespace(frame=pl.DataFrame(rows), names=("alpha", "beta"))


def test_too_close_to_call_says_why_where_its_interval_leaves_out_zero():
    apart, within = (findings.of_sides(sided(low, 0.1, "too close"))[0] for low in (0.01, -0.01))
    assert "too close to call, as a point or less is not ruled out in the one comparison, " in apart
    assert "too close to call, +4.5 points" in within
    assert "ruled out" not in findings.of_sides(sided(0.01, 0.1, "beta"))[0]


def test_a_verifiers_favourite_is_told_by_what_it_loses():
    frame = pl.concat([curve("pass_at_k", {1: 0.5, 16: 0.9}), curve("best_of_n", {1: 0.5, 16: 0.6})])
    quality = pl.DataFrame({"bin": [None, 1], "verifier": ["v", "v"], "auc_within": [0.8, 0.1], "ci_low": [0.7, 0.0],
                            "ci_high": [0.9, 0.2], "n_mixed": [30, 5]})  # fmt: skip
    wrong, ranks = findings.of_selection(frame, quality, "PRM v")
    assert wrong == ("On 30.0% of 120 problems the sample of 16 that PRM v scores highest is wrong though a right one "
                     "is among them; on 10.0% none is right.")  # fmt: skip
    assert "scored higher in 80.0% [70.0, 90.0] of the pairs, on the 30 problems that have both." in ranks
    other = quality.with_columns(verifier=pl.lit("w"), auc_within=pl.col("auc_within") + 0.1)
    (both,) = findings.of_verifiers(pl.concat([quality, other]))
    assert "w scores the right one higher in 90.0% [70.0, 90.0], v scores the right one higher in 80.0%" in both


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_numbers_ahead_is_said_only_beyond_the_interval(seed):
    rng = np.random.default_rng(seed)
    small = dict(zip((1, 2, 4, 8), np.sort(rng.uniform(0.2, 0.9, 4)).tolist(), strict=True))
    found = crossing(small, float(rng.uniform(0.2, 0.9)), ratio=float(rng.uniform(0.2, 20)))
    sentence, *settles = findings.of_crossover(found)
    row = found.frame.filter(pl.col("bin").is_null()).row(0, named=True)
    head = sentence.partition(";")[0]
    assert ("small policy is ahead" in head) == (row["winner"] == "small")
    assert ("larger model is ahead" in head) == (row["winner"] == "large")
    assert any("R = " in line and "bin" not in line for line in settles) == (row["winner"] in ("too close", None))
    if "ahead" in head:
        assert row["ci_low"] * row["ci_high"] > 0 and (row["difference"] > 0) == ("small policy" in head)
