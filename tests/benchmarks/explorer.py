"""Milliseconds of computing that a step of a control takes in the kernel, on the demo store or another.

    python -m tests.benchmarks.explorer [STORE]

The budget slider by powers of two moves a signal; the other changes compute once and are then kept, so
each is timed the first time and again.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from ttclib.show.notebook import SAMPLING, open_study
from ttclib.show.widgets import ReplayExplorer


def timed(change: Callable[[], Any]) -> float:
    """Milliseconds of computing, on all processors together: what else runs on the machine does not count."""
    started = time.process_time()
    change()
    return (time.process_time() - started) * 1000


def main() -> None:
    """Print the medians."""
    study = open_study(sys.argv[1] if len(sys.argv) > 1 else "store/demo.duckdb")
    pool = study.pool
    began = time.process_time()
    explorer = ReplayExplorer(study, strategies=SAMPLING)
    state = explorer.state
    if 'role="alert"' in explorer._message.value:  # an explorer that shows an error is quick
        raise SystemExit(explorer._message.value)
    print(f"{pool.store}: {len(pool.problem_ids)} problems x {int(pool.pool_sizes.min())} samples")
    print(f"made in {time.process_time() - began:.1f} s")
    steps = [timed(lambda step=step: state.set(budget=step)) for _ in range(5) for step in explorer.budgets]
    print(f"budget, a power of two: median {statistics.median(steps):.1f} ms, worst {max(steps):.1f} ms")
    free = [number for number in range(3, int(pool.pool_sizes.min()), 7) if number not in explorer.budgets][:10]
    first = [timed(lambda step=step: state.set(budget=step)) for step in free]
    again = [timed(lambda step=step: state.set(budget=step)) for step in free]
    print(f"budget, any N: first {statistics.median(first):.0f} ms, again {statistics.median(again):.0f} ms")
    for name, value in (("aggregation", "min"), ("bins", 5), ("verifier", "logprob")):
        before = getattr(state, name)
        once = timed(lambda name=name, value=value: state.set(**{name: value}))
        state.set(**{name: before})
        twice = timed(lambda name=name, value=value: state.set(**{name: value}))
        print(f"{name} = {value}: first {once:.0f} ms, again {twice:.0f} ms")


if __name__ == "__main__":
    main()
