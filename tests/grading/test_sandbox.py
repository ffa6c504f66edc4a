"""math-verify's process: it is killed where it hangs or eats memory, comes back, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ttclib.grading import equivalence, get_grader, grade_problem
from ttclib.grading import sandbox as sandbox_module
from ttclib.grading.sandbox import Sandbox

ROOT = Path(__file__).resolve().parents[2]
INTEGRAL, HALF = r"\int_0^1 x \, dx", r"\frac{1}{2}"
HANGS = r"\prod_{k=1}^{10^{9}} (x+k)"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are set through POSIX")


def is_there(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until_gone(process_id: int) -> None:
    deadline = time.monotonic() + 60
    while is_there(process_id):
        assert time.monotonic() < deadline, f"process {process_id} is still there"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    found = Sandbox(limit_s=1)
    yield found
    found.close()


def test_one_process_answers_all(sandbox):
    assert sandbox.ask(INTEGRAL, HALF) is True
    process_id, starts = sandbox.process_id, sandbox.starts
    assert sandbox.ask(INTEGRAL, "3") is False and sandbox.ask("3", INTEGRAL) is False
    assert sandbox.ask(r"\foo", r"\bar{") == "unread"
    assert (sandbox.process_id, sandbox.starts) == (process_id, starts)


def test_it_answers_in_threads_each_its_own_question(sandbox):
    found: dict[int, object] = {}

    def ask(number: int) -> None:
        found[number] = sandbox.ask(rf"\int_0^{{{number}}} 2 \, dx", str(2 * (number - number % 2)))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number % 2 == 0 for number in range(6)}


def test_what_hangs_is_killed_and_the_next_question_is_answered(sandbox, monkeypatch):
    assert sandbox.ask("1", "1") is True
    process_id, starts = sandbox.process_id, sandbox.starts
    monkeypatch.setattr(equivalence, "ask", sandbox.ask)
    grades = grade_problem([None] * 3, "7", get_grader("math"), answers=[HANGS, "7", r"\int_0^7 1 \, dx"])
    assert [grade.correct for grade in grades] == [None, True, True]
    assert sandbox.starts == starts + 1 and sandbox.process_id != process_id
    assert process_id is not None and not is_there(process_id)  # nor is it a zombie


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="read from Linux's /proc")
def test_its_limits_are_set(sandbox):
    assert sandbox.ask("1", "1") is True
    limits = Path(f"/proc/{sandbox.process_id}/limits").read_text(encoding="utf-8").splitlines()
    soft = {line[:26].strip(): line[26:].split()[0] for line in limits[1:]}
    assert soft["Max address space"] == str(sandbox.memory_bytes)
    assert 0 < int(soft["Max cpu time"]) < 60 and soft["Max core file size"] == "0"


def test_a_process_killed_from_outside_is_started_anew(sandbox):
    assert sandbox.ask("1", "1") is True
    assert sandbox.process_id is not None
    os.kill(sandbox.process_id, signal.SIGKILL)
    while sandbox._process is not None and sandbox._process.poll() is None:
        time.sleep(0.01)
    assert sandbox.ask("1", "2") is False


def test_an_alarm_of_the_caller_stands(sandbox):
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rang.append(1))
    signal.setitimer(signal.ITIMER_REAL, 3600)
    try:
        assert sandbox.ask("x+1", "1+x") is True
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 1000 and not rang
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_without_math_verify_nothing_hangs(monkeypatch):
    sandbox = Sandbox()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    assert [sandbox.ask("1", "2") for _ in range(5)] == [None] * 5
    assert sandbox.starts == 3 and sandbox.process_id is None


SCRIPT = r"""
import os, signal, sys
from ttclib.grading.sandbox import _SHARED
assert _SHARED.ask("0.5", r"\frac{1}{2}") is True
print(_SHARED.process_id, flush=True)
if sys.argv[1] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
child = os.fork()
if child == 0:  # a fork asks a process of its own, and its end leaves the other's alone
    assert _SHARED.ask("1", "2") is False
    print(_SHARED.process_id, flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
before = _SHARED.process_id
assert _SHARED.ask("3", "3") is True and _SHARED.process_id == before
"""


@pytest.mark.parametrize("end", ["exit", "kill"])
def test_nothing_outlives_the_program(end, tmp_path):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT, end],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0 if end == "exit" else -signal.SIGKILL, "")
    started = list(map(int, done.stdout.split()))
    assert len(set(started)) == (2 if end == "exit" else 1)
    for process_id in started:
        wait_until_gone(process_id)


def test_what_took_too_long_is_not_asked_again(monkeypatch):
    sandbox = Sandbox(limit_s=1)
    try:
        assert sandbox.ask("1", "1") is True
        asked: list[list[str]] = []
        exchange = sandbox._asked
        monkeypatch.setattr(sandbox, "_asked", lambda texts: (asked.append(texts), exchange(texts))[1])
        sandbox._too_slow.add(HANGS)
        assert [sandbox.ask("7", HANGS), sandbox.ask(HANGS, "8"), sandbox.ask("7", "7")] == [None, None, True]
        assert [HANGS] not in asked and all(HANGS not in texts for texts in asked)
    finally:
        sandbox.close()


def test_the_slow_one_of_two_is_known(sandbox, monkeypatch):
    answered = {("slow",): None, ("fast",): "read", ("fast", "fast"): True}
    monkeypatch.setattr(sandbox, "_asked", lambda texts: answered[tuple(texts)])
    assert sandbox.ask("fast", "slow") is None and sandbox.ask("fast", "fast") is True
    assert "slow" in sandbox._too_slow and "fast" in sandbox._known_fast


def test_one_problem_takes_no_more_than_its_time(monkeypatch):
    asked = 0

    def slow(left: str, right: str) -> bool:
        nonlocal asked
        if sandbox_module._budget.left_s <= 0:
            raise sandbox_module.Exhausted
        asked += 1
        sandbox_module._spend(3.0)
        return False

    monkeypatch.setattr(equivalence, "ask", slow)
    texts = [rf"\int_0^{{{number}}} x^{{x}} \, dx" for number in range(2, 66)]
    grades = grade_problem([None] * len(texts), r"\int_0^1 x^x \, dx", get_grader("math"), answers=texts)
    assert asked == 10  # of 30 seconds
    assert [grade.correct for grade in grades] == [False] * 10 + [None] * 54
    assert len({grade.answer_class for grade in grades}) == len(texts)
    more = grade_problem([None], r"\int_0^1 x^x \, dx", get_grader("math"), answers=[texts[-1]])
    assert more[0].correct is False  # another problem has time of its own, and nothing wrong was remembered


def test_progress_is_told_inside_a_problem():
    told: list[int] = []
    grade_problem([None] * 4, "7", get_grader("math"), answers=["7", "8", "7", "9"], tell=told.append)
    assert told == [1, 2, 4]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        (r"\int_0^1 10^{-9} x \, dx", "0", False),  # what is small is not zero
        (r"\int_{-1}^1 x \, dx", "0", True),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+1)}{2}", True),
        (r"\sum_{k=1}^{n} k", r"\frac{n(n+2)}{2}", False),
        (r"\sum_{k=1}^{\infty} \frac{1}{k^2}", r"\frac{\pi^2}{6}", True),
        (r"\lim_{n\to\infty} (1+\frac{1}{n})^n", "e", True),
        (r"\prod_{k=1}^5 k", "120", True),
        (r"\int_0^1 x dx", r"\int_0^1 x^2 dx", False),
    ],
)
def test_values_are_compared_by_their_digits(left, right, same):
    assert get_grader("math").equivalent(left, right) is same


def test_math_verify_alone_says_what_it_says():
    alone = get_grader("math-verify")
    assert alone.equivalent(r"\frac{1}{2}", "0.5") is True
    assert alone.equivalent("BCA", "ABC") is True  # a product of letters, and why there are rules here
    assert alone.equivalent("5", "6") is False
