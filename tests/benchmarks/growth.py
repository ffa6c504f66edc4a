"""Time and memory against the size of a store, each command in a process of its own, and the exponents of growth."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.benchmarks.made_store import make_store
from tests.benchmarks.page import Rows, measure

STRATEGIES = "pass_at_k,best_of_n,majority_vote,weighted_best_of_n"
SIZES = ((50, 1000), (100, 1000), (200, 1000), (500, 1000))
LARGE = ((500, 2_000), (2_500, 4_000), (10_000, 10_000))


def commands(store: Path, n_samples: int) -> dict[str, list[str]]:
    """What is asked of a store, from its parts on."""
    budgets = ",".join(str(n) for n in (1, 16, 256, 2048) if n <= n_samples)
    asked = [str(store), "--strategy", STRATEGIES, "--budgets", budgets, "--json"]
    ttc = ["-m", "ttclib.cli"]
    return {
        "ingest": ["-c", f"from ttclib.store import absorb; absorb({str(store)!r})"],
        "status": [*ttc, "status", str(store)],
        "replay": [*ttc, "replay", *asked],
        "difficulty": [*ttc, "difficulty", str(store), "--json"],
        "frontier": [*ttc, "frontier", *asked],
    }


# A process counts what its parent held when it was made: a small one stands between.
_BETWEEN = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def of_process(arguments: Sequence[str]) -> tuple[float, float]:
    """CPU seconds of a Python process, and the most memory that it held, in MB."""
    asked = [sys.executable, "-c", _BETWEEN, sys.executable, *arguments]
    seconds, held = map(float, subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split())
    return seconds, held / (1e6 if sys.platform == "darwin" else 1e3)


def measured(n_problems: int, n_samples: int) -> dict[str, tuple[float, float]]:
    """CPU seconds and megabytes of each command, and of ``bytes`` those of the file."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "s.duckdb"
        make_store(store, n_problems, n_samples)
        found = {name: of_process(asked) for name, asked in commands(store, n_samples).items()}
        return found | {"bytes": (0.0, store.stat().st_size / 1e6)}


@measure(
    "growth",
    "Growth",
    "Whole processes on stores of the benchmarks' own (no text, one score a sample): parts taken into the file, "
    "status, four strategies at up to four budgets, difficulty, frontier. CPU s and, behind it, the most memory held, "
    "in MB. The last row is the exponent of growth with samples, of what is above an empty process.",
)
def growth() -> Rows:
    """A row a size."""
    empty = of_process(["-c", "import ttclib.study, ttclib.replay.kernels"])
    found = [measured(*size) for size in SIZES]
    names = [name for name in found[0] if name != "bytes"]
    samples = np.log([n * m for n, m in SIZES])
    rows: Rows = [
        {
            "samples": f"{n:,} × {m:,}",
            **{name: f"{one[name][0]:.1f} s, {one[name][1]:,.0f}" for name in names},
            "bytes a sample": one["bytes"][1] * 1e6 / (n * m),
        }
        for (n, m), one in zip(SIZES, found, strict=True)
    ]

    def exponent(name: str, kind: int) -> str:
        above = np.array([max(one[name][kind] - empty[kind], 1e-3) for one in found])
        return f"{np.polyfit(samples, np.log(above), 1)[0]:.2f}"

    rows.append({"samples": "exponent", **{name: f"{exponent(name, 0)}, {exponent(name, 1)}" for name in names}})
    return rows


@measure(
    "large",
    "Large stores",
    "The same on stores of a million samples and more: it takes an hour or longer, and is measured only where it "
    "is named. CPU s and, behind it, the most memory held, in MB.",
)
def large() -> Rows:
    """A row a size."""
    rows: Rows = []
    for n_problems, n_samples in LARGE:
        found = measured(n_problems, n_samples)
        file = found.pop("bytes")[1]
        row: dict[str, object] = {"samples": f"{n_problems:,} × {n_samples:,}"}
        row |= {name: f"{seconds:,.0f} s, {held:,.0f}" for name, (seconds, held) in found.items()}
        rows.append(row | {"file, MB": file})
    return rows


def rates(n_problems: int = 500, n_samples: int = 2000) -> dict[str, float]:
    """What `tests.benchmarks.paper` reckons with: CPU seconds and bytes of memory a sample, measured here and now."""
    small, large = (measured(n, n_samples) for n in (n_problems // 10, n_problems))
    more = (n_problems - n_problems // 10) * n_samples
    found = {f"{name}_s": (large[name][0] - small[name][0]) / more for name in large if name != "bytes"}
    return found | {"file_bytes": large["bytes"][1] * 1e6 / (n_problems * n_samples)}


if __name__ == "__main__":
    print(json.dumps(rates()))
