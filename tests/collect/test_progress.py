"""How far long work is: a bar in a terminal, lines in a log."""

from __future__ import annotations

import io
import sys

import pytest

from ttclib.collect import progress as module
from ttclib.collect.progress import progress


class Clock:
    """A clock that is set."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


def test_a_log_gets_a_line_now_and_then_and_at_the_end(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("sample", 2000, "samples", initial=500) as tell:
        for seconds, done in ((4.0, 100), (5.0, 250), (9.9, 300), (10.0, 500), (10.1, 1499), (10.2, 1500)):
            clock.now = 100.0 + seconds
            tell(done, f"{done} tokens/s\x1b")
    assert capsys.readouterr().err.splitlines() == [
        "sample: 750 of 2,000 samples, about 25 s left; 250 tokens/s\\x1b",  # 250 in 5 s, 1250 to go
        "sample: 1,000 of 2,000 samples, about 20 s left; 500 tokens/s\\x1b",
        "sample: 2,000 of 2,000 samples; 1500 tokens/s\\x1b",
    ]


def test_nothing_done_is_no_speed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("grade\n", 10, "samples") as tell:
        clock.now += 6
        tell(0)
        clock.now += 6
        tell(9)
    assert capsys.readouterr().err == "grade\\n: 0 of 10 samples\ngrade\\n: 9 of 10 samples, about 1 s left\n"


def test_a_terminal_gets_a_bar_that_counts_what_was_there(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("sample", 20, "samples", initial=5) as tell:
        tell(10, "3 tokens/s\x1b")
        tell(15, "4 tokens/s")
    last = terminal.getvalue().rstrip().rpartition("\r")[2]
    assert (
        last.startswith("sample: 100%|")
        and " 20/20 [" in last
        and last.endswith(", 4 tokens/s]")
        and " samples/s" in last
    )
    assert "\x1b" not in terminal.getvalue().replace("\x1b[A", "")
    first = next(one for one in terminal.getvalue().split("\r") if "5/20" in one)
    assert first.startswith("sample:  25%|")
