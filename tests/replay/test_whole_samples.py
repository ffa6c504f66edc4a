"""The strategies that choose among whole samples, asked of one pool: they agree at N = 1, and say what is not known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.replay.pools import NAN, Made, pools
from ttclib.errors import RequestError
from ttclib.replay.estimate import grades_by_answer
from ttclib.replay.outcomes import COSTS
from ttclib.replay.strategies import BestOfN, MajorityVote, PassAtK, WeightedBestOfN
from ttclib.replay.strategies.weighted_best_of_n import TRANSFORMS
from ttclib.samples import AGGREGATIONS, Pool, Setting, Verifier

ALL = [PassAtK(), MajorityVote(), BestOfN(), WeightedBestOfN()]


def pool_of(made: list[Made]) -> Pool:
    """Problems with pools of unequal size, padded as a store gives them."""
    sizes = np.array([len(one.ids) for one in made])

    def table(columns, padding):
        return np.array([[*column, *[padding] * (sizes.max() - len(column))] for column in columns])

    scores = table([one.scores for one in made], NAN)
    return Pool(
        store="memory",
        policy="walker",
        setting=Setting("s1"),
        problem_ids=[f"p{row}" for row in range(len(made))],
        present=np.arange(sizes.max()) < sizes[:, None],
        correct=table([one.correct for one in made], NAN),
        answer_ids=table([one.ids for one in made], -1),
        completion_tokens=table([[10.0 * (1 + i) for i in range(len(one.ids))] for one in made], NAN),
        prompt_tokens=np.full(len(made), 7.0),
        verifiers={"prm": Verifier("prm", "prm", dict.fromkeys(AGGREGATIONS, scores), scores * 0 + 5)},
    )


def test_a_sample_without_a_token_count_is_charged_the_mean_of_its_problems_others() -> None:
    made = Made([0] * 10, [1.0] * 10, [0.1] * 10)
    tokens = np.array([[10.0, NAN, *[30.0] * 8], [20.0] * 10])
    found = MajorityVote().replay(replace(pool_of([made, made]), completion_tokens=tokens), [1, 3])
    mean = (10 + 8 * 30) / 9
    assert found.cost("completion_tokens").tolist() == [pytest.approx([mean, 3 * mean]), [20.0, 60.0]]
    tokens[1, :2] = NAN  # now of 3 of 20 samples: too many for the others to stand for them
    found = MajorityVote().replay(replace(pool_of([made, made]), completion_tokens=tokens), [1, 3])
    assert np.isnan(found.cost("completion_tokens")).all()


def can_replay(pool: Pool) -> bool:
    return bool(pool.n_graded.any() and pool.has_answers and pool.has_scores())


@given(st.lists(pools(), min_size=1, max_size=4))
def test_at_one_sample_all_strategies_agree_where_they_say_anything(made):
    pool = pool_of(made)
    if not can_replay(pool):
        return
    told = np.where(pool.present, grades_by_answer(pool.answer_ids, pool.correct), 0.0)
    known = (pool.n_graded > 0) & ~np.isnan(pool.verifiers["prm"].by()).all(axis=1)
    expected = {
        "accuracy": np.nansum(told, axis=1) / pool.pool_sizes,
        "ungraded": np.isnan(told).sum(axis=1) / pool.pool_sizes,
    }
    for strategy in ALL:
        found = strategy.replay(pool, [1])
        for part, values in expected.items():
            assert getattr(found, part)[known, 0] == pytest.approx(values[known], abs=1e-12), strategy
        assert np.isnan(found.accuracy[pool.n_graded == 0]).all()


def test_a_problem_that_nobody_scored_is_not_chosen_in():
    pool = pool_of([Made([0, 1], [0.1, NAN], [1.0, 0.0]), Made([0, 1], [NAN, NAN], [1.0, 0.0])])
    for strategy in ALL:
        known = ~np.isnan(strategy.replay(pool, [1, 2]).accuracy)
        assert known.tolist() == [[True, True], [not strategy.needs_scores] * 2]


def test_an_answer_that_is_graded_once_is_graded():
    pool = pool_of([Made([0, 0, 1], [0.2, 0.9, 0.1], [1.0, NAN, NAN])])
    for strategy, at_all in ((PassAtK(), 1.0), (MajorityVote(), 1.0), (BestOfN(), 1.0), (WeightedBestOfN(), 1.0)):
        found = strategy.replay(pool, [1, 3])
        assert found.accuracy[0] == pytest.approx([2 / 3, at_all]) and found.ungraded[0] == pytest.approx([1 / 3, 0])


def test_every_cost_is_told_and_waiting_is_for_the_longest():
    pool = pool_of([Made([0, 0, 1], [0.2, 0.9, 0.1], [1.0, 0.0, 1.0]), Made([0], [0.5], [1.0])])
    for strategy in ALL:
        found = strategy.replay(pool, [2, 1])
        assert set(found.costs) == set(COSTS) and found.budgets == (1, 2)
        assert found.cost("serial_tokens")[0] == pytest.approx([20, 80 / 3])
        assert found.cost("completion_tokens")[0] == pytest.approx([20, 40])
        assert found.cost("serial_prm_tokens")[0] == pytest.approx([5, 5] if strategy.needs_scores else [0, 0])
        assert np.isnan(found.cost("serial_tokens")[1]).tolist() == [False, True]


@pytest.mark.parametrize("strategy", [MajorityVote(), WeightedBestOfN()], ids=lambda one: one.name)
def test_a_vote_without_any_answer_is_refused(strategy):
    pool = pool_of([Made([-1, -1], [0.1, 0.2], [1.0, 0.0])])
    with pytest.raises(RequestError, match="'memory' holds no final answers of 'walker'.*ttc grade"):
        strategy.replay(pool, [1])
    assert BestOfN().replay(pool, [2]).accuracy[0, 0] == 0


def test_raw_logits_are_refused_as_weights_and_help_is_named():
    pool = pool_of([Made([0, 0, 1], [-1.0, -1.5, -2.0], [1.0, 1.0, 0.0])])
    for transform in TRANSFORMS:
        if transform in ("none", "logit"):
            with pytest.raises(RequestError, match="softmax|logit needs scores between 0 and 1"):
                WeightedBestOfN(transform=transform).replay(pool, [3])
        else:
            assert WeightedBestOfN(transform=transform).replay(pool, [3]).accuracy[0, 0] == 1


def test_ranks_are_of_all_problems_whatever_the_sizes_of_their_pools():
    # Ranked within the small pool alone, 0.3 would weigh as much as the best.
    made = [Made([0, 1, 1, 2], [0.4, 0.35, 0.35, 0.9], [0.0, 1.0, 1.0, 0.0]), Made([0, 1], [0.3, 0.2], [1.0, 0.0])]
    pool = pool_of(made)
    ranked = TRANSFORMS["rank"](pool.verifiers["prm"].by())
    verifier = Verifier("ranked", "prm", dict.fromkeys(AGGREGATIONS, ranked), ranked * 0)
    direct = WeightedBestOfN().replay(replace(pool, verifiers={"ranked": verifier}), [1, 2, 3])
    np.testing.assert_array_equal(WeightedBestOfN(transform="rank").replay(pool, [1, 2, 3]).accuracy, direct.accuracy)


@pytest.mark.parametrize("budget", [0, 5])
def test_a_budget_out_of_range_is_refused(budget):
    with pytest.raises(RequestError, match=f"budget {budget} is out of range: .* holds 2 samples .*allowed 1 to 2"):
        PassAtK().replay(pool_of([Made([0, 1], [0.1, 0.2], [1.0, 0.0])]), [1, budget])


def test_counts_alone_are_enough_for_coverage():
    pool = pool_of([Made([0], [0.5], [1.0])] * 2)
    counted = replace(pool, counts=(np.array([10_000, 10]), np.array([27, 3])))
    assert PassAtK().replay(counted, [5, 100]).accuracy[0, 1] == pytest.approx(0.2379280, abs=1e-7)
    assert PassAtK().replay(counted, [5, 100]).accuracy[1] == pytest.approx([0.9166667, NAN], abs=1e-7, nan_ok=True)
    with pytest.raises(RequestError, match="holds counts .*allowed pass_at_k"):
        BestOfN().replay(counted, [1])


@pytest.mark.parametrize("make", [MajorityVote, WeightedBestOfN], ids=["majority_vote", "weighted_best_of_n"])
def test_seed_and_subsets_reach_the_vote(make):
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 200, 600)
    pool = pool_of([Made(ids.tolist(), rng.random(600).tolist(), (ids < 100).astype(float).tolist())])
    few, again, other = (make(subsets=20).replay(pool, [300], seed=seed) for seed in (0, 0, 1))
    assert few.accuracy == again.accuracy and few.accuracy != other.accuracy
    many = make(subsets=2000).replay(pool, [300])
    assert 0 < many.mc_error[0, 0] < 0.3 * few.mc_error[0, 0]


def test_scores_are_those_of_the_verifier_and_aggregation_asked_for():
    pool = pool_of([Made([0, 1], [0.1, 0.2], [1.0, 0.0])])
    scores = {"last": np.array([[0.2, 0.1]]), **dict.fromkeys(("min", "prod", "mean"), np.array([[0.1, 0.2]]))}
    other = Verifier("other", "prm", scores, np.full((1, 2), 3.0))
    for strategy in (BestOfN(), WeightedBestOfN()):
        assert strategy.replay(pool, [2]).accuracy[0, 0] == 0
        assert strategy.replay(pool, [2], verifier=other).accuracy[0, 0] == 1
        found = strategy.replay(pool, [2], verifier=other, aggregation="min")
        assert found.accuracy[0, 0] == 0 and found.cost("prm_tokens")[0, 0] == 6
        assert (found.source.verifier, found.source.aggregation) == ("other", "min")
    assert MajorityVote().replay(pool, [2]).source.verifier is None
