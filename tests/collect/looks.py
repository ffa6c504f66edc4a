"""Where the effect of a key of a configuration is seen: what engines, servers and verifiers are asked, what is written.

Each look takes a configuration as a file would hold it, less what is the same in all, and gives something to compare.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import ttclib.collect.verifiers
from tests.collect.test_run import rows
from tests.collect.test_search import FakeEngine, FakePrm
from tests.collect.vllm_package import fake_vllm
from tests.engines.chat_server import MODEL, ChatServer, status
from tests.reward_models import CHATML, byte_tokenizer
from ttclib.collect import estimate, features, keeper, revise, run, search, stepping
from ttclib.collect import judge as judging
from ttclib.collect.engines.chat import ChatEngine
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.tokens import Tokens, between_answers
from ttclib.collect.engines.types import Draw
from ttclib.collect.identity import identify
from ttclib.collect.verifiers import common, load_prm
from ttclib.config import RunConfig
from ttclib.errors import RequestError, TTCError


class World(NamedTuple):
    """What a look needs: somewhere to write, tiny models, a server."""

    folder: Path
    policy: Path
    prm: Path
    orm: Path
    server: ChatServer
    monkeypatch: pytest.MonkeyPatch


def merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    found = dict(one)
    for key, value in other.items():
        both = isinstance(value, dict) and isinstance(found.get(key), dict)
        found[key] = merged(found[key], value) if both else value
    return found


def filled(world: World, value: Any) -> Any:
    """Names of what the world has in the place of their marks."""
    if isinstance(value, dict):
        return {key: filled(world, one) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(world, one) for one in value]
    names = {"POLICY": world.policy, "PRM": world.prm, "ORM": world.orm}
    names |= {"SERVER": world.server.url, "FOLDER": world.folder}
    for mark, name in names.items():
        value = value.replace(mark, str(name)) if isinstance(value, str) else value
    return value


def made(world: World, content: dict[str, Any]) -> RunConfig:
    plain = {
        "store": "FOLDER/run.duckdb",
        "problems": {"source": "lab:test", "limit": 2},
        "policy": {"name": "tiny", "path": "POLICY"},
        "sampling": {"n_samples": 4, "max_tokens": 24},
        "grading": {"grader": "exact"},
    }
    return RunConfig.model_validate(filled(world, merged(plain, content)))


# Where effects are seen.


def asked_of_api(world: World, content: dict[str, Any]) -> Any:
    """Requests for four samples of one question, one refused for now, with the key; and what came of it."""
    policy = {"engine": "chat", "path": MODEL, "server": {"urls": ["SERVER"], "concurrency": 1}}
    return _asked(world, made(world, merged({"policy": policy}, content)))


def asked_at_once(world: World, content: dict[str, Any]) -> Any:
    """How many requests are under way together, each of which takes its time."""
    world.server.wait_s = 0.05
    asked_of_api(world, merged({"policy": {"server": {"concurrency": 128}}}, content))
    return world.server.most_under_way > 1


def _refused_once(world: World, ask: Callable[[], Any]) -> str | None:
    """What an error says of asking a server that is busy at first and knows keys; None: none came."""
    world.monkeypatch.setenv("VLLM_API_KEY", "sk-one")
    world.monkeypatch.setenv("OTHER_KEY", "sk-other")
    world.monkeypatch.setattr("ttclib.collect.engines.http._FIRST_WAIT_S", 0.01)
    world.server.faults.append(status(503))
    try:
        ask()
    except TTCError as error:
        return str(error)
    return None


def _asked(world: World, config: RunConfig) -> Any:
    draws = [Draw((), n, prompt="1+1=") for n in range(4)]
    told = _refused_once(world, lambda: ChatEngine(config.policy, config.prompt).generate(draws, config.sampling))
    return sorted(map(json.dumps, world.server.requests)), world.server.paths, world.server.keys[-1:], told


def asked_of_judge(world: World, content: dict[str, Any]) -> Any:
    """What the judge is asked of two samples, and what is kept of what it says."""
    server = {"urls": ["SERVER"], "retries": 1, "concurrency": 1}
    config = made(world, merged({"judge": {"path": "wise", "server": server}}, content))
    _of_samples(world, config.model_copy(update={"sampling": config.sampling.model_copy(update={"n_samples": 1})}))
    world.server.change = lambda answer, request: merged(answer, {"choices": [_rated(answer)]})
    told = _refused_once(world, lambda: judging.judge(config))
    kept = rows(config.store, "SELECT verifier, reading, step_scores FROM scores ORDER BY ALL")
    parts = len(list(config.store.with_name(config.store.name + ".parts").glob("*-scores-*")))
    return sorted(map(json.dumps, world.server.requests)), world.server.paths, world.server.keys[-1:], kept, parts, told


def judge_of_server(world: World, content: dict[str, Any]) -> Any:
    """Which API is asked for readings."""
    config = made(world, merged({"judge": {"path": "wise", "server": {"urls": ["SERVER"]}}}, content))
    _of_samples(world, config.model_copy(update={"sampling": config.sampling.model_copy(update={"n_samples": 1})}))
    return _loading(world, judging, "load_api", lambda: judging.judge(config))


def _rated(answer: dict[str, Any]) -> dict[str, Any]:
    return answer["choices"][0] | {"message": {"role": "assistant", "content": "Score: 4 (worth: 3)"}}


def _faked(world: World) -> FakeEngine:
    """Policy and verifier in Python in the place of models."""
    engine = FakeEngine()
    for module in (run, stepping, revise):
        world.monkeypatch.setattr(module, "load_engine", lambda *_: engine)
    world.monkeypatch.setattr(ttclib.collect.verifiers, "load_prm", lambda *_: FakePrm())
    return engine


_SAMPLED: dict[str, bytes] = {}


def _of_samples(world: World, config: RunConfig) -> None:
    """Have the store hold what is configured, which is drawn once a process."""
    name = repr([config.problems, config.policy.name, config.prompt, config.sampling])
    _faked(world)
    if name not in _SAMPLED:
        run.sample(config)
        keeper.take_in(config.store)
        _SAMPLED[name] = config.store.read_bytes()
    config.store.write_bytes(_SAMPLED[name])


def sampled(world: World, content: dict[str, Any]) -> Any:
    """What a run writes, and in what batches."""
    config = made(world, content)
    engine = _faked(world)
    run.sample(config)
    kept = rows(config.store, "SELECT * EXCLUDE (run_id, elapsed_s) FROM samples ORDER BY ALL")
    graded = run.grade(config.store, config.grading.grader)
    answers = rows(config.store, "SELECT grader, answer FROM grades ORDER BY ALL")
    return kept, engine.calls, graded, answers, rows(config.store, "SELECT * FROM problems ORDER BY ALL")


def drawn(world: World, content: dict[str, Any]) -> Any:
    """Two completions of the tiny policy itself."""
    config = made(world, content)
    try:
        engine: Any = load_engine(config.policy, config.prompt)
    except RequestError as error:
        return str(error)
    found = engine.generate([Draw(tuple(engine.encode("1+1=")), seed) for seed in range(2)], config.sampling)
    tables = [[getattr(one, name) is None for name in ("token_logprobs", "token_top20")] for one in found]
    return found, tables, engine.model.dtype, engine.model_facts()


def of_vllm(world: World, content: dict[str, Any]) -> Any:
    """What vLLM is given."""
    config = made(world, content)
    with fake_vllm(world.monkeypatch) as asked:
        engine = asked.engine.VllmEngine("m", config.policy, config.prompt)
        engine.generate([Draw((1, 2), 3)], config.sampling)
    return asked.options, asked.parameters


def copies(world: World, content: dict[str, Any]) -> Any:
    """Whether copies are begun, for which one GPU is too few."""
    world.monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    return drawn(world, content)


def prompted(world: World, content: dict[str, Any]) -> Any:
    """Token ids of a question."""
    config = made(world, content)
    return Tokens(byte_tokenizer(["<|im_start|>", "<|im_end|>"], CHATML), config.prompt).encode("3+3=")


def between(world: World, content: dict[str, Any]) -> Any:
    """Token ids between two answers."""
    config = made(world, content)
    tokenizer = byte_tokenizer(["<|im_start|>", "<|im_end|>"], CHATML)
    assert config.revision is not None
    return between_answers(tokenizer, config.revision, config.prompt, "3+3=")


def identified(world: World, content: dict[str, Any]) -> Any:
    """Who the models are, and what is said to revising."""
    config = made(world, content)
    models = [model for model in (config.policy, config.prm, config.judge) if model is not None]
    try:
        revise.check_revision(config)
        told = None
    except RequestError as error:
        told = str(error)
    return [identify(model).row() for model in models], told


def scored(world: World, content: dict[str, Any]) -> Any:
    """Scores of a run, and whose."""
    config = made(world, merged({"prm": {"path": "PRM"}}, content))
    _of_samples(world, config)
    run.score(config)
    return rows(config.store, "SELECT * EXCLUDE (run_id) FROM scores ORDER BY ALL")


def read_by_prm(world: World, content: dict[str, Any]) -> Any:
    """What a verifier reads, in what batches, and its scores."""
    config = made(world, merged({"prm": {"path": "PRM"}}, content))
    world.monkeypatch.setattr(common, "WORTH_IT", 0)  # a row a solution
    assert config.prm is not None
    try:
        prm = load_prm(config.prm)
    except RequestError as error:
        return str(error)
    sizes: list[int] = []
    read = prm._read
    prm._read = lambda batch, places: (sizes.append(len(batch)), read(batch, places))[1]
    encoded = [prm.encode("1+1=\n", ["1+1\n", last]) for last in ("2", "3", "11")]
    scores = prm.score(encoded)
    return encoded, sizes, scores, prm.model.dtype, type(prm), prm.model_facts()


def of_chains(world: World, content: dict[str, Any]) -> Any:
    """What chains draw after what, which model draws and which verifier reads them, and what is kept."""
    config = made(world, merged({"revision": {"n_chains": 1, "n_steps": 3}, "sampling": {"max_tokens": 6}}, content))
    engine, asked = FakeEngine(), []
    world.monkeypatch.setattr(revise, "load_engine", lambda model, *_: asked.append(model) or engine)
    world.monkeypatch.setattr(revise, "end_tokens", lambda *_: frozenset())
    world.monkeypatch.setattr(revise, "load_verifier", lambda verifier, *_: asked.append(verifier) or FakeOrm())
    world.monkeypatch.setattr(revise, "check_identity", lambda *_: None)
    world.monkeypatch.setattr(revise, "record_models", lambda *_, **more: None)
    revise.revise(config)
    if config.revision is not None and config.revision.verifier is not None:
        revise.score_revisions(config)
    kept = rows(config.store, "SELECT policy, chain, position, completion FROM revisions ORDER BY ALL")
    read = rows(config.store, "SELECT verifier, position, step_scores, prm_tokens FROM revision_scores ORDER BY ALL")
    return engine.limits, asked, kept, read


def reviser(world: World, content: dict[str, Any]) -> Any:
    """Which model is loaded for chains."""
    config = made(world, merged({"revision": {"n_chains": 1, "n_steps": 1}}, content))
    return _loading(world, revise, "load_engine", lambda: revise.revise(config))


def reader_of_chains(world: World, content: dict[str, Any]) -> Any:
    """Which verifier is loaded for what stands in a store."""
    config = made(world, merged({"revision": {"n_chains": 1, "n_steps": 1}, "sampling": {"max_tokens": 6}}, content))
    _faked(world)
    world.monkeypatch.setattr(revise, "end_tokens", lambda *_: frozenset())
    if "chains" not in _SAMPLED:
        revise.revise(config)
        keeper.take_in(config.store)
        _SAMPLED["chains"] = config.store.read_bytes()
    config.store.write_bytes(_SAMPLED["chains"])
    return _loading(world, revise, "load_verifier", lambda: revise.score_revisions(config))


def _loading(world: World, module: Any, loader: str, use: Any) -> Any:
    asked: list[Any] = []

    def load(model: Any, *_: Any) -> Any:
        asked.append(model)
        raise RequestError("it was asked")

    world.monkeypatch.setattr(module, loader, load)
    world.monkeypatch.setattr(module, "check_identity", lambda *_: None)
    with pytest.raises(RequestError, match="it was asked"):
        use()
    return asked


class FakeOrm(FakePrm):
    """Reads whatever it is given, and has a window."""

    class model:
        class config:
            max_position_embeddings = None


def searched(world: World, content: dict[str, Any]) -> Any:
    """Searches of two problems, and what is said of them."""
    asked = {"budgets": [4], "algorithms": [{"strategy": "beam_search", "beam_width": 2}]}
    decoding = {"n_samples": 4, "max_tokens": 12}
    config = made(world, merged({"prm": {"path": "PRM"}, "search": asked, "sampling": decoding}, content))
    _of_samples(world, config)
    run.score(config)
    said: list[str] = []
    finals: list[Any] = []
    sum_up = search._sum_up

    def noted(running: Any, *rest: Any) -> None:
        finals.extend(run.finals for run in running)
        sum_up(running, *rest)

    world.monkeypatch.setattr(search, "_sum_up", noted)
    report = search.search(config, notify=said.append)
    paths = rows(config.store, "SELECT problem_id, path FROM nodes ORDER BY ALL")
    return report.n_searches, paths, finals, ["problems" in line for line in said[2:]]


def estimated(world: World, content: dict[str, Any]) -> Any:
    """What a run would need."""
    told = {"policy_parameters": 1e9, "prm_parameters": 1e9}
    config = made(world, merged({"prm": {"path": "PRM"}, "estimate": told, "store": "s.duckdb"}, content))
    return estimate.estimate_run(config).lines(config)


def loaded(world: World, content: dict[str, Any]) -> Any:
    """Which problems all that reads problems asks for."""
    config = made(world, merged({"prm": {"path": "PRM"}, "revision": {}}, content))
    asked: list[dict[str, Any]] = []

    def load(**given: Any) -> Any:
        asked.append(given)
        raise RequestError("it was asked")

    for use in (run.sample, search.search, revise.revise, features.features):
        world.monkeypatch.setattr(sys.modules[use.__module__], "load_problems", load)
        with pytest.raises(RequestError, match="it was asked"):
            use(config)
    assert len(asked) == 4 and all(one == asked[0] for one in asked)
    return asked


def placed(world: World, content: dict[str, Any]) -> Any:
    """Where it is written."""
    config = made(world, content)
    _faked(world)
    run.sample(config)
    return config.store.exists() or config.store.with_name(config.store.name + ".parts").exists(), str(config.store)
