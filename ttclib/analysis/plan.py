"""A plan: what to do in which bin within which limit, small enough to be read, kept, and applied to new problems."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from ttclib.analysis.binning import place_problems
from ttclib.analysis.candidates import generations, told_price
from ttclib.analysis.columns import strategy_label
from ttclib.analysis.difficulty import Bill, Difficulty
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.live import Action, State, next_action
from ttclib.analysis.plan_step import Step
from ttclib.analysis.predicting import PREDICTORS
from ttclib.analysis.predictor import Predictor
from ttclib.analysis.resampling import interval
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes
from ttclib.replay.strategies.until_settled import UntilSettled
from ttclib.replay.strategy import draws_whole, strategies

PLAN_FORMAT, PLAN_VERSION = "ttclib-plan", 2
READABLE = (1, PLAN_VERSION)
PLAN_PROBES = 4  # samples that tell the difficulty of a new problem, where nobody says how many


@dataclass(frozen=True)
class Plan:
    """Which candidate to use for a problem of each bin within each limit.

    Attributes
    ----------
    limits : tuple of float
        In the ledger's unit, ascending.
    choices : tuple of tuple of tuple of Step
        By bin, then by limit: one step, two where candidates are mixed, none where nothing is affordable.
    ledger : Ledger
    per : {"problem", "mixed", "average"}
    source : str or None
        What places a problem: ``"oracle"`` (share of right answers), ``"predicted"`` (mean score) or one of
        `ttclib.analysis.predicting.PREDICTORS` (pass@1 as the question promises it); None: one bin.
    verifier, aggregation : str or None
        Who predicts.
    thresholds : tuple of float
        Ease that parts bin 1 from 2, 2 from 3, …
    tied_shares : tuple of (float or None)
        As `Difficulty.tied_shares`.
    n_probes : float or None
        Samples that told the difficulty where the plan was made.
    probes : int or None
        Samples that tell that of a new problem; None: `PLAN_PROBES`.
    reuse_probes : bool
        They are among those that are chosen from.
    n_problems : int
        It was chosen on.
    store : str or None
        Hash of the store that it was made from.
    versions : mapping of str to str
        Of the library and the file's parts.
    predictor : Predictor or None
        What tells difficulty by the question; None: samples do, or the file is of version 1.
    """

    limits: tuple[float, ...]
    choices: tuple[tuple[tuple[Step, ...], ...], ...]
    ledger: Ledger
    per: str = "problem"
    source: str | None = None
    verifier: str | None = None
    aggregation: str | None = None
    thresholds: tuple[float, ...] = ()
    tied_shares: tuple[float | None, ...] = ()
    n_probes: float | None = None
    n_problems: int = 0
    store: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    probes: int | None = None
    reuse_probes: bool = False
    predictor: Predictor | None = None

    @property
    def n_told_by(self) -> int:
        """Samples that tell the difficulty of a new problem."""
        if self.n_bins == 1 or self.source in PREDICTORS:
            return 0
        return PLAN_PROBES if self.probes is None else self.probes

    @property
    def reads(self) -> tuple[str | None, str]:
        """The verifier of the samples whose scores are read, None: nobody's; and how those of steps become one.

        Raises
        ------
        RequestError
            There are several.
        """
        found = {(step.verifier, step.aggregation or "last") for step in self.steps() if step.kind == "pool"}
        if self.n_bins > 1 and self.source == "predicted":
            found.add((self.verifier, self.aggregation or "last"))
        found = {one for one in found if one[0] is not None}
        if len(found) > 1:
            names = ", ".join(sorted(f"{name} ({how})" for name, how in found))
            raise RequestError(
                f"the plan reads the scores of {names}: export one that reads one verifier's, in one way"
            )
        return found.pop() if found else (None, "last")

    def limit(self, at_most: float | None) -> float:
        """The cost that is allowed; None: the plan's largest limit."""
        return self.limits[-1] if at_most is None else at_most

    @property
    def stopping(self) -> dict[str, dict[str, Any]]:
        """The rules that stop early among the choices: parameters by variant."""
        return {
            step.variant: dict(step.parameters)
            for step in self.steps()
            if step.strategy in strategies() and issubclass(strategies()[step.strategy], UntilSettled)
        }

    def next(self, state: State) -> Action:
        """What to do next for one question, once and again until it says what to answer.

        Parameters
        ----------
        state : State

        Raises
        ------
        RequestError
            Nothing is affordable, no scores where they are read, or difficulty that only the right answers tell.

        Examples
        --------
        >>> step = Step("p", "majority_vote", "majority_vote", 2)
        >>> plan = Plan((2.0,), (((step,),),), Ledger(unit="generations"))
        >>> plan.next(State(2)).kind, plan.next(State(2, ("7", "7"))).selection.answer
        ('draw', '7')
        """
        return next_action(self, state)

    def steps(self) -> list[Step]:
        """Everything that it may run."""
        return [step for row in self.choices for steps in row for step in steps]

    @property
    def n_bins(self) -> int:
        """Bins, 1 where problems are not told apart."""
        return len(self.choices)

    def choose(self, number: int, at_most: float) -> tuple[Step, ...]:
        """What to run for a bin within a cost: at the largest of the plan's limits that is not above it.

        Raises
        ------
        RequestError
            No such bin, no limit that small, or nothing is affordable there.
        """
        if not 1 <= number <= self.n_bins:
            raise RequestError(f"bin {number}: the plan has bins 1 to {self.n_bins}")
        below = [place for place, limit in enumerate(self.limits) if limit <= at_most * (1 + 1e-9)]
        if not below:
            raise RequestError(f"at most {at_most:g}: the plan's smallest limit is {self.limits[0]:g}")
        steps = self.choices[number - 1][below[-1]]
        if not steps:
            raise RequestError(f"bin {number}, at most {self.limits[below[-1]]:g}: no candidate is affordable there")
        return steps

    def bins(self, ease: ArrayLike, seed: int = 0) -> np.ndarray:
        """Bins of new problems from their (cheap) difficulty; 0 where it is NaN."""
        values = np.asarray(ease, dtype=float)
        if self.n_bins == 1:
            return np.ones(len(values), dtype=int)
        return place_problems(values, self.thresholds, self.tied_shares, seed)

    def apply(
        self, outcomes: Sequence[Outcomes], ease: ArrayLike | None = None, *, bill: Bill | None = None, seed: int = 0
    ) -> AppliedPlan:
        """What the plan comes to on problems of known ease, such as another benchmark's.

        Parameters
        ----------
        outcomes : sequence of Outcomes
            Every strategy that the plan may choose there, on the same problems in the same order.
        ease : array_like of float, shape (problems,), optional
            As `source` says, for example of k samples each (`ttclib.analysis.agreement.cheap_difficulty`). A plan of
            one bin needs none.
        bill : Bill, optional
            How the samples that told the ease are paid. They are in `AppliedPlan.cost` and `.probes` whatever the
            ledger says, for here somebody draws them; None: nobody does.
        seed : int
            Of the side to which a problem falls whose ease stood in two bins.

        Raises
        ------
        RequestError
            A chosen candidate is not among `outcomes`, no ease, or a fact that the ledger lacks.
        """
        if not outcomes:
            raise RequestError("no strategy to apply the plan with: replay those that it names")
        n = len(outcomes[0].problem_ids)
        if self.n_bins > 1 and ease is None:
            raise RequestError(f"the plan has {self.n_bins} bins: say how easy each problem is")
        numbers = np.ones(n, dtype=int) if ease is None else self.bins(ease, seed)
        prices = [self.ledger.price(one) for one in outcomes]
        probe = once = np.zeros(n)
        if bill is not None:
            source = (self.source or "oracle").partition(":")[0]
            told = Difficulty(np.zeros(n), numbers, source=source)
            probe, once = told_price(outcomes, prices, told, bill, self.ledger)
        shape = (n, len(self.limits))
        accuracy, cost, probes, drawn = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape), np.zeros(shape)
        for number, row in enumerate(self.choices, start=1):
            member = numbers == number
            for column, steps in enumerate(row):
                if not steps or not member.any():
                    continue
                accuracy[member, column], cost[member, column] = 0.0, once[member]
                for step in steps:
                    at, place = _find(step, outcomes, number)
                    one = outcomes[at]
                    answers = generations(one)[member, place]
                    own = answers if draws_whole(one.strategy) else np.zeros(answers.shape)
                    extra = np.zeros(answers.shape) if bill is None else bill.samples(own)
                    accuracy[member, column] += step.share * one.accuracy[member, place]
                    cost[member, column] += step.share * (prices[at][member, place] + extra * probe[member])
                    drawn[member, column] += step.share * (answers + extra)
                    probes[member, column] += step.share * extra
        return AppliedPlan(self, numbers, accuracy, cost, probes, drawn)

    def lines(self) -> list[str]:
        """The table in words, equal neighbours merged: ``bin 4, at most 16–64: beam search (M=4) at N = 16``."""
        told = []
        for number, row in enumerate(self.choices, start=1):
            words = [
                " or ".join(
                    f"{strategy_label(step.variant)} at N = {step.budget}"
                    + (f" ({step.share:.0%})" if step.share < 1 else "")
                    for step in steps
                )
                or "nothing is affordable"
                for steps in row
            ]
            begin = 0
            for end in range(1, len(row) + 1):
                if end == len(row) or words[end] != words[begin]:
                    span = f"{self.limits[begin]:g}" + (f"–{self.limits[end - 1]:g}" if end - begin > 1 else "")
                    told.append(f"bin {number}, at most {span}: {words[begin]}")
                    begin = end
        return told

    def frame(self) -> pl.DataFrame:
        """The table as a frame, columns as in `PLAN_SCHEMA`, one row a step."""
        rows = []
        for number, row in enumerate(self.choices, start=1):
            for limit, steps in zip(self.limits, row, strict=True):
                ease_from = self.thresholds[number - 1] if number <= len(self.thresholds) else None
                rows += [
                    {"bin": number, "ease_from": ease_from, "at_most": limit}
                    | {name: getattr(step, name) for name in _STEP_COLUMNS}
                    for step in steps
                ]
        return pl.DataFrame(rows, schema=PLAN_SCHEMA).fill_nan(None)

    def made_from(self, store: str | None, versions: Mapping[str, str]) -> Plan:
        """The same plan that says where it comes from."""
        return replace(self, store=store, versions=dict(versions))

    def to_json(self) -> str:
        """The plan as JSON; `from_json` reads it back."""
        ledger = asdict(self.ledger)
        difficulty = {
            "source": self.source,
            "verifier": self.verifier,
            "aggregation": self.aggregation,
            "thresholds": self.thresholds,
            "tied_shares": self.tied_shares,
            "n_probes": self.n_probes,
            "probes": self.probes,
            "reuse_probes": self.reuse_probes,
        }
        whole = {
            "format": PLAN_FORMAT,
            "version": PLAN_VERSION,
            "store": self.store,
            "versions": dict(self.versions),
            "ledger": ledger,
            "per": self.per,
            "difficulty": difficulty,
            "limits": self.limits,
            "choices": [[[_written(step) for step in steps] for steps in row] for row in self.choices],
            "n_problems": self.n_problems,
            "stopping": self.stopping or None,
            "predictor": None if self.predictor is None else self.predictor.to_data(),
        }
        return json.dumps(whole, indent=1, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """A plan from its JSON.

        Raises
        ------
        RequestError
            The text is no plan, of another version, or asks for what this version does not know.
        """
        try:
            read = json.loads(text)
            if not isinstance(read, dict) or read.get("format") != PLAN_FORMAT:
                raise RequestError("not a plan: export one with `ttc frontier --export-plan`")
            if read["version"] not in READABLE:
                raise RequestError(
                    f"the plan is of version {read['version']}, this library reads {' and '.join(map(str, READABLE))}: "
                    "export it again"
                )
            told, predictor = read["difficulty"], read.get("predictor")
            probes = told.get("probes")
            plan = cls(
                limits=tuple(map(float, read["limits"])),
                choices=tuple(tuple(tuple(Step(**step) for step in steps) for steps in row) for row in read["choices"]),
                ledger=Ledger().with_switches({n: v for n, v in read["ledger"].items() if v is not None}),
                per=str(read["per"]),
                source=told["source"],
                verifier=told["verifier"],
                aggregation=told["aggregation"],
                thresholds=tuple(map(float, told["thresholds"])),
                tied_shares=tuple(None if share is None else float(share) for share in told["tied_shares"]),
                n_probes=told["n_probes"],
                n_problems=int(read["n_problems"]),
                store=read["store"],
                versions=dict(read["versions"]),
                probes=None if probes is None else int(probes),
                reuse_probes=bool(told.get("reuse_probes", False)),
                predictor=None if predictor is None else Predictor.from_data(predictor),
            )
        except RequestError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RequestError(f"not a plan: {error!r}; export one with `ttc frontier --export-plan`") from error
        if any(len(row) != len(plan.limits) for row in plan.choices):
            raise RequestError("not a plan: a bin has more or fewer choices than there are limits")
        if plan.n_bins != len(plan.thresholds) + 1 or len(plan.tied_shares) != len(plan.thresholds):
            raise RequestError(f"not a plan: {plan.n_bins} bins need {plan.n_bins - 1} thresholds")
        if (plan.probes or 0) < 0:
            raise RequestError(f"not a plan: {plan.probes} probes")
        if plan.predictor is not None and plan.predictor.name != plan.source:
            raise RequestError(f"not a plan: difficulty by {plan.source}, and a predictor by {plan.predictor.name}")
        if read["version"] > 1 and (read.get("stopping") or {}) != plan.stopping:
            raise RequestError("not a plan: its stopping rules are not those of its choices")
        return plan


_STEP_COLUMNS = (
    *("policy", "strategy", "variant", "budget", "share", "cost", "accuracy", "ci_low", "ci_high"),
    *("given_up", "tied"),
)
PLAN_SCHEMA = {
    "bin": pl.Int64,
    "ease_from": pl.Float64,
    "at_most": pl.Float64,
    "policy": pl.String,
    "strategy": pl.String,
    "variant": pl.String,
    "budget": pl.Int64,
    "share": pl.Float64,
    "cost": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "given_up": pl.Float64,
    "tied": pl.Int64,
}
APPLIED_SCHEMA = {
    "bin": pl.Int64,
    "at_most": pl.Float64,
    "accuracy": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "cost": pl.Float64,
    "generations": pl.Float64,
    "probes": pl.Float64,
    "n_problems": pl.Int64,
}


@dataclass(frozen=True)
class AppliedPlan:
    """What a plan comes to on other problems.

    Attributes
    ----------
    plan : Plan
    bins : int array, shape (problems,)
    accuracy : float array, shape (problems, limits)
        NaN: the problem is in no bin, or nothing was affordable.
    cost : float array, shape (problems, limits)
        In the ledger's unit, the probes that are paid included.
    probes, generations : float array, shape (problems, limits)
        Samples that told the ease and that the strategy does not draw anyway, and all answers drawn, these among them.
    """

    plan: Plan
    bins: np.ndarray
    accuracy: np.ndarray
    cost: np.ndarray
    probes: np.ndarray
    generations: np.ndarray

    def frame(self) -> pl.DataFrame:
        """Means over all problems and by bin, columns as in `APPLIED_SCHEMA`; bins without a problem have no rows."""
        found = interval(self.accuracy, groups=self.bins, n_groups=self.plan.n_bins)
        rows = []
        for group in range(self.plan.n_bins + 1 if self.plan.n_bins > 1 else 1):
            member = self.bins > 0 if group == 0 else self.bins == group
            for column, limit in enumerate(self.plan.limits):
                counted = member & ~np.isnan(self.accuracy[:, column])
                if not counted.any():
                    continue
                rows.append(
                    {
                        "bin": group or None,
                        "at_most": limit,
                        "accuracy": float(found.estimate[group, column]),
                        "ci_low": float(found.low[group, column]),
                        "ci_high": float(found.high[group, column]),
                        "n_problems": int(counted.sum()),
                    }
                    | {
                        name: float(getattr(self, name)[counted, column].mean())
                        for name in ("cost", "generations", "probes")
                    }
                )
        return pl.DataFrame(rows, schema=APPLIED_SCHEMA)


def _written(step: Step) -> dict[str, Any]:
    return {
        name: None if isinstance(value, float) and np.isnan(value) else value for name, value in asdict(step).items()
    }


def _find(step: Step, outcomes: Sequence[Outcomes], number: int) -> tuple[int, int]:
    """Where a plan's candidate stands among outcomes: (outcome, column)."""
    for exact in (True, False):  # the same setting, or the only one there is
        fits = [
            at
            for at, one in enumerate(outcomes)
            if one.variant == step.variant
            and step.budget in one.budgets
            and (not step.policy or not one.source.policy or one.source.policy == step.policy)
            and (not exact or (dict(one.source.setting.keys) if one.source.setting else {}) == dict(step.setting))
        ]
        if len(fits) == 1:
            return fits[0], outcomes[fits[0]].budgets.index(step.budget)
    there = ", ".join(dict.fromkeys(one.variant for one in outcomes))
    if fits:
        raise RequestError(f"'{step.label}' (bin {number}) is there under several settings: give the plan's alone")
    of = f" of policy '{step.policy}'" if step.policy else ""
    raise RequestError(f"'{step.label}'{of} (bin {number}) is not there: replay it too. Given: {there}")
