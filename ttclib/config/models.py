"""The models of a run: where each is, what serves it, what that can do, and how a verifier reads."""

from __future__ import annotations

import json
import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ttclib.config.sections import PromptConfig, SamplingConfig, Section
from ttclib.errors import one_of

VERIFIER_ENTRY_POINTS = "ttclib.verifier_formats"
VERIFIER_FORMATS = ("token-classification", "qwen", "math-shepherd", "rlhflow", "skywork", "orm", "qwen-orm")


def verifier_formats() -> tuple[str, ...]:
    """How a verifier may read a solution: ttclib's formats, then those of other packages by their entry points."""
    others = (point.name for point in entry_points(group=VERIFIER_ENTRY_POINTS))
    return tuple(dict.fromkeys((*VERIFIER_FORMATS, *others)))


def _known_format(name: str) -> str:
    return name if name == "auto" else one_of(name, verifier_formats(), "format of a verifier")


def without_secrets(text: str) -> str:
    """A text with URLs in it, less what could be a key there: user, password and what follows a question mark.

    Examples
    --------
    >>> without_secrets("https://me:key@host/v1?key=abc")
    'https://…@host/v1?…'
    """
    return re.sub(r"(://[^\s?#\"]*)[?#][^\s\"]*", r"\1?…", re.sub(r"//[^/\s@]*@", "//…@", text))


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:  # or the port is refused
        raise ValueError('give a server\'s address, such as "http://host:8000" or "https://host/v1"')
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ValueError(
            "an address holds no key, user or question mark, since runs are written down: put the key into the "
            "environment variable that policy.server.api_key_variable names"
        )
    return url


def base_address(url: str) -> str:
    """A server's address up to its version, which is added where it says none.

    Examples
    --------
    >>> base_address("http://host:8000"), base_address("https://host/api/v1/chat/completions")
    ('http://host:8000/v1', 'https://host/api/v1')
    >>> base_address("https://host/v1beta/openai/")
    'https://host/v1beta/openai'
    """
    base = re.sub(r"/(chat/completions|completions|models)$", "", url.rstrip("/"))
    return base if re.search(r"/v\d+(?:alpha|beta)?\d*(?:/|$)", base) else f"{base}/v1"


class ServerConfig(Section):
    """Servers that are asked by HTTP: vLLM's, for engine = "server"; any with chat completions, for "chat"."""

    urls: tuple[Annotated[str, AfterValidator(_address)], ...] = Field(
        default=(), description='"http://host:8000" or "https://host/v1", one a server; no key in it'
    )
    model: str | None = Field(
        default=None, description="name the servers know it by; absent: the only one they have; chat: the path"
    )
    concurrency: int = Field(default=128, ge=1, description="requests under way at each server")
    timeout_s: float = Field(default=600.0, gt=0, description="for one sample, to its last byte, all attempts together")
    retries: int = Field(default=5, ge=0, description="of a request that a server did not answer, or not in order")
    api_key_variable: str = Field(
        default="VLLM_API_KEY", description="environment variable with the key, if any; the key is written nowhere"
    )
    seeded: bool = Field(
        default=True, description="false: draws take no seed (vLLM on a CPU); start each server with another --seed"
    )
    choices: int = Field(
        default=1, ge=1, le=128, description="chat: samples asked for in a request, its n; few tell the tokens of each"
    )
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="chat: what the API calls sampling.max_tokens"
    )
    omit: tuple[Literal["temperature", "top_p"], ...] = Field(
        default=(), description="chat: not sent, for an API that refuses it; it must be 1"
    )

    def bases(self) -> tuple[str, ...]:
        """Addresses of the servers, up to the version."""
        return tuple(dict.fromkeys(map(base_address, self.urls)))


def last_part(path: str) -> str:
    """The last part of a model's path, which is its name where no other is given.

    Examples
    --------
    >>> last_part("Qwen/Qwen2.5-1.5B"), last_part("lab:policy"), last_part("runs/mine/")
    ('Qwen2.5-1.5B', 'policy', 'mine')
    """
    name = path.removeprefix("lab:").rstrip("/").rsplit("/", 1)[-1]
    return Path(path).resolve().name if name in ("", ".", "..") else name


class PolicyConfig(Section):
    """The model that answers."""

    name: str = Field(description="name in the store")
    path: str = Field(
        description="directory, hub id, or lab:NAME for a model that ships; chat: its name at the API", min_length=1
    )
    revision: str | None = Field(
        default=None, description="commit on the hub; chat: what the API calls itself in its answers"
    )
    engine: Literal["transformers", "vllm", "server", "chat"] = Field(
        default="transformers",
        description="in this process; vllm.LLM; running vLLM servers; any API with /v1/chat/completions",
    )
    device: str | None = Field(
        default=None, description="transformers: cpu, cuda, cuda:1, mps; absent: the GPU if there is one"
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="numbers of the weights; auto: the checkpoint's, on a CPU float32"
    )
    batch_size: int = Field(default=256, ge=1, description="samples drawn, and written, at a time")
    training_tokens: int | None = Field(
        default=None, ge=1, description="pretraining tokens, if the checkpoint is silent"
    )
    data_parallel_size: int = Field(default=1, ge=1, description="copies of the model, each on GPUs of its own")
    tensor_parallel_size: int | None = Field(default=None, ge=1, description="vllm: GPUs that share each layer")
    pipeline_parallel_size: int | None = Field(default=None, ge=1, description="vllm: GPUs that share the layers")
    quantization: str | None = Field(default=None, description="vllm: awq, gptq, fp8, …; absent: as the checkpoint is")
    gpu_memory_utilization: float | None = Field(default=None, gt=0, le=1, description="vllm: share of a GPU's memory")
    max_model_len: int | None = Field(default=None, ge=1, description="vllm: most tokens of prompt and completion")
    prefix_caching: bool = Field(default=True, description="vllm: samples of a prompt share its keys and values")
    engine_options: dict[str, Any] = Field(default_factory=dict, description="passed to vllm.LLM; wins over the above")
    server: ServerConfig = Field(default=ServerConfig(), description="where engine server or chat asks")


class PrmConfig(Section):
    """The process reward model that scores every step."""

    name: str = Field(default="", description="name in the store; absent: the last part of the path")
    path: str = Field(description="directory, hub id, or lab:NAME for a model that ships")
    revision: str | None = Field(default=None, description="commit on the hub")
    device: str | None = Field(default=None, description="cpu, cuda, cuda:1, mps; absent: the GPU if there is one")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="numbers of the weights; auto: the checkpoint's, on a CPU float32"
    )
    format: Annotated[str, AfterValidator(_known_format)] = Field(
        default="auto", description="how it reads a solution; auto: told from the checkpoint"
    )
    step_end: str = Field(
        default="\n", min_length=1, description="text at a step's end; absent in a run: its step delimiter"
    )
    system: str | None = Field(default=None, description="system prompt; absent: the format's own, if it has one")
    raw_score: bool = Field(default=False, description="an outcome model's scalar as it is, not its sigmoid")
    batch_tokens: int = Field(default=32_768, ge=1, description="most tokens in a batch, padding included")

    @model_validator(mode="before")
    @classmethod
    def _called_by_its_path(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("path"), str) and not content.get("name"):
            return {**content, "name": last_part(content["path"])}
        return content

    def reads(self) -> dict[str, Any]:
        """How it reads a solution: with another of these its scores are another verifier's."""
        return {name: getattr(self, name) for name in ("format", "system", "raw_score")}


class RevisionVerifierConfig(PrmConfig):
    """The verifier of a chain's answers, which sees the earlier ones."""

    read: Literal["outcome", "steps"] = Field(
        default="outcome", description="outcome: one score, at the end of the answer; steps: one at each step's end"
    )
    n_context: int | None = Field(
        default=None, ge=0, description="earlier answers in its view, 0: this answer alone; absent: as the model"
    )

    def reads(self) -> dict[str, Any]:
        """How it reads an answer."""
        return super().reads() | {"read": self.read, "n_context": self.n_context}


_SAID_BEFORE = ("vllm", "server", "chat")
# Keys of the decoding that not every engine can follow. What is in none of these, all can.
_TAKEN_BY: dict[str, tuple[str, ...]] = {
    "presence_penalty": _SAID_BEFORE,
    "frequency_penalty": _SAID_BEFORE,
    "repetition_penalty": _SAID_BEFORE,
    "reasoning_effort": ("chat",),
}
_INSTEAD = {
    "reasoning_effort": "; where the model's chat template knows it, set prompt.chat_template_kwargs = "
    '{{ reasoning_effort = "{value}" }}'
}


def unfit(policy: PolicyConfig, sampling: SamplingConfig, prompt: PromptConfig, section: str = "policy") -> list[str]:
    """What an engine cannot do of all that is asked, a line each.

    Parameters
    ----------
    policy : PolicyConfig
    sampling : SamplingConfig
    prompt : PromptConfig
    section : str
        Where the policy stands in the configuration.

    Returns
    -------
    list of str

    Examples
    --------
    >>> policy = PolicyConfig(name="m", path="m")
    >>> unfit(policy, SamplingConfig(repetition_penalty=1.1), PromptConfig())
    ["sampling.repetition_penalty = 1.1: engine 'transformers' does not take it; vllm, server, chat do"]
    """
    engine = policy.engine
    asked = sampling.asked_keys()
    found = [
        _line(f"sampling.{name}", asked[name], engine, takers, _INSTEAD.get(name, ""))
        for name, takers in _TAKEN_BY.items()
        if name in asked and engine not in takers
    ]
    if policy.device is not None and engine != "transformers":
        found.append(_line(f"{section}.device", policy.device, engine, ("transformers",)))
    if prompt.chat_template_kwargs and not prompt.chat:
        found.append("prompt.chat_template_kwargs: without a chat there is no template; set prompt.chat = true")
    server = policy.server
    if engine == "chat":
        if not server.urls:
            found.append(f"{section}.server.urls = []: engine 'chat' needs an address, such as \"https://host/v1\"")
        if not prompt.chat:
            found.append("prompt.chat = false: engine 'chat' asks in turns; leave it out, or use engine 'server'")
        if prompt.chat_template:
            found.append(
                "prompt.chat_template: engine 'chat' leaves the template to the API; take it out, or another engine"
            )
        found += [
            f'{section}.server.omit = ["{name}"]: sampling.{name} = {value:g} would not be sent, and an API takes 1 '
            f"where it is not told: set sampling.{name} = 1"
            for name in server.omit
            if (value := getattr(sampling, name)) != 1
        ]
    else:
        for name in ("choices", "max_tokens_key", "omit"):
            if (value := getattr(server, name)) != type(server).model_fields[name].default:
                found.append(_line(f"{section}.server.{name}", value, engine, ("chat",)))
    return found


def _line(key: str, value: Any, engine: str, takers: tuple[str, ...], instead: str = "") -> str:
    does = "does" if len(takers) == 1 else "do"
    shown = json.dumps(value, ensure_ascii=False, default=str)
    return (
        f"{key} = {shown}: engine '{engine}' does not take it; {', '.join(takers)} {does}{instead.format(value=value)}"
    )
