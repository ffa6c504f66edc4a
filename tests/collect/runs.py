"""Runs in processes of their own: ``python -m tests.collect.runs ROLE … WORDS…`` is ``ttc WORDS…`` with a difference.

``noted LOG PAUSE_S``: each draw at the engine is a line of LOG, its seed, and takes its time.
``killing SEED KILLS END``: workers of a Ray cluster are killed at random moments until KILLS batches were lost with
them, and this process itself inside the END-th transaction that takes parts in (0: not at all).
"""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
_AT_BATCH = re.compile(rb"ray::Worker\.(draw|read)\b")
_DISPATCHED_S = 0.5


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
    """Processes of a cluster on this machine that are at a batch: ours, unless one that was there is named."""
    parents, found = {}, []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            name, _, rest = file.read_text().partition("(")[2].rpartition(")")
            parents[int(file.parent.name)] = int(rest.split()[1])
            if name.startswith("ray::Worker") and _AT_BATCH.match((file.parent / "cmdline").read_bytes()):
                found.append(int(file.parent.name))
    is_named = "RAY_ADDRESS" in os.environ
    return sorted(one for one in found if is_named or parents.get(parents[one]) == os.getpid())


def killing(seed: int, n_kills: int, end: int) -> None:
    """Kill workers until so many batches were lost, and this process inside its END-th transaction."""
    from ttclib.collect import keeper
    from ttclib.collect.engines.cluster import Cluster
    from ttclib.store import connection, part_rows

    moments = random.Random(seed)
    next_done, replace = Cluster.next_done, Cluster._replace
    left, falling = [n_kills], [False]

    def and_kill(cluster: Any) -> Any:
        if left[0] and not falling[0] and moments.random() < 0.5:
            until = time.monotonic() + _DISPATCHED_S  # what was submitted is on its way to a worker
            while not (there := workers()) and time.monotonic() < until:
                time.sleep(0.001)
            if there:
                falling[0] = True
                os.kill(moments.choice(there), signal.SIGKILL)
                print("killed a worker", flush=True)
        return next_done(cluster)

    def and_count(cluster: Any, worker: Any, number: int, error: Exception) -> None:
        left[0] -= number >= 0
        falling[0] = False
        replace(cluster, worker, number, error)

    Cluster.next_done, Cluster._replace = and_kill, and_count
    keeper._ABSORB_EVERY_S = 0  # a transaction a batch
    take_in, check_all_in = connection.take_in, part_rows._check_all_in
    n_begun = [0]

    def counted(*arguments: Any) -> None:
        n_begun[0] += 1
        take_in(*arguments)

    def dying(*arguments: Any) -> None:
        if n_begun[0] == end:  # its rows are in, and not yet for good
            print("killed itself", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        check_all_in(*arguments)

    connection.take_in, part_rows._check_all_in = counted, dying


if __name__ == "__main__":
    if sys.argv[1] == "noted":
        noted(Path(sys.argv[2]), float(sys.argv[3]))
        sys.argv = ["ttc", *sys.argv[4:]]
    else:
        killing(*map(int, sys.argv[2:5]))
        sys.argv = ["ttc", *sys.argv[5:]]
    from ttclib.cli import main

    main()
