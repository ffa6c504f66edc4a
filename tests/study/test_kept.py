"""What every question of a study answers, beside what it answered when a person last read it (`tests.study.kept`)."""

import pytest

from tests.study import asked, looked_at
from tests.study.kept import KEPT, told
from tests.study.refused import refusals

EVERY = {**asked.ASKED, **looked_at.ASKED, "refused": refusals}


@pytest.mark.parametrize("name", EVERY)
def test_it_answers_what_it_answered(name: str) -> None:
    assert told(EVERY[name]()) == (KEPT / f"{name}.txt").read_text(encoding="utf-8"), "see tests/study/kept.py"


def test_every_answer_that_is_kept_is_asked_for() -> None:
    assert {one.stem for one in KEPT.glob("*.txt")} == set(EVERY)
