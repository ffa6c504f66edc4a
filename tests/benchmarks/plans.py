"""What a chosen plan loses against the best one, and whether intervals hold its true worth, in worlds that are known.

    nice python -m tests.benchmarks.plans [--problems 50] [--runs 100] [--per problem]

A world: 34 strategies at 9 budgets in five bins, true means drawn (curves that rise, level off, or fall), problems
spread around them so that the mean is exact. A plan's loss is the best candidate's true accuracy at the plan's realised
cost less its own. Bounds, mean over limits and at the worst: 50 problems a bin .015, .03; 100 .008, .02; 200
.005, .01; and never more than .003 above plain arg-max. Exits 1 beyond them.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from tests.analysis.strategies_made import made
from ttclib.analysis.candidates import Candidates, candidates_of
from ttclib.analysis.difficulty import Difficulty, difficulty_of_ease
from ttclib.analysis.ledger import ledger
from ttclib.analysis.optimise import Choice, optimise
from ttclib.analysis.parsimony import plan_of
from ttclib.analysis.plan import Plan

BINS, STRATEGIES, BUDGETS = 5, 34, 9
LIMITS = 2.0 ** np.arange(BUDGETS)
SHARED, OWN = 1.0, 0.6  # spread of problems on the probit scale: what all candidates share, what a strategy has alone
BOUNDS = {50: (0.015, 0.03), 100: (0.008, 0.02), 200: (0.005, 0.01)}


def world(rng: np.random.Generator) -> np.ndarray:
    """True accuracy, shape (bins, strategies, budgets)."""
    base, x = np.linspace(0.9, 0.1, BINS)[:, None, None], np.arange(BUDGETS) / (BUDGETS - 1)
    shape = (BINS, STRATEGIES, 1)
    slope, bend = rng.normal(0.15, 0.1, shape), np.abs(rng.normal(0, 0.12, shape)) * rng.integers(0, 2, shape)
    return np.clip(base + rng.normal(0, 0.03, shape) + slope * x - bend * x**2, 0.01, 0.99)


def sampled(rng: np.random.Generator, truth: np.ndarray, n: int) -> np.ndarray:
    """Accuracies of n problems a bin, shape (bins · n, strategies, budgets), whose expectation is the truth."""
    wide = np.sqrt(1 + SHARED**2 + OWN**2)
    shift = rng.normal(0, SHARED, (BINS, n, 1, 1)) + rng.normal(0, OWN, (BINS, n, STRATEGIES, 1))
    return ndtr(ndtri(truth)[:, None] * wide + shift).reshape(-1, STRATEGIES, BUDGETS)


def chosen(seed: int, n: int, per: str, n_resamples: int) -> tuple[np.ndarray, Candidates, Choice, Plan]:
    """A world's true means by bin and candidate, and what is chosen on n problems a bin."""
    rng = np.random.default_rng([seed, n])
    truth = world(rng)
    table = sampled(rng, truth, n)
    told: Difficulty = difficulty_of_ease(np.repeat(np.linspace(1, 0, BINS), n), BINS, ties="together")
    outcomes = [made(table[:, s], variant=f"beam_search ({s})") for s in range(STRATEGIES)]
    by = candidates_of(outcomes, told, ledger=ledger())
    choice = optimise(by, LIMITS, difficulty=told, per=per, n_resamples=n_resamples, seed=seed)
    able = choice.candidates
    worth = truth[:, able.which, able.column]
    return worth, able, choice, plan_of(choice, told)


def measured(seed: int, n: int, per: str) -> dict[str, Any]:
    """Losses by limit, what the intervals hold, and the bias of cross-fitting."""
    worth, able, choice, plan = chosen(seed, n, per, 400)
    rows, cost = np.arange(BINS)[:, None], able.cost[0]
    argmax = (1 - choice.part) * worth[rows, choice.left] + choice.part * worth[rows, choice.right]
    place = {(able.of(j).variant, able.budget(j)): j for j in range(len(able))}
    steps = [[[(place[step.variant, step.budget], step.share) for step in s] for s in row] for row in plan.choices]
    own = np.array([[sum(share * worth[g, j] for j, share in s) for s in row] for g, row in enumerate(steps)])
    paid = np.array([[sum(share * cost[j] for j, share in s) for s in row] for row in steps])
    best = np.array([[worth[g, cost <= paid[g, k] + 1e-9].max() for k in range(BUDGETS)] for g in range(BINS)])
    found = choice.interval()
    truth = np.vstack([argmax.mean(axis=0), argmax])
    return {
        "loss": (best - own).mean(axis=0),
        "below argmax": (argmax - own).mean(axis=0),
        "covered": ((found.low <= truth) & (truth <= found.high)),
        "bias": (choice.means - truth)[0],
        "in sample": (choice.in_sample - truth)[0],
        "worth": argmax.mean(axis=0),
    }


def main() -> int:
    """Print what was measured."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--problems", type=int, default=50)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--per", default="problem")
    given = parser.parse_args()
    runs = [measured(seed, given.problems, given.per) for seed in range(given.runs)]
    mean = {name: np.mean([run[name] for run in runs], axis=0) for name in runs[0]}
    print(
        f"{given.problems} problems a bin, {given.runs} worlds, per {given.per}; limits {LIMITS.astype(int).tolist()}"
    )
    for name in ("loss", "below argmax", "bias", "in sample", "worth"):
        print(
            f"  {name:14s} {mean[name].round(4).tolist()}  mean {mean[name].mean():.4f}  worst {mean[name].max():.4f}"
        )
    print(f"  covered over all {mean['covered'][0].mean():.3f}, by bin {mean['covered'][1:].mean():.3f}")
    error = np.std([run["bias"] for run in runs], axis=0) / np.sqrt(len(runs))
    ok = bool(mean["covered"].mean() >= 0.93 and (np.abs(mean["bias"]) < 0.003 + 3 * error).all())
    if given.per == "problem" and given.problems in BOUNDS:
        bounds = BOUNDS[given.problems]
        ok &= mean["loss"].mean() <= bounds[0] and mean["loss"].max() <= bounds[1]
        ok &= mean["below argmax"].max() <= 0.003
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
