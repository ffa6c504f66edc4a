"""`ttc inside`: whether samples of what answers at once make up for steps inside the answer."""

from __future__ import annotations

from typing import Any

import click

from ttclib.cli.common import assignment, cli, notify, store_of
from ttclib.cli.options import OUTPUT, SEEDED, STORE, WHOSE, options, question_of, strategy_options
from ttclib.cli.printing import Table, print_answer
from ttclib.errors import RequestError


@cli.command()
@options(STORE, WHOSE)
@click.option(
    "--training",
    is_flag=True,
    help="Instead: one answer of both policies against tokens of training (checkpoints: NAME@…), and all compute over "
    "R.",
)
@click.option("--few-shot", help="With --training: the first policy with steps shown in its prompt.")
@options(strategy_options(), SEEDED, OUTPUT)
def inside(training: bool, few_shot: str | None, **choices: Any) -> None:
    """Whether any number of samples of the first side, which answers at once, catches one answer of another.

    Sides are policies, the one that answers at once first; settings of one policy; or two benchmarks of the same
    problems, such as --benchmark execution,execution_cot.
    """
    from ttclib.show.inside_tables import CAUGHT, DATA, ROUTES, caught_in_words
    from ttclib.study.inside import ask_inside, open_inside
    from ttclib.study.inside_training import ask_inside_training

    store = store_of(choices)
    policies, benchmarks = ([part.strip() for part in text.split(",")] if text else None
                            for text in (choices.pop("policy"), choices.pop("benchmark")))  # fmt: skip
    settings = dict(assignment(text) for text in choices.pop("settings"))
    if training:
        if policies is None or len(policies) != 2:
            raise RequestError("--training compares two policies: name them as --policy DIRECT,STEPS")
        told = ask_inside_training(
            store, *policies, few_shot=few_shot, benchmark=benchmarks[0] if benchmarks else None, seed=choices["seed"],
            notify=notify,
        )  # fmt: skip
        result = told.result
        print_answer(
            result.frame,
            rows={"data": result.frame.to_dicts(), "routes": result.routes.to_dicts()},
            findings=told.findings,
            notes=told.notes,
            heading="One answer, by tokens of training",
            table=Table(result.frame, DATA),
            more=[("What a query costs in all, over R", Table(result.few_routes, ROUTES))],
        )
        return
    if few_shot:
        raise RequestError(f"--few-shot {few_shot}: goes with --training")
    names = policies[0] if policies and len(policies) == 1 else policies
    study = open_inside(store, names, benchmark=benchmarks, setting=settings or None, notify=notify)
    found = ask_inside(study, question_of(study, choices))
    print_answer(
        found.result.frame,
        findings=found.findings,
        notes=found.notes,
        heading=f"N answers of {found.result.without} against one",
        table=Table(caught_in_words(found.result.frame), CAUGHT),
    )
