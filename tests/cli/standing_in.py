"""What stands in for work that takes minutes or another program: it says what it was asked for, and does no more."""

from __future__ import annotations

import inspect
import json
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest import mock

# Function, by where the command finds it; place of what it gives back among its arguments.
_WORK: dict[str, Callable[..., Any] | None] = {
    "ttclib.lab.recipe.train": lambda part, order, **_: [order.output / part],
    "ttclib.lab.collect.collect": None,
    "ttclib.lab.collect.ship": None,
    "ttclib.lab.flywheel.turn": None,
    "ttclib.lab.flywheel.ship": None,
    "ttclib.lab.inside.collect_inside": None,
    "ttclib.show.report.render_report": lambda notebook, target, parameters, **_: Path(target),
    "ttclib.show.suite.render_suite": lambda jobs, **_: jobs[0].target.parent / "index.html",
}


# The same of runs, which are asked for much more than they are let do here.
_RUNS: dict[str, Callable[..., Any] | None] = {
    "ttclib.collect.run.check": None,
    "ttclib.collect.run.sample": None,
    "ttclib.collect.run.is_sampled": lambda *_, **__: True,
    "ttclib.collect.run.score": None,
    "ttclib.collect.run.grade": None,
    "ttclib.collect.judge.judge": None,
    "ttclib.collect.grade_nodes.grade_nodes": None,
    "ttclib.collect.revise.check_revision": None,
    "ttclib.collect.revise.revise": None,
    "ttclib.collect.revise.score_revisions": None,
    "ttclib.collect.features.features": lambda *_, **__: 3,
    "ttclib.collect.search.search": lambda *_, **__: mock.Mock(
        n_rounds=2, batches=[4, 2], n_steps=6, tokens=60, greedy_tokens=7, prm_tokens=80, n_searches=2,
        shared_tokens=9, pruned_tokens=5, apart_tokens=99,
    ),
    "ttclib.collect.solve.check_solve": None,
    "ttclib.collect.solve.solve": lambda *_, **__: [
        mock.Mock(correct=right, cost=2.0, row=lambda: {"problem_id": "p"}) for right in (True, False)
    ],
}  # fmt: skip
# What every one of these that takes it is to be given, where the command line gives it.
PASSED_ON = ("notify", "shard", "on")


class Machines:
    """A cluster that is only named."""

    def __init__(self, address: str, workers: int | None, config: Any, notify: Callable[[str], None]) -> None:
        self.named = f"cluster {address} of {workers} for {config.policy.name}"
        self.notify = notify

    def __enter__(self) -> Machines:
        return self

    def __exit__(self, *_: object) -> None:
        self.notify("the cluster is left")

    def __str__(self) -> str:
        return self.named


def _saved(chart: Any, path: Path) -> Path:
    """A chart as the data that it shows."""
    Path(path).write_text(json.dumps([chart.to_dict(), Path(path).suffix], sort_keys=True, default=str))
    return Path(path)


def _said(name: str, gives: Callable[..., Any] | None, takes: Collection[str] = ()) -> Callable[..., Any]:
    def one(*given: Any, **named: Any) -> Any:
        lacking = [f"{what} is not passed on" for what in PASSED_ON if what in takes and what not in named]
        if notify := named.pop("notify", None):
            notify(f"{name} begins")
        print(name, *map(str, given), *(f"{key}={value}" for key, value in named.items()), *lacking)
        return 0 if gives is None else gives(*given, **named)

    return one


@contextmanager
def standing_in(*, runs: bool = False) -> Iterator[None]:
    """Put them in place; those of runs only if it is said."""
    with ExitStack() as stack:
        for name, gives in (_WORK | (_RUNS if runs else {})).items():
            module, _, own = name.rpartition(".")
            takes = inspect.signature(getattr(import_module(module), own)).parameters
            stack.enter_context(mock.patch(name, autospec=True, side_effect=_said(own, gives, takes)))
        begun = _said("begun", lambda words, **_: subprocess.CompletedProcess(words, 7))
        stack.enter_context(mock.patch("ttclib.cli.starting.subprocess.run", side_effect=begun))
        stack.enter_context(mock.patch("ttclib.show.charts.save.save_chart", side_effect=_saved))
        stack.enter_context(mock.patch("ttclib.collect.engines.cluster.Cluster", Machines))
        yield
