"""Every stage of collecting, with a policy and verifiers in Python: what it needs, writes and says."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.collect.test_search import FakeEngine, FakePrm
from ttclib.collect import (
    grade_nodes,
    grade_samples,
    judge,
    progress,
    revise,
    run,
    score_samples,
    search,
    stepping,
)
from ttclib.collect.keeper import take_in
from ttclib.config import RunConfig
from ttclib.store import connect

LEFT_OUT = ("run_id", "elapsed_s")  # which differ between runs


class Reader(FakePrm):
    """Reads what it is given, and has a window."""

    class model:
        class config:
            max_position_embeddings = None


class Stage(NamedTuple):
    """What does it, what it needs and writes, where it loads what it needs, and what it says of others."""

    do: Callable[[RunConfig, Any], int]
    before: tuple[str, ...]
    tables: tuple[str, ...]
    loads: tuple[Any, str]
    n: int  # in all
    n_here: int
    told: str
    kind: tuple[str, ...]  # of its claims, but for policy and setting
    n_waited: str


STAGES = {
    "sample": Stage(lambda c, n: run.sample(c, notify=n), (), ("samples",), (run, "load_engine"), 18, 6,
                    "sample: 6 samples drawn here, 12 by others meanwhile", ("samples",), "sample: waiting for 6 that"),
    "score": Stage(lambda c, n: run.score(c, notify=n), ("samples",), ("scores",), (score_samples, "load_verifier"),
                   18, 6, "score: 6 samples scored here, 12 by others meanwhile", ("scores", "prm"),
                   "score: waiting for 6 that"),
    "judge": Stage(lambda c, n: judge.judge(c, notify=n), ("samples",), ("scores",), (judge, "load_api"), 18, 6,
                   "judge: 6 readings made here, 12 by others meanwhile", ("readings", "wise"),
                   "judge: waiting for 6 that"),
    "grade": Stage(lambda c, n: run.grade(c.store, "exact", notify=n), ("samples",), ("grades",),
                   (grade_samples, "problems_to_grade"), 18, 6, "", (), "grade: problems: waiting for 1 that"),
    "revise": Stage(lambda c, n: revise.revise(c, notify=n), (), ("revisions",), (revise, "load_engine"), 18, 6,
                    "revise: 6 answers drawn here, 12 by others meanwhile", ("revisions",),
                    "revise: chains: waiting for 2 that"),
    "revisions": Stage(lambda c, n: revise.score_revisions(c, notify=n), ("revisions",), ("revision_scores",),
                       (revise, "load_verifier"), 18, 6, "score: 6 answers scored here, 12 by others meanwhile",
                       ("revision_scores", "orm"), "score: waiting for 6 that"),
    "search": Stage(lambda c, n: search.search(c, notify=n).n_steps, ("samples", "scores"), ("nodes", "node_scores"),
                    (stepping, "load_engine"), 0, 0, "", ("nodes",), "search: waiting for 1 that"),
    "leaves": Stage(lambda c, n: grade_nodes.grade_nodes(c.store, "exact", notify=n), ("samples", "scores", "nodes"),
                    ("node_grades",), (grade_nodes, "problems_to_grade"), 0, 0, "", (),
                    "grade: problems: waiting for 1 that"),
}  # fmt: skip


class Whole(NamedTuple):
    """What all stages did, one after the other, in one process; then once more, where nothing is left to do.

    Attributes
    ----------
    content : dict
        Of the configuration, but for the store.
    store : pathlib.Path
    n_done : dict of str to int
    said : dict of str to list of str
        By stage what it said, its progress at the end and the same of its second time, without times and places.
    """

    content: dict[str, Any]
    store: Path
    n_done: dict[str, int]
    said: dict[str, list[str]]


def everything(folder: Path, policy: Path, prm: Path, url: str) -> Whole:
    """Do it."""
    content = {
        "problems": {"source": "lab:test", "limit": 3},
        "policy": {"name": "tiny", "path": str(policy)},
        "sampling": {"n_samples": 6, "max_tokens": 24},
        "prm": {"name": "prm", "path": str(prm)},
        "judge": {"path": "wise", "server": {"urls": [url]}},
        "revision": {"n_chains": 2, "n_steps": 3, "verifier": {"name": "orm", "path": str(prm)}},
        "search": {"budgets": (9,), "algorithms": [{"strategy": "beam_search", "beam_width": 3}]},
        "grading": {"grader": "exact"},
    }
    config = RunConfig.model_validate(content | {"store": folder / "run.duckdb"})
    n_done, said = {}, {}
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(io.StringIO()) as progressed:
        faked(patch)
        patch.setattr(progress, "_LOG_EVERY_S", 3600)
        for name, stage in STAGES.items():
            lines: list[str] = []
            n_done[name] = stage.do(config, lines.append)
            lines += [f"> {line}" for line in progressed.getvalue().splitlines()]
            stage.do(config, lambda text, lines=lines: lines.append(f"again: {text}"))  # type: ignore[misc]
            progressed.truncate(progressed.seek(0))
            places = {str(folder): "FOLDER", str(policy): "POLICY", str(prm): "PRM", url: "SERVER"}
            said[name] = [plain(line, places) for line in lines]
        take_in(config.store)
    return Whole(content, config.store, n_done, said)


def plain(line: str, places: dict[str, str]) -> str:
    """A line without times, speeds and places."""
    for place, name in places.items():
        line = line.replace(place, name)
    line = re.sub(r"[\d,]+ tokens/s", "… tokens/s", line)
    return re.sub(r"(in|about) [\d,.]+ s\b", r"\1 … s", line)


def faked(patch: pytest.MonkeyPatch) -> None:
    """Have all stages use what is in Python."""
    for module in (run, stepping, revise):
        patch.setattr(module, "load_engine", lambda *_: FakeEngine())
    for other in (score_samples, stepping, revise):
        patch.setattr(other, "load_verifier", lambda *_: Reader())
    patch.setattr(revise, "end_tokens", lambda *_: frozenset())


def held(store: Path, table: str, where: str = "true") -> list[dict[str, Any]]:
    with connect(store) as con:
        found = con.execute(f"SELECT * FROM {table} WHERE {where} ORDER BY ALL")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def written(store: Path, table: str, where: str = "true") -> list[dict[str, Any]]:
    """Rows without what differs between runs."""
    rows = [{k: v for k, v in row.items() if k not in LEFT_OUT} for row in held(store, table, where)]
    return sorted(rows, key=str)
