"""What a caller says reaches all that asks for it: whom to tell, where to compute, which shard, which revision."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

import huggingface_hub
import transformers

import ttclib.collect
from tests.collect.ray_package import Ray
from tests.collect.test_workers import begun
from tests.engines.vllm_server import serve
from tests.reward_models import save_orm, save_qwen
from ttclib.collect.engines import replicas
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.tokens import end_tokens
from ttclib.collect.identity import identify
from ttclib.collect.verifiers import load_prm
from ttclib.config import PolicyConfig, PrmConfig, PromptConfig, RunConfig

ROOM = Path(ttclib.collect.__file__).parent
PASSED_ON = ("notify", "on", "shard")


def calls() -> Iterator[tuple[str, str, ast.Call, Any]]:
    """Calls of our own functions: module, function, call, what is called and what the caller is told."""
    for path in sorted(ROOM.rglob("*.py")):
        name = ".".join(("ttclib", "collect", *path.relative_to(ROOM).with_suffix("").parts))
        if path.stem in ("__init__", "vllm"):
            continue
        module = importlib.import_module(name)
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and (called := _called(module, call.func)) is not None:
                    yield path.stem, function.name, call, (called, {arg.arg for arg in _arguments(function)})


def _arguments(function: ast.FunctionDef) -> list[ast.arg]:
    return [*function.args.args, *function.args.kwonlyargs]


def _called(module: Any, func: ast.expr) -> Any:
    found: Any = module
    for part in ast.unparse(func).split("."):
        found = getattr(found, part, None)
    return found if inspect.isfunction(found) and found.__module__.startswith("ttclib.collect.") else None


def test_who_is_told_where_it_computes_and_which_shard_are_passed_on() -> None:
    n_seen = 0
    for module, function, call, (called, told) in calls():
        given = {keyword.arg for keyword in call.keywords}
        asks = inspect.signature(called).parameters
        first = list(asks)[: len(call.args)]
        for name in (name for name in PASSED_ON if name in told and name in asks):
            n_seen += 1
            assert name in given or name in first, f"{module}.{function} does not pass {name} on to {called.__name__}"
    assert n_seen > 40


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """What was read of checkpoints, and of which revision."""
    asked: list[tuple[str, str | None]] = []
    for kind in (
        *(transformers.AutoTokenizer, transformers.AutoConfig, transformers.GenerationConfig),
        *(transformers.AutoModelForCausalLM, transformers.AutoModelForTokenClassification),
        transformers.AutoModelForSequenceClassification,
    ):
        _note(monkeypatch, kind, "from_pretrained", asked)
    _note(monkeypatch, transformers.PretrainedConfig, "get_config_dict", asked)
    return asked


def _note(monkeypatch: pytest.MonkeyPatch, kind: Any, name: str, asked: list[tuple[str, str | None]]) -> None:
    plain = getattr(kind, name)

    def noted(*given: Any, **more: Any) -> Any:
        caller = inspect.stack()[1].frame.f_globals.get("__name__", "")
        if caller.startswith("ttclib."):
            asked.append((f"{kind.__name__}.{name}", more.get("revision")))
        return plain(*given, **more)

    monkeypatch.setattr(kind, name, noted)


def kinds(read: list[tuple[str, str | None]]) -> set[str]:
    assert {revision for _, revision in read} == {"abc"}
    found = {name.partition(".")[0] for name, _ in read}
    read.clear()
    return found


def test_every_engine_reads_the_revision_that_is_configured(
    tiny_policy: Path,
    config: RunConfig,
    read: Any,
    ray: Ray,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    policy = PolicyConfig(name="m", path=str(tiny_policy), revision="abc")
    engine: Any = load_engine(policy, PromptConfig())
    assert kinds(read) == {"AutoTokenizer", "AutoModelForCausalLM"}
    end_tokens(engine.tokenizer, policy)
    assert kinds(read) == {"GenerationConfig"}
    with serve(tiny_policy) as server:
        read.clear()  # the server's own
        content = {"name": "m", "path": str(tiny_policy), "revision": "abc", "engine": "server"}
        load_engine(PolicyConfig.model_validate(content | {"server": {"urls": [server.url]}}), PromptConfig())
    assert kinds(read) == {"AutoTokenizer", "AutoConfig"}
    with begun(config)[0] as machines:
        machines.engine(policy, PromptConfig())
    assert kinds(read) == {"AutoTokenizer", "AutoModelForCausalLM"}
    monkeypatch.setattr(replicas, "share_devices", lambda *_: [])
    with pytest.raises(IndexError):  # no copy, no facts
        load_engine(policy.model_copy(update={"data_parallel_size": 2}), PromptConfig())
    assert kinds(read) == {"AutoTokenizer"}


def test_every_verifier_reads_the_revision_that_is_configured(tiny_prm: Path, tmp_path: Path, read: Any) -> None:
    prm = PrmConfig(path=str(tiny_prm), revision="abc")
    load_prm(prm)
    assert kinds(read) == {"PreTrainedConfig", "AutoTokenizer", "AutoModelForTokenClassification"}
    load_prm(prm, weights=False)
    assert kinds(read) == {"PreTrainedConfig", "AutoTokenizer", "AutoConfig"}
    for save in (save_orm, save_qwen):
        load_prm(PrmConfig(path=str(save(tmp_path / save.__name__)), revision="abc"))
        assert "AutoTokenizer" in kinds(read)


def test_to_tell_which_model_it_is_nothing_is_fetched(tiny_policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def download(*given: Any, **more: Any) -> str:
        asked.append((given, more))
        return str(tiny_policy)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    found = identify(PolicyConfig(name="m", path="owner/model", revision="abc"))
    assert asked == [(("owner/model",), {"revision": "abc", "local_files_only": True})]
    here = identify(PolicyConfig(name="m", path=str(tiny_policy)))
    assert (found.weights_hash, found.tokenizer_hash) == (here.weights_hash, here.tokenizer_hash)
    assert found.weights_hash is not None and (found.path, found.revision) == ("owner/model", "abc")

    def nothing(*_: Any, **__: Any) -> str:
        raise OSError("not in the cache")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", nothing)
    assert identify(PolicyConfig(name="m", path="owner/model")).weights_hash is None
