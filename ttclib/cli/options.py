"""The flags of the commands that ask a store, made of a question's parts and of the strategies' own parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from click.core import ParameterSource

from ttclib.analysis.ledger import LEDGERS, SWITCHES, Ledger, ledger
from ttclib.cli.common import SEED, as_csv, as_json, assignment, notify, store_of
from ttclib.cli.common import STORE as STORE
from ttclib.errors import RequestError, one_of
from ttclib.replay.strategy import Parameter, all_parameters, reading, strategies, strategy
from ttclib.samples import AGGREGATIONS, NAMED_VERIFIERS
from ttclib.study.question import BEST, DIFFICULTIES, EVERY, PROBLEMS, TOLD, Question, question
from ttclib.study.study import Study
from ttclib.study.study import open as open_study

Decorator = Callable[[Any], Any]
_MOST_BUDGETS = 100_000

WHOSE = (
    click.option("--policy", help="Needed where the store holds several; with commas, to compare them."),
    click.option("--benchmark", help="Needed where the store holds several for the policy."),
    click.option(
        "--setting", "settings", multiple=True, metavar="KEY=VALUE", help="All must hold; KEY=*: all, side by side."
    ),
)
OUTPUT = (as_json(), as_csv())


def flag(name: str, of: Sequence[tuple[str, Parameter]]) -> Decorator:
    """The flag of a parameter that one or several strategies share."""
    whose = ", ".join(strategy(one).label for one, _ in of)
    if len(of) > 2 and {one for one, _ in of} == set(reading("tree")):
        whose = "tree search"
    shown = of[0][1]
    allowed = dict.fromkeys(value for _, one in of for value in one.allowed)
    names = f" One of {', '.join(allowed)}." if allowed and shown.kind is str else ""
    several = " With commas."
    if name == "ratio":
        several = f" With commas; {EVERY}: every one that is held; {BEST}: at each N the best, cross-fitted."
    return click.option(
        f"--{name.replace('_', '-')}",
        f"parameter_{name}",
        metavar="|".join(allowed) if allowed and shown.kind is str else None,
        help=f"{whose[:1].upper()}{whose[1:]}: {shown.help}{names}{several if shown.several else ''} "
        f"[default: {shown.default}]",
    )


def strategy_options() -> tuple[Decorator, ...]:
    """What is compared: the strategies of the registry with their parameters."""
    return (
        click.option(
            "--strategy",
            "strategies",
            help=f"With commas, of {', '.join(strategies())}; by default all that the store holds on most problems, "
            "stopping rules aside.",
        ),
        click.option(
            "--budgets",
            help="Generations a problem: 1,4,16 or 1-64 or all; default: held powers of two, and the whole pool.",
        ),
        click.option(
            "--verifier", default="prm", show_default=True, help=f"{', '.join(NAMED_VERIFIERS)} or its own name."
        ),
        click.option(
            "--aggregation", default="last", show_default=True, help=f"Of step scores: {', '.join(AGGREGATIONS)}."
        ),
        *(flag(name, of) for name, of in all_parameters().items()),
        click.option("--reviser", help="Revisions: the model of the chains, needed where the store holds several."),
        click.option("--length-cap", type=int, help="Sampling: tokens at which a sample is cut and unanswered."),
        click.option(
            "--problems",
            default="shared",
            show_default=True,
            help=f"Those that all strategies hold, or each its own: {', '.join(PROBLEMS)}.",
        ),
    )


BINS = (
    click.option("--bins", type=int, help="Difficulty bins of equal size."),
    click.option("--thresholds", help="Bins by absolute ease instead, from the easiest down, such as 0.5,0.1."),
    click.option("--difficulty", default="oracle", show_default=True, help=f"One of {', '.join(DIFFICULTIES)}."),
    click.option(
        "--told",
        default="auto",
        show_default=True,
        help=f"Which samples tell it: {', '.join(TOLD)}; auto: halves where the same would move a bin by .005.",
    ),
)
COST = (
    click.option("--preset", default="snell", show_default=True, help=f"Cost ledger: {', '.join(LEDGERS)}."),
    click.option(
        "--charge", "charges", multiple=True, metavar="ITEM=VALUE", help=f"Switch one item: {', '.join(SWITCHES)}."
    ),
)
BILL = (
    click.option("--probes", type=int, help="Samples that told the difficulty; by default all that did."),
    click.option("--queries", type=float, default=1, show_default=True, help="Queries that share those samples."),
    click.option("--reuse-probes", is_flag=True, help="They count in the final selection: max(N, probes), not a sum."),
)
SEEDED = (click.option("--seed", type=SEED, default=0, show_default=True, help="Of subsets, folds and intervals."),)
RESAMPLES = (
    click.option(
        "--resamples", type=click.IntRange(min=2), default=2000, show_default=True, help="Draws behind an interval."
    ),
)


def options(*groups: Iterable[Decorator]) -> Decorator:
    """A decorator that gives a command several groups of flags."""

    def give(command: Any) -> Any:
        for option in reversed([option for group in groups for option in group]):
            command = option(command)
        return command

    return give


def without(says: str, *names: str) -> None:
    """Refuse options, by the names of their parameters, that do nothing for what is asked, which `says` it.

    Raises
    ------
    RequestError
        The command line gives one of them.
    """
    context = click.get_current_context()
    flags = {one.name: one.opts[-1] for one in context.command.params}
    if given := [flags[name] for name in names if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]:
        raise RequestError(f"{says}, without {', '.join(given)}")


def study_of(choices: dict[str, Any]) -> Study:
    """The study that the flags of `STORE` and `WHOSE` ask for."""
    policy = choices.pop("policy", None)
    names = None if policy is None else [name.strip() for name in policy.split(",")]
    settings = dict(assignment(text) for text in choices.pop("settings", ()))
    return open_study(
        store_of(choices),
        names[0] if names and len(names) == 1 else names,
        benchmark=choices.pop("benchmark", None),
        setting=settings or None,
        notify=notify,
    )


def question_of(study: Study, choices: dict[str, Any]) -> Question:
    """The question that the flags ask; what is no part of one stays in `choices`."""
    given = choices.pop("strategies", None)
    named = None if given is None else [one_of(part.strip(), strategies(), "strategy") for part in given.split(",")]
    parameters = {}
    for name, of in all_parameters().items():
        text = choices.pop(f"parameter_{name}", None)
        if text is not None:
            whose = [one for strategy_name, one in of if named is None or strategy_name in named]
            known = whose or [one for _, one in of]
            parameters[name] = tuple(_value(part.strip(), name, known) for part in str(text).split(","))
    thresholds = choices.pop("thresholds", None)
    parts = ("verifier", "aggregation", "reviser", "length_cap", "problems", "bins", "difficulty", "told", "seed")
    budgets = choices.pop("budgets", None)
    return question(
        strategies=named,
        budgets=None if budgets is None else budgets_of(budgets, study),
        thresholds=None if thresholds is None else numbers(thresholds, "thresholds"),
        parameters=parameters,
        **{name: choices.pop(name) for name in parts if choices.get(name) is not None},
    )


def _value(text: str, name: str, of: Sequence[Parameter]) -> Any:
    if name == "ratio" and text in (EVERY, BEST):
        return text
    allowed = dict.fromkeys(value for one in of for value in one.allowed)
    first = of[0]
    return Parameter(name, first.help, first.default, tuple(allowed), first.kind, first.several).read(text)


def budgets_of(text: str, study: Study) -> list[int]:
    """Budgets from numbers and ranges with commas, ``1,4,16-20``, or ``all`` that the pool has."""
    if text.strip() == "all":
        return list(range(1, int(study.pool.pool_sizes.max()) + 1))
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = [first, last] if dash and first else [part.strip()]
        try:
            low, high = int(ends[0]), int(ends[-1])
        except ValueError:
            raise RequestError(f"budgets '{text}': give whole numbers with commas, ranges or all: 1,4,16-20") from None
        if high < low:
            raise RequestError(f"budgets '{part.strip()}': a range goes upwards, such as {high}-{low}")
        if high - low >= _MOST_BUDGETS:
            raise RequestError(f"budgets '{part.strip()}': at most {_MOST_BUDGETS} in a range")
        found += range(low, high + 1)
    return list(dict.fromkeys(found))


def numbers(text: str, what: str) -> list[float]:
    """Numbers from a text with commas."""
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RequestError(f"{what} '{text}': give numbers with commas, such as 0.5,0.1") from None


def costs_of(choices: dict[str, Any]) -> dict[str, Any]:
    """The ledger and the bill for difficulty that the flags ask for, as the study's questions take them."""
    return {
        "ledger": ledger_of(choices),
        "probes": choices.pop("probes"),
        "queries": choices.pop("queries"),
        "reused": choices.pop("reuse_probes"),
    }


def ledger_of(choices: dict[str, Any]) -> Ledger:
    """The ledger that the flags ask for."""
    return ledger(choices.pop("preset"), **dict(assignment(text) for text in choices.pop("charges")))
