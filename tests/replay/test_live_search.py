"""Replayed searches agree in distribution with plain implementations that sample live, without a tree."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from tests.replay.toy import State, Toy, ToyTrees, toys
from ttclib.replay.strategies import BeamSearch, Dvts, LookaheadSearch, Rebase
from ttclib.replay.strategies.tree_search import TreeSearch

N_PROBLEMS, N_REPLICATES = 150, 6


def live_beam_search(toy: Toy, n: int, width: int, lookahead: int, rng: random.Random) -> list[State]:
    beams = [toy.draw(State(), rng) for _ in range(n)]
    while not all(beam.ended for beam in beams):
        ranked = []
        for beam in beams:
            end = beam
            for _ in range(lookahead):
                if not end.ended:
                    end = toy.greedy(end)
            ranked.append((end.score, rng.random(), beam))
        ranked.sort(reverse=True)
        best = [beam for *_, beam in ranked[: n // width]]
        beams = []
        for beam in best:
            beams += [beam] if beam.ended else [toy.draw(beam, rng) for _ in range(width)]
    return beams


def live_dvts(toy: Toy, n: int, width: int, rng: random.Random) -> list[State]:
    return [beam for _ in range(n // width) for beam in live_beam_search(toy, width, width, 0, rng)]


def live_rebase(toy: Toy, n: int, rng: random.Random) -> list[State]:
    done: list[State] = []
    beams = [toy.draw(State(), rng) for _ in range(n)]
    while True:
        done += [beam for beam in beams if beam.ended]
        beams = sorted((beam for beam in beams if not beam.ended), key=lambda beam: -beam.score)
        if not beams:
            return done
        left, new = n - len(done), []
        for i, beam in enumerate(beams):
            share = math.exp(beam.score / 0.2) / sum(math.exp(other.score / 0.2) for other in beams[i:])
            n_children = min(left, math.ceil(left * share - 1e-9))
            new += [toy.draw(beam, rng) for _ in range(n_children)]
            left -= n_children
        beams = new


def live_sampling(toy: Toy, n: int, rng: random.Random) -> list[State]:
    return live_beam_search(toy, n, 1, 0, rng)


def vote(toy: Toy, beams: list[State]) -> float:
    votes: dict[int, float] = {}
    for beam in beams:
        name = toy.grade(beam)[0]
        votes[name] = votes.get(name, 0.0) + beam.score
    most = max(votes.values())
    best = [name for name, weight in votes.items() if weight > most - 1e-9]
    return (0 in best) / len(best)


CASES = {
    "beam_search": (BeamSearch(beam_width=4), lambda toy, rng: live_beam_search(toy, 16, 4, 0, rng)),
    "lookahead": (
        LookaheadSearch(beam_width=4, lookahead_steps=2),
        lambda toy, rng: live_beam_search(toy, 16, 4, 2, rng),
    ),
    "dvts": (Dvts(beam_width=4), lambda toy, rng: live_dvts(toy, 16, 4, rng)),
    "rebase": (Rebase(), lambda toy, rng: live_rebase(toy, 16, rng)),
    "sampling": (BeamSearch(beam_width=1), lambda toy, rng: live_sampling(toy, 16, rng)),
}


def replicated(trees: ToyTrees, search: TreeSearch, budgets: list[int], replicates: int) -> np.ndarray:
    """Accuracy, shape (replicates, problems, budgets)."""
    return replace(search, replicates=replicates).replicated(trees, budgets)[0]


@pytest.fixture(scope="module")
def trees() -> ToyTrees:
    return ToyTrees(toys(N_PROBLEMS))


@pytest.mark.parametrize("name", CASES)
def test_agrees_with_a_live_search(name: str, trees: ToyTrees) -> None:
    # 150 problems x 6 replicates against as many live runs, paired by problem: the mean difference
    # must lie within 3.5 of its standard errors, which are about 0.01 (and are checked to be).
    algorithm, live = CASES[name]
    replayed = replicated(trees, algorithm, [16], N_REPLICATES)
    rng = random.Random(1)
    runs = [[live(toy, rng) for toy in trees.toys] for _ in range(N_REPLICATES)]
    lived = np.array([[vote(toy, beams) for toy, beams in zip(trees.toys, run, strict=True)] for run in runs])
    difference = replayed[:, :, 0].mean(axis=0) - lived.mean(axis=0)
    error = math.sqrt(
        (replayed[:, :, 0].var(axis=0, ddof=1) + lived.var(axis=0, ddof=1)).mean() / N_REPLICATES / N_PROBLEMS
    )
    assert 0.002 < error < 0.015
    assert abs(difference.mean()) < 3.5 * error


def test_the_comparison_can_fail(trees: ToyTrees) -> None:
    # The same statistic tells beam search from sampling, so it has the power to see a wrong search.
    beam = replicated(trees, BeamSearch(beam_width=4), [16], N_REPLICATES)
    plain = replicated(trees, BeamSearch(beam_width=1), [16], N_REPLICATES)
    error = math.sqrt((beam.var(axis=0, ddof=1) + plain.var(axis=0, ddof=1)).mean() / N_REPLICATES / N_PROBLEMS)
    assert abs((beam - plain).mean()) > 5 * error


def test_replicates_have_a_variance_and_are_independent(trees: ToyTrees) -> None:
    accuracy = replicated(trees, BeamSearch(beam_width=4), [8], 8)
    assert accuracy.shape == (8, N_PROBLEMS, 1)
    centred = accuracy[:, :, 0] - accuracy[:, :, 0].mean(axis=0)
    assert 0.01 < centred.var() < 0.25
    # Means of 8 replicates over problems scatter as independent draws do.
    expected = math.sqrt((centred**2).sum(axis=0).mean() / 7 / N_PROBLEMS)
    assert accuracy[:, :, 0].mean(axis=1).std(ddof=1) < 2.5 * expected
