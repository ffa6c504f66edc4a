"""How long it takes to begin: the command, an import, a notebook."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.page import Rows, measure

ASKED = {
    "python": ["-c", "pass"],
    "`import ttclib`": ["-c", "import ttclib"],
    "`ttc --help`": ["-m", "ttclib.cli", "--help"],
    "`ttc status`, demo store": ["-m", "ttclib.cli", "status", "store/demo.duckdb"],
    "`ttc replay`, demo store, four strategies": [
        *("-m", "ttclib.cli", "replay", "store/demo.duckdb", "--policy", "lab-policy"),
        *("--strategy", "pass_at_k,best_of_n,majority_vote,weighted_best_of_n", "--json"),
    ],
}


@measure("start", "Starting", "CPU seconds of a process from its start to its end, median of three.")
def start() -> Rows:
    """A row a command."""
    return [{"": name, "CPU s": statistics.median(child(asked) for _ in range(3))} for name, asked in ASKED.items()]


@measure("notebook", "A notebook", "`ttc report` of a notebook on the demo store, run and drawn as one HTML page.")
def notebook() -> Rows:
    """Two notebooks."""
    rows = []
    for name in ("01_replay", "05_frontier"):
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "page.html"
            asked = ["-m", "ttclib.cli", "report", name, "--output", str(page), "-p", "store=store/demo.duckdb"]
            seconds = child(asked)
            rows.append({"": name, "CPU s": seconds, "page, MB": page.stat().st_size / 1e6})
    return rows


def child(arguments: list[str]) -> float:
    """CPU seconds of a Python process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
