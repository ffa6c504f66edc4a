"""Texts that a person has read, a file each: written anew by the modules that tell them, compared by tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def write_anew(folder: Path, texts: Mapping[str, str]) -> None:
    """Put these texts into a folder, by name, in the place of all that are there."""
    folder.mkdir(exist_ok=True)
    for one in folder.glob("*.txt"):
        one.unlink()
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
