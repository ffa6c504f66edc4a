"""A few kills of the crash suite, which CI runs at length: `make crashes`."""

from __future__ import annotations

from tests.crashes import crash


def test_kills_lose_and_double_nothing(tmp_path):
    assert crash(8, 3, tmp_path).total() == 8
