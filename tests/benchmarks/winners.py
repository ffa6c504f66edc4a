"""How many tables of 18 rows hold a false winner where both sides are truly as good, and how often a lead is seen.

    nice python -m tests.benchmarks.winners [--tables 2000] [--scenes greedy,constant]

A table is a crossover of 250 problems in five bins of 50 at three exchange rates, so rows hang together as they do
there. Scenes: both sides an expectation of chance `truth`, spread over problems; the larger side one greedy answer;
one side constant, as after rounding. A scene fails where false winners are above 5 % at the 1 % level; exits 1.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from scipy.stats import binom

from ttclib.analysis.resampling import interval
from ttclib.analysis.winners import leads

TRUTHS = (0.5, 0.7, 0.9, 0.95, 0.97, 0.985)
SCENES = ("expectation", "greedy", "constant", "solved", "always")
BINS = np.repeat(np.arange(1, 6), 50)


def sides(rng: np.random.Generator, scene: str, truth: float) -> tuple[np.ndarray, np.ndarray]:
    """Small (problems, rates) and large (problems,), with equal means in truth."""
    if scene in ("constant", "always"):
        level = truth if scene == "constant" else 1.0
        return np.full((250, 3), level), (rng.random(250) < level).astype(float)
    spread = rng.beta(5 * truth, 5 * (1 - truth), 250)
    solved = (rng.random(250) < truth).astype(float)  # a share of the problems always right
    small = solved if scene == "solved" else spread
    other = rng.beta(5 * truth, 5 * (1 - truth), 250)
    if scene == "greedy":
        other = (rng.random(250) < other).astype(float)
    return np.repeat(small[:, None], 3, axis=1), other


def verdicts(small: np.ndarray, large: np.ndarray, seed: int) -> list[str | None]:
    """Winners of the 18 rows."""
    gap = small - large[:, None]
    found = interval(gap, "difference", groups=BINS, n_resamples=2000, seed=seed)
    rows = [gap[:, k] if g == 0 else gap[g == BINS, k] for g in range(6) for k in range(3)]
    return leads(rows, found.low.ravel(), found.high.ravel())


def main() -> int:
    """Print a line a scene."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tables", type=int, default=2000)
    parser.add_argument("--scenes", default=",".join(SCENES))
    given = parser.parse_args()
    failed = 0
    for scene in given.scenes.split(","):
        for truth in TRUTHS if scene != "always" else (1.0,):
            rng = np.random.default_rng([SCENES.index(scene), int(truth * 1000)])
            false = sum(
                any(one in ("small", "large") for one in verdicts(*sides(rng, scene, truth), seed=0))
                for _ in range(given.tables)
            )
            bad = bool(binom.sf(false - 1, given.tables, 0.05) < 0.01)
            failed += bad
            print(f"{scene:12s} truth={truth:.3f}  false {false / given.tables:.3f}{' FAILS' * bad}", flush=True)
    for greedy, wanted in ((False, 0.9), (True, 0.4)):
        rng, seen = np.random.default_rng(9), 0
        for _ in range(given.tables // 4):
            chance = rng.beta(2, 2, 250)
            large = (rng.random(250) < 0.5).astype(float) if greedy else np.clip(chance - 0.1, 0, 1)
            small = np.full((250, 3), 0.6) if greedy else np.repeat(chance[:, None], 3, axis=1)
            seen += verdicts(small, large, 0)[0] == "small"
        share = seen / (given.tables // 4)
        failed += share < wanted
        kind = "greedy" if greedy else "expectations"
        print(f"10 points on 250 problems, {kind}: seen in {share:.3f} (at least {wanted})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
