"""Other processes that use a store at the same time: run as ``python -m tests.store.processes ROLE PATH …``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def row(index: int, problem: str = "p", text: str = "text") -> dict[str, Any]:
    """A sample."""
    return {"policy": "m", "problem_id": problem, "setting": "s", "sample_index": index, "completion": text}


def start(role: str, path: Path, *arguments: object) -> subprocess.Popen[str]:
    """Start a role below in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.processes", role, str(path), *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def hold(path: Path) -> None:
    """Keep the file open for reading, as an idle notebook does, until told to stop."""
    import duckdb

    con = duckdb.connect(str(path), read_only=True)
    print("open", flush=True)
    sys.stdin.readline()
    con.close()


def hold_for_writing(path: Path) -> None:
    """Keep the file open for writing until told to stop."""
    import duckdb

    con = duckdb.connect(str(path))
    print("open", flush=True)
    sys.stdin.readline()
    con.close()


def write(path: Path, problem: str, n_parts: str) -> None:
    """Write parts of five rows and take them in, as a run does: whoever is busy is left for later."""
    from ttclib.store import StoreLockedError, absorb, write_part

    for part in range(int(n_parts)):
        write_part(path, "samples", [row(5 * part + i, problem) for i in range(5)])
        print(5 * part + 5, flush=True)  # acknowledged: so many rows are safe
        try:
            absorb(path, wait_s=0)
        except StoreLockedError:
            continue
    absorb(path, wait_s=60)


def take_in(path: Path) -> None:
    """Try once to take the parts in; say how it went."""
    from ttclib.store import StoreLockedError, absorb

    try:
        print(absorb(path, wait_s=0))
    except StoreLockedError:
        print("locked")


def read(path: Path) -> None:
    """Read until told to stop; print the rows seen, and fail on a row seen twice."""
    import threading

    from ttclib.store import connect

    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    print("open", flush=True)
    while not stop.is_set():
        with connect(path, wait_s=60) as con:
            query = "SELECT count(*), count(DISTINCT (problem_id, sample_index)) FROM samples"
            n_rows, n_keys = con.execute(query).fetchall()[0]
        assert n_rows == n_keys, (n_rows, n_keys)
        print(n_rows, flush=True)


if __name__ == "__main__":
    roles = {"hold": hold, "hold_for_writing": hold_for_writing, "write": write, "take_in": take_in, "read": read}
    roles[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
