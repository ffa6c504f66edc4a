"""What the server engine promises beyond the contract that all engines share."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch")
pytest.importorskip("httpx")

from tests.engines.vllm_server import VllmServer, serve
from tests.models import save_tiny_policy
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.responses import MalformedError, is_text
from ttclib.collect.engines.types import Draw, Unfinished, draw_seed
from ttclib.collect.token_columns import token_columns
from ttclib.config import PolicyConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError
from ttclib.store.parts import as_table

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
    said = {"model": "served", "prompt": list(draw.prefix_ids), "max_tokens": 20, "temperature": 0.7, "top_p": 0.9}
    said |= {"top_k": -1, "min_p": 0.0, "stop": ["#"], "include_stop_str_in_output": True, "seed": draw.seed % 2**31}
    said |= {"repetition_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "logprobs": 0}
    said |= {"return_token_ids": True, "return_tokens_as_token_ids": True}
    assert first == said and second == said | {"max_tokens": 3, "seed": 5}


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


@pytest.mark.parametrize("text", [None, 3, "a\ud800"])
def test_a_text_that_is_none_is_decoded_from_its_tokens(path, servers, text):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    expected = engine.generate(draws_of(engine, 4), SAMPLING)
    servers[0].answer_change = {"text": text}
    assert engine.generate(draws_of(engine, 4), SAMPLING) == expected
    assert engine.remarks == {"came without a text that can be kept: it was decoded from their tokens": 4}


@pytest.mark.parametrize("wrong", [math.nan, -math.inf, None, "x", 2.5, True])
def test_log_probabilities_that_are_none_are_unknown(path, servers, wrong):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    (draw,) = draws_of(engine, 1)
    (good,) = engine.generate([draw], SAMPLING)
    servers[0].answer_change = {"logprobs": {"token_logprobs": [*good.token_logprobs[:-1], wrong]}}
    (drawn,) = engine.generate([draw], SAMPLING)
    assert (drawn.token_ids, drawn.text, drawn.logprob, drawn.token_logprobs) == (good.token_ids, good.text, None, None)
    assert "log-probabilities that are none" in next(iter(engine.remarks))


@pytest.mark.parametrize(
    ("tables", "masses"),
    [
        ([{"a": -0.5, "b": -2.0}, {"c": -0.1}], [math.exp(-0.5) + math.exp(-2.0), math.exp(-0.1)]),
        (
            [[{"logprob": -0.5}, {"logprob": -2.0}], [{"logprob": -0.1}]],
            [math.exp(-0.5) + math.exp(-2.0), math.exp(-0.1)],
        ),
        ([{"a": -0.5}, {}], None),
        ([{"a": -0.5}, {"b": None}], None),
        ([{"a": -0.5}], None),
        ([{"a": -0.5}, "b"], None),
        (None, None),
    ],
)
def test_what_the_likeliest_tokens_weigh_is_kept_where_it_is_told_of_each(answering, tables, masses) -> None:
    engine, choice = answering
    told = choice | {"token_ids": [3, 4], "logprobs": {"token_logprobs": [-0.5, -0.1], "top_logprobs": tables}}
    asked = SAMPLING.model_copy(update={"keep_top_mass": True})
    drawn = engine._completion(engine._choice({"choices": [told]}), "http://here/v1", Draw((1, 2), 0), asked)
    assert (drawn.token_top20 is None) == (masses is None)
    assert masses is None or drawn.token_top20 == pytest.approx(masses)
    plain = engine._completion(told, "http://here/v1", Draw((1, 2), 0), SAMPLING)
    assert plain.token_top20 is None and plain.logprob == pytest.approx(-0.6) == pytest.approx(drawn.logprob)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"token_ids": [3, 10**6]}, r"gave a token id 1000000, and '.*' has 0 to 23: does it serve another model\?"),
        ({"token_ids": [-1]}, "gave a token id -1"),
        ({"token_ids": [True]}, "gave a token id True"),
        ({"token_ids": ["3"]}, "gave a token id 3"),
        ({"token_ids": [2.0]}, "gave a token id 2.0"),
        ({"token_ids": []}, "a sample without a token"),
        ({"token_ids": "12"}, "a sample without a token"),
        ({"token_ids": [3] * 30, "logprobs": {"token_logprobs": [-1.0] * 30}}, "gave 30 tokens where 20 were asked"),
        ({"token_ids": None, "logprobs": {"tokens": ["token_id:x"]}}, "gave a token id -1"),
        ({"finish_reason": None}, "ended a sample with 'None'"),
    ],
)
def test_a_sample_that_cannot_be_kept_costs_no_other(path, servers, change, message):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    servers[0].changes.append(change)
    with pytest.raises(Unfinished, match=message) as raised:
        engine.generate(draws_of(engine, 6), SAMPLING)
    assert sum(one is not None for one in raised.value.drawn) == 5 and raised.value.goes_on


@pytest.mark.parametrize(
    "change", [{"answer": {"choices": []}}, {"answer": {"choices": None}}, {"answer": {"error": 1}}]
)
def test_an_answer_without_choices_is_asked_for_again(path, servers, change):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    change = {"answer": {"choices": []} | change["answer"]}
    servers[0].changes.append(change)
    assert len(engine.generate(draws_of(engine, 3), SAMPLING)) == 3
    assert len(servers[0].requests) == 4


def test_more_choices_than_one_are_left_out_and_said(path, servers):
    engine = load_engine(policy_at(path, servers[0].url), PromptConfig())
    expected = engine.generate(draws_of(engine, 1), SAMPLING)
    choice = {"index": 0, "text": expected[0].text, "finish_reason": expected[0].finish_reason}
    choice |= {"token_ids": expected[0].token_ids, "logprobs": {"token_logprobs": list(expected[0].token_logprobs)}}
    servers[0].answer_change = {"answer": {"choices": [{"index": 1}, choice]}}
    assert engine.generate(draws_of(engine, 1), SAMPLING) == expected
    assert engine.remarks == {"came with more choices than were asked for, which are left out": 1}


@pytest.mark.parametrize("models", [[], {"data": None}, {"data": [{"name": "x"}]}, {"data": ["x"]}, None, 7])
def test_a_list_of_models_of_another_form_is_one_line(path, servers, models):
    servers[0].models = models
    with pytest.raises(
        RequestError, match="answers nothing that can be read .*of another form.*: it must be vLLM"
    ) as error:
        load_engine(policy_at(path, servers[0].url, retries=0), PromptConfig())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("window", [None, "128", -5, 1.5, 10**30])
def test_a_window_that_is_none_is_unknown(path, servers, window):
    servers[0].models = {"data": [{"id": "served", "max_model_len": window}]}
    assert load_engine(policy_at(path, servers[0].url), PromptConfig()).window is None


def test_penalties_and_the_like_reach_the_server(path, servers):
    engine = load_engine(policy_at(path, servers[0].url + "/v1/"), PromptConfig())
    asked = {"top_k": 5, "min_p": 0.1, "presence_penalty": 0.5, "frequency_penalty": -0.5, "repetition_penalty": 1.2}
    engine.generate(draws_of(engine, 1), SamplingConfig(max_tokens=3, **asked))
    (request,) = servers[0].requests
    assert {name: request[name] for name in asked} == asked


_LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.sampled_from(["\ud800", []])
)
_VALUES = st.recursive(_LEAVES, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one))


@settings(max_examples=200, deadline=None)
@given(
    key=st.sampled_from(["text", "token_ids", "logprobs", "finish_reason", "index"]), inner=st.booleans(), by=_VALUES
)
def test_whatever_a_server_says_of_a_sample_is_as_it_should_be_or_one_line(answering, key, inner, by):
    engine, choice = answering
    if inner and isinstance(choice[key], dict):
        by = choice[key] | {"token_logprobs": by}
    elif inner and isinstance(choice[key], list):
        by = [*choice[key][:-1], by]
    draw = Draw((1, 2), 0)
    try:
        read = engine._choice({"choices": [choice | {key: by}]})
        drawn = engine._completion(read, "http://here/v1", draw, SAMPLING)
    except (TTCError, MalformedError) as error:
        assert "\n" not in str(error) and str(error).isprintable()
        return
    assert drawn.text == choice["text"] or (key == "text" and is_text(by))
    assert drawn.finish_reason in ("stop", "length") and all(
        type(one) is int and 0 <= one < 24 for one in drawn.token_ids
    )
    assert drawn.logprob is None or math.isfinite(drawn.logprob)
    key = {"policy": "p", "problem_id": "p", "setting": "s", "sample_index": 0}
    as_table("samples", [key | {"completion": drawn.text, "logprob": drawn.logprob} | token_columns(drawn)])


@pytest.fixture(scope="module")
def answering(path: Path) -> Iterator[tuple[Any, dict[str, Any]]]:
    """An engine, and a choice that it takes."""
    with serve(path) as server:
        engine = load_engine(policy_at(path, server.url), PromptConfig())
        ids = [3, 4, 5]
        text = engine.tokenizer.decode(ids)
        values = {"token_logprobs": [-0.5, -1.0, -0.25]}
        yield engine, {"index": 0, "text": text, "token_ids": ids, "logprobs": values, "finish_reason": "stop"}


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
