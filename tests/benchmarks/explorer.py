"""What a step of a control computes in a notebook's kernel, on the demo store."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

from tests.benchmarks.page import Rows, cpu_seconds, measure
from ttclib.show.notebook import SAMPLING, open_study
from ttclib.show.widgets import ReplayExplorer


@measure(
    "explorer",
    "A step of the explorer",
    "Milliseconds of computing when a control moves, on the demo store. The budget by powers of two moves a signal; "
    "the other changes compute once and are then kept.",
)
def explorer() -> Rows:
    """A row a control."""
    study = open_study("store/demo.duckdb")
    made = ReplayExplorer(study, strategies=SAMPLING)
    state = made.state
    if 'role="alert"' in made._message.value:  # an explorer that shows an error is quick
        raise SystemExit(made._message.value)

    def timed(change: Callable[[], Any]) -> float:
        return 1000 * cpu_seconds(change)

    steps = [timed(lambda step=step: state.set(budget=step)) for _ in range(5) for step in made.budgets]
    free = [number for number in range(3, int(study.pool.pool_sizes.min()), 7) if number not in made.budgets][:10]
    first, again = ([timed(lambda step=step: state.set(budget=step)) for step in free] for _ in range(2))
    rows = [
        {"": "budget, a power of two", "first, ms": statistics.median(steps), "again, ms": statistics.median(steps)},
        {"": "budget, any N", "first, ms": statistics.median(first), "again, ms": statistics.median(again)},
    ]
    for name, value in (("aggregation", "min"), ("bins", 5), ("verifier", "logprob")):
        before = getattr(state, name)
        once = timed(lambda name=name, value=value: state.set(**{name: value}))
        state.set(**{name: before})
        twice = timed(lambda name=name, value=value: state.set(**{name: value}))
        rows.append({"": f"{name} = {value}", "first, ms": once, "again, ms": twice})
    return rows
