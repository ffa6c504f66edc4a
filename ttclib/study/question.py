"""What is asked of a store, as plain values: a command's flags, a notebook's parameters and a control's choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ttclib.analysis.predicting import PREDICTORS
from ttclib.errors import RequestError, one_of
from ttclib.replay.strategy import all_parameters, strategies, strategy
from ttclib.samples import AGGREGATIONS, PRM

DIFFICULTIES = ("oracle", "predicted", *PREDICTORS)
TOLD = ("auto", "same", "halves")
PROBLEMS = ("shared", "own", "searched", "revised")
LACKING = ("refuse", "leave out")
INTERVALS = ("pointwise", "simultaneous")
EVERY = "all"  # of a ratio: every one that the store holds
BEST = "best"  # of a ratio: at each budget the best, chosen on other problems than it is scored on


@dataclass(frozen=True)
class Question:
    """What is compared, and how; None is always "as the store has it".

    Attributes
    ----------
    strategies : tuple of str, optional
        None: all that the store holds on at least half of its problems, and on 50.
    budgets : tuple of int, optional
        None: the powers of two that the store holds, and all of a problem's samples.
    verifier : str
        ``prm``, ``orm``, ``logprob`` or a verifier's own name.
    aggregation : {"last", "min", "prod", "mean"}
    parameters : mapping of str to tuple
        Values of strategies' parameters, each combination a variant.
    bins : int, optional
        Difficulty bins of equal size; None: none.
    thresholds : tuple of float, optional
        Bins by absolute ease instead, from the easiest down.
    difficulty : str
        ``oracle``; ``predicted`` by `verifier` and `aggregation`; or from the question, without a sample:
        ``question``, ``question:text``, ``question:hidden``, ``question:greedy``, ``question:metadata``.
    told : {"auto", "same", "halves"}
        Which samples tell the difficulty: those that are scored too, or each half for the other. ``auto``: halves
        where the same samples would move a bin by more than half a point.
    problems : {"shared", "own", "searched", "revised"}
        Those that all strategies hold; each strategy's own; those that all hold of the problems that were searched, or
        that have revision chains.
    lacking : {"refuse", "leave out"}
        What becomes of a named strategy that the store does not hold.
    length_cap : int, optional
        Completion tokens at which every sample is cut; a longer one is unanswered.
    reviser : str, optional
        The revision model, needed where the store holds several.
    seed : int
        Of random subsets, folds and the bootstrap.

    Raises
    ------
    RequestError
        A value that is not allowed.
    """

    strategies: tuple[str, ...] | None = None
    budgets: tuple[int, ...] | None = None
    verifier: str = PRM
    aggregation: str = "last"
    parameters: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    bins: int | None = None
    thresholds: tuple[float, ...] | None = None
    difficulty: str = "oracle"
    told: str = "auto"
    problems: str = "shared"
    lacking: str = LACKING[0]
    length_cap: int | None = None
    reviser: str | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name in self.strategies or ():
            strategy(name)
        one_of(self.aggregation, AGGREGATIONS, "aggregation")
        one_of(self.difficulty, DIFFICULTIES, "difficulty")
        one_of(self.told, TOLD, "samples that tell the difficulty")
        one_of(self.problems, PROBLEMS, "problems")
        one_of(self.lacking, LACKING, "way with what is lacking")
        if self.strategies is not None and not self.strategies:
            raise RequestError("no strategy is named: give at least one")
        if self.bins is not None and self.thresholds is not None:
            raise RequestError("bins and thresholds: give one of them")
        if self.bins is not None and self.bins < 1:
            raise RequestError(f"{self.bins} bins: give at least 1")
        if self.length_cap is not None and self.length_cap < 1:
            raise RequestError(f"length cap {self.length_cap}: give at least 1 token")
        for budget in self.budgets or ():
            if budget < 1:
                raise RequestError(f"budget {budget}: give at least 1")
        known = all_parameters()
        for name in self.parameters:
            one_of(name, known, "parameter of a strategy")

    @property
    def refuses(self) -> bool:
        """Whether a strategy that is not held is an error, and not merely left out."""
        return self.strategies is not None and self.lacking == "refuse"

    @property
    def named(self) -> tuple[str, ...]:
        """The strategies to try, in the registry's order; unasked all but those that must be named."""
        order = list(strategies())
        if self.strategies is None:
            return tuple(name for name, one in strategies().items() if not one.named_only)
        return tuple(sorted(set(self.strategies), key=order.index))

    def but(self, **changes: Any) -> Question:
        """The same question with other values."""
        return replace(self, **changes)

    def key(self) -> tuple[Any, ...]:
        """What tells two questions apart."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        values["parameters"] = tuple(sorted((name, tuple(value)) for name, value in self.parameters.items()))
        return tuple(values.values())


def question(**values: Any) -> Question:
    """A question from values as a person gives them: lists for tuples, one value for a list of one.

    Examples
    --------
    >>> question(strategies="best_of_n", budgets=[1, 4], beam_width=4).parameters
    {'beam_width': (4,)}
    """
    own = [one.name for one in fields(Question)]
    parameters = dict(values.pop("parameters", None) or {})
    for name in [name for name in values if name not in own]:
        one_of(name, [*own, *all_parameters()], "part of a question")
        parameters[name] = values.pop(name)
    given = {name: value for name, value in values.items() if value is not None}
    for name in ("strategies", "budgets", "thresholds"):
        if name in given:
            given[name] = _tuple(given[name])
    return Question(
        **given, parameters={name: _tuple(value) for name, value in parameters.items() if value is not None}
    )


def _tuple(value: Any) -> tuple[Any, ...]:
    return (value,) if isinstance(value, str) or not hasattr(value, "__iter__") else tuple(value)
