"""Several answers of a cheaper side against one of a dearer: how many are paid for, and who is told to be ahead."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.strategies_made import made
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.many_or_once import MANY_OR_ONCE_SCHEMA, many_or_once
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source

TOKENS = Ledger(unit="tokens")
N = 120
WOBBLE = np.random.default_rng(0).normal(0, 0.03, N)


def side(name, accuracy, tokens, strategy="majority_vote", noise=WOBBLE, cost=None):
    """A side with so many tokens an answer, and the accuracy given at 1, 2, 3 … answers."""
    table = np.clip(np.asarray(accuracy)[None] + noise[:, None], 0, 1)
    sizes = np.arange(1, len(accuracy) + 1)
    spent = tokens * sizes[None] * np.ones((N, 1)) if cost is None else cost
    return made(table, variant=strategy, budgets=sizes, costs={"completion_tokens": spent}, source=Source(policy=name))


def asked(*sides, names=None, **more):
    return many_or_once(sides, names or [one.source.policy for one in sides], ledger=TOKENS, **more)[0]


def test_as_many_as_one_answer_pays_for_and_then_the_whole_pool():
    few, dear = side("few", [0.4, 0.5, 0.6, 0.65], 10), side("dear", [0.8, 0.9], 35)
    frame = asked(few, dear)
    assert dict(frame.schema) == MANY_OR_ONCE_SCHEMA
    assert frame["budget"].to_list() == [3, 4]
    assert frame["at_most"].to_list() == [35.0, None] and frame["cost"].to_list() == [30.0, 40.0]
    assert frame["cost_once"].to_list() == [35.0, 35.0] and frame["n_problems"].to_list() == [N, N]
    assert frame["accuracy_many"].to_list() == pytest.approx(few.accuracy.mean(axis=0)[2:].tolist())
    assert frame["accuracy_once"].to_list() == pytest.approx([dear.accuracy[:, 0].mean()] * 2)
    for row, column in zip(frame.iter_rows(named=True), (2, 3), strict=True):
        same = interval((few.accuracy[:, column], dear.accuracy[:, 0]), "difference")
        found = (row["difference"], row["ci_low"], row["ci_high"])
        assert found == pytest.approx((same.estimate, same.low, same.high), abs=1e-9)
    assert frame["winner"].to_list() == ["once", "once"] and frame["pool_ends_at"].to_list() == [None, None]


@pytest.mark.parametrize(("many", "winner"), [(0.9, "many"), (0.3, "once"), (0.602, "too close"), (0.592, "too close")])
def test_the_verdict_needs_more_than_a_point(many, winner):
    assert asked(side("s", [0.2, many], 10), side("l", [0.6], 20))["winner"].to_list() == [winner]


def test_a_pool_that_ends_before_the_cost_does_is_a_lower_bound():
    frame = asked(side("s", [0.2, 0.3], 10), side("l", [0.6], 35))
    assert frame["pool_ends_at"].to_list() == [20.0] and frame["at_most"].to_list() == [35.0]
    exact = asked(side("s", [0.2, 0.3], 10), side("l", [0.6], 29))  # a third answer would not be paid for
    assert exact["pool_ends_at"].to_list() == [None]


def test_every_pair_the_dearest_answer_first_however_given():
    sides = [side("mid", [0.5, 0.5], 20), side("large", [0.6], 45), side("small", [0.3] * 3, 10)]
    frame = asked(*sides)
    pairs = list(zip(frame["many"], frame["budget"], frame["once"], strict=True))
    assert pairs == [("small", 3, "large"), ("mid", 2, "large"), ("small", 2, "mid"), ("small", 3, "mid")]


def test_coverage_stands_beside_a_vote_and_is_compared_where_it_is_alone():
    votes = [side("s", [0.2, 0.3], 10), side("l", [0.6, 0.6], 20)]
    covers = [side("s", [0.2, 0.4], 10, "pass_at_k"), side("l", [0.6, 0.7], 20, "pass_at_k")]
    both = asked(votes[0], covers[0], votes[1], covers[1])
    assert both["strategy"].to_list() == ["majority_vote"]
    assert both["coverage"].to_list() == pytest.approx([covers[0].accuracy[:, 1].mean()])
    alone = asked(*covers)
    assert (
        alone["strategy"].to_list() == ["pass_at_k"] and alone["accuracy_many"].to_list() == alone["coverage"].to_list()
    )


def test_problems_that_a_side_does_not_answer_are_left_out_of_both():
    holes = np.where(np.arange(N) < 20, np.nan, WOBBLE)
    frame = asked(side("s", [0.2, 0.3], 10, noise=holes), side("l", [0.6], 20))
    assert frame["n_problems"].to_list() == [100]
    assert frame["accuracy_once"].to_list() == pytest.approx([np.clip(0.6 + WOBBLE, 0, 1)[20:].mean()])


def test_all_right_or_all_wrong_does_not_make_an_interval_of_no_width():
    level = np.zeros(N)
    frame = asked(side("s", [0.0, 0.0], 10, noise=level), side("l", [1.0], 20, noise=level))
    assert frame["difference"].to_list() == [-1.0] and -1 <= frame["ci_low"][0] < frame["ci_high"][0] < -0.9
    assert frame["winner"].to_list() == ["once"]


def test_one_side_is_no_comparison():
    with pytest.raises(RequestError, match="one side, s: name two policies or settings"):
        asked(side("s", [0.2, 0.3], 10))
    unknown = side("l", [0.6], 20, cost=np.full((N, 1), np.nan))
    with pytest.raises(RequestError, match="one side, s: .*policy 'l' is left out"):
        asked(side("s", [0.2, 0.3], 10), unknown)
