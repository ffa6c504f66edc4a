"""Run `ttc` as a user does; in this process, which spares the start of Python, where nothing depends on one."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from ttclib.cli.common import main

ROOT = Path(__file__).resolve().parents[2]
WAIT = {"TTC_WAIT_S": "0.3"}


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def ttc(*arguments: object, cwd: Path, text: str | None = None, **environment: str) -> Done:
    """Run a command in a folder, by its entry point; its outcome is looked at by the test."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO((text or "").encode()), encoding="utf-8")
    before = signal.getsignal(signal.SIGTERM)
    status: Any = 0
    with (
        mock.patch.object(sys, "argv", ["ttc", *map(str, arguments)]),
        mock.patch.object(sys, "stdin", given),
        mock.patch.dict(os.environ, {**WAIT, **environment}),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        try:
            main()
        except SystemExit as ended:
            status = ended.code or 0
        finally:
            signal.signal(signal.SIGTERM, before)
    return Done(status, *(file.buffer.getvalue().decode() for file in (out, err)))  # type: ignore[attr-defined]


def ttc_process(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "ttclib.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1", **WAIT, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def rows(*arguments: object, cwd: Path) -> Any:
    """What a command that goes well prints as JSON."""
    done = ttc(*arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def error_line(done: Any, *, status: int = 2) -> str:
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


def table_rows(text: str) -> list[dict[str, str]]:
    """The rows of every table in what a command printed, cells by their headings."""
    rows, lines = [], text.splitlines()
    for at, line in enumerate(lines):
        if set(line) == {"-", " "} and at:
            spans = [one.span() for one in re.finditer("-+", line)]
            heads = [lines[at - 1][start:end].strip() for start, end in spans]
            for row in lines[at + 1 :]:
                if not row or row.startswith("…"):
                    break
                rows.append(dict(zip(heads, (row[start:end].strip() for start, end in spans), strict=True)))
    return rows
