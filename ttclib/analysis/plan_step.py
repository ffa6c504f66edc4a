"""One entry of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ttclib.replay.strategy import strategy


@dataclass(frozen=True)
class Step:
    """One entry of a plan: what to run.

    Attributes
    ----------
    policy, strategy, variant : str
    setting : mapping of str to value
        The setting's keys.
    parameters : mapping of str to value
        The strategy's own.
    budget : int
    verifier, aggregation : str or None
    cost, accuracy : float
        Means over the bin, on the problems on which it was chosen.
    given_up : float
        How much less accurate it is there than the best within the limit.
    tied : int
        Candidates that come to the best accuracy exactly, itself counted.
    share : float
        Of the bin's problems; below 1 where two candidates are mixed.
    ci_low, ci_high : float or None
        Interval of the accuracy of the bin within the limit, chosen on some problems and scored on others.
    """

    policy: str
    strategy: str
    variant: str
    budget: int
    setting: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    verifier: str | None = None
    aggregation: str | None = None
    cost: float = float("nan")
    accuracy: float = float("nan")
    given_up: float = 0.0
    tied: int = 1
    share: float = 1.0
    ci_low: float | None = None
    ci_high: float | None = None

    @property
    def label(self) -> str:
        """By its names: ``"beam_search (M=4) N=16"``."""
        return f"{self.variant} N={self.budget}"

    @property
    def kind(self) -> str:
        """What it is drawn from: ``pool``, ``tree`` or ``chains``.

        Raises
        ------
        RequestError
            No strategy of that name is registered.
        """
        return strategy(self.strategy).reads
