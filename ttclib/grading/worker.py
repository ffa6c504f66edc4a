"""The process in which math-verify runs: asked and answering in lines of JSON, and killed where it hangs.

Run as a file, by `ttclib.grading.sandbox`; it imports nothing of ttclib. Each question may take so much
processor time, and the whole process so much memory; the system ends it where it takes more.
"""

from __future__ import annotations

import json
import signal
import sys
from contextlib import suppress
from typing import Any

try:
    import resource
except ImportError:  # no POSIX: the parent's time limit is all there is
    resource = None  # type: ignore[assignment]


def main() -> None:
    """Answer until the input ends."""
    limit_s, memory = int(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's
    answers = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    import logging

    logging.disable(logging.CRITICAL)
    from math_verify import LatexExtractionConfig, parse, verify

    # Only LaTeX: the other reader of math-verify hands its text to Python's eval.
    config = [LatexExtractionConfig()]
    cache: dict[str, Any] = {}

    def read(text: str) -> Any:
        if text not in cache:
            if len(cache) > 2000:
                cache.clear()
            cache[text] = parse(f"${text}$", config, fallback_mode="no_fallback", parsing_timeout=None)
        return cache[text]

    def compare(left: str, right: str) -> bool | str:
        one, other = read(left), read(right)
        if not one and not other:
            return "unread"
        if not one or not other:
            return False
        # In both orders, since its answer depends on it.
        return bool(verify(one, other, timeout_seconds=None) or verify(other, one, timeout_seconds=None))

    if resource is not None:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        left, right = json.loads(line)
        if resource is not None:
            used = resource.getrusage(resource.RUSAGE_SELF)
            soft = int(used.ru_utime + used.ru_stime) + 1 + limit_s
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.getrlimit(resource.RLIMIT_CPU)[1]))
        try:
            found: bool | str = compare(left, right)
        except MemoryError:
            return
        except Exception:
            found = "failed"
        print(json.dumps(found), file=answers, flush=True)


if __name__ == "__main__":
    main()
