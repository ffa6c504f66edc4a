"""Live selection: over all subsets and all orders of a pool it comes to what replay says."""

from __future__ import annotations

import math
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ttclib
from tests.builders import make_pool
from ttclib.errors import RequestError
from ttclib.replay.selecting import chooser, made, numbered, select
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategy import reading, strategies

ABLE = [name for name, one in strategies().items() if one.reads == "pool" and not one.needs_truth]
NAN = float("nan")


@st.composite
def samples(draw, largest: int = 5):
    """Answers, scores with ties and holes, and grades: one an answer, of samples without an answer each its own."""
    size = draw(st.integers(1, largest))
    answers = draw(st.lists(st.sampled_from(["a", "b", "c", None]), min_size=size, max_size=size))
    scores = draw(st.lists(st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.9, NAN]), min_size=size, max_size=size))
    right = {"a": 1.0, "b": draw(st.sampled_from([0.0, 1.0])), "c": 0.0}
    return answers, scores, [right[one] if one else draw(st.sampled_from([0.0, 1.0])) for one in answers]


def replayed(name, found, cap):
    answers, scores, correct = found
    pool = make_pool([correct], answer_ids=[numbered(answers)], scores=[scores])
    how = made(name)
    return how.replay(pool, [cap], verifier=pool.verifier() if how.reads_scores else None).accuracy[0, 0]


def of_all(found, name, places):
    """What live selection comes to with these samples, ties shared."""
    answers, scores, correct = found
    chosen = select([answers[at] for at in places], [scores[at] for at in places], name)
    assert chosen.chances.sum() == pytest.approx(1) and chosen.chances[chosen.index] > 0
    assert chosen.answer == answers[places[chosen.index]]
    return float(chosen.chances @ [correct[at] for at in places])


@pytest.mark.parametrize("name", ABLE)
@settings(max_examples=12, deadline=None)
@given(found=samples())
def test_over_all_subsets_or_orders_it_is_what_replay_says(name, found):
    n, how = len(found[0]), made(name)
    if (how.reads_scores and all(map(math.isnan, found[1]))) or (how.needs_answers and not any(found[0])):
        return  # of these replay says nothing
    for cap in range(1, n + 1):
        if isinstance(how, UntilSettled):
            ids, scores = numbered(found[0]), np.array(found[1])
            values = []
            for order in permutations(range(n), cap):
                stop = how.stops_at(ids[list(order)], scores[list(order)]) or cap
                values.append(of_all(found, name, order[:stop]))
        else:
            values = [of_all(found, name, places) for places in combinations(range(n), cap)]
        assert np.mean(values) == pytest.approx(replayed(name, found, cap), abs=1e-9)


@pytest.mark.parametrize(("prior", "share"), [("beta", 0.7), ("dirichlet", 0.55)])
def test_a_rule_stops_on_average_after_as_many_as_replay_draws(prior, share):
    answers = ["a", "b", "a", "c", "a", None]
    for how in (
        made("adaptive_consistency", {"threshold": share, "prior": prior}),
        made("weighted_stop", {"lead": share}),
    ):
        ids, table = numbered(answers), np.array([0.9, 0.2, 0.5, 0.4, 0.3, 0.8])
        pool = make_pool([[1, 0, 1, 0, 1, 0]], answer_ids=[ids], scores=[table])
        stops = [how.stops_at(ids[list(o)], table[list(o)]) or 6 for o in permutations(range(6))]
        found = how.replay(pool, [6], verifier=pool.verifier())
        assert np.mean(stops) == pytest.approx(found.costs["generations"][0, 0], abs=1e-9)


def test_ties_are_broken_by_the_seed_evenly():
    taken = [ttclib.select(["a", "b"], seed=seed).answer for seed in range(400)]
    assert 150 < taken.count("a") < 250 and ttclib.select(["a", "b"], seed=3).index == select(["a", "b"], seed=3).index
    assert select([None, None]).answer is None and select(["x", None, "x"]).share == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: select([]), "no answers to choose among"),
        (lambda: select(["a"], None, "best_of_n"), "reads a verifier's scores, and there are none"),
        (lambda: select(["a", "b"], [0.1], "best_of_n"), "1 scores of 2 answers"),
        (lambda: select(["a"], [1], "pass_at_k"), "needs the right answer"),
        (lambda: select(["a"], [1], "dvts"), "does not choose among whole samples: collect it with `ttc search"),
        (lambda: select(["a"], [1], "weighted_best_of_n", transform="rank"), "scores of all problems together"),
        (lambda: select(["a"], [-1.0], "weighted_best_of_n"), "below 0"),
        (lambda: select(["a"], [1], "best_of"), "strategy 'best_of'"),
        (lambda: select(["a"], [1], "majority_vote", window=3), "its parameters are subsets"),
    ],
)
def test_what_cannot_be_selected_is_said_in_a_line(call, message):
    with pytest.raises(RequestError, match=message) as told:
        call()
    assert "\n" not in str(told.value)


def test_every_strategy_of_whole_samples_can_choose_live():
    assert set(ABLE) == {name for name in reading("pool") if name != "pass_at_k"} | {
        name for name, one in strategies().items() if issubclass(one, UntilSettled)
    }
    assert all(chooser(made(name)) for name in ABLE)
