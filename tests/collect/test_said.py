"""What collecting says and writes is as a person has read it: see `tests/collect/said.py`."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

from tests.collect.said import KEPT, told
from tests.collect.stages import STAGES, Whole


def test_it_is_as_it_was_read(whole: Whole) -> None:
    assert told(whole).splitlines() == KEPT.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_says_how_far_it_is(whole: Whole, name: str) -> None:
    said = whole.said[name]
    if name == "search":  # which has no end that is known before
        assert all("about … s left" in line for line in said if ": round" in line) and "round 1" in said[2]
        return
    done, in_all = next(line for line in reversed(said) if line.startswith("> ")).split(": ")[1].split(" of ")[:2]
    assert int(done) == int(in_all.split()[0].strip(";")) == whole.n_done[name]
