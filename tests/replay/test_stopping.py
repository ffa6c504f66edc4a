"""Stopping rules against every order of a small pool, random orders against all, and what must hold of any pool."""

from __future__ import annotations

from collections import Counter
from functools import cache, partial
from itertools import permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, gamma

from tests.replay.exact import any_of
from tests.replay.pools import NAN, Made, pools
from ttclib.errors import RequestError
from ttclib.replay import watch
from ttclib.replay.best_of_n import best_of_n
from ttclib.replay.confidence import beta_table, dirichlet_confidence, gamma_tables
from ttclib.replay.stopping import (
    adaptive_consistency,
    early_stopping_consistency,
    first_above,
    weighted_stop,
    window_waits,
)
from ttclib.replay.voting import elect

CAPS = [1, 2, 3, 4, 5, 6]


@cache
def surely_first(votes: tuple[int, ...], prior: str) -> float:
    """Chance that the leader is the most frequent, by SciPy's distributions."""
    ordered = [*sorted(votes, reverse=True), 0]
    if prior == "beta" or len(votes) < 3:
        return float(beta.sf(0.5, ordered[0] + 1, ordered[1] + 1))

    def ahead(x: float) -> float:
        return gamma.pdf(x, ordered[0] + 1) * np.prod([gamma.cdf(x, other + 1) for other in ordered[1:-1]])

    return float(quad(ahead, 0, np.inf, epsabs=1e-12, epsrel=1e-12)[0])


def settled_by_posterior(pool: Made, drawn: tuple[int, ...], threshold: float, prior: str) -> bool:
    votes = Counter(pool.ids[i] for i in drawn if pool.ids[i] >= 0)
    return bool(votes) and surely_first(tuple(sorted(votes.values())), prior) >= threshold - 1e-12


def settled_by_window(pool: Made, drawn: tuple[int, ...], window: int) -> bool:
    given = {pool.ids[i] for i in drawn[-window:]}
    return len(drawn) % window == 0 and len(given) == 1 and min(given) >= 0


def settled_by_share(pool: Made, drawn: tuple[int, ...], share: float, at_least: int) -> bool:
    totals: dict[int, float] = {}
    n_votes = 0
    for i in drawn:
        if pool.ids[i] >= 0 and not np.isnan(pool.scores[i]):
            totals[pool.ids[i]] = totals.get(pool.ids[i], 0.0) + pool.scores[i]
            n_votes += 1
    ordered = [*sorted(totals.values(), reverse=True), 0.0]
    whole = sum(totals.values())
    return n_votes >= at_least and whole > 0 and (ordered[0] - ordered[1]) / whole >= share - 1e-12


def by_every_order(pool: Made, settled, cap: int, choose) -> list[float]:
    """Accuracy, ungraded share, draws and the sum of squares of the samples' numbers, a load of its own for each."""
    rows = []
    for order in permutations(range(len(pool.ids))):
        n = next((n for n in range(1, cap) if settled(pool, order[:n])), cap)
        rows.append([*choose(order[:n]), n, sum((i + 1) ** 2 for i in order[:n])])
    return np.mean(rows, axis=0).tolist()


def vote(pool: Made, weights: list[float], drawn: tuple[int, ...]) -> np.ndarray:
    """What the votes drawn elect, each answer as right as those in the pool who vote for it."""
    voting = [i for i in range(len(pool.ids)) if pool.ids[i] >= 0 and not np.isnan(weights[i])]
    totals: dict[int, float] = {}
    for i in drawn:
        if i in voting:
            totals[pool.ids[i]] = totals.get(pool.ids[i], 0.0) + weights[i]
    if not totals:
        return any_of([i for i in range(len(pool.ids)) if i not in voting], pool.correct)
    best = max(totals.values())
    winners = [answer for answer, total in totals.items() if np.isclose(total, best, rtol=1e-10, atol=1e-15)]
    return np.mean([any_of([i for i in voting if pool.ids[i] == answer], pool.correct) for answer in winners], axis=0)


def agrees(found, pool: Made, rules, weights: list[float] | None = None, choose=None) -> None:
    choose = choose or partial(vote, pool, weights or [1.0] * len(pool.ids))
    size = len(pool.ids)
    for at, settled in enumerate(rules):
        for place, cap in enumerate(CAPS):
            values = [part[0, at, place] for part in (found.accuracy, found.ungraded, found.draws, found.spent[..., 0])]
            if cap > size:
                assert np.isnan(values).all()
                continue
            expected = by_every_order(pool, settled, cap, choose)
            if np.isnan(pool.correct).all():
                expected[:2] = NAN, NAN
            assert values == pytest.approx(expected, abs=1e-9, nan_ok=True)
            assert np.nan_to_num(found.mc_error[0, at, place]) == 0


def loads(pool: Made) -> np.ndarray:
    return (np.arange(len(pool.ids))[None] + 1.0) ** 2


small = pools(largest=5)
few = settings(max_examples=20, deadline=None)


@pytest.mark.parametrize("prior", ["beta", "dirichlet"])
@few
@given(pool=small)
def test_adaptive_consistency_over_every_order(prior, pool):
    thresholds = [0.95, 0.6, 0.75, 0.875]
    found = adaptive_consistency([pool.ids], [pool.correct], thresholds, CAPS, prior=prior, loads=loads(pool))
    agrees(found, pool, [partial(settled_by_posterior, threshold=level, prior=prior) for level in thresholds])


@few
@given(pool=small)
def test_early_stopping_consistency_over_every_order(pool):
    windows = [2, 1, 3, 4]
    found = early_stopping_consistency([pool.ids], [pool.correct], windows, CAPS, loads=loads(pool))
    agrees(found, pool, [partial(settled_by_window, window=window) for window in windows])


@pytest.mark.parametrize("at_least", [1, 2, 3])
@few
@given(pool=small)
def test_weighted_stop_over_every_order(at_least, pool):
    shares = [0.2, 1.0, 0.5]
    found = weighted_stop([pool.ids], [pool.scores], [pool.correct], shares, CAPS, at_least=at_least, loads=loads(pool))
    rules = [partial(settled_by_share, share=share, at_least=at_least) for share in shares]
    agrees(found, pool, rules, pool.scores)


@few
@given(pool=small)
def test_first_above_over_every_order(pool):
    thresholds = [0.3, -np.inf, 0.2, 1.0]

    def best(drawn):
        scored = [i for i in drawn if not np.isnan(pool.scores[i])]
        top = max((pool.scores[i] for i in scored), default=None)
        return any_of([i for i in scored if pool.scores[i] == top] or drawn, pool.correct)

    for level in thresholds:

        def settled(pool, drawn, level=level):
            return pool.scores[drawn[-1]] >= level

        def choose(drawn, level=level):
            return any_of(drawn[-1:], pool.correct) if pool.scores[drawn[-1]] >= level else best(drawn)

        found = first_above([pool.scores], [pool.correct], [level], CAPS, loads=loads(pool))
        agrees(found, pool, [settled], choose=choose)
    together = first_above([pool.scores], [pool.correct], thresholds, CAPS)
    np.testing.assert_array_equal(together.accuracy[:, [3]], found.accuracy)


RULES = {
    "beta": lambda pool, caps, **options: adaptive_consistency(pool[0], pool[2], [0.7, 0.9, 0.99], caps, **options),
    "dirichlet": lambda pool, caps, **options: adaptive_consistency(
        pool[0], pool[2], [0.7, 0.9, 0.99], caps, prior="dirichlet", **options
    ),
    "window": lambda pool, caps, **options: early_stopping_consistency(pool[0], pool[2], [2, 3, 5], caps, **options),
    "share": lambda pool, caps, **options: weighted_stop(*pool, [0.2, 0.5, 0.9], caps, **options),
}


def made_pool(n_samples: int, seed: int = 0, n_answers: int = 3, n_scores: int = 2):
    """Answers, scores of few values and grades of two problems; some of each are missing."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(-1, n_answers, (2, n_samples))
    scores = rng.integers(1, 1 + n_scores, ids.shape) / 4.0
    correct = (ids == 0).astype(float)
    correct[ids == 1] = NAN
    return ids, np.where(rng.random(ids.shape) < 0.1, NAN, scores), correct


@pytest.mark.parametrize("name", RULES)
def test_random_orders_come_within_their_error_of_all(name, monkeypatch):
    pool, caps = made_pool(14), [1, 3, 8, 14]
    load = np.random.default_rng(1).random((2, 14, 2))
    exact = RULES[name](pool, caps, loads=load)
    assert not exact.mc_error.any()
    monkeypatch.setattr(watch, "_AFFORDABLE", 0)
    runs = [RULES[name](pool, caps, loads=load, n_orders=4000, seed=seed) for seed in range(2)]
    for drawn in runs:
        assert np.all(np.abs(drawn.accuracy - exact.accuracy) <= 5 * drawn.mc_error + 1e-3)
        assert drawn.mc_error[:, :, 2].any() and drawn.mc_error.max() <= 0.5 / np.sqrt(3999)
        assert drawn.ungraded == pytest.approx(exact.ungraded, abs=5 * 0.5 / np.sqrt(4000))
        assert drawn.draws == pytest.approx(exact.draws, abs=5 * 7 / np.sqrt(4000))
        assert drawn.spent == pytest.approx(exact.spent, abs=5 * 7 / np.sqrt(4000))
    assert (runs[0].accuracy != runs[1].accuracy).any()


@pytest.mark.parametrize("name", RULES)
def test_the_error_that_is_reported_is_the_one_that_is_made(name, monkeypatch):
    monkeypatch.setattr(watch, "_AFFORDABLE", 0)
    pool = made_pool(40, n_answers=5)
    runs = [RULES[name](pool, [5, 40], n_orders=100, seed=seed) for seed in range(200)]
    spread = np.std([run.accuracy for run in runs], axis=0, ddof=1)
    reported = np.mean([run.mc_error for run in runs], axis=0)
    assert spread[reported > 0.005] == pytest.approx(reported[reported > 0.005], rel=0.25)
    assert (reported > 0.005).any()


@pytest.mark.parametrize("affordable", [0, 1e5])
@pytest.mark.parametrize("name", RULES)
def test_a_rule_and_a_cap_come_to_the_same_whatever_others_are_asked_for(name, affordable, monkeypatch):
    monkeypatch.setattr(watch, "_AFFORDABLE", affordable)
    pool = made_pool(30)
    alone, among = (RULES[name](pool, caps, n_orders=50) for caps in ([12], [30, 1, 12, 5, 12]))
    for part in ("accuracy", "mc_error", "ungraded", "draws"):
        np.testing.assert_allclose(getattr(alone, part)[:, :, 0], getattr(among, part)[:, :, 2], rtol=1e-12)
        np.testing.assert_array_equal(getattr(among, part)[:, :, 4], getattr(among, part)[:, :, 2])
    rules = {
        "beta": lambda levels: adaptive_consistency(pool[0], pool[2], levels, [12], n_orders=50),
        "dirichlet": lambda levels: adaptive_consistency(
            pool[0], pool[2], levels, [12], prior="dirichlet", n_orders=50
        ),
        "window": lambda levels: early_stopping_consistency(
            pool[0], pool[2], (np.array(levels) * 10).astype(int), [12], n_orders=50
        ),
        "share": lambda levels: weighted_stop(*pool, levels, [12], n_orders=50),
    }
    together = rules[name]([0.9, 0.6, 0.8])
    np.testing.assert_allclose(together.accuracy[:, [1]], rules[name]([0.6]).accuracy, rtol=1e-12)
    if name != "window":  # whoever asks for more waits longer
        assert together.draws[0, 0, 0] >= together.draws[0, 2, 0] >= together.draws[0, 1, 0]
        assert together.draws[0, 0, 0] > together.draws[0, 1, 0]


@few
@given(pool=small)
def test_windows_are_waited_for_as_their_longest(pool):
    windows, lengths = [2, 1, 3, 4], [3.0, 1.0, 4.0, 1.5, 9.0][: len(pool.ids)]
    found = window_waits([pool.ids], [lengths], windows, CAPS, n_orders=20_000)
    for at, window in enumerate(windows):
        for place, cap in enumerate(CAPS[: len(pool.ids)]):
            waits = []
            for order in permutations(range(len(pool.ids))):
                n = next((n for n in range(1, cap) if settled_by_window(pool, order[:n], window)), cap)
                waits.append(sum(max(lengths[i] for i in order[a : min(a + window, n)]) for a in range(0, n, window)))
            assert found[0, at, place] == pytest.approx(np.mean(waits), abs=0.2)
    assert np.isnan(found[:, :, len(pool.ids) :]).all()


def test_a_window_of_unknown_length_is_waited_for_unknown():
    found = window_waits([[0, 1], [0, 1]], [[1.0, NAN], [1.0, 2.0]], [2], [2])
    assert np.isnan(found).ravel().tolist() == [True, False] and found[1, 0, 0] == 2


@pytest.mark.parametrize("affordable", [0, 1e5])
@pytest.mark.parametrize("name", RULES)
def test_a_cap_of_one_is_one_sample_and_a_rule_never_met_is_the_whole_vote(name, affordable, monkeypatch):
    monkeypatch.setattr(watch, "_AFFORDABLE", affordable)
    pool = made_pool(12)
    found = RULES[name](pool, [1, 12])
    one = elect(pool[0], pool[1] if name == "share" else None, pool[2], [1])
    assert found.accuracy[:, :, 0] == pytest.approx(np.repeat(one.accuracy, 3, axis=1))
    assert found.ungraded[:, :, 0] == pytest.approx(np.repeat(one.ungraded, 3, axis=1))
    assert found.draws[:, :, 0] == pytest.approx(np.ones((2, 3))) and not found.mc_error[:, :, 0].any()
    if name == "share":  # no single vote settles it, so that of two samples the vote is the whole one, known exactly
        two = RULES[name](pool, [2])
        assert two.accuracy[:, 0] == pytest.approx(elect(*pool, [2]).accuracy) and not two.mc_error.any()
    whole = early_stopping_consistency(pool[0], pool[2], [13], [4, 12])
    votes = elect(pool[0], None, pool[2], [4, 12])
    assert whole.accuracy[:, 0] == pytest.approx(votes.accuracy) and whole.ungraded[:, 0] == pytest.approx(
        votes.ungraded
    )
    never = first_above(pool[1], pool[2], [2.0], [4, 12])
    assert never.accuracy[:, 0] == pytest.approx(best_of_n(pool[1], pool[2], [4, 12]).accuracy)
    assert never.draws[:, 0] == pytest.approx(np.tile([4.0, 12.0], (2, 1)))


def test_ten_alike_are_settled_after_four():
    found = adaptive_consistency([[0] * 10], [[1] * 10], [0.9, 0.95, 31 / 32, 0.97], [10])
    assert found.draws[0, :, 0].tolist() == [3, 4, 4, 5]
    assert beta_table(10)[[3, 4], 0].tolist() == [15 / 16, 31 / 32]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(any))
def test_confidence_is_that_of_the_distributions(votes):
    weights, below = gamma_tables(40)
    leader = int(np.argmax(votes))
    seen = [count for count in votes if count]
    found = dirichlet_confidence(np.array(votes), leader, weights, below)
    if len(seen) > 1:
        ordered = sorted(seen, reverse=True)
        assert beta_table(40)[ordered[0], ordered[1]] == pytest.approx(beta.sf(0.5, ordered[0] + 1, ordered[1] + 1))
        expected = surely_first(tuple(seen), "dirichlet") if len(seen) > 2 else beta_table(40)[ordered[0], ordered[1]]
        assert found == pytest.approx(expected, abs=1e-9)
    assert found <= 1 + 1e-12


def test_dirichlet_of_many_votes_against_drawn_shares():
    rng = np.random.default_rng(0)
    shares = rng.dirichlet(np.array([90, 80, 80, 6, 1]) + 1.0, 400_000)
    expected = (shares.argmax(axis=1) == 0).mean()
    weights, below = gamma_tables(257)
    votes = np.array([90, 80, 80, 6, 1])
    found = dirichlet_confidence(votes, 0, weights, below)
    assert found == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(400_000))


def test_tokens_go_with_what_is_drawn():
    # The common answer is short: stopping early draws mostly it, so that draws times the mean length is too much.
    ids = np.array([[0] * 12 + [1, 2, 3, 4]])
    tokens = np.where(ids == 0, 10.0, 100.0)
    found = adaptive_consistency(ids, ids == 0, [0.95], [16], loads=tokens)
    assert found.spent[0, 0, 0, 0] < 0.95 * found.draws[0, 0, 0] * tokens.mean()


def test_an_unknown_load_is_unknown_and_no_other():
    ids = np.array([[0, 0, 1], [0, 1, 1]])
    load = np.ones((2, 3, 2))
    load[0, 1, 1] = NAN
    found = adaptive_consistency(ids, ids == 0, [0.8], [3], loads=load)
    assert np.isnan(found.spent[:, 0, 0]).tolist() == [[False, True], [False, False]]
    assert not np.isnan(found.accuracy).any()
    scores = first_above(ids / 2, ids == 0, [0.4], [3], loads=load)
    assert np.isnan(scores.spent[:, 0, 0]).tolist() == [[False, True], [False, False]]


@pytest.mark.parametrize("name", [*RULES, "first_above"])
def test_pools_of_unequal_size_are_each_its_own(name):
    rule = RULES.get(name) or (lambda pool, caps, **options: first_above(pool[1], pool[2], [0.4, 0.5], caps, **options))
    pool = made_pool(9)
    sizes = [9, 5]
    load = np.arange(18.0).reshape(2, 9)
    found = rule(pool, [2, 5, 9], loads=load, pool_sizes=sizes)
    for row, size in enumerate(sizes):
        alone = rule([table[[row], :size] for table in pool], [2, 5, 9], loads=load[[row], :size])
        for part in ("accuracy", "ungraded", "draws", "spent"):
            np.testing.assert_allclose(getattr(found, part)[row], getattr(alone, part)[0], err_msg=part)
    assert np.isnan(found.draws[1, :, 2]).all() and not np.isnan(found.draws[0]).any()


def test_windows_cut_at_the_cap_vote_and_stop_nothing():
    # Windows of 3, cap 4 of 4 samples: 0 0 0 is settled after three, in every other order all four are drawn.
    found = early_stopping_consistency([[0, 0, 0, 1]], [[0, 0, 0, 1]], [3], [4])
    assert found.draws[0, 0, 0] == pytest.approx(3 / comb(4, 3) + 4 * (1 - 1 / comb(4, 3)))
    assert early_stopping_consistency([[0, 0]], [[1, 1]], [5], [2]).draws[0, 0, 0] == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adaptive_consistency([[0]], [[1]], [0.5], [1]), "threshold 0.5: give above 0.5, up to 1"),
        (lambda: adaptive_consistency([[0]], [[1]], [0.9, 1.5], [1]), "threshold 1.5: give above 0.5, up to 1"),
        (lambda: adaptive_consistency([[0]], [[1]], [NAN], [1]), "threshold nan"),
        (lambda: adaptive_consistency([[0]], [[1]], [0.9], [1], prior="betta"), "did you mean 'beta'"),
        (lambda: adaptive_consistency([[0]], [[1]], [0.9], [0]), "at least 1"),
        (lambda: adaptive_consistency([[0]], [[1]], [0.9], [1], n_orders=1), "n_orders must be at least 2, got 1"),
        (lambda: adaptive_consistency([[0]], [[1, 0]], [0.9], [1]), "share one shape"),
        (lambda: adaptive_consistency([[0]], [[1]], [0.9], [1], loads=[1.0]), "loads must have shape"),
        (lambda: adaptive_consistency([[0]], [[1]], [0.9], [1], loads=[[1.0, 2.0]]), "loads must have shape"),
        (lambda: early_stopping_consistency([[0]], [[1]], [0], [1]), "a window must be at least 1"),
        (lambda: early_stopping_consistency([[0]], [[1]], [1.5], [1]), "a window must be a whole number"),
        (lambda: weighted_stop([[0]], [[0.1]], [[1]], [0.0], [1]), "share 0: give above 0, up to 1"),
        (lambda: weighted_stop([[0]], [[-0.1]], [[1]], [0.5], [1]), "must not be below 0, got -0.1"),
        (lambda: weighted_stop([[0]], [[0.1]], [[1]], [0.5], [1], at_least=0), "at_least must be at least 1"),
        (lambda: first_above([[0.1]], [[1]], [NAN], [1]), "threshold nan: give a number"),
        (lambda: first_above([[0.1, 0.2]], [[1]], [0.5], [1]), "share one shape"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message) as caught:
        make()
    if "give" in message or "did you mean" in message:
        assert isinstance(caught.value, RequestError)
