"""Measure, and write `docs/measurements.md`.

python -m tests.benchmarks [--only NAME[,NAME]] [--list]
"""

from __future__ import annotations

import argparse
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from tests.benchmarks import (  # noqa: E402, F401
    analysis,
    engines,
    explorer,
    grading,
    growth,
    live,
    replay,
    starting,
    stores,
    texts,
)
from tests.benchmarks.page import MEASURES, PAGE, table, write  # noqa: E402


def main() -> None:
    """Run what is asked for; each section is written as soon as it is there."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(name for name in MEASURES if name not in ("large", "texts", "live")))
    parser.add_argument("--list", action="store_true")
    given = parser.parse_args()
    if given.list:
        print("\n".join(f"{name:12s} {one.title}" for name, one in MEASURES.items()))
        return
    names = given.only.split(",")
    if unknown := set(names) - set(MEASURES):
        parser.error(f"no measure {', '.join(sorted(unknown))}: allowed {', '.join(MEASURES)}")
    for name in names:
        print(f"## {MEASURES[name].title}", flush=True)
        rows = MEASURES[name].run()
        print(table(rows), flush=True)
        write({name: rows})
    print(f"written: {PAGE}")


if __name__ == "__main__":
    main()
