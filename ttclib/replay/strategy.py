"""Strategies as objects: one file each, registered once, known everywhere by what it says of itself.

Command-line flags, a run's configuration, controls, colours, remedies and the table in the docs are made of the
registry. A strategy of another package joins it by an entry point in the group ``ttclib.strategies``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache
from typing import Any, ClassVar, TypeVar

from ttclib.errors import NotInStore, RequestError, one_of
from ttclib.plugins import plugins
from ttclib.replay.outcomes import Outcomes, Source
from ttclib.samples import Chains, Pool, Setting, Tree, Verifier

ENTRY_POINTS = "ttclib.strategies"


@dataclass(frozen=True)
class Look:
    """How a strategy is drawn, the same in every chart."""

    color: str  # hex colour of line, band and point
    dash: tuple[int, ...] = ()  # lengths in px of strokes and gaps; empty: a solid line
    shape: str = "circle"  # Vega point shape


@dataclass(frozen=True)
class Parameter:
    """What is known of a strategy's parameter beside its type."""

    name: str
    help: str  # one line, for flags, controls and docs
    default: Any
    allowed: tuple[str, ...]  # names that it takes; empty: numbers
    kind: type  # of a number: int or float; of names alone str
    several: bool  # whether a list of values makes variants that are worth comparing

    def read(self, text: str) -> Any:
        """A value from a text.

        Raises
        ------
        RequestError
            Neither one of the names nor a number of its kind.
        """
        if text in self.allowed:
            return text
        if self.kind is not str:
            try:
                return self.kind(text)
            except ValueError:
                pass
        what = self.name.replace("_", " ")
        if self.kind is str or get_close_matches(text, self.allowed, n=1):
            return one_of(text, self.allowed, what)
        number = "a whole number" if self.kind is int else "a number"
        raise RequestError(f"{what} '{text}': give {' or '.join([number, *self.allowed])}")


def parameter(
    default: Any, *, help: str, allowed: Sequence[str] = (), kind: type | None = None, several: bool = False
) -> Any:
    """A field of a strategy that is asked for by its name: a flag, a control, a key of a configuration."""
    of = kind or (str if isinstance(default, str) else type(default))
    return field(default=default, metadata={"help": help, "allowed": tuple(allowed), "kind": of, "several": several})


@dataclass(frozen=True)
class Strategy:
    """A way to spend a budget on a problem and come to one answer.

    A subclass is a frozen dataclass whose fields are its parameters (`parameter`), decorated with `register`.

    Attributes
    ----------
    name : str
        The field's name, such as ``best_of_n``.
    label : str
        For readers.
    summary : str
        One sentence: what it does with N samples.
    reads : {"pool", "tree", "chains"}
        What it replays from.
    needs_scores, needs_answers : bool
        Whether it cannot do without a verifier's scores, or final answers.
    needs_truth : bool
        It picks by the right answer: a bound, which nobody can run and no plan chooses.
    named_only : bool
        It is compared where it is named, and not where all are asked for.
    look : Look
    command : str
        What collects it, ``{store}`` standing for the store.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    reads: ClassVar[str] = "pool"
    needs_scores: ClassVar[bool] = False
    needs_answers: ClassVar[bool] = False
    needs_truth: ClassVar[bool] = False
    named_only: ClassVar[bool] = False
    look: ClassVar[Look | None] = None
    command: ClassVar[str] = "ttc sample CONFIG --store {store}"

    @property
    def variant(self) -> str:
        """The strategy with the parameters that differ from the default, as tables name it."""
        said = self.said()
        return f"{self.name} ({', '.join(said)})" if said else self.name

    def said(self) -> list[str]:
        """The parameters that a reader must know."""
        return [
            f"{name.replace('_', ' ')} {value}"
            for name, value in self.parameters().items()
            if value != type(self).parameter(name).default
        ]

    def parameters(self) -> dict[str, Any]:
        """Values by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def parameter(cls, name: str) -> Parameter:
        """One of the parameters by its name."""
        return {one.name: one for one in cls.asked()}[name]

    @classmethod
    def asked(cls) -> list[Parameter]:
        """The parameters that can be asked for."""
        return [Parameter(one.name, default=one.default, **one.metadata) for one in fields(cls) if one.metadata]

    @property
    def reads_scores(self) -> bool:
        """Whether, with these parameters, a verifier's scores are read."""
        return self.needs_scores

    def allows(self, budget: int) -> bool:
        """Whether there can be such a budget."""
        return budget >= 1

    def collected(self, samples: Any) -> list[int]:
        """Budgets that some problem can answer, of the powers of two."""
        raise NotImplementedError

    def largest(self, samples: Any) -> int:
        """The largest budget that some problem may answer."""
        return max(self.collected(samples), default=0)

    def replay(
        self,
        samples: Any,
        budgets: Sequence[int],
        *,
        verifier: Verifier | None = None,
        aggregation: str = "last",
        seed: int = 0,
    ) -> Outcomes:
        """What the strategy comes to on every problem, in expectation over what is cached.

        Parameters
        ----------
        samples : Pool, Tree or Chains
            As `reads` says.
        budgets : sequence of int
            In any order; the result has each once, ascending.
        verifier : Verifier, optional
            Whose scores are read; needed where `reads_scores`.
        aggregation : {"last", "min", "prod", "mean"}
            How step scores become one.
        seed : int
            Of random subsets, where not all can be counted.

        Returns
        -------
        Outcomes
            NaN where a problem does not hold what a budget needs.

        Raises
        ------
        RequestError
            A parameter, budget or score that cannot be.
        NotInStore
            No problem holds any of it: what is missing, and the command that collects it.
        """
        raise NotImplementedError

    def outcomes(self, samples: Any, verifier: Verifier | None, aggregation: str, **tables: Any) -> Outcomes:
        """An `Outcomes` of this strategy, with its source."""
        read = verifier if self.reads_scores else None
        source = Source(
            policy=samples.policy,
            setting=samples.setting if isinstance(samples.setting, Setting) else None,
            policy_model=samples.policy_model,
            verifier=None if read is None else read.name,
            aggregation=None if read is None else aggregation,
            verifier_model=None if read is None else read.model,
            parameters=self.parameters(),
        )
        return Outcomes(self.name, self.variant, source=source, **tables)


Samples = Pool | Tree | Chains
Class = TypeVar("Class", bound=type[Strategy])
_REGISTERED: dict[str, type[Strategy]] = {}


def register(strategy: Class) -> Class:
    """Enter a strategy; of two with one name the first stays."""
    _REGISTERED.setdefault(strategy.name, strategy)
    return strategy


@cache
def strategies() -> dict[str, type[Strategy]]:
    """Every strategy by name, ttclib's own first; those of other packages by their entry points.

    Examples
    --------
    >>> list(strategies())[:2]
    ['pass_at_k', 'majority_vote']
    """
    import ttclib.replay.strategies  # noqa: F401  (its modules register themselves)

    for _, found in plugins(ENTRY_POINTS, Strategy, "a subclass of ttclib.replay.strategy.Strategy"):
        register(found)
    return dict(_REGISTERED)


def strategy(name: str) -> type[Strategy]:
    """A strategy by its name.

    Raises
    ------
    RequestError
        There is none of that name.
    """
    return strategies()[one_of(name, strategies(), "strategy")]


def reading(kind: str) -> list[str]:
    """Names of the strategies that read the pool, the tree or chains, those aside that must be named."""
    return [name for name, one in strategies().items() if one.reads == kind and not one.named_only]


def variants(name: str, asked: Mapping[str, Iterable[Any]] | None = None) -> list[Strategy]:
    """A strategy in each combination of the values asked for; parameters that it lacks are passed over.

    Parameters
    ----------
    name : str
    asked : mapping of parameter to iterable of values, optional

    Raises
    ------
    RequestError
        An unknown strategy, or a value that it cannot take.

    Examples
    --------
    >>> [one.variant for one in variants("lookahead_search", {"beam_width": (4, "sqrt"), "lookahead_steps": (1,)})]
    ['lookahead_search (M=4, k=1)', 'lookahead_search (M=√N, k=1)']
    """
    found = strategy(name)
    axes = {one.name: list(dict.fromkeys((asked or {}).get(one.name, (one.default,)))) for one in found.asked()}
    made = (found(**dict(zip(axes, values, strict=True))) for values in itertools.product(*axes.values()))
    return list(dict.fromkeys(made))


def needs_truth(name: str) -> bool:
    """Whether a strategy picks by the right answer; what is not registered, such as a choice among others, does not."""
    return name in strategies() and strategies()[name].needs_truth


def draws_whole(name: str) -> bool:
    """Whether it selects among whole, independent samples, among which those that told difficulty can serve again."""
    return name in strategies() and strategies()[name].reads == "pool"


def all_parameters(names: Iterable[str] | None = None) -> dict[str, list[tuple[str, Parameter]]]:
    """The parameters of some strategies by name, each with the strategies that have it; None: of all."""
    found: dict[str, list[tuple[str, Parameter]]] = {}
    for name in strategies() if names is None else names:
        for one in strategy(name).asked():
            found.setdefault(one.name, []).append((name, one))
    return found


def not_in_store(found: Strategy, store: str, policy: str, what: str) -> NotInStore:
    """The error of a strategy of which a store holds nothing, with the command that collects it."""
    return NotInStore(
        f"'{store}' holds no {what} of policy '{policy}', which {found.variant} needs: collect it with "
        f"`{found.command.format(store=store)}`"
    )
