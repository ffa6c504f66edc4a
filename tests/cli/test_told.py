"""What every command answers, beside what it answered when a person last read it (`tests.cli.told`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.told import KEPT, SAID, told


@pytest.mark.parametrize("name", SAID)
def test_it_answers_what_it_answered(plans: Path, name: str) -> None:
    assert told(plans, SAID[name]) == (KEPT / f"{name}.txt").read_text(encoding="utf-8"), "see tests/cli/told.py"


def test_what_is_kept_is_asked() -> None:
    assert {one.stem for one in KEPT.glob("*.txt")} == set(SAID)
