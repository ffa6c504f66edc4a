"""What the server engine promises beyond the contract that all engines share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tests.engines.vllm_server import VllmServer, serve
from tests.models import save_tiny_policy
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.types import Draw, draw_seed
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError

SAMPLING = SamplingConfig(max_tokens=20, temperature=0.7, top_p=0.9, stop=("#",))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_policy(tmp_path_factory.mktemp("policy"))


@pytest.fixture
def servers(path: Path) -> Iterator[tuple[VllmServer, VllmServer]]:
    with serve(path) as one, serve(path) as other:
        yield one, other


def policy_at(path: Path, *urls: str, **server: Any) -> PolicyConfig:
    settings = {"urls": urls, "retries": 2, "concurrency": 4, **server}
    return PolicyConfig.model_validate({"name": "x", "path": str(path), "engine": "server", "server": settings})


def draws_of(engine: Any, n: int) -> list[Draw]:
    return [Draw(tuple(engine.encode("1+2=\n")), draw_seed(0, "p", index)) for index in range(n)]


def test_a_sample_is_what_the_model_itself_draws(path, servers):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    itself = load_engine(PolicyConfig(name="x", path=str(path)), PromptConfig())
    draws = [Draw(draw.prefix_ids, draw.seed % 2**31) for draw in draws_of(engine, 12)]
    for ours, theirs in zip(engine.generate(draws, SAMPLING), itself.generate(draws, SAMPLING), strict=True):
        assert (ours.token_ids, ours.text, ours.finish_reason) == (theirs.token_ids, theirs.text, theirs.finish_reason)
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)
    assert engine.model_facts() == itself.model_facts()


def test_all_servers_work_at_the_same_time(path, servers):
    engine = load_engine(policy_at(path, *(server.url for server in servers)), PromptConfig())
    drawn = engine.generate(draws_of(engine, 60), SAMPLING)
    assert len(drawn) == 60
    counts = [len(server.requests) for server in servers]
    assert sum(counts) == 60 and min(counts) > 5
    assert all(1 < server.most_under_way <= 4 for server in servers)


def test_nothing_is_left_to_the_servers_defaults(path, servers):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    (draw,) = draws_of(engine, 1)
    engine.generate([draw, Draw(draw.prefix_ids, 5, 3)], SAMPLING)
    first, second = sorted(servers[0].requests, key=lambda request: -request["max_tokens"])
    assert first["prompt"] == list(draw.prefix_ids) and first["seed"] == draw.seed % 2**31
    assert (first["temperature"], first["top_p"], first["top_k"], first["repetition_penalty"]) == (0.7, 0.9, -1, 1.0)
    assert first["stop"] == ["#"] and first["include_stop_str_in_output"] and first["return_token_ids"]
    assert (first["max_tokens"], second["max_tokens"]) == (20, 3)


def test_a_busy_server_is_asked_again(path, servers):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    servers[0].busy = 2
    assert len(engine.generate(draws_of(engine, 8), SAMPLING)) == 8
    assert len(servers[0].requests) == 10


def test_the_others_go_on_when_one_falls_silent(path, servers):
    engine = load_engine(policy_at(path, *(server.url for server in servers), retries=0), PromptConfig())
    servers[0].busy = 10**6
    assert len(engine.generate(draws_of(engine, 20), SAMPLING)) == 20


def test_when_none_answers_the_missing_samples_are_counted(path, servers):
    engine = load_engine(policy_at(path, servers[0].url, retries=0), PromptConfig())
    servers[0].busy = 10**6
    with pytest.raises(
        TTCError, match=r"no server answers any more, 8 samples are missing: .*\(503: starting\)"
    ) as raised:
        engine.generate(draws_of(engine, 8), SAMPLING)
    assert raised.value.exit_status == 1


def test_what_a_server_refuses_is_told_in_its_words(path, servers):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    with pytest.raises(RequestError, match=r"refuses \(400\): This model's maximum context length is 128 tokens.$"):
        engine.generate(draws_of(engine, 4), SamplingConfig(max_tokens=500))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token_ids": None, "logprobs": {"tokens": ["1", "2"]}}, "gives no token ids: it must be vLLM"),
        ({"logprobs": None}, "gives no log-probability for each token"),
        ({"finish_reason": "abort"}, "ended a sample with 'abort'"),
    ],
)
def test_an_answer_that_cannot_be_kept_stops_the_run(path, servers, change, message):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    servers[0].answer_change = change
    with pytest.raises(TTCError, match=message):
        engine.generate(draws_of(engine, 4), SAMPLING)


def test_token_ids_of_older_servers_are_read_from_the_tokens(path, servers):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    expected = engine.generate(draws_of(engine, 4), SAMPLING)
    servers[0].answer_change = {"token_ids": None}
    assert engine.generate(draws_of(engine, 4), SAMPLING) == expected


@pytest.mark.parametrize(
    ("server", "message"),
    [
        ({"urls": ()}, "needs policy.server.urls"),
        ({"urls": ("http://127.0.0.1:9",), "retries": 0}, "does not answer .*start it with `vllm serve"),
        ({"model": "other"}, "has no model 'other': set policy.server.model to served"),
    ],
)
def test_a_server_that_cannot_serve_is_one_line(path, servers, server, message):
    with pytest.raises(RequestError, match=message) as raised:
        load_engine(policy_at(path, servers[0].url, **server), PromptConfig())
    assert "\n" not in str(raised.value)
