"""Strategies that stop when it is settled, asked of a pool: they spend what they draw, and agree at N = 1."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.replay.pools import Made, pools
from tests.replay.test_whole_samples import can_replay, pool_of
from ttclib.errors import RequestError
from ttclib.replay.outcomes import COSTS
from ttclib.replay.strategies import (
    AdaptiveConsistency,
    BestOfN,
    EarlyStoppingConsistency,
    FirstAbove,
    MajorityVote,
    PassAtK,
    WeightedStop,
)

SETTLING = [AdaptiveConsistency(), EarlyStoppingConsistency(window=2), FirstAbove(), WeightedStop()]
by_name = pytest.mark.parametrize("strategy", SETTLING, ids=lambda one: one.name)


@settings(deadline=None, max_examples=30)
@given(st.lists(pools(), min_size=1, max_size=3))
def test_at_a_cap_of_one_all_agree_with_one_sample(made):
    pool = pool_of(made)
    if not can_replay(pool):
        return
    one = PassAtK().replay(pool, [1])
    for strategy in SETTLING:
        found = strategy.replay(pool, [1])
        known = ~np.isnan(found.accuracy)
        assert found.accuracy[known] == pytest.approx(one.accuracy[known], abs=1e-12)
        assert found.ungraded[known] == pytest.approx(one.ungraded[known], abs=1e-12)
        assert found.cost("generations") == pytest.approx(np.ones(known.shape))


POOL = pool_of([Made([0, 0, 1, 0, 2], [0.95, 0.4, 0.3, 0.6, 0.2], [1.0, 1.0, 0.0, 1.0, 0.0])])


def settles_at(strategy, order, cap):
    """How many of the samples in this order are drawn."""
    ids, scores = POOL.answer_ids[0], POOL.verifiers["prm"].by()[0]
    for n in range(1, cap):
        drawn = list(order[:n])
        votes = sorted((list(ids[drawn]).count(answer) for answer in set(ids[drawn])), reverse=True)
        sums = sorted((sum(scores[i] for i in drawn if ids[i] == answer) for answer in set(ids[drawn])), reverse=True)
        settled = {
            "adaptive_consistency": votes == [3],  # Beta(4, 1): 15/16; with another vote no three are enough
            "early_stopping_consistency": n % 2 == 0 and ids[order[n - 1]] == ids[order[n - 2]],
            "first_above": scores[order[n - 1]] >= 0.9,
            "weighted_stop": n > 1 and sums[0] - (sums[1] if len(sums) > 1 else 0) >= 0.5 * sum(sums) - 1e-12,
        }[strategy.name]
        if settled:
            return n
    return cap


@by_name
def test_costs_are_of_what_is_drawn_over_every_order(strategy):
    if strategy.name == "adaptive_consistency":
        strategy = AdaptiveConsistency(threshold=15 / 16)
    length, prompt, read = POOL.completion_tokens[0], POOL.prompt_tokens[0], 5.0
    sides = strategy.name == "early_stopping_consistency"
    found = strategy.replay(POOL, [3, 5])
    assert set(found.costs) == set(COSTS)
    for column, cap in enumerate((3, 5)):
        rows = []
        for order in permutations(range(5)):
            drawn = list(order[: settles_at(strategy, order, cap)])
            tokens, own = length[drawn].sum(), (length[drawn] * (length[drawn] - 1) / 2).sum()
            windows = [drawn[at : at + 2] for at in range(0, len(drawn), 2)]
            waits = sum(length[window].max() for window in windows) if sides else tokens
            reads = read * len(drawn) * strategy.needs_scores
            rows.append(
                {
                    "generations": len(drawn),
                    "completion_tokens": tokens,
                    "pruned_tokens": 0,
                    "rollout_tokens": 0,
                    "prefill_tokens": prompt * len(drawn),
                    "cached_prefill_tokens": prompt,
                    "context_tokens": prompt * tokens + own,
                    "kv_tokens": prompt * waits + own,
                    "prm_tokens": reads,
                    "serial_tokens": waits,
                    "serial_prm_tokens": reads,
                }
            )
        for name in COSTS:
            expected = np.mean([row[name] for row in rows])
            slack = 0.01 if sides and name in ("serial_tokens", "kv_tokens") else 1e-9  # by random orders
            assert found.cost(name)[0, column] == pytest.approx(expected, rel=slack), name


@pytest.mark.parametrize(
    ("never", "whole"),
    [
        (AdaptiveConsistency(threshold=1.0), MajorityVote()),
        (EarlyStoppingConsistency(window=6), MajorityVote()),
        (FirstAbove(score_threshold=2.0), BestOfN()),
    ],
    ids=lambda one: one.name,
)
def test_a_rule_that_is_never_met_is_the_strategy_without_it(never, whole):
    one, other = never.replay(POOL, [2, 5]), whole.replay(POOL, [2, 5])
    assert one.accuracy == pytest.approx(other.accuracy)
    assert one.cost("generations")[0] == pytest.approx([2, 5])
    assert one.cost("completion_tokens") == pytest.approx(other.cost("completion_tokens"))


@by_name
def test_an_unequal_pool_and_an_unknown_length_leave_gaps(strategy):
    made = [Made([0, 0, 1], [0.2, 0.9, 0.1], [1.0, 0.0, 1.0]), Made([0], [0.5], [1.0])]
    pool = pool_of(made)
    found = strategy.replay(pool, [1, 3])
    for table in (found.accuracy, found.cost("generations")):
        assert np.isnan(table).tolist() == [[False, False], [False, True]]
    pool.completion_tokens[0, 1] = np.nan
    found = strategy.replay(pool, [1, 3])
    assert np.isnan(found.cost("completion_tokens")).tolist() == [[True, True], [False, True]]
    assert np.isnan(found.cost("generations")).tolist() == [[False, False], [False, True]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: AdaptiveConsistency(threshold=0.5), "threshold 0.5: give above 0.5, up to 1"),
        (lambda: AdaptiveConsistency(threshold=1.01), "threshold 1.01: give above 0.5, up to 1"),
        (lambda: AdaptiveConsistency(prior="gamma"), "unknown prior 'gamma'"),
        (lambda: EarlyStoppingConsistency(window=0), "window 0: give at least 1 sample"),
        (lambda: FirstAbove(score_threshold=float("nan")), "score threshold nan: give a number"),
        (lambda: WeightedStop(lead=0.0), "lead 0: give above 0, up to 1"),
        (lambda: WeightedStop(lead=1.5), "lead 1.5: give above 0, up to 1"),
        (lambda: AdaptiveConsistency().replay(pool_of([Made([-1], [0.1], [1.0])]), [1]), "holds no final answers"),
        (lambda: WeightedStop().replay(pool_of([Made([0], [-0.1], [1.0])]), [1]), "must not be below 0"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(RequestError, match=message):
        make()
