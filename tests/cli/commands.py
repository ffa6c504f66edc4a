"""Run `ttc` as a user does: as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def ttc(*arguments: object, cwd: Path, text: str | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; its outcome is looked at by the test."""
    return subprocess.run(
        [sys.executable, "-m", "ttclib.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", "TTC_WAIT_S": "0.3", **environment},
        input=text,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def error_line(done: subprocess.CompletedProcess[str], *, status: int = 2) -> str:
    """The one line of a command that ended badly; what it said before about its progress does not count."""
    assert done.returncode == status, done.stderr
    assert done.stdout == ""
    notices = ("sample: ", "score: ", "grade: ")
    lines = [
        line for line in done.stderr.splitlines() if not line.startswith(notices) and "; waiting up to" not in line
    ]
    assert len(lines) == 1 and lines[0].startswith("ttc: "), done.stderr
    return lines[0]


def listing(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, with its content."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}
