"""The process in which math-verify runs: asked and answering in lines of JSON, and killed where it hangs.

Run as a file, by `ttclib.grading.sandbox`; it imports nothing of ttclib. Each question may take so much
processor time, and the whole process so much memory; the system ends it where it takes more.

math-verify reads the LaTeX. Whether two expressions are equal it says after rounding to some places
behind the point, which makes equal what is small; so values are compared here, by their digits.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from contextlib import suppress
from typing import Any

try:
    import resource
except ImportError:  # no POSIX: the parent's time limit is all there is
    resource = None  # type: ignore[assignment]

_DIGITS = 30
_SAME = 1e-12  # a numeric integral has no more
_POINTS = ((7, 3, 11, 5, 13, 2), (4, 9, 6, 10, 3, 8), (5, 2, 3, 12, 7, 6))


def values(expression: Any) -> list[Any] | None:
    """An expression's value, or its values at three points of its letters; None: it has none that is a number."""
    letters = sorted(expression.free_symbols, key=str)
    if len(letters) > len(_POINTS[0]):
        return None
    found = []
    for point in _POINTS if letters else _POINTS[:1]:
        placed = expression.subs(dict(zip(letters, point, strict=False)))
        value = placed.evalf(_DIGITS)
        if not value.is_number or value.is_finite is not True or (abs(value) < _SAME and placed.args):
            value = placed.doit().evalf(_DIGITS)
        if not value.is_number or value.is_finite is not True:
            return None
        found.append(complex(value) if abs(value) < 1e300 else None)
    return None if None in found else found


def same(left: complex, right: complex) -> bool:
    """Whether two values are equal to twelve digits; none is zero beside another."""
    return abs(left - right) <= _SAME * max(abs(left), abs(right))


def main() -> None:
    """Answer until the input ends."""
    limit_s, memory = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    import logging

    logging.disable(logging.CRITICAL)
    from math_verify import LatexExtractionConfig, parse, verify
    from sympy import Expr

    # Only LaTeX: the other reader of math-verify hands its text to Python's eval.
    config = [LatexExtractionConfig()]
    cache: dict[str, tuple[Any, list[Any] | None]] = {}

    def parsed(text: str) -> Any:
        return parse(f"${text}$", config, fallback_mode="no_fallback", parsing_timeout=None)

    def read(text: str) -> tuple[Any, list[Any] | None]:
        if text not in cache:
            if len(cache) > 2000:
                cache.clear()
            found = parsed(text)
            numbers = None
            if found and isinstance(found[0], Expr):
                with suppress(TypeError, ValueError, NotImplementedError, AttributeError):
                    numbers = values(found[0])
            cache[text] = (found, numbers)
        return cache[text]

    def compare(left: str, right: str) -> bool | str:
        (one, first), (other, second) = read(left), read(right)
        if not one and not other:
            return "unread"
        if not one or not other:
            return False
        if first is not None and second is not None:
            symbols = [part[0].free_symbols for part in (one, other)]
            if len(first) == len(second):
                return symbols[0] == symbols[1] and all(map(same, first, second))
            return all(same(a, b) for a in first for b in second)
        return bool(
            verify(one, other, float_rounding=_DIGITS, numeric_precision=2 * _DIGITS, timeout_seconds=None)
            and verify(other, one, float_rounding=_DIGITS, numeric_precision=2 * _DIGITS, timeout_seconds=None)
        )

    if resource is not None:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        if resource is not None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            soft = int(used.ru_utime + used.ru_stime) + 1 + limit_s
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        began = time.process_time()
        try:
            found: bool | str
            if len(asked) == 3:  # by itself: as a script does it, the reference first
                found = bool(verify(*(parsed(text) for text in asked[:2]), timeout_seconds=None))
            elif len(asked) == 2:
                found = compare(*asked)
            else:
                found = "read" if read(asked[0])[0] else "unread"
        except MemoryError:
            return
        except Exception:
            found = "failed"
        print(json.dumps([found, time.process_time() - began]), file=answers, flush=True)


if __name__ == "__main__":
    main()
