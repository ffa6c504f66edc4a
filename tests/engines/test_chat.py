"""An API as an engine: what it is asked, what is kept of its answers, and all that it can do wrong."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("httpx")

from tests.cli.commands import error_line, ttc
from tests.collect.test_run import KEY, rows
from tests.engines.chat_server import (
    MODEL,
    ChatServer,
    dripping,
    dripping_headers,
    dropped,
    raw,
    serve_chat,
    status,
    tokens_of,
    truncated,
)
from ttclib.collect import keeper, revise, run, search
from ttclib.collect.engines.chat import ChatEngine
from ttclib.collect.engines.loading import holding_models
from ttclib.collect.engines.types import Draw, Reply, Stopped, Unfinished
from ttclib.collect.estimate import estimate_run
from ttclib.collect.steps import split_steps
from ttclib.collect.token_columns import reply_columns
from ttclib.config import RunConfig
from ttclib.errors import RequestError, TTCError
from ttclib.store import load_pool, set_model_facts
from ttclib.store.models import list_models
from ttclib.store.parts import as_table


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with serve_chat() as running:
        yield running


@pytest.fixture
def config(server: ChatServer, tmp_path: Path) -> RunConfig:
    """3 problems × 4 samples of the API."""
    return configured(server, tmp_path)


def configured(server: ChatServer, folder: Path, **sections: dict[str, Any]) -> RunConfig:
    policy = sections.pop("policy", {})
    place = {"urls": [server.url], "retries": 2, "timeout_s": 5} | policy.pop("server", {})
    content: dict[str, Any] = {
        "store": str(folder / "run.duckdb"),
        "problems": {"source": "lab:test", "limit": 3},
        "policy": {"name": "api", "path": MODEL, "engine": "chat", "server": place} | policy,
        "sampling": {"n_samples": 4, "max_tokens": 50},
        "grading": {"grader": "exact"},
    }
    for name, section in sections.items():
        content[name] = content.get(name, {}) | section
    return RunConfig.model_validate(content)


def draw(config: RunConfig, n: int = 4, problem: str = "1+1=") -> list[Reply]:
    engine = ChatEngine(config.policy, config.prompt)
    return engine.generate([Draw((), seed, prompt=problem) for seed in range(n)], config.sampling)


def one_changed(server: ChatServer, config: RunConfig, **change: Any) -> Reply:
    """A reply of which a choice, its message or the usage is changed."""

    def changed(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        answer["choices"][0] |= change.get("choice", {})
        answer["choices"][0]["message"] |= change.get("message", {})
        answer["usage"] = answer["usage"] | change["usage"] if "usage" in change else answer["usage"]
        return answer

    server.change = changed
    (reply,) = draw(config, 1)
    return reply


# What it is asked.


def test_a_problem_is_asked_in_turns_and_everything_is_said(server: ChatServer, tmp_path: Path) -> None:
    config = configured(
        server,
        tmp_path,
        policy={"server": {"max_tokens_key": "max_completion_tokens", "omit": ["top_p"]}},
        prompt={
            "system": "Add.",
            "template": "{prompt}?",
            "examples": [{"prompt": "1+2=", "answer": "3"}],
            "chat_template_kwargs": {"enable_thinking": False},
        },
        sampling={"temperature": 0.5, "top_k": 5, "min_p": 0.1, "presence_penalty": 0.0, "repetition_penalty": 1.1}
        | {"reasoning_effort": "low", "stop": ["END"], "keep_top_mass": True},
    )
    draw(config, 1)
    (request,) = server.requests
    assert request == {
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "Add."},
            {"role": "user", "content": "1+2=?"},
            {"role": "assistant", "content": "3"},
            {"role": "user", "content": "1+1=?"},
        ],
        "max_completion_tokens": 50,
        "temperature": 0.5,
        "top_k": 5,
        "min_p": 0.1,
        "repetition_penalty": 1.1,
        "reasoning_effort": "low",
        "stop": ["END"],
        "seed": 0,
        "logprobs": True,
        "top_logprobs": 20,
        "chat_template_kwargs": {"enable_thinking": False},
    }


@pytest.mark.parametrize("tail", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
def test_an_address_may_end_in_its_version(server: ChatServer, tmp_path: Path, tail: str) -> None:
    assert len(draw(configured(server, tmp_path, policy={"server": {"urls": [server.url + tail]}}))) == 4
    assert set(server.paths) == {"/v1/chat/completions"}


def test_what_is_sent_is_said_to_be_json(server: ChatServer, config: RunConfig) -> None:
    draw(config, 1)
    assert server.kinds == ["application/json"]


def test_the_same_seed_gives_the_same_reply_and_each_sample_has_its_own(server: ChatServer, config: RunConfig) -> None:
    first, again = draw(config, 12), draw(config, 12)
    assert first == again and len({reply.text for reply in first}) > 1
    assert sorted(request["seed"] for request in server.requests[:12]) == list(range(12))


# What is kept of it.


def test_what_is_told_is_kept_and_adds_up(server: ChatServer, config: RunConfig) -> None:
    for reply in draw(config):
        assert reply.text is not None and reply.completion_tokens == len(tokens_of(reply.text))
        assert reply.token_logprobs is not None and reply.logprob == pytest.approx(-0.25 * reply.completion_tokens)
        assert (reply.prompt_tokens, reply.finish_reason, reply.reasoning, reply.reasoning_tokens) == (
            7,
            "stop",
            None,
            None,
        )


def test_what_the_likeliest_tokens_weigh_is_kept_where_it_is_asked_for(server: ChatServer, tmp_path: Path) -> None:
    (reply,) = draw(configured(server, tmp_path, sampling={"keep_top_mass": True}), 1)
    assert reply.completion_tokens is not None and reply.token_logprobs is not None
    assert reply.token_top20 == pytest.approx([math.exp(-0.25) + math.exp(-2.0)] * reply.completion_tokens)
    (bare,) = draw(configured(server, tmp_path, sampling={"keep_top_mass": True, "keep_logprobs": False}), 1)
    assert bare.token_logprobs is None and bare.token_top20 is not None and bare.logprob == reply.logprob
    (plain,) = draw(configured(server, tmp_path), 1)
    assert plain.token_top20 is None


@pytest.mark.parametrize("field", ["reasoning", "reasoning_content"])
def test_reasoning_is_kept_apart(server: ChatServer, config: RunConfig, field: str) -> None:
    reply = one_changed(
        server,
        config,
        message={field: "let me think"},
        usage={"completion_tokens": 30, "total_tokens": 37, "completion_tokens_details": {"reasoning_tokens": 25}},
    )
    assert (reply.reasoning, reply.completion_tokens, reply.reasoning_tokens) == ("let me think", 30, 25)
    assert reply.text is not None and "think" not in reply.text
    assert reply.logprob is None and reply.token_texts is None  # of the answer alone, not of all its tokens


def test_output_has_one_meaning_where_reasoning_is_counted_beside_it(server: ChatServer, config: RunConfig) -> None:
    usage = {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 60}, "total_tokens": 72}
    reply = one_changed(server, config, usage=usage)
    assert (reply.completion_tokens, reply.reasoning_tokens) == (65, 60)
    hidden = one_changed(server, config, usage={"completion_tokens": 5, "total_tokens": 72})
    assert (hidden.completion_tokens, hidden.reasoning_tokens) == (65, None)


def test_parts_are_joined_and_thinking_is_reasoning(server: ChatServer, config: RunConfig) -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    parts = [thinking, {"type": "text", "text": "a"}, {"type": "text", "text": "b"}, 3]
    reply = one_changed(server, config, message={"content": parts})
    assert (reply.text, reply.reasoning) == ("ab", "hm")


def test_a_sample_that_thought_until_the_limit_answers_nothing_and_is_a_sample(server, config) -> None:
    change = {"content": None, "reasoning": "on and on"}
    reply = one_changed(server, config, message=change, choice={"finish_reason": "length"})
    assert (reply.text, reply.reasoning, reply.finish_reason) == ("", "on and on", "length")


def test_what_is_withheld_is_unknown_and_a_refusal_is_an_answer(server: ChatServer, config: RunConfig) -> None:
    filtered = one_changed(server, config, message={"content": None}, choice={"finish_reason": "content_filter"})
    assert (filtered.text, filtered.finish_reason) == (None, "content_filter")
    assert one_changed(server, config, message={"content": None, "refusal": "I will not"}).text == "I will not"


@pytest.mark.parametrize(
    ("change", "lacks", "remark"),
    [
        ({"message": {"content": "a\ud800b"}}, ["text"], "lone surrogate"),
        ({"message": {"reasoning": "\udfff"}}, ["reasoning"], "lone surrogate.* in their reasoning"),
        ({"choice": {"finish_reason": None}}, ["finish_reason"], "without a word of why"),
        ({"choice": {"logprobs": {"content": [{"token": "a", "logprob": math.nan}]}}}, ["logprob"], "that are none"),
        ({"choice": {"logprobs": {"content": [{"token": "a"}]}}}, ["logprob", "token_logprobs"], "that are none"),
        ({"choice": {"logprobs": {"content": [{"token": "a", "logprob": 3.0}]}}}, ["logprob"], "that are none"),
        ({"choice": {"logprobs": {"content": [{"token": "a", "logprob": -1}]}}}, ["logprob"], "some of their tokens"),
        ({"choice": {"logprobs": "none"}}, ["logprob", "token_texts"], None),
        ({"usage": {"completion_tokens": -3}}, ["completion_tokens", "logprob"], "count of their tokens"),
        ({"usage": {"completion_tokens": True}}, ["completion_tokens"], "count of their tokens"),
        ({"usage": {"completion_tokens": 10**30}}, ["completion_tokens"], "count of their tokens"),
        ({"usage": {"completion_tokens": 0, "total_tokens": 7}}, ["completion_tokens"], "no tokens"),
        ({"usage": {"completion_tokens": 50, "total_tokens": 9}}, ["completion_tokens"], "count of their tokens"),
        ({"usage": {"prompt_tokens": "7"}}, ["prompt_tokens"], None),
        (
            {"usage": {"completion_tokens_details": {"reasoning_tokens": 900}}},
            ["completion_tokens", "reasoning_tokens"],
            "more tokens of reasoning",
        ),
    ],
)
def test_what_cannot_be_is_unknown_and_said(server, config, change, lacks, remark) -> None:
    engine = ChatEngine(config.policy, config.prompt)

    def changed(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        answer["choices"][0] |= change.get("choice", {})
        answer["choices"][0]["message"] |= change.get("message", {})
        answer["usage"] |= change.get("usage", {})
        return answer

    server.change = changed
    (reply,) = engine.generate([Draw((), 0, prompt="1+1=")], config.sampling)
    assert [name for name in lacks if getattr(reply, name) is not None] == []
    said = "; ".join(engine.remarks)
    assert remark is None or pytest.importorskip("re").search(remark, said), said


def test_an_engine_that_is_kept_says_each_remark_once(server: ChatServer, tmp_path: Path) -> None:
    said: list[str] = []
    server.change = lambda answer, request: answer | {"usage": None}
    with holding_models():
        for n in (2, 4):
            run.sample(configured(server, tmp_path, sampling={"n_samples": n}), notify=said.append)
    told = [line for line in said if "without a count" in line]
    assert told == ["sample: 6 samples came without a count of their tokens that could be: it is unknown"] * 2


# Several choices a request.


def test_several_are_asked_for_at_once(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path, policy={"server": {"choices": 3}})
    replies = draw(config, 8)
    assert sorted(request.get("n", 1) for request in server.requests) == [2, 3, 3]
    # Log-probabilities tell how many tokens each has; without them the usage is the sum of all.
    assert all(reply.completion_tokens == len(tokens_of(reply.text or "")) for reply in replies)
    untold = configured(server, tmp_path, policy={"server": {"choices": 3}}, sampling={"keep_logprobs": False})
    assert {reply.completion_tokens for reply in draw(untold, 3)} == {None}


def test_fewer_choices_are_asked_for_again_and_more_are_left_out(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path, policy={"server": {"choices": 4}})
    engine = ChatEngine(config.policy, config.prompt)
    draws = [Draw((), seed, prompt="1+1=") for seed in range(4)]

    def cut(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        return answer | {"choices": answer["choices"][:1]}

    server.change = cut
    assert len(engine.generate(draws, config.sampling)) == 4
    assert [(request["seed"], request.get("n", 1)) for request in server.requests] == [(0, 4), (1, 3), (2, 2), (3, 1)]
    server.change = lambda answer, request: answer | {"choices": answer["choices"] * 2}
    replies = engine.generate(draws, config.sampling)
    assert len(replies) == 4 and all(reply.completion_tokens is None for reply in replies)
    assert any("more choices than" in remark for remark in engine.remarks)


@pytest.mark.parametrize("reason", ["abort", "error"])
def test_what_a_server_broke_off_is_no_sample(server: ChatServer, config: RunConfig, reason: str) -> None:
    with pytest.raises(TTCError, match=f"ended a sample with '{reason}'"):
        one_changed(server, config, choice={"finish_reason": reason})


def test_one_bad_choice_costs_no_other(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path, policy={"server": {"choices": 4}})

    def spoilt(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        answer["choices"][1]["message"]["content"] = None
        return answer

    server.change = spoilt
    with pytest.raises(Unfinished, match="a sample without text") as raised:
        draw(config, 4)
    assert [one is None for one in raised.value.drawn] == [False, True, False, False] and raised.value.goes_on


# Failures of the line.


@pytest.mark.parametrize(
    "fault",
    [
        status(429),
        status(500),
        status(503),
        truncated,
        dropped,
        raw(b"<html>sign in</html>", "text/html"),
        raw(b"data: {}\n\n", "text/event-stream"),
        raw(b"[" * 100_000),
        raw(b'{"choices": ' + b"1" * 5000 + b"}"),
        raw(b"null"),
        raw(b'{"choices": []}'),
        raw(b'{"error": {"message": "overloaded"}}'),
        raw(b"\xff\xfe"),
    ],
)
def test_what_is_no_answer_is_asked_for_again(server: ChatServer, config: RunConfig, fault: Any) -> None:
    server.faults.extend([fault, fault])
    assert len(draw(config)) == 4
    assert len(server.requests) == 6


@pytest.mark.parametrize("until", ["0.6", "date", "ms"])
def test_a_server_is_asked_again_when_it_says(server: ChatServer, tmp_path: Path, until: str) -> None:
    config = configured(server, tmp_path, policy={"server": {"retries": 0, "concurrency": 4}})
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    headers = {"date": {"Retry_After": later}, "ms": {"Retry_After_Ms": "600"}}.get(until, {"Retry_After": until})
    server.faults.append(status(429, **headers))
    assert len(draw(config, 1)) == 1  # it does not count as a failure: none is forgiven here
    waited = server.times[1] - server.times[0]
    assert 0.55 < waited < 4


def test_all_workers_wait_when_one_is_told_to(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path, policy={"server": {"concurrency": 2}})
    server.faults.append(status(429, Retry_After="1"))
    draw(config, 6)
    began = server.times[0]
    early = [at for at in server.times if at - began < 0.9]
    assert len(early) <= 3 and len(server.times) == 7  # those that were under way


@pytest.mark.parametrize("said", ["soon", "-5", "nan", "1e400", "Wed, 99 Foo 2026", "\x00"])
def test_a_time_that_is_none_is_no_reason_to_stop(server: ChatServer, config: RunConfig, said: str) -> None:
    server.faults.append(status(503, Retry_After=said.replace("\x00", "")))
    assert len(draw(config, 1)) == 1


def test_a_wait_of_a_day_is_too_long(server: ChatServer, config: RunConfig) -> None:
    server.fault = status(429, "quota used up", Retry_After="86400")
    with pytest.raises(TTCError, match=r"asks to wait 86,400 s \(429: quota used up\)"):
        draw(config)


@pytest.mark.parametrize("fault", [partial(dripping, wait_s=0.7), dripping_headers])
def test_a_deadline_counts_every_byte(server: ChatServer, tmp_path: Path, fault: Any) -> None:
    config = configured(server, tmp_path, policy={"server": {"timeout_s": 1.6}})
    server.faults.append(fault)
    began = time.monotonic()
    with pytest.raises(Unfinished, match=r"took longer than 1\.6 s \(policy\.server\.timeout_s\)") as raised:
        draw(config)
    assert time.monotonic() - began < 4
    assert sum(one is not None for one in raised.value.drawn) == 3 and raised.value.goes_on


def test_a_deadline_counts_all_attempts(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path, policy={"server": {"timeout_s": 1.0, "retries": 50}})
    server.wait_s, server.fault = 0.4, truncated
    began = time.monotonic()
    with pytest.raises(TTCError, match="took longer than 1 s|answers nothing that can be read"):
        draw(config, 1)
    assert time.monotonic() - began < 5


def test_an_endless_answer_is_cut(server, config, monkeypatch) -> None:
    monkeypatch.setattr("ttclib.collect.engines.http._LARGEST_BODY", 1000)
    server.faults.append(raw(b" " * 5000))
    assert len(draw(config, 1)) == 1 and len(server.requests) == 2


def test_a_server_that_stays_silent_leaves_what_was_drawn(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path, policy={"server": {"retries": 0, "concurrency": 1}})
    server.change = lambda answer, request: answer
    fine = lambda handler, body: handler.reply(200, body)  # noqa: E731
    server.faults.extend([fine, fine, fine])
    server.fault = status(503, "down")
    with pytest.raises(Unfinished, match=r"no server answers any more, 5 samples are missing.*503: down") as raised:
        draw(config, 8)
    assert sum(one is not None for one in raised.value.drawn) == 3 and not raised.value.goes_on


def test_the_others_go_on_when_one_falls_silent(server: ChatServer, tmp_path: Path) -> None:
    with serve_chat() as other:
        other.fault = status(503)
        place = {"urls": [other.url, server.url], "retries": 0}
        assert len(draw(configured(server, tmp_path, policy={"server": place}), 20)) == 20


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (status(404, "no such model"), r"refuses \(404\): no such model"),
        (status(400, "Unsupported parameter: 'top_p'\nand more"), r"refuses \(400\): Unsupported parameter: 'top_p'$"),
        (status(307, "", Location="http://elsewhere/"), r"refuses \(307\).*correct policy\.server\.urls"),
        (status(418, "a\ud800"), r"refuses \(418\)"),
    ],
)
def test_what_a_server_refuses_is_told_in_its_words_and_asked_a_few_times(server, tmp_path, fault, message) -> None:
    server.fault = fault
    config = configured(server, tmp_path, policy={"server": {"concurrency": 2}})
    with pytest.raises(RequestError, match=message) as raised:
        draw(config, 100)
    assert "\n" not in str(raised.value) and len(server.requests) < 15


def test_one_request_that_is_refused_costs_no_other(server: ChatServer, config: RunConfig) -> None:
    server.faults.append(status(400, "flagged by a filter"))
    with pytest.raises(Unfinished, match="flagged") as raised:
        draw(config, 20)
    assert sum(one is None for one in raised.value.drawn) == 1 and raised.value.goes_on


def test_another_model_behind_the_name_stops_the_run(server: ChatServer, config: RunConfig) -> None:
    answers = iter(["x-1"] * 3 + ["x-2"] * 100)
    server.change = lambda answer, request: answer | {"model": next(answers)}
    with pytest.raises(Unfinished, match=f"answers '{MODEL}' as 'x-2' and did as 'x-1' before"):
        draw(config, 30)


# The key.


def test_the_key_comes_from_the_environment_and_is_kept_nowhere(server, config, monkeypatch, tmp_path) -> None:
    secret = "sk-very-secret"
    server.key = secret
    with pytest.raises(
        RequestError, match=r"refuses \(401\).*VLLM_API_KEY is not set; policy\.server\.api_key_variable"
    ):
        run.sample(config)
    monkeypatch.setenv("VLLM_API_KEY", "sk-wrong-secret")
    with pytest.raises(RequestError, match="VLLM_API_KEY holds a key") as raised:
        run.sample(config)
    assert "sk-wrong" not in str(raised.value)  # which the server repeats
    assert not list(tmp_path.iterdir())
    monkeypatch.setenv("VLLM_API_KEY", f" {secret}\n")
    run.sample(config)
    keeper.take_in(config.store)
    assert all(secret.encode() not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert secret not in json.dumps(list_models(config.store), default=str)
    monkeypatch.setenv("VLLM_API_KEY", "a\nb")
    with pytest.raises(RequestError, match="holds characters that no key has"):
        ChatEngine(config.policy, config.prompt)


@pytest.mark.parametrize("models", [None, [], {"data": "x"}, {"models": [1]}, "y", 7])
def test_an_api_need_not_list_its_models(server: ChatServer, config: RunConfig, models: Any) -> None:
    server.models = models
    assert len(draw(config, 1)) == 1


def test_an_api_that_is_not_there_is_one_line_and_nothing_is_written(tmp_path: Path, server: ChatServer) -> None:
    config = configured(server, tmp_path, policy={"server": {"urls": ["http://127.0.0.1:9"], "retries": 0}})
    with pytest.raises(RequestError, match=r"does not answer .*: correct policy\.server\.urls, or start it"):
        run.sample(config)
    assert not list(tmp_path.iterdir())


# Whole runs.


def test_a_run_is_sampled_graded_and_replayed(server: ChatServer, config: RunConfig) -> None:
    assert run.sample(config) == 12
    assert run.sample(config) == 0
    run.grade(config.store, "exact")
    keeper.take_in(config.store)
    pool = load_pool(config.store)
    assert pool.present.all() and pool.policy == "api" and 0 < pool.correct.mean() < 1
    assert (pool.completion_tokens > 0).all()
    for text, ids, n, steps, n_prompt in rows(
        config.store, "SELECT completion, completion_ids, completion_tokens, step_tokens, prompt_tokens FROM samples"
    ):
        assert ids is None and n_prompt == 7 and sum(steps) == n and len(steps) == text.count("\n") + 1
    (row,) = list_models(config.store)
    assert (row["path"], row["revision"]) == (f"{MODEL} at {server.url}/v1", f"{MODEL}-2026-01-01")
    assert row["n_parameters"] is None  # and so its FLOPs are unknown


def test_a_prm_reads_the_samples_as_text(server: ChatServer, config: RunConfig, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.models import save_tiny_prm

    def sums(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        answer["choices"][0]["message"]["content"] = f"1+1=2\n#{request['seed'] % 9}"  # in the tiny tokenizer's words
        return answer

    server.change = sums
    prm = {"name": "prm", "path": str(save_tiny_prm(tmp_path / "prm"))}
    read = RunConfig.model_validate(config.model_dump() | {"prm": prm})
    run.sample(read)
    assert run.score(read) == 12 and run.score(read) == 0
    for text, scores in rows(read.store, f"SELECT completion, step_scores FROM samples JOIN scores USING ({KEY})"):
        assert len(scores) == len(split_steps(text))


def test_costs_are_in_dollars_once_a_price_is_known_and_in_flops_never(server, config, tmp_path) -> None:
    assert estimate_run(config).usd is None
    assert any("US$ unknown" in line and "ttc models" in line for line in estimate_run(config).lines(config))
    assert not list(tmp_path.iterdir())
    run.sample(config)
    run.grade(config.store, "exact")
    keeper.take_in(config.store)
    set_model_facts(config.store, "api", usd_per_mtok_input=1.0, usd_per_mtok_output=2.0)
    larger = config.model_copy(update={"sampling": config.sampling.model_copy(update={"n_samples": 8})})
    found = estimate_run(larger)
    assert found.n_samples == 12 and found.policy_gpu_hours is None
    assert found.usd == pytest.approx((found.prompt_tokens * 1.0 + found.completion_tokens * 2.0) / 1e6)
    folder = config.store.parent
    replay = ("replay", "--store", config.store.name, "--strategy", "pass_at_k", "--budgets", "2", "--json")
    (row,) = json.loads(ttc(*replay, cwd=folder).stdout)
    assert row["flops"] is None and row["tokens"] > 0


def test_searches_and_revisions_refuse_in_a_line(server: ChatServer, config: RunConfig) -> None:
    asked = RunConfig.model_validate(
        config.model_dump() | {"prm": {"path": "x"}, "revision": {"n_chains": 1, "n_steps": 1}}
    )
    for use in (search.search, revise.revise, revise.check_revision):
        with pytest.raises(
            RequestError, match="engine 'chat' of 'api' draws whole samples alone, and .* set policy"
        ) as error:
            use(asked)
        assert "\n" not in str(error.value)
    assert not list(config.store.parent.iterdir())


def test_another_model_or_place_is_refused_under_a_known_name(server: ChatServer, tmp_path: Path) -> None:
    config = configured(server, tmp_path)
    run.sample(config)
    more = partial(configured, server, tmp_path, sampling={"n_samples": 6, "max_tokens": 50})
    with pytest.raises(RequestError, match="is another model: give"):
        run.sample(more(policy={"path": "other"}))
    with serve_chat() as other:
        with pytest.raises(RequestError, match="lies elsewhere: give"):
            run.sample(more(policy={"server": {"urls": [other.url]}}))
        n_before = len(server.requests)
        both = more(policy={"server": {"urls": [server.url, other.url]}})  # one more address of what is known
        assert run.sample(both) == 6 and len(server.requests) < n_before + 6
    with pytest.raises(RequestError, match="calls itself otherwise: give"):
        run.check(more(policy={"revision": "another-version"}))
    # The name stands for another version by now: what it draws does not join the pool.
    server.change = lambda answer, request: answer | {"model": f"{MODEL}-2026-09-09"}
    still = configured(server, tmp_path, sampling={"n_samples": 9, "max_tokens": 50})
    with pytest.raises(TTCError, match=f"as '{MODEL}-2026-09-09' and did as '{MODEL}-2026-01-01' before"):
        run.sample(still)
    assert rows(config.store, "SELECT count(*) FROM samples") == [(18,)]


def test_what_decides_a_draw_is_its_setting(server: ChatServer, tmp_path: Path) -> None:
    def setting(**sections: Any) -> str:
        return str(configured(server, tmp_path, **sections).setting_row()["setting"])

    plain = setting()
    for same in ({"min_p": 0.0}, {"presence_penalty": 0.0}, {"repetition_penalty": 1.0}, {"keep_logprobs": False}):
        assert setting(sampling=same) == plain
    changes = [{"min_p": 0.1}, {"top_k": 5}, {"presence_penalty": 1.0}, {"frequency_penalty": 1.0}]
    changes += [{"repetition_penalty": 1.2}, {"reasoning_effort": "low"}, {"reasoning_effort": "high"}]
    found = {setting(sampling=change) for change in changes}
    found |= {setting(prompt={"chat_template_kwargs": {"enable_thinking": value}}) for value in (True, False)}
    assert len(found | {plain}) == 10


def test_lost_samples_are_said_and_the_rest_is_worked_on(server: ChatServer, tmp_path: Path) -> None:
    file = write_toml(server, tmp_path, batch_size=4)

    def spoilt(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        answer["choices"][0]["message"]["content"] = None if request["seed"] % 4 == 0 else "#1"
        return answer

    server.change = spoilt
    done = ttc("sample", file, cwd=tmp_path)
    assert done.returncode == 1
    (n,) = (n for (n,) in rows(tmp_path / "run.duckdb", "SELECT count(*) FROM samples"))
    assert f"{24 - n} of 24 samples are missing (server" in done.stderr.replace(",", "") and 0 < n < 24
    assert rows(tmp_path / "run.duckdb", "SELECT count(*) FROM grades") == [(n,)]
    server.change = lambda answer, request: answer
    assert ttc("sample", file, cwd=tmp_path).returncode == 0
    assert rows(tmp_path / "run.duckdb", f"SELECT count(*), count(DISTINCT ({KEY})) FROM samples") == [(24, 24)]


def test_one_sample_that_is_never_given_stops_no_run_however_small_its_batches(server, tmp_path) -> None:
    file = write_toml(server, tmp_path, batch_size=1)
    first: list[int] = []

    def spoilt(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        first.append(request["seed"])
        answer["choices"][0]["message"]["content"] = None if request["seed"] == first[0] else "#1"
        return answer

    server.change = spoilt
    for _ in range(2):
        done = ttc("sample", file, cwd=tmp_path)
        assert done.returncode == 1 and "gave a sample without text" in done.stderr.splitlines()[-1]
        assert rows(tmp_path / "run.duckdb", "SELECT count(*) FROM grades") == [(23,)]
    server.change = lambda answer, request: answer | {"choices": [{"message": {}, "finish_reason": "stop"}]}
    more = ttc("sample", write_toml(server, tmp_path, batch_size=1, n_samples=30), cwd=tmp_path)
    assert more.returncode == 1 and len(server.requests) < 24 + 1 + 15  # where none comes it is not asked for ever


def test_a_refused_first_batch_is_a_wrong_request_and_writes_nothing(server: ChatServer, tmp_path: Path) -> None:
    file = write_toml(server, tmp_path)
    server.fault = status(400, "no such thing as top_p")
    done = ttc("sample", file, cwd=tmp_path)
    assert done.returncode == 2 and "no such thing as top_p" in error_line(done)
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]
    server.faults.extend([lambda handler, body: handler.reply(200, body)] * 4)
    later = ttc("sample", write_toml(server, tmp_path, batch_size=4, concurrency=1), cwd=tmp_path)
    assert later.returncode == 1  # what was drawn is kept
    assert rows(tmp_path / "run.duckdb", "SELECT count(*) FROM samples") == [(4,)]


def write_toml(
    server: ChatServer, folder: Path, *, batch_size: int = 8, n_samples: int = 8, concurrency: int = 4
) -> str:
    (folder / "run.toml").write_text(
        f'store = "run.duckdb"\n[problems]\nsource = "lab:test"\nlimit = 3\n[policy]\nname = "api"\npath = "{MODEL}"\n'
        f'engine = "chat"\nbatch_size = {batch_size}\n[policy.server]\nurls = ["{server.url}"]\nretries = 1\n'
        f"concurrency = {concurrency}\n[sampling]\nn_samples = {n_samples}\nmax_tokens = 50\n"
        '[grading]\ngrader = "exact"\n'
    )
    return "run.toml"


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on_without_doubles(server: ChatServer, tmp_path: Path) -> None:
    file, store = write_toml(server, tmp_path, batch_size=10, n_samples=60), tmp_path / "run.duckdb"
    command = [sys.executable, "-m", "ttclib.cli", "sample", file]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    server.wait_s = 0.05
    kept = 0
    for how in (signal.SIGKILL, signal.SIGTERM):
        process = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
        n_before, deadline = len(server.requests), time.monotonic() + 60
        while len(server.requests) < n_before + 35 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, how)
        _, said = process.communicate()
        (counts,) = rows(store, f"SELECT count(*), count(DISTINCT ({KEY})) FROM samples")
        assert counts[0] == counts[1] and kept < counts[0] < 180
        if how == signal.SIGTERM:
            assert process.returncode == 1 and "ttc: stopped; what was collected is kept" in said
            assert counts[0] - kept >= 31  # of the batch under way, too, what had come
        kept = counts[0]
    finished = ttc("sample", file, cwd=tmp_path)
    assert finished.returncode == 0, finished.stderr
    assert f"sample: {180 - kept} of 180 samples to draw" in finished.stderr
    assert rows(store, f"SELECT count(*), count(DISTINCT ({KEY})) FROM samples") == [(180, 180)]
    seeds = [request["seed"] for request in server.requests]
    assert len(set(seeds)) == 180  # each sample was asked for by its own seed, however often


def test_a_person_who_stops_a_batch_keeps_what_came(server, config, monkeypatch) -> None:
    import threading

    engine = ChatEngine(config.policy.model_copy(), config.prompt)
    server.faults.extend([lambda handler, body: handler.reply(200, body)] * 3)
    server.fault = lambda handler, body: time.sleep(3)
    join = threading.Thread.join

    def interrupted(thread: threading.Thread, timeout: float | None = None) -> None:
        if timeout is not None:
            return join(thread, timeout)
        join(thread, 0.7)
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "join", interrupted)
    with pytest.raises(Stopped) as raised:
        engine.generate([Draw((), seed, prompt="1+1=") for seed in range(8)], config.sampling)
    assert sum(one is not None for one in raised.value.drawn) == 3


# Whatever comes.

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["\ud800", "\x00", "stop", "length", 10**400, -1, [], {}, [None], {"content": 3}]),
)
_VALUES = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner))


def places_in(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places_in(inner, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], by: Any) -> Any:
    if not at:
        return by
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(value[at[0]], at[1:], by)
    return copy


@pytest.fixture(scope="module")
def shared_server() -> Iterator[ChatServer]:
    with serve_chat() as running:
        yield running


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_an_api_answers_is_kept_as_it_should_be_or_one_line(data, shared_server, tmp_path_factory) -> None:
    server, choices = shared_server, data.draw(st.integers(1, 2))
    config = configured(
        server,
        tmp_path_factory.getbasetemp(),
        policy={"server": {"retries": 0, "choices": choices}},
        sampling={"keep_top_mass": True},
    )
    n_changes, share, by = data.draw(st.integers(1, 2)), data.draw(st.floats(0, 1)), data.draw(_VALUES)

    def mutated(answer: dict[str, Any], request: dict[str, Any]) -> Any:
        for _ in range(n_changes):
            places = list(places_in(answer))
            answer = replaced(answer, places[int(share * len(places)) % len(places)], by)
        return answer

    server.change = mutated
    try:
        replies = draw(config, 2)
    except Unfinished as error:
        assert one_line(error, server)
        replies = [one for one in error.drawn if one is not None]
    except TTCError as error:
        assert one_line(error, server)
        return
    for reply in replies:
        columns = reply_columns(reply, "\n")
        key = {"policy": "p", "problem_id": "p", "setting": "s", "sample_index": 0}
        (kept,) = as_table("samples", [key | columns]).to_pylist()  # which a store takes
        assert kept["completion"] not in ("None", str(by) if not isinstance(by, str) else "None")
        n = kept["completion_tokens"]
        assert all(kept[name] is None or kept[name] >= 0 for name in ("prompt_tokens", "reasoning_tokens"))
        assert kept["reasoning_tokens"] is None or kept["reasoning_tokens"] <= n
        assert kept["logprob"] is None or (math.isfinite(kept["logprob"]) and kept["logprob"] <= 0.1)
        assert kept["step_tokens"] is None or sum(kept["step_tokens"]) == n
        assert all(kept[name] is None or len(kept[name]) == 2 * n for name in ("token_logprobs", "token_top20"))


def one_line(error: TTCError, server: ChatServer) -> bool:
    text = str(error)
    return "\n" not in text and server.url in text and text.isprintable() and len(text) < 600
