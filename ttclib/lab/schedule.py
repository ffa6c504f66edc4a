"""The learning rate over a training."""

from __future__ import annotations

import math


def schedule(progress: float, step: int, warmup_steps: int) -> float:
    """Linear warm-up, then a cosine to one percent, as a factor of the learning rate.

    Parameters
    ----------
    progress : float
        Share of the training done, 0 to 1.
    step : int
    warmup_steps : int

    Examples
    --------
    >>> schedule(0.0, 99, 100), round(schedule(1.0, 5000, 100), 3)
    (1.0, 0.01)
    """
    return min(1.0, (step + 1) / warmup_steps) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))
