from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ttclib.config import RunConfig

if TYPE_CHECKING:
    from tests.collect.ray_package import Ray
    from tests.collect.stages import Whole


@pytest.fixture(scope="session")
def tiny_policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    from tests.models import save_tiny_policy

    return save_tiny_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture(scope="session")
def tiny_prm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("torch")
    from tests.models import save_tiny_prm

    return save_tiny_prm(tmp_path_factory.mktemp("prm"))


@pytest.fixture
def config(tmp_path: Path, tiny_policy: Path, tiny_prm: Path) -> RunConfig:
    """5 problems × 6 samples of an untrained policy."""
    return RunConfig.model_validate(
        {
            "store": str(tmp_path / "run.duckdb"),
            "problems": {"source": "lab:test", "limit": 5},
            "policy": {"name": "tiny", "path": str(tiny_policy), "batch_size": 8},
            "sampling": {"n_samples": 6, "max_tokens": 24},
            "prm": {"name": "prm", "path": str(tiny_prm)},
            "grading": {"grader": "exact"},
        }
    )


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory, tiny_policy: Path, tiny_prm: Path) -> Iterator[Whole]:
    """All stages of collecting, done once."""
    pytest.importorskip("httpx")
    from tests.collect.stages import everything
    from tests.engines.chat_server import serve_chat

    with serve_chat() as server:
        yield everything(tmp_path_factory.mktemp("whole"), tiny_policy, tiny_prm, server.url)


@pytest.fixture
def processes() -> Iterator[list]:
    """Processes that a test started end with it."""
    started: list = []
    yield started
    for one in started:
        one.kill()
        one.wait()
        one.stdout.close()


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Ray:
    """The stand-in, in the package's place."""
    from tests.collect.ray_package import Ray
    from ttclib.collect.engines import cluster

    stand_in = Ray()
    monkeypatch.setitem(sys.modules, "ray", stand_in)  # type: ignore[arg-type]
    monkeypatch.setattr(cluster, "find_spec", lambda name: stand_in)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    return stand_in
