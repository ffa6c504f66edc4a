"""Drawing where some draws may be lost: what came is handed over, and work goes on as long as something comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from ttclib.collect.engines.types import HOPELESS, Draw, LostError, Stopped, Unfinished
from ttclib.config import SamplingConfig
from ttclib.errors import RequestError, TTCError

Cell = TypeVar("Cell")
Batch = tuple[list[Cell], list[Draw]]
# What became of a batch: its cells and draws, what was drawn, what kept the rest from it, and seconds.
Drawn = tuple[list[Cell], list[Draw], Sequence[Any], BaseException | None, float]


def draw_batches(
    engine: Any, next_batch: Callable[[bool], Batch[Cell]], sampling: SamplingConfig
) -> Iterator[Drawn[Cell]]:
    """What an engine draws of batch after batch; of several that draw side by side, as they come.

    Parameters
    ----------
    next_batch : callable
        Told whether it may wait for one; an empty batch: there is none, or none yet.
    """
    if (side_by_side := getattr(engine, "draw_batches", None)) is not None:
        yield from side_by_side(next_batch, sampling)
        return
    while True:
        cells, draws = next_batch(True)
        if not cells:
            return
        began = time.monotonic()
        drawn, ended = draw_what_comes(engine, draws, sampling)
        yield cells, draws, drawn, ended, time.monotonic() - began


def draw_what_comes(
    engine: Any, draws: Sequence[Draw], sampling: SamplingConfig
) -> tuple[Sequence[Any], BaseException | None]:
    """What an engine draws, None where it did not, and what kept it from the rest, if anything did."""
    try:
        return engine.generate(draws, sampling), None
    except (Unfinished, Stopped) as error:
        return error.drawn, error
    except (LostError, RequestError) as error:
        return [None] * len(draws), error


class Losses:
    """Draws that a server would not give, over the batches of a run.

    Attributes
    ----------
    n : int
    first : BaseException or None
        Why the first of them is missing.
    """

    def __init__(self) -> None:
        self.n = 0
        self.first: BaseException | None = None
        self._n_barren = 0  # draws since anything came

    def take(self, drawn: Sequence[Any], ended: BaseException | None, *, is_written: bool) -> None:
        """Count what is missing of a batch whose rest is kept.

        Parameters
        ----------
        drawn, ended
            From `draw_what_comes`.
        is_written : bool
            Whether anything of the run is: then no request was wrong, the work failed.

        Raises
        ------
        TTCError, RequestError, KeyboardInterrupt
            What ended the batch, where no more is to be had.
        """
        n_missing = sum(one is None for one in drawn)
        self._n_barren = self._n_barren + n_missing if n_missing == len(drawn) else 0
        if ended is None:
            return
        single = isinstance(ended, LostError) or (isinstance(ended, Unfinished) and ended.goes_on)
        if not single or self._n_barren >= HOPELESS:
            raise TTCError(str(ended)) if is_written and isinstance(ended, RequestError) else ended
        self.n += n_missing
        self.first = self.first or ended
