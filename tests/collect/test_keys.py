"""No key of a configuration is without effect: another value than the default changes what is asked, drawn or said.

Every key stands in `CASES` with such a value and with where its effect is seen; a key that is added to the
configuration must be added here. What exactly the effect is, other tests say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("torch")
pytest.importorskip("httpx")

from pydantic import ValidationError

from tests.collect import looks
from tests.collect.looks import World, merged
from tests.engines.chat_server import serve_chat
from tests.reward_models import save_orm
from ttclib.config.keys import keys_of, sections


class Case(NamedTuple):
    """A value of a key, where its effect is seen, and what else the configuration says."""

    look: Callable[[World, dict[str, Any]], Any]
    value: Any
    given: dict[str, Any]
    refused: str = ""  # with which words the value is, if it is


def of(
    look: Callable[[World, dict[str, Any]], Any], given: dict[str, Any] | None = None, **values: Any
) -> dict[str, Case]:
    """Cases of several keys that are seen at one place."""
    return {key: Case(look, value, given or {}) for key, value in values.items()}


CHAT = {"prompt": {"chat": True}}
THINKS = {"prompt": {"chat": True, "chat_template": "{{ think }}!"}}
SHOWN = {"prompt": {"examples": [{"prompt": "1+1=", "answer": "2"}]}}
OWN = {"revision": {"model": {"name": "m", "path": "POLICY"}}}
READ = {"revision": {"verifier": {"path": "PRM"}, "n_steps": 2}}
SEARCH = {"search": {"algorithms": [{"strategy": "beam_search", "beam_width": 2}]}}
SERVER = {
    "urls": ["SERVER/else/v1"], "model": "other", "timeout_s": 1e-6, "retries": 0, "api_key_variable": "OTHER_KEY",
    "seeded": False, "choices": 2, "max_tokens_key": "max_completion_tokens", "omit": ["top_p"],
}  # fmt: skip
OF_VLLM = {
    "tensor_parallel_size": 2, "pipeline_parallel_size": 2, "quantization": "fp8", "gpu_memory_utilization": 0.5,
    "max_model_len": 99, "prefix_caching": False, "engine_options": {"enforce_eager": True},
}  # fmt: skip
POLICY = {
    "name": "other", "path": "FOLDER/none", "revision": "other", "engine": "server", "device": "cpu",
    "dtype": "bfloat16", "batch_size": 3, "training_tokens": 7, "data_parallel_size": 2, **OF_VLLM,
}  # fmt: skip
VERIFIER = {
    "name": "other", "path": "FOLDER/none", "revision": "other", "device": "cuda:99", "dtype": "bfloat16",
    "format": "orm", "step_end": "1", "batch_tokens": 1, "system": "Add.", "raw_score": True,
}  # fmt: skip
OF_THE_SCORER = ("path", "device", "dtype", "format", "step_end", "batch_tokens")
OF_CHAT = ("choices", "max_tokens_key", "omit")
CASES: dict[str, dict[str, Case]] = {
    "": of(looks.placed, store="FOLDER/other.duckdb")
    | of(looks.identified, prm={"path": "PRM"}, judge={"path": "wise", "server": {"urls": ["SERVER"]}}, revision={}),
    "problems": of(looks.loaded, source="lab:validation", limit=1, benchmark="mine", fields={"prompt": "question"},
                   revision="abc", subset="easy", split="train", parameters={"size": 1}, seed=3),
    "policy": of(looks.sampled, name="other", batch_size=3)
    | of(looks.drawn, path="FOLDER/none", engine="server", device="cuda:99", dtype="bfloat16", training_tokens=7)
    | of(looks.asked_of_api, revision="other")
    | of(looks.copies, data_parallel_size=2)
    | of(looks.of_vllm, **OF_VLLM),
    "policy.server": of(looks.asked_of_api, **SERVER) | of(looks.asked_at_once, concurrency=1),
    "prompt": of(looks.prompted, template="{prompt}?", system="Add.", examples=SHOWN["prompt"]["examples"], chat=True)
    | of(looks.prompted, CHAT, chat_template="{{ messages[0].content }}!")
    | of(looks.prompted, THINKS, chat_template_kwargs={"think": 1}),
    "prompt.examples": of(looks.prompted, SHOWN, prompt="2+2=", answer="4"),
    "sampling": of(looks.sampled, n_samples=5, seed=1, step_delimiter="1")
    | of(looks.asked_of_api, temperature=0.5, top_p=0.5, top_k=5, min_p=0.1, presence_penalty=1.0, max_tokens=5,
         frequency_penalty=1.0, repetition_penalty=1.1, reasoning_effort="low", stop=["1"])
    | of(looks.drawn, keep_logprobs=False, keep_top_mass=True),
    "prm": of(looks.read_by_prm, **{key: VERIFIER[key] for key in OF_THE_SCORER})
    | of(looks.read_by_prm, {"prm": {"path": "ORM"}}, system="Add.", raw_score=True)
    | of(looks.scored, name="other")
    | of(looks.identified, {"prm": {"path": "PRM"}}, revision="other"),
    "judge": of(looks.asked_of_judge, name="other", path="other", revision="other", readings=2, system="Be just.",
                template="{completion}!", pattern=r"worth: (\d)", lowest=-10.0, highest=20.0, temperature=0.5,
                max_tokens=5, reasoning_effort="low", batch_size=1),
    "judge.server": of(looks.judge_of_server, **SERVER, concurrency=1),
    "revision": of(looks.of_chains, model={"name": "m", "path": "POLICY"}, verifier={"path": "PRM"}, n_chains=2,
                   n_steps=2, n_context=0, separator="1") | of(looks.between, CHAT | {"revision": {}}, followup="1+1"),
    "revision.model": of(looks.reviser, OWN, **POLICY),
    "revision.model.server": of(looks.reviser, OWN, **{k: v for k, v in SERVER.items() if k not in OF_CHAT},
                                concurrency=1)
    | {key: Case(looks.reviser, SERVER[key], OWN, "does not take it; chat does") for key in OF_CHAT},
    "revision.verifier": of(looks.reader_of_chains, READ, **VERIFIER)
    | of(looks.of_chains, READ, read="steps", n_context=0),
    "search": of(looks.searched, algorithms=[{"strategy": "dvts", "beam_width": 2}], budgets=[4, 6], replicates=2,
                 limit=1, problems_at_once=1),
    "search.algorithms": of(looks.searched, SEARCH, strategy="dvts", aggregation="min"),
    "grading": of(looks.sampled, grader="math"),
    "estimate": of(looks.estimated, completion_tokens=7, policy_parameters=2e9, prm_parameters=2e9, gpu="H100",
                   n_gpus=2, peak_tflops=100.0, decode_utilization=0.5, prefill_utilization=0.5),
}  # fmt: skip


@pytest.fixture(scope="module")
def orm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_orm(tmp_path_factory.mktemp("orm"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory, tiny_policy, tiny_prm, orm) -> Iterator[Callable[[Any, dict[str, Any]], str]]:
    """What a look sees of a configuration, with a server and a folder of its own, whose names do not tell."""

    def seen(look: Any, content: dict[str, Any]) -> str:
        folder = tmp_path_factory.mktemp("look")
        with serve_chat() as server, pytest.MonkeyPatch.context() as patch:
            found = repr(look(World(folder, tiny_policy, tiny_prm, orm, server, patch), content))
            return found.replace(server.url, "SERVER").replace(str(folder), "FOLDER")

    yield seen


@pytest.fixture(scope="module")
def plain(seen) -> Callable[[Any, dict[str, Any]], str]:
    """The same without the value, and once more for each look, to see that nothing else tells."""
    known: dict[str, str] = {}
    steady: set[str] = set()

    def of_default(look: Any, content: dict[str, Any]) -> str:
        name = f"{look.__name__} {content}"
        if name not in known:
            known[name] = seen(look, content)
            if look.__name__ not in steady:
                assert seen(look, content) == known[name]
                steady.add(look.__name__)
        return known[name]

    return of_default


def test_every_key_is_here() -> None:
    known = {section: {key.name for key in keys_of(section, model)} for section, model in sections()}
    assert {section: set(cases) for section, cases in CASES.items()} == {k: v for k, v in known.items() if v}


@pytest.mark.parametrize(
    ("section", "key"), [pytest.param(s, k, id=f"{s}.{k}".strip(".")) for s, cases in CASES.items() for k in cases]
)
def test_another_value_than_the_default_has_an_effect(seen, plain, section: str, key: str) -> None:
    case = CASES[section][key]
    content = merged(case.given, at(section, {key: case.value}, case.given))
    if case.refused:
        with pytest.raises(ValidationError, match=case.refused):
            seen(case.look, content)
    else:
        assert seen(case.look, content) != plain(case.look, case.given)


def at(section: str, inside: dict[str, Any], given: Any) -> dict[str, Any]:
    """A section's keys as the whole configuration holds them; of a list of sections in its first."""
    first, _, rest = section.partition(".")
    if not first:
        return inside
    held = given.get(first, {})
    if isinstance(held, list):
        return {first: [held[0] | inside]}
    return {first: at(rest, inside, held)}
