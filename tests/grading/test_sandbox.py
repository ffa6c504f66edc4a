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

from ttclib.grading import answers, get_grader, grade_problem
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
    monkeypatch.setattr(answers, "ask", sandbox.ask)
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
