"""One report to make."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One report to make: `varied` are the parameters that tell it from others of its notebook.

    `related` are its neighbours in the suite and the index: what each is to it, and its file name.
    """

    notebook: Path
    target: Path
    parameters: dict[str, Any]
    varied: dict[str, Any] = field(default_factory=dict)
    related: tuple[tuple[str, str], ...] = ()
