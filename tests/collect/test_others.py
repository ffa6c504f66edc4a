"""What others do of the same work meanwhile is not done here, and said; what they are at is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tests.collect.test_search import FakeEngine, FakePrm
from tests.engines.chat_server import ChatServer, serve_chat
from ttclib.collect import (
    grade_nodes,
    grade_samples,
    judge,
    keeper,
    revise,
    run,
    score_samples,
    search,
    sharing,
    stepping,
)
from ttclib.config import RunConfig
from ttclib.store import StoreLockedError, connect, write_part
from ttclib.store.claims import Claims
from ttclib.store.parts import _ours

THEIRS = ("lab-test-0001", "lab-test-0002")  # of three problems
GIVEN = ("problems", "settings", "models")


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


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_policy, tiny_prm) -> Iterator[tuple[dict[str, Any], Path, dict[str, int], ChatServer]]:
    """A configuration, a store in which all of it was done by one process, and how much each stage did."""
    with serve_chat() as server, pytest.MonkeyPatch.context() as patch:
        content = {
            "problems": {"source": "lab:test", "limit": 3},
            "policy": {"name": "tiny", "path": str(tiny_policy)},
            "sampling": {"n_samples": 6, "max_tokens": 24},
            "prm": {"name": "prm", "path": str(tiny_prm)},
            "judge": {"path": "wise", "server": {"urls": [server.url]}},
            "revision": {"n_chains": 2, "n_steps": 3, "verifier": {"name": "orm", "path": str(tiny_prm)}},
            "search": {"budgets": (9,), "algorithms": [{"strategy": "beam_search", "beam_width": 3}]},
            "grading": {"grader": "exact"},
        }
        store = tmp_path_factory.mktemp("whole") / "run.duckdb"
        config = RunConfig.model_validate(content | {"store": store})
        faked(patch)
        done = {name: stage.do(config, lambda text: None) for name, stage in STAGES.items()}
        keeper.take_in(store)
        yield content, store, done, server


def faked(patch: pytest.MonkeyPatch) -> None:
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
    rows = [{k: v for k, v in row.items() if k not in ("run_id", "elapsed_s")} for row in held(store, table, where)]
    return sorted(rows, key=str)


@pytest.fixture
def begun(whole, tmp_path, monkeypatch) -> Callable[[str], RunConfig]:
    """A store in which what a stage needs is done, and nothing of itself."""
    faked(monkeypatch)
    monkeypatch.setattr(keeper, "_ABSORB_EVERY_S", 3600)
    content, done, *_ = whole

    def copied(name: str) -> RunConfig:
        config = RunConfig.model_validate(content | {"store": tmp_path / "run.duckdb"})
        for table in (*GIVEN, *STAGES[name].before):
            scores = "verifier = 'prm'" if table == "scores" else "true"
            write_part(config.store, table, held(done, table, scores))
        keeper.take_in(config.store)
        return config

    return copied


def of_stage(name: str, table: str) -> str:
    return f"verifier = '{'wise' if name == 'judge' else 'prm'}'" if table == "scores" else "true"


@pytest.mark.parametrize("name", STAGES)
def test_what_others_have_done_while_models_were_loaded_is_left_to_them(whole, begun, monkeypatch, name: str) -> None:
    stage, config, said = STAGES[name], begun(name), []
    module, loader = stage.loads
    load = getattr(module, loader)
    theirs = f"problem_id IN {THEIRS}"
    n_theirs = len(held(whole[1], stage.tables[0], f"{theirs} AND {of_stage(name, stage.tables[0])}"))

    def loading(*given: Any) -> Any:
        for table in stage.tables:
            part = write_part(config.store, table, held(whole[1], table, f"{theirs} AND {of_stage(name, table)}"))
            assert part is not None
            _ours.discard(part.name)
        return load(*given)

    monkeypatch.setattr(module, loader, loading)
    n = stage.do(config, said.append)
    assert n + n_theirs == whole[2][name] and n_theirs > 0 < n
    if stage.n:
        assert (n, whole[2][name]) == (stage.n_here, stage.n)
    assert [line for line in said if "by others meanwhile" in line] == ([stage.told] if stage.told else [])
    for table in stage.tables:
        where = of_stage(name, table)
        assert written(config.store, table, where) == written(whole[1], table, where)


@pytest.mark.parametrize("name", STAGES)
def test_what_others_are_at_is_waited_for_and_done_where_they_leave_it(whole, begun, monkeypatch, name: str) -> None:
    monkeypatch.setattr(sharing, "_LOOK_EVERY_S", 0.01)
    stage, config, said = STAGES[name], begun(name), []
    setting = config.setting_row()["setting"]
    if name in ("revise", "revisions"):
        assert config.revision is not None
        setting = config.revision_setting_row(config.revision)["setting"]
    first, *last = stage.kind or ("grades",)
    of_pool = ("tiny", setting) if stage.kind else (grade_samples.get_grader("exact").name,)
    other = Claims(config.store)
    unit = "\0".join((first, *of_pool, *last, THEIRS[0], "0") if stage.kind else (first, *of_pool, THEIRS[0], "0"))
    assert other.take(unit)

    def notify(text: str) -> None:
        said.append(text)
        if "waiting for" in text:
            other.release(unit)

    n = stage.do(config, notify)
    other.close()
    (told,) = [line for line in said if "waiting for" in line]
    assert told.startswith(f"{stage.n_waited} process ") and told.endswith(" is at")
    assert n == whole[2][name] and not any("by others" in line for line in said)
    for table in stage.tables:
        where = of_stage(name, table)
        assert written(config.store, table, where) == written(whole[1], table, where)
    assert not list(config.store.parent.glob("*.parts/*.claim"))


def test_where_the_store_cannot_be_asked_all_is_done(begun, monkeypatch) -> None:
    config = begun("sample")

    def locked(*_: Any) -> Any:
        raise StoreLockedError("another takes much in")

    def loading(*_: Any) -> Any:
        part = write_part(config.store, "models", [{"model": "x"}])
        assert part is not None
        _ours.discard(part.name)
        monkeypatch.setattr(run, "drawn_samples", locked)
        return FakeEngine()

    monkeypatch.setattr(run, "load_engine", loading)
    assert run.sample(config) == 18
