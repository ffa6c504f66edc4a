"""One report to make."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One report to make: `varied` are the parameters that tell it from others of its notebook."""

    notebook: Path
    target: Path
    parameters: dict[str, Any]
    varied: dict[str, Any] = field(default_factory=dict)
