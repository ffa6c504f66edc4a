"""What others do of the same work meanwhile is not done here, and said; what they are at is waited for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tests.collect.stages import STAGES, faked, held, written
from tests.collect.test_search import FakeEngine
from ttclib.collect import (
    grade_samples,
    keeper,
    run,
    sharing,
)
from ttclib.config import RunConfig
from ttclib.store import StoreLockedError, write_part
from ttclib.store.claims import Claims
from ttclib.store.parts import _ours

THEIRS = ("lab-test-0001", "lab-test-0002")  # of three problems
GIVEN = ("models", "problems", "settings")


@pytest.fixture
def begun(whole, tmp_path, monkeypatch) -> Callable[[str], RunConfig]:
    """A store in which what a stage needs is done, and nothing of itself."""
    faked(monkeypatch)
    monkeypatch.setattr(keeper, "_ABSORB_EVERY_S", 3600)

    def copied(name: str) -> RunConfig:
        content = whole.content | {"store": tmp_path / "run.duckdb"}
        config = RunConfig.model_validate(content)
        for table in (*GIVEN, *STAGES[name].before):
            scores = "verifier = 'prm'" if table == "scores" else "true"
            write_part(config.store, table, held(whole.store, table, scores))
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
    n_theirs = len(held(whole.store, stage.tables[0], f"{theirs} AND {of_stage(name, stage.tables[0])}"))

    def loading(*given: Any) -> Any:
        for table in stage.tables:
            part = write_part(config.store, table, held(whole.store, table, f"{theirs} AND {of_stage(name, table)}"))
            assert part is not None
            _ours.discard(part.name)
        return load(*given)

    monkeypatch.setattr(module, loader, loading)
    n = stage.do(config, said.append)
    assert n + n_theirs == whole.n_done[name] and n_theirs > 0 < n
    if stage.n:
        assert (n, whole.n_done[name]) == (stage.n_here, stage.n)
    assert [line for line in said if "by others meanwhile" in line] == ([stage.told] if stage.told else [])
    for table in stage.tables:
        where = of_stage(name, table)
        assert written(config.store, table, where) == written(whole.store, table, where)


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
    assert n == whole.n_done[name] and not any("by others" in line for line in said)
    for table in stage.tables:
        where = of_stage(name, table)
        assert written(config.store, table, where) == written(whole.store, table, where)
    assert not list(config.store.parent.glob("*.parts/*.claim"))


def test_a_unit_is_given_back_when_all_of_it_is_done(tmp_path: Path) -> None:
    store = tmp_path / "s.duckdb"
    cells = [("p", index) for index in range(4)]
    with sharing.Work(keeper.Keeper(store), ("x",), cells, lambda cell: (cell[0], cell[1] // 2), what="x") as work:
        other = Claims(store)
        assert work.take(3) == cells[:3] and not other.take("x\0p\0" + "1")
        work.done(cells[:1])
        assert not other.take("x\0p\0" + "0")
        work.done(cells[1:2])
        assert other.take("x\0p\0" + "0") and not other.take("x\0p\0" + "1")
        assert work.take(9) == cells[3:] and work.take(9) == [] and work.n_by_others == 0
        other.close()


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
