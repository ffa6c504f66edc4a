"""The choice by cross-validation, against loops; its honesty on noise; the policy as a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.strategies_made import made
from ttclib.analysis.compute_optimal import compute_optimal, halvings, scores_by_group
from ttclib.analysis.groups import ordered_interval, resample_weights
from ttclib.analysis.policy import ChosenPolicy
from ttclib.errors import RequestError

NAN = float("nan")


def random_strategies(seed, n_strategies=3, n_problems=17, n_budgets=3, names=None):
    rng = np.random.default_rng(seed)
    tables = rng.integers(0, 5, size=(n_strategies, n_problems, n_budgets)) / 4  # with ties
    return [made(table, variant=f"s{index}") for index, table in enumerate(tables)]


def scored_by_loops(outcomes, bins, folds, weights):
    """Cross-validated accuracy by group, one halving, one bin, one budget at a time."""
    n_bins, n_budgets = bins.max(), len(outcomes[0].budgets)
    result = np.full((n_bins + 1, n_budgets), np.nan)
    for column in range(n_budgets):
        sums, counts = [0.0], [0.0]
        for number in range(1, n_bins + 1):
            halving_sums = []
            for fold in folds:
                if not all(sum(weights[(bins == number) & (fold == side)]) for side in (True, False)):
                    continue  # a half without a problem can neither choose nor be scored
                gained = 0.0
                for side in (True, False):
                    choose_on = [p for p in range(len(bins)) if bins[p] == number and fold[p] == side]
                    score_on = [p for p in range(len(bins)) if bins[p] == number and fold[p] != side]
                    means = [sum(weights[p] * o.accuracy[p, column] for p in choose_on) for o in outcomes]
                    best = next(i for i, mean in enumerate(means) if mean >= max(means) - 1e-9)
                    gained += sum(weights[p] * outcomes[best].accuracy[p, column] for p in score_on)
                halving_sums.append(gained)
            sums.append(np.mean(halving_sums) if halving_sums else 0.0)
            counts.append(weights[bins == number].sum() if halving_sums else 0.0)
            if halving_sums:
                result[number, column] = sums[-1] / counts[-1]
        result[0, column] = sum(sums) / sum(counts)
    return result


@pytest.mark.parametrize("seed", range(3))
def test_choice_and_its_replicates_equal_the_loops(seed):
    outcomes = random_strategies(seed)
    bins = np.random.default_rng(seed).permuted(np.repeat([1, 2, 3], [5, 6, 6]))
    chosen = compute_optimal(outcomes, bins, n_assignments=7, seed=seed)
    expected = scored_by_loops(outcomes, bins, chosen.folds, np.ones(17))
    assert chosen.outcomes.accuracy.mean(axis=0) == pytest.approx(expected[0])
    for number in (1, 2, 3):
        assert chosen.outcomes.accuracy[bins == number].mean(axis=0) == pytest.approx(expected[number])
    weights = resample_weights(17, 4, seed)
    folds = halvings(bins, weights, 3, np.random.default_rng(seed))
    replicates = scores_by_group(chosen.aligned, weights, folds)
    for row in range(5):
        np.testing.assert_allclose(replicates[row], scored_by_loops(outcomes, bins, folds[row], weights[row]))


@given(st.integers(0, 10_000))
def test_halves_of_the_drawn_problems(seed):
    rng = np.random.default_rng(seed)
    bins, weights = rng.permuted(np.repeat([1, 2, 0], [5, 4, 2])), resample_weights(11, 3, seed)
    folds = halvings(bins, weights, 6, rng)
    for row, drawn in enumerate(weights > 0):
        for number in (1, 2):
            there = drawn & (bins == number)
            sizes = folds[row][:, there].sum(axis=1)
            assert ((sizes == there.sum() // 2) | (sizes == (there.sum() + 1) // 2)).all()
        assert not folds[row][:, ~drawn | (bins == 0)].any()


def test_a_bin_of_which_one_problem_is_drawn_is_undefined_and_left_out_of_all():
    chosen = compute_optimal(random_strategies(0, n_problems=4), [1, 1, 2, 2])
    weights = np.array([[2.0, 1.0, 0.0, 1.0]])
    found = scores_by_group(
        chosen.aligned, weights, halvings(chosen.aligned.bins, weights, 4, np.random.default_rng(0))
    )
    assert np.isnan(found[0, 2]).all() and not np.isnan(found[0, 1]).any()
    np.testing.assert_allclose(found[0, 0], found[0, 1])


def test_each_half_is_answered_as_the_other_chose():
    # Problems 0 and 1 are best answered by different strategies, so the other half always chooses the wrong one.
    outcomes = [made([[1.0], [0.0]], variant="a"), made([[0.0], [1.0]], variant="b")]
    chosen = compute_optimal(outcomes, [1, 1], n_assignments=5)
    assert chosen.outcomes.accuracy.tolist() == [[0.0], [0.0]]
    assert chosen.in_sample.accuracy.mean() == 0.5
    assert chosen.optimism.tolist() == [[0.5], [0.5]]
    assert chosen.share[:, 0, 0].tolist() == [0.5, 0.5]


def test_noise_is_not_taken_for_gain():
    # 12 strategies of equal worth, coin flips: in-sample looks better than .5, cross-validated does not.
    rng = np.random.default_rng(1)
    outcomes = [made(rng.integers(0, 2, size=(400, 8)).astype(float), variant=f"s{index}") for index in range(12)]
    chosen = compute_optimal(outcomes, np.repeat([1, 2, 3, 4], 100), n_assignments=20)
    assert chosen.in_sample.accuracy.mean() > 0.55
    assert chosen.outcomes.accuracy.mean() == pytest.approx(0.5, abs=0.015)  # 5 standard errors of 3,200 flips: .045
    assert (chosen.optimism[0] > 0).all()


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    # Four strategies of equal worth, problems Beta(.7, .7): whatever is chosen, the truth is .5. Of 100 experiments the
    # share of hits has a standard error of .022.
    hits = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        ease = rng.beta(0.7, 0.7, (60, 1))
        tables = [np.clip(ease + rng.normal(0, 0.1, (60, 1)), 0, 1) for _ in range(4)]
        outcomes = [made(table, variant=f"s{index}") for index, table in enumerate(tables)]
        chosen = compute_optimal(outcomes, np.repeat([1, 2, 3], 20), n_assignments=20, seed=seed)
        low, high = ordered_interval(chosen.resampled(resample_weights(60, 150, seed))[:, 0, 0])
        hits.append(low <= 0.5 <= high)
    assert np.mean(hits) >= 0.88


def test_different_bins_get_different_strategies_with_their_cost():
    easy_first = np.repeat([[0.9], [0.1]], 10, axis=0)
    outcomes = [
        made(easy_first, variant="best_of_n", costs={"generations": 4.0, "completion_tokens": 100.0}, budgets=[4]),
        made(
            1 - easy_first,
            variant="beam_search (M=4)",
            costs={"generations": 4.0, "completion_tokens": 60.0},
            budgets=[4],
        ),
    ]
    chosen = compute_optimal(outcomes, np.repeat([1, 2], 10), ease=easy_first[:, 0])
    assert chosen.outcomes.accuracy == pytest.approx(np.full((20, 1), 0.9))
    assert chosen.outcomes.costs["completion_tokens"][:, 0] == pytest.approx(np.repeat([100, 60], 10))
    assert chosen.policy.lines() == ["bin 1, N=4: best_of_n", "bin 2, N=4: beam_search (M=4)"]
    assert chosen.policy.thresholds == (0.5,)
    assert chosen.policy.choose(2, 7) == "beam_search (M=4)"


def test_budgets_are_compared_as_charged():
    # Lookahead with k=1 charges 2N: its N=2 stands beside best-of-4.
    best = made([[0.1, 0.2, 0.3]] * 4)
    look = made([[0.5, 0.6]] * 4, variant="lookahead_search (k=1)", costs={"generations": [2.0, 4.0]})
    chosen = compute_optimal([best, look], [1] * 4)
    assert chosen.outcomes.budgets == (1, 2, 4)
    assert chosen.outcomes.accuracy[0].tolist() == pytest.approx([0.1, 0.5, 0.6])


def test_a_budget_counts_only_problems_where_its_strategies_are_defined():
    a = made([[0.2, 0.2], [0.2, 0.2], [0.2, NAN], [0.2, 0.2]], variant="a")
    b = made([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9], [NAN, 0.9]], variant="b")
    chosen = compute_optimal([a, b], [1] * 4)
    assert np.isnan(chosen.outcomes.accuracy).tolist() == [[False, False], [False, False], [False, True], [True, False]]


def test_problems_in_no_bin_are_left_out():
    chosen = compute_optimal(random_strategies(0), np.r_[np.ones(10, int), np.zeros(7, int)])
    assert np.isnan(chosen.outcomes.accuracy).all(axis=1).tolist() == [False] * 10 + [True] * 7
    assert chosen.policy.n_problems == 10


def test_seed_decides():
    outcomes, bins = random_strategies(2), np.repeat([1, 2], [8, 9])
    first, again, other = (compute_optimal(outcomes, bins, n_assignments=3, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.outcomes.accuracy, again.outcomes.accuracy)
    assert not np.array_equal(first.folds, other.folds)


@given(st.integers(0, 10_000))
def test_never_outside_the_strategies_and_never_above_the_best_of_each_problem(seed):
    outcomes = random_strategies(seed, n_problems=9)
    chosen = compute_optimal(outcomes, np.repeat([1, 2], [4, 5]), n_assignments=4, seed=seed)
    tables = np.stack([outcome.accuracy for outcome in outcomes])
    assert (chosen.outcomes.accuracy <= tables.max(axis=0) + 1e-12).all()
    assert (chosen.outcomes.accuracy >= tables.min(axis=0) - 1e-12).all()
    means = [[table[rows].mean(axis=0) for rows in (slice(0, 4), slice(4, 9))] for table in tables]
    assert chosen.in_sample.accuracy[:4].mean(axis=0) == pytest.approx(np.max(means, axis=0)[0])
    assert chosen.share.sum(axis=0) == pytest.approx(1)


@given(st.integers(0, 10_000))
def test_one_strategy_is_chosen_as_it_is(seed):
    (only,) = random_strategies(seed, n_strategies=1)
    chosen = compute_optimal([only], np.ones(17, int), n_assignments=2, seed=seed)
    assert chosen.outcomes.accuracy == pytest.approx(only.accuracy)
    assert chosen.optimism == pytest.approx(np.zeros((2, 3)))


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ([1, 2, 3, 4, 5] * 3 + [1, 2], None),
        (list(range(1, 18)), "17 problems in 17 bins: 2 folds need at least 34 problems; use at most 8 bins"),
        ([1] * 15 + [3] * 2, "difficulty bin 2 holds 0 problems"),
        ([1] * 16 + [2], "difficulty bin 2 holds 1 problems"),
        ([0] * 17, "no problem is in a difficulty bin"),
        ([1, 2], "bins must be one a problem, 17 of 's0'"),
    ],
)
def test_too_few_problems_are_refused(bins, message):
    if message is None:
        compute_optimal(random_strategies(0), bins)
        return
    with pytest.raises(RequestError, match=message):
        compute_optimal(random_strategies(0), bins)


def test_other_refusals():
    outcomes = random_strategies(0)
    with pytest.raises(RequestError, match="'pass_at_k' picks by the right answer"):
        compute_optimal([*outcomes, made(np.ones((17, 3)), variant="pass_at_k")], [1] * 17)
    with pytest.raises(RequestError, match="'s0' is given twice"):
        compute_optimal([outcomes[0], outcomes[0]], [1] * 17)
    with pytest.raises(RequestError, match="no shared problems between s0, other"):
        compute_optimal([outcomes[0], made([[1.0]], variant="other", problem_ids=("elsewhere",))], [1] * 17)
    with pytest.raises(RequestError, match="give at least one"):
        compute_optimal([], [])


POLICY = ChosenPolicy(
    difficulty="predicted",
    thresholds=(0.6, 0.2),
    budgets=(1, 4, 16),
    choices=(("a", "a", "b"), ("a", "b", "b"), (None, "b", "b")),
    n_problems=60,
)


def test_policy_reads_and_survives_json():
    assert ChosenPolicy.from_json(POLICY.to_json()) == POLICY
    assert POLICY.lines() == [
        "bin 1, N=1-4: a", "bin 1, N=16: b", "bin 2, N=1: a", "bin 2, N=4-16: b", "bin 3, N=1: not compared",
        "bin 3, N=4-16: b",
    ]  # fmt: skip
    frame = POLICY.frame()
    assert frame.filter(bin=2)["chosen"].to_list() == ["a", "b", "b"]
    assert frame["ease_from"].to_list() == [0.6] * 3 + [0.2] * 3 + [None] * 3
    assert POLICY.bins([0.9, 0.6, 0.3, 0.0, NAN]).tolist() == [1, 1, 2, 3, 0]
    assert [POLICY.choose(1, budget) for budget in (1, 3, 15, 16, 99)] == ["a", "a", "a", "b", "b"]


def test_policy_is_applied_to_new_problems():
    ids = ("x", "y", "z")
    a = made([[0.1, 0.1, 0.1]] * 3, variant="a", budgets=(1, 4, 8), problem_ids=ids)
    b = made([[0.9, 0.8, 0.7]] * 3, variant="b", budgets=(1, 4, 8), problem_ids=ids)
    applied = POLICY.apply([a, b], [0.7, 0.3, NAN])
    np.testing.assert_array_equal(applied.accuracy, [[0.1, 0.1, NAN], [0.1, 0.8, NAN], [NAN, NAN, NAN]])
    assert applied.strategy == "compute_optimal" and applied.problem_ids == ids
    with pytest.raises(RequestError, match=r"strategy 'b' \(bin 2, N=4\) is not there"):
        POLICY.apply([a], [0.7, 0.3, 0.3])


def test_choosing_and_applying_on_the_same_problems_is_the_in_sample_figure():
    outcomes, ease = random_strategies(4, n_problems=20), np.random.default_rng(4).random(20)
    bins = 1 + (np.argsort(np.argsort(-ease)) >= 10)
    chosen = compute_optimal(outcomes, bins, ease=ease)
    applied = ChosenPolicy.from_json(chosen.policy.to_json()).apply(outcomes, ease)
    np.testing.assert_allclose(applied.accuracy, chosen.in_sample.accuracy)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', POLICY.to_json().replace('"a", ', "")[:-1]])
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(RequestError, match="polic"):
        ChosenPolicy.from_json(text)


def test_policy_refuses_what_it_does_not_know():
    with pytest.raises(RequestError, match="bins 1 to 3"):
        POLICY.choose(4, 1)
    with pytest.raises(RequestError, match="smallest is 1"):
        POLICY.choose(1, 0)
    with pytest.raises(RequestError, match="no strategies were compared"):
        POLICY.choose(3, 1)
    with pytest.raises(RequestError, match="no thresholds"):
        compute_optimal(random_strategies(0), [1] * 17).policy.bins([0.5])
