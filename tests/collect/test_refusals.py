"""What models, servers and runs cannot do is refused in a line: what it is, what is allowed and what to do."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

import torch

from tests.collect.test_run import with_
from tests.collect.test_search import FakeEngine, FakePrm, use
from tests.models import save_tiny_policy, save_tiny_prm
from tests.reward_models import save_orm, save_rlhflow
from ttclib.collect import growing, keeper, run, search, verifiers
from ttclib.collect.checkpoints import config_facts, load_failure
from ttclib.collect.engines import loading
from ttclib.collect.engines.loading import holding_models, load_api, load_engine, load_verifier
from ttclib.collect.engines.tokens import end_tokens, token_ids
from ttclib.collect.engines.types import Draw
from ttclib.collect.estimate import parameters_of
from ttclib.collect.judge import judge
from ttclib.collect.verifiers import load_prm
from ttclib.collect.verifiers.common import encode_pieces, single_tokens
from ttclib.config import PolicyConfig, PrmConfig, PromptConfig, RunConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError
from ttclib.lab.tokenizer import build_tokenizer

Use = Callable[[], Any]


def refused(use: Use, kind: type[TTCError] = RequestError) -> str:
    """What a refusal says, in one line."""
    with pytest.raises(TTCError) as raised:
        use()
    assert type(raised.value) is kind and "\n" not in str(raised.value)
    return str(raised.value)


# Models that are not as they should be.


@pytest.mark.parametrize("policy", [{"engine": "server", "server": {"urls": ["http://127.0.0.1:9"]}},
                                    {"data_parallel_size": 2}])  # fmt: skip
def test_a_damaged_tokenizer_is_told_whoever_reads_it(tmp_path: Path, policy: dict[str, Any]) -> None:
    path = save_tiny_policy(tmp_path / "policy")
    (path / "tokenizer.json").write_text("{")
    asked = PolicyConfig.model_validate({"name": "m", "path": str(path)} | policy)
    assert f"cannot load the policy from '{path}': " in refused(lambda: load_engine(asked, PromptConfig()))


def test_a_damaged_verifier_is_told(tmp_path: Path) -> None:
    path = save_tiny_prm(tmp_path / "prm")
    (path / "model.safetensors").write_bytes(b"\xff" * 1000)
    assert refused(lambda: load_prm(PrmConfig(path=str(path)))).startswith(f"cannot load the PRM from '{path}': ")
    (path / "config.json").write_text("{")
    assert refused(lambda: load_prm(PrmConfig(path=str(path)))).startswith(f"cannot load the PRM from '{path}': ")
    (path / "config.json").unlink()
    assert "cannot load the PRM from" in refused(lambda: load_prm(PrmConfig(path=str(path))))


def test_an_outcome_model_of_several_labels_is_refused(tmp_path: Path) -> None:
    path = save_orm(tmp_path)
    content = json.loads((path / "config.json").read_text())
    content |= {"id2label": {str(n): f"L{n}" for n in range(3)}, "label2id": {f"L{n}": n for n in range(3)}}
    (path / "config.json").write_text(json.dumps(content))
    from safetensors.torch import load_file, save_file

    weights = load_file(path / "model.safetensors")
    weights["score.weight"] = torch.zeros(3, 32)
    save_file(weights, path / "model.safetensors", metadata={"format": "pt"})
    told = refused(lambda: load_prm(PrmConfig(path=str(path), format="orm")))
    assert told == f"the ORM at '{path}' has 3 labels in a LlamaForSequenceClassification: allowed is a decoder with 1"


def test_a_tokenizer_that_lacks_what_a_format_marks_steps_with_is_refused() -> None:
    tokenizer = build_tokenizer()
    assert single_tokens(tokenizer, ["1", "\n"], "here") == tokenizer("1\n", add_special_tokens=False).input_ids
    for text in ("<extra_0>", "11", "é", ""):
        told = refused(lambda text=text: single_tokens(tokenizer, ["1", text], "here"))
        assert told == f"the tokenizer at 'here' has no single token {text!r}, which this format needs: set prm.format"


def test_a_verifiers_template_that_raises_is_told(tmp_path: Path) -> None:
    path = save_rlhflow(tmp_path)
    prm = load_prm(PrmConfig(path=str(path), format="rlhflow"))
    prm.tokenizer.chat_template = "{{ raise_exception('no\nsystem') }}"
    told = refused(lambda: prm.encode("1+1=", ["2"]))
    assert told == f"the chat template of the PRM at '{path}' fails: no"
    prm.tokenizer.chat_template = "{% for m in messages %}{{ m.content }}|{% endfor %}"
    ids, positions = prm.encode(
        "1\N{WHITE SQUARE}", ["2\N{WHITE SQUARE}\N{BLACK SQUARE}\n"]
    )  # what stands for an answer
    text = prm.tokenizer.decode(ids)
    assert text == "1\N{WHITE SQUARE} 2\N{WHITE SQUARE}\N{BLACK SQUARE}|+|" and len(positions) == 1


def test_a_token_across_a_steps_end_cannot_be_read() -> None:
    def tokenizer(text: str, **options: Any) -> dict[str, Any]:
        assert options == {"add_special_tokens": False, "return_offsets_mapping": True} and text == "ab"
        return {"input_ids": [7], "offset_mapping": [(0, 2)]}

    assert encode_pieces(tokenizer, ["a", "b"], [True, False], special=False) == ([], [])
    assert encode_pieces(tokenizer, ["a", "b"], [False, True], special=False) == ([7], [0])


def test_a_score_is_read_at_the_token_that_writes_a_steps_end_not_at_an_empty_one() -> None:
    def tokenizer(text: str, **options: Any) -> dict[str, Any]:
        assert options["add_special_tokens"] is True
        return {"input_ids": [1, 7, 8, 9, 2], "offset_mapping": [(0, 0), (0, 1), (1, 1), (1, 2), (2, 2)]}

    assert encode_pieces(tokenizer, ["a", "b"], [True, True], special=True) == ([1, 7, 8, 9, 2], [1, 3])


def test_a_format_of_another_package_reads(tiny_prm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Mine(verifiers.TokenClassificationPrm):
        takes = ("system",)

    asked: list[Any] = []
    monkeypatch.setattr(verifiers, "plugins", lambda *given: asked.append(given) or iter([("mine", Mine)]))
    config = PrmConfig(path=str(tiny_prm)).model_copy(update={"format": "mine", "system": "Add."})
    assert type(load_prm(config)) is Mine and asked[0][:2] == ("ttclib.verifier_formats", verifiers.Prm)
    told = refused(lambda: load_prm(config.model_copy(update={"raw_score": True})))
    assert told == "prm.raw_score = True: format 'mine' does not take it; orm, qwen-orm do: leave it out"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("You are trying to access a gated repo.", "it is gated: accept its licence"),
        ("401 Client Error", "it is gated: accept its licence"),
        ("x is not a valid model identifier", "the hub has no such model: check the name and the revision"),
        ("404 Client Error", "the hub has no such model"),
        (
            "couldn't connect to the hub; see offline mode",
            "the hub cannot be reached and the model is not in the cache",
        ),
        ("couldn't connect to it", "couldn't connect to it"),
        ("it is damaged\nhere", "it is damaged"),
        ("", "OSError"),
    ],
)
def test_why_a_model_cannot_be_loaded_says_what_to_do(said: str, told: str) -> None:
    text = str(load_failure("PRM", "owner/model", OSError(said)))
    assert text.startswith(f"cannot load the PRM from 'owner/model': {told}") and "\n" not in text


@pytest.mark.parametrize(
    ("stated", "facts"),
    [
        ({}, dict.fromkeys(["architecture", "n_heads", "n_kv_heads", "head_dim"])),
        ({"hidden_size": 64, "num_attention_heads": 4}, {"head_dim": 16, "n_kv_heads": 4, "hidden_size": 64}),
        ({"hidden_size": 64, "num_attention_heads": 4, "head_dim": 32}, {"head_dim": 32}),
        ({"num_attention_heads": 4, "num_key_value_heads": 2}, {"n_kv_heads": 2, "n_heads": 4, "head_dim": None}),
        ({"architectures": [], "num_hidden_layers": 3}, {"architecture": None, "n_layers": 3}),
        ({"architectures": ["A", "B"], "training_tokens": 9}, {"architecture": "A", "training_tokens": 9}),
    ],
)
def test_facts_are_those_that_a_checkpoint_states(stated: dict[str, Any], facts: dict[str, Any]) -> None:
    found = config_facts(SimpleNamespace(**stated))
    assert {name: found[name] for name in facts} == facts and len(found) == 7


# Packages, devices, memory.


@pytest.mark.parametrize(
    ("module", "lacks", "use", "extra"),
    [
        (
            "engines.vllm",
            "vllm",
            lambda c: load_engine(c.policy.model_copy(update={"engine": "vllm"}), c.prompt),
            "vllm",
        ),
        ("engines.chat", "httpx", lambda c: load_api(c.policy, c.prompt), "chat"),
        ("verifiers", "transformers", lambda c: load_verifier(c.prm), "transformers"),
    ],
)
def test_a_package_that_is_not_here_is_named_with_its_extra(config, monkeypatch, module, lacks, use, extra) -> None:
    monkeypatch.delitem(sys.modules, f"ttclib.collect.{module}", raising=False)
    inside = (f"ttclib.collect.{module}.", "ttclib.collect.engines.http", "ttclib.collect.engines.responses")
    for other in [name for name in sys.modules if name.startswith(inside)]:
        monkeypatch.delitem(sys.modules, other)
    monkeypatch.setitem(sys.modules, lacks, None)
    told = refused(lambda: use(config))
    assert told.endswith(f" needs the package '{lacks}': pip install 'ttclib[{extra}]'")


def test_without_safetensors_parameters_are_unknown(tiny_policy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    assert parameters_of(str(tiny_policy)) is None


@pytest.mark.parametrize("engine", ["chat", "server"])
def test_what_servers_hold_no_cluster_can_move(config: RunConfig, engine: str) -> None:
    place = {"engine": engine, "server": {"urls": ["http://127.0.0.1:9"]}}
    content = config.model_dump()
    asked = RunConfig.model_validate(
        content | {"policy": content["policy"] | place, "prompt": {"chat": engine == "chat"}}
    )
    on: Any = object()
    told = refused(lambda: run.sample(asked, on=on))
    assert told.startswith(f"engine '{engine}' of 'tiny' asks servers, which --on cannot move: leave it out, or use")


def test_too_little_memory_says_what_to_lower(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    engine: Any = load_engine(config.policy, config.prompt)
    monkeypatch.setattr(engine, "_prefill", full)
    told = refused(lambda: engine.generate([Draw((1, 2), 0)] * 3, SamplingConfig(max_tokens=20)), TTCError)
    assert told == (
        "out of GPU memory while drawing 3 samples of up to 20 tokens: lower policy.batch_size or sampling.max_tokens"
    )
    assert config.prm is not None
    prm: Any = load_prm(config.prm)
    monkeypatch.setattr(prm, "_read", full)
    told = refused(lambda: prm.score([([1, 2, 3], [2]), ([1, 2], [1])]), TTCError)
    assert told == (
        "out of GPU memory while scoring 2 solutions of up to 3 tokens: lower prm.batch_tokens (now 32768), or set "
        "prm.dtype to bfloat16"
    )


# What is held, and given back.


def test_models_are_held_to_the_end_of_the_outer_block(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []
    made: list[str] = []

    def new(policy: PolicyConfig, *_: Any) -> Any:
        made.append(policy.name)
        return SimpleNamespace(close=lambda: closed.append(policy.name))

    monkeypatch.setattr(loading, "_new_engine", new)
    other = config.policy.model_copy(update={"name": "other"})
    with holding_models():
        with holding_models():
            engine = load_engine(config.policy, config.prompt)
            assert load_engine(config.policy, config.prompt) is engine
            loading.close_engine(engine)
            load_engine(config.policy, config.prompt.model_copy(update={"system": "Add."}))
        load_engine(other, config.prompt)
        loading.close_engine(new(other))  # it is another than the one that is held
        assert closed == ["other"] and made == ["tiny", "tiny", "other", "other"]
    assert closed == ["other", "tiny", "tiny", "other"]
    loading.close_engine(load_engine(config.policy, config.prompt))  # held no more
    assert closed[4:] == ["tiny"] and made[4:] == ["tiny"]
    loading.close_engine(object())  # type: ignore[arg-type]


def test_ends_are_the_tokenizers_and_the_checkpoints(tmp_path: Path) -> None:
    path, tokenizer = save_tiny_policy(tmp_path), build_tokenizer()
    policy = PolicyConfig(name="m", path=str(path))
    file = path / "generation_config.json"
    for named, ends in ((5, {5}), ([5, 6], {5, 6}), (None, set())):
        file.write_text(json.dumps({"eos_token_id": named}))
        assert end_tokens(tokenizer, policy) == ends | {tokenizer.eos_token_id}
    file.unlink()
    assert end_tokens(tokenizer, policy) == {tokenizer.eos_token_id}
    assert end_tokens(SimpleNamespace(eos_token_id=None), policy) == frozenset()


def test_a_tokenizers_other_errors_are_not_taken_for_a_lack() -> None:
    def broken(text: str, add_special_tokens: bool) -> Any:
        raise ValueError(text)

    with pytest.raises(ValueError, match="1"):
        token_ids(broken, "1", "1")


# Runs.


def test_without_a_judge_it_says_what_to_add(config: RunConfig) -> None:
    assert (
        refused(lambda: judge(config)) == "no judge is configured: add a section [judge] with its path and server.urls"
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"strategy": "beam_search", "beam_width": "wide"}, "wide"),
        ({"strategy": "beam_search", "beam_width": True}, "True"),
        ({"strategy": "beam_search", "width": 3}, "unknown parameter of beam_search 'width'"),
        ({"strategy": "beams"}, "unknown search strategy 'beams'"),
        ({"strategy": "majority_vote"}, "unknown search strategy 'majority_vote'"),
    ],
)
def test_a_search_that_is_none_is_refused(config: RunConfig, asked: dict[str, Any], told: str) -> None:
    wrong = RunConfig.model_validate(config.model_dump() | {"search": {"algorithms": [asked]}})
    assert told in refused(lambda: search.check_search(wrong))


def test_ids_beyond_a_vocabulary_are_another_tokenizers(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeEngine(), FakePrm())
    config = with_(config, problems={"limit": 1})
    run.sample(config)
    trees = growing.load_growing(config, run.missing_samples(config)[0], 2)
    engine: Any = FakeEngine()
    growing.check_tokenizer(config, engine, trees)
    for error in (IndexError, OverflowError, TypeError):

        def raises(*_: Any, error: type[Exception] = error, **__: Any) -> Any:
            raise error("id")

        engine.tokenizer = SimpleNamespace(decode=raises)
        assert "was not written by the tokenizer of" in refused(lambda: growing.check_tokenizer(config, engine, trees))


def test_where_a_store_stays_locked_its_parts_wait(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeEngine(), FakePrm())
    said: list[str] = []
    keeper.take_in(config.store, notify=said.append)
    assert said == [] and not config.store.exists()  # nothing to take
    run.sample(config)
    absorb, locked = keeper.absorb, keeper.StoreLockedError("it is locked")

    def raises(*_: Any, **__: Any) -> Any:
        raise locked

    monkeypatch.setattr(keeper, "absorb", raises)
    keeper.take_in(config.store, notify=said.append)
    assert said == ["it is locked; until then the new samples are read from the parts beside it"]
    monkeypatch.setattr(keeper, "absorb", absorb)
    with pytest.raises(KeyboardInterrupt), keeper.taking_in(config.store, notify=said.append):
        raise KeyboardInterrupt
    assert config.store.exists() and not keeper.pending_parts(config.store)
    run.sample(with_(config, sampling={"n_samples": 7}))
    with keeper.taking_in(config.store, notify=said.append):
        pass
    assert not keeper.pending_parts(config.store)
    run.sample(with_(config, sampling={"n_samples": 8}))
    with pytest.raises(ValueError, match="x"), keeper.taking_in(config.store, notify=said.append):
        raise ValueError("x")
    assert keeper.pending_parts(config.store)  # a fault of ours: as it was left


def test_what_is_kept_is_taken_in_now_and_then_without_waiting(config: RunConfig, monkeypatch: Any) -> None:
    absorbed: list[dict[str, Any]] = []
    monkeypatch.setattr(keeper, "absorb", lambda store, **how: absorbed.append(how))
    own = keeper.Keeper(config.store)
    own.keep("models", [{"model": "a"}])
    assert not absorbed
    monkeypatch.setattr(keeper, "_ABSORB_EVERY_S", -1)
    own.keep("models", [{"model": "b"}])
    assert absorbed == [{"wait_s": 0}] and own.alone()
