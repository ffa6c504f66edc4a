"""The models of a run: where each is, what serves it, and how a verifier reads."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ttclib.config.sections import Section
from ttclib.errors import one_of

VERIFIER_ENTRY_POINTS = "ttclib.verifier_formats"
VERIFIER_FORMATS = ("token-classification", "qwen", "math-shepherd", "rlhflow", "skywork", "orm", "qwen-orm")


def verifier_formats() -> tuple[str, ...]:
    """How a verifier may read a solution: ttclib's formats, then those of other packages by their entry points."""
    others = (point.name for point in entry_points(group=VERIFIER_ENTRY_POINTS))
    return tuple(dict.fromkeys((*VERIFIER_FORMATS, *others)))


def _known_format(name: str) -> str:
    return name if name == "auto" else one_of(name, verifier_formats(), "format of a verifier")


class ServerConfig(Section):
    """Running OpenAI-compatible vLLM servers, for engine = "server"."""

    urls: tuple[str, ...] = Field(default=(), description='"http://host:8000", one a server')
    model: str | None = Field(default=None, description="name the servers know it by; absent: the only one they have")
    concurrency: int = Field(default=128, ge=1, description="requests under way at each server")
    timeout_s: float = Field(default=600.0, gt=0, description="for one sample")
    retries: int = Field(default=5, ge=0, description="of a request that a server did not answer")
    api_key_variable: str = Field(default="VLLM_API_KEY", description="environment variable with the key, if any")
    seeded: bool = Field(
        default=True, description="false: draws take no seed (vLLM on a CPU); start each server with another --seed"
    )


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
    path: str = Field(description="directory, hub id, or lab:NAME for a model that ships")
    revision: str | None = None
    engine: Literal["transformers", "vllm", "server"] = "transformers"
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
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
    server: ServerConfig = ServerConfig()


class PrmConfig(Section):
    """The process reward model that scores every step."""

    name: str = Field(default="", description="name in the store; absent: the last part of the path")
    path: str
    revision: str | None = None
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
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


