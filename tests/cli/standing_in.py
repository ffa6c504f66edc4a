"""What stands in for work that takes minutes or another program: it says what it was asked for, and does no more."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from ttclib.collect.search import search as _search

# Function, by where the command finds it; place of what it gives back among its arguments.
_WORK = {
    "ttclib.lab.recipe.train": lambda part, order, **_: [order.output / part],
    "ttclib.lab.collect.collect": None,
    "ttclib.lab.collect.ship": None,
    "ttclib.lab.flywheel.turn": None,
    "ttclib.lab.flywheel.ship": None,
    "ttclib.lab.inside.collect_inside": None,
    "ttclib.show.report.render_report": lambda notebook, target, parameters, **_: Path(target),
    "ttclib.show.suite.render_suite": lambda jobs, **_: jobs[0].target.parent / "index.html",
}


class Machines:
    """A cluster that draws and reads in this process."""

    def __init__(self, address: str, workers: int | None, config: Any, notify: Callable[[str], None]) -> None:
        print(f"cluster {address} of {workers} for {config.policy.name}")
        self.notify = notify

    def __enter__(self) -> Machines:
        return self

    def __exit__(self, *_: object) -> None:
        self.notify("the cluster is left")

    def engine(self, policy: Any, prompt: Any) -> Any:
        """The policy."""
        from ttclib.collect.engines.transformers import TransformersEngine

        print(f"{policy.name} on the cluster")
        return TransformersEngine(policy.path, policy, prompt)

    def verifier(self, prm: Any) -> Any:
        """The verifier."""
        from ttclib.collect.verifiers import load_prm

        print(f"{prm.name} on the cluster")
        return load_prm(prm)


def _saved(chart: Any, path: Path) -> Path:
    """A chart as the data that it shows."""
    Path(path).write_text(json.dumps([chart.to_dict(), Path(path).suffix], sort_keys=True, default=str))
    return Path(path)


def _said(name: str, gives: Callable[..., Any] | None) -> Callable[..., Any]:
    def one(*given: Any, **named: Any) -> Any:
        if notify := named.pop("notify", None):
            notify(f"{name} begins")
        print(name, *map(str, given), *(f"{key}={value}" for key, value in named.items()))
        return None if gives is None else gives(*given, **named)

    return one


def _searched(config: Any, **given: Any) -> Any:
    """A search, and what it was asked for, which decides nothing where an untrained model ends at once."""
    print("searches", config.search.algorithms)
    return _search(config, **given)


@contextmanager
def standing_in() -> Iterator[None]:
    """Put them in place."""
    with ExitStack() as stack:
        for name, gives in _WORK.items():
            said = _said(name.rpartition(".")[2], gives)
            stack.enter_context(mock.patch(name, autospec=True, side_effect=said))
        begun = _said("begun", lambda words, **_: subprocess.CompletedProcess(words, 7))
        stack.enter_context(mock.patch("ttclib.cli.starting.subprocess.run", side_effect=begun))
        stack.enter_context(mock.patch("ttclib.show.charts.save.save_chart", side_effect=_saved))
        stack.enter_context(mock.patch("ttclib.collect.engines.cluster.Cluster", Machines))
        stack.enter_context(mock.patch("ttclib.collect.search.search", _searched))
        yield
