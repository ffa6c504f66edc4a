"""Progress on long work: a bar in a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from tqdm import tqdm

from ttclib.errors import visible

_LOG_EVERY_S = 5.0


class Progress(Protocol):
    """What long work tells of itself."""

    def __call__(self, done: int, text: str = "") -> None:
        """So many units are done, and a few words."""


@contextmanager
def progress(what: str, total: int, unit: str, *, initial: int = 0) -> Iterator[Progress]:
    """Show how far a piece of work is, on standard error.

    Parameters
    ----------
    what : str
        A word for the work.
    total : int
        Units in all.
    unit : str
        Name of a unit.
    initial : int
        Units done in an earlier run.

    Yields
    ------
    callable
        To be called with units done (those of an earlier run not counted) and a few words.
    """
    what = visible(what)
    if sys.stderr.isatty():
        with tqdm(total=total, initial=initial, desc=what, unit=f" {unit}", dynamic_ncols=True) as bar:

            def draw(done: int, text: str = "") -> None:
                bar.set_postfix_str(visible(text), refresh=False)
                bar.update(initial + done - bar.n)

            yield draw
        return
    started = last = time.monotonic()

    def tell(done: int, text: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _LOG_EVERY_S and initial + done < total:
            return
        last = now
        left = (now - started) / done * (total - initial - done) if done else float("nan")
        eta = f", about {left:.0f} s left" if left >= 1 else ""
        print(
            f"{what}: {initial + done:,} of {total:,} {unit}{eta}{'; ' + visible(text) if text else ''}",
            file=sys.stderr,
            flush=True,
        )

    yield tell
