"""How often intervals hold the truth, over a grid of truths and of kinds of problems.

    nice python -m tests.benchmarks.coverage [--part means|differences|factors|crossings] [--runs 2000]

Kinds of problems: a share of them always right and the rest always wrong; every problem right with the same
chance, told by one sample, or by 16; chances spread by a beta; with atoms at 0 and 1. A cell fails where its coverage
is below 93 % at the 1 % level, so that chance does not decide. Exits 1 where a cell fails.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator

import numpy as np
from scipy.stats import binom

from tests.analysis.strategies_made import made
from ttclib.analysis.crossover import crossover
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.resampling import interval

TRUTHS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.97, 0.985, 0.995)
WANTED, LEVEL = 0.93, 0.01
Draw = Callable[[np.random.Generator, float, tuple[int, int]], np.ndarray]


def solved_or_not(rng: np.random.Generator, truth: float, shape: tuple[int, int]) -> np.ndarray:
    """A share of the problems always right, the rest always wrong."""
    return (rng.random(shape) < truth).astype(float)


def few_samples(rng: np.random.Generator, truth: float, shape: tuple[int, int]) -> np.ndarray:
    """Every problem right with the same chance, told by 16 samples."""
    return rng.binomial(16, truth, shape) / 16


def spread(rng: np.random.Generator, truth: float, shape: tuple[int, int]) -> np.ndarray:
    """Chances spread by a beta that lies at both ends."""
    return rng.beta(0.5 * truth, 0.5 * (1 - truth), shape)


def between(rng: np.random.Generator, truth: float, shape: tuple[int, int]) -> np.ndarray:
    """Chances spread by a beta around the truth."""
    return rng.beta(5 * truth, 5 * (1 - truth), shape)


def with_atoms(rng: np.random.Generator, truth: float, shape: tuple[int, int]) -> np.ndarray:
    """Half of the problems always right or always wrong, the rest spread."""
    return np.where(rng.random(shape) < 0.5, solved_or_not(rng, truth, shape), spread(rng, truth, shape))


DRAWS: tuple[Draw, ...] = (solved_or_not, few_samples, spread, between, with_atoms)


def fails(hits: int, runs: int, wanted: float = WANTED) -> bool:
    """Whether coverage is below what is wanted, at the 1 % level."""
    return bool(binom.cdf(hits, runs, wanted) < LEVEL)


def mean_coverage(draw: Draw, truth: float, n: int, runs: int, seed: int) -> tuple[int, float]:
    """How many of the intervals of a mean hold it, and their mean width."""
    rng = np.random.default_rng([seed, n, int(truth * 1000)])
    hits, width = 0, 0.0
    for begin in range(0, runs, 250):
        values = draw(rng, truth, (n, min(250, runs - begin)))
        found = interval(values, n_resamples=4000)
        hits += int(((found.low <= truth + 1e-12) & (truth <= found.high + 1e-12)).sum())
        width += float((found.high - found.low).sum())
    return hits, width / runs


def difference_coverage(draw: Draw, truth: float, n: int, runs: int, seed: int) -> tuple[int, float]:
    """The same for paired differences of two expectations, or of an expectation and one answer."""
    rng = np.random.default_rng([seed, 1, n, int(truth * 1000)])
    hits, width = 0, 0.0
    for begin in range(0, runs, 250):
        shape = (n, min(250, runs - begin))
        first = draw(rng, truth, shape)
        second = (rng.random(shape) < 0.9 * first).astype(float)
        found = interval((first, second), "difference", n_resamples=4000)
        gap = 0.1 * truth
        hits += int(((found.low <= gap + 1e-12) & (gap <= found.high + 1e-12)).sum())
        width += float((found.high - found.low).sum())
    return hits, width / runs


def curves(rng: np.random.Generator, truth: float, n: int, n_budgets: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """A baseline that reaches `truth` in its middle, and a choice that gets there at a fourth of the cost."""
    chance = rng.beta(2, 2, n)[:, None]
    logits = np.log(chance / (1 - chance)) + 2 * np.log(truth / (1 - truth))
    steps = np.arange(n_budgets) - n_budgets // 2
    base, choice = (1 / (1 + np.exp(-logits - 0.5 * (steps + lead))) for lead in (0, 2))
    return base, choice


def factor_runs(truth: float, n: int, runs: int, seed: int) -> tuple[int, int]:
    """Runs in which the interval of a factor of 4 holds it, and in which it is closed."""
    rng = np.random.default_rng([seed, 2, n, int(truth * 1000)])
    hits = closed = 0
    for _ in range(runs):
        base, choice = curves(rng, truth, n)
        noise = rng.normal(0, 0.02, (n, 1))
        found = efficiency(
            [made(np.clip(choice + noise, 0, 1), variant="beam_search")], made(base), partitions=2, n_resamples=800,
        ).frame.row(4, named=True)  # fmt: skip
        low = found["factor_low"] if found["factor_low"] is not None else 0.0
        high = found["factor_high"] if found["factor_high"] is not None else np.inf
        hits += low <= 4.0 <= high
        closed += not found["open_low"] and not found["open_high"]
    return hits, closed


def crossing_runs(truth: float, n: int, runs: int, seed: int) -> tuple[int, int]:
    """The same for the exchange rate at which a larger model of that accuracy takes over, M = 14."""
    rng = np.random.default_rng([seed, 3, n, int(truth * 1000)])
    grid = np.random.default_rng(0)
    exact = curves(grid, truth, 200_000)[0].mean(axis=0)
    large_truth = float(exact[5])  # as good as the small policy at a budget of 32
    at = 3 * 13 / (32 - 14)
    hits = closed = 0
    for _ in range(runs):
        base, _ = curves(rng, truth, n)
        large = (rng.random((n, 1)) < np.clip(base[:, [5]], 0, 1)).astype(float)
        found = crossover([made(base)], made(large, variant="greedy", budgets=[1]), [at], param_ratio=14.0,
                          partitions=2, n_resamples=800).crossings.row(0, named=True)  # fmt: skip
        low = found["ci_low"] if found["ci_low"] is not None else 0.0
        high = found["ci_high"] if found["ci_high"] is not None else np.inf
        hits += low <= at <= high
        closed += found["ci_low"] is not None and found["ci_high"] is not None
    assert 0 < large_truth < 1
    return hits, closed


def cells(part: str, sizes: list[int], runs: int, seed: int) -> Iterator[tuple[str, int, float]]:
    """(what, intervals that hold the truth, width or share closed)."""
    if part in ("means", "differences"):
        measure = mean_coverage if part == "means" else difference_coverage
        for draw in DRAWS:
            for n in sizes:
                for truth in TRUTHS:
                    yield (
                        f"{part:12s} {draw.__name__:14s} n={n:4d} truth={truth:.3f}",
                        *measure(draw, truth, n, runs, seed),
                    )
    else:
        run = factor_runs if part == "factors" else crossing_runs
        for n in [size for size in sizes if size > 20]:
            for truth in (0.5, 0.7, 0.9):
                hits, closed = run(truth, n, runs, seed)
                yield f"{part:12s} n={n:4d} truth={truth:.3f}", hits, closed / runs


def main() -> int:
    """Print a line a cell."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--problems", default="10,20,40,100")
    parser.add_argument("--part", default="means")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    worst, failed = 1.0, 0
    for what, hits, more in cells(given.part, [int(n) for n in given.problems.split(",")], given.runs, given.seed):
        bad = fails(hits, given.runs)
        worst, failed = min(worst, hits / given.runs), failed + bad
        print(f"{what}  covered {hits / given.runs:.3f}  {more:.3f}{'  FAILS' if bad else ''}", flush=True)
    print(f"least {worst:.3f}, cells that fail {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
