"""Runs in processes of their own: ``python -m tests.collect.runs ROLE … WORDS…`` is ``ttc WORDS…`` with a difference.

``noted LOG PAUSE_S``: each draw at the engine is a line of LOG, its seed, and takes its time.
``killing SEED KILLS END``: workers of a Ray cluster are killed at random moments, and at last this process itself,
inside the END-th transaction that takes parts in (0: not at all).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def start(*words: object) -> subprocess.Popen[str]:
    """Start one of the above."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.collect.runs", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def write_config(path: Path, store: Path, policy: Path, prm: Path | None = None, **changes: Any) -> Path:
    """A small run as TOML."""
    n_samples, batch_size = changes.get("n_samples", 64), changes.get("batch_size", 16)
    reads = "" if prm is None else f'[prm]\nname = "prm"\npath = "{prm}"\n'
    path.write_text(
        f'store = "{store}"\n[problems]\nsource = "lab:test"\nlimit = {changes.get("limit", 4)}\n'
        f'[policy]\nname = "tiny"\npath = "{policy}"\nbatch_size = {batch_size}\n'
        f'[sampling]\nn_samples = {n_samples}\nmax_tokens = 24\n{reads}[grading]\ngrader = "exact"\n'
        f"{changes.get('more', '')}"
    )
    return path


def noted(log: Path, pause_s: float) -> None:
    """Have the engine note each draw, and take its time."""
    from ttclib.collect.engines.transformers import TransformersEngine

    generate = TransformersEngine.generate

    def and_note(engine: Any, draws: Any, sampling: Any) -> Any:
        with log.open("a") as file:
            file.writelines(f"{draw.seed}\n" for draw in draws)
        time.sleep(pause_s)
        return generate(engine, draws, sampling)

    TransformersEngine.generate = and_note


def workers() -> list[int]:
    """Processes of a cluster on this machine: ours, unless one that was there is named."""
    parents, found = {}, []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = file.read_text().partition("(")[2].rpartition(")")
            parents[int(file.parent.name)] = int(rest.split()[1])
            if name.startswith("ray::Worker"):
                found.append(int(file.parent.name))
    is_named = "RAY_ADDRESS" in os.environ
    return sorted(one for one in found if is_named or parents.get(parents[one]) == os.getpid())


def killing(seed: int, n_kills: int, end: int) -> None:
    """Kill workers at random moments, and this process inside its END-th transaction."""
    from ttclib.collect import keeper
    from ttclib.collect.engines.cluster import Cluster
    from ttclib.store import connection

    moments = random.Random(seed)
    next_done = Cluster.next_done
    left = [n_kills]

    def and_kill(cluster: Any) -> Any:
        done = next_done(cluster)
        if left[0] and moments.random() < 0.3 and (there := workers()):
            left[0] -= 1
            os.kill(moments.choice(there), signal.SIGKILL)
            print("killed a worker", flush=True)
        return done

    Cluster.next_done = and_kill
    keeper._ABSORB_EVERY_S = 0.2
    n_absorbed = [0]
    unseen = connection._unseen

    def dying(*arguments: Any) -> str:
        n_absorbed[0] += 1
        if n_absorbed[0] == end:  # inside the transaction: the parts were renamed long ago
            print("killed itself", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return unseen(*arguments)

    connection._unseen = dying


if __name__ == "__main__":
    if sys.argv[1] == "noted":
        noted(Path(sys.argv[2]), float(sys.argv[3]))
        sys.argv = ["ttc", *sys.argv[4:]]
    else:
        killing(*map(int, sys.argv[2:5]))
        sys.argv = ["ttc", *sys.argv[5:]]
    from ttclib.cli import main

    main()
