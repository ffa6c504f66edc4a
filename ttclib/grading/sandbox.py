"""The parent's side of the process in which math-verify runs.

A plain child with pipes, and no `multiprocessing`: it is the same under Jupyter, in threads and beside
a loaded model, needs no importable main module, and a fork of the parent does not share it. It is
started when first needed, kept, and started anew after it was killed. What took too long once is
remembered and not asked again, and what one problem may take in all is bounded.
"""

from __future__ import annotations

import atexit
import json
import os
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LIMIT_S = 3
MEMORY_BYTES = 2 << 30
_START_S = 120.0  # on a machine that is busy, importing sympy takes its time
_MOST_FAILED_STARTS = 3
_WALL_FACTOR = 10  # processor time is what is limited; this ends a process that gets none
_MOST_REMEMBERED = 100_000


class Exhausted(Exception):
    """The processor time that a problem may take is used up: this pair was not asked about."""


_budget = threading.local()


@contextmanager
def bounded(limit_s: float) -> Iterator[None]:
    """Bound what all comparisons inside may take of math-verify's processor time, in this thread.

    Parameters
    ----------
    limit_s : float
        Seconds; a comparison that begins later raises `Exhausted`.
    """
    before = getattr(_budget, "left_s", None)
    _budget.left_s = limit_s
    try:
        yield
    finally:
        _budget.left_s = before


def _spend(seconds: float) -> None:
    if getattr(_budget, "left_s", None) is not None:
        _budget.left_s -= seconds


class Sandbox:
    """One child process that compares answers.

    Parameters
    ----------
    limit_s : int
        Seconds of processor time that a comparison may take.
    memory_bytes : int
        Address space of the process.
    """

    def __init__(self, limit_s: int = LIMIT_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self.limit_s = limit_s
        self.memory_bytes = memory_bytes
        self.starts = 0
        self._failed_starts = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._unread = b""
        self._too_slow: set[str] = set()
        self._known_fast: set[str] = set()

    @property
    def process_id(self) -> int | None:
        """Of the child; None: none runs."""
        return self._process.pid if self._process is not None else None

    def ask(self, left: str, right: str) -> bool | str | None:
        """Whether two answers are the same by math-verify.

        Returns
        -------
        bool, str or None
            ``"unread"``: math-verify reads neither, ``"failed"``: it raised, None: it ran out of time
            or memory and was killed, now or before.

        Raises
        ------
        Exhausted
            The time of `bounded` is used up.
        """
        with self._lock:
            for text in (left, right):  # each alone first, so that it is known which of two is too slow
                if text not in self._known_fast and text not in self._too_slow:
                    started = self._failed_starts
                    found = self._asked([text])
                    if (found is None and self._failed_starts > started) or self._failed_starts >= _MOST_FAILED_STARTS:
                        return None
                    remembered = self._too_slow if found is None else self._known_fast
                    if len(remembered) < _MOST_REMEMBERED:
                        remembered.add(text)
                    if found is None:
                        return None
            if left in self._too_slow or right in self._too_slow:
                return None
            return self._asked([left, right])

    def _asked(self, texts: list[str]) -> bool | str | None:
        """What the child says of a text, or of two."""
        left_s = getattr(_budget, "left_s", None)
        if left_s is not None and left_s <= 0:
            raise Exhausted
        try:
            if self._process is not None and self._process.poll() is not None:  # ended from outside
                self._kill()
            if self._process is None and not self._start():
                return None
            question = json.dumps(texts) + "\n"
            answer = self._exchange(question.encode(), self.limit_s * _WALL_FACTOR)
        except BaseException:  # an interrupt: the answer would be taken for that to the next question
            self._kill()
            raise
        if answer is None:
            self._kill()
            _spend(self.limit_s)
            return None
        found, seconds = json.loads(answer)
        _spend(seconds)
        return found if isinstance(found, (bool, str)) else None

    def ask_alone(self, reference: str, answer: str) -> bool | str | None:
        """What math-verify says by itself, as in a script: in this order, with its own rounding."""
        with self._lock:
            return self._asked([reference, answer, "alone"])

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._kill()

    def _start(self) -> bool:
        if self._failed_starts >= _MOST_FAILED_STARTS:
            return False
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
        self._unread = b""
        self.starts += 1
        self._process = subprocess.Popen(
            # -P: a folder's own modules do not stand before the library's
            [
                *(sys.executable, "-P", "-W", "ignore", str(Path(__file__).with_name("worker.py"))),
                *(str(self.limit_s), str(self.memory_bytes)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            bufsize=0,
        )
        if self._exchange(b"", _START_S) != b"ready":
            self._kill()
            self._failed_starts += 1
            return False
        self._failed_starts = 0
        return True

    def _exchange(self, question: bytes, limit_s: float) -> bytes | None:
        """Send a line, and wait for one; None: the child ended, or took too long."""
        assert self._process is not None and self._process.stdin is not None and self._process.stdout is not None
        try:
            if question:
                self._process.stdin.write(question)
        except OSError:
            return None
        deadline = time.monotonic() + limit_s
        with selectors.DefaultSelector() as ready:
            ready.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._unread:
                if not ready.select(max(0.0, deadline - time.monotonic())):
                    return None
                received = os.read(self._process.stdout.fileno(), 65536)
                if not received:
                    return None
                self._unread += received
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _kill(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(OSError):
            process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()

    def forget(self) -> None:
        """Leave the child to the process that forked this one."""
        process, self._process = self._process, None
        self._lock = threading.Lock()
        if process is not None:
            process.returncode = 0  # not ours to wait for
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()


_SHARED = Sandbox()
ask = _SHARED.ask
ask_alone = _SHARED.ask_alone
atexit.register(_SHARED.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_SHARED.forget)
