"""A run as TOML: read, checked and frozen before any work begins.

A configuration is a file or the name of a preset (`ttclib/presets/`). Paths in it are relative to
the working directory.
"""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from ttclib.errors import RequestError, nearest, one_of
from ttclib.revision_format import N_CONTEXT
from ttclib.setting_keys import canonical_json, setting_name

VERIFIER_ENTRY_POINTS = "ttclib.verifier_formats"
VERIFIER_FORMATS = ("token-classification", "qwen", "math-shepherd", "rlhflow", "skywork", "orm", "qwen-orm")


def verifier_formats() -> tuple[str, ...]:
    """How a verifier may read a solution: ttclib's formats, then those of other packages by their entry points."""
    others = (point.name for point in entry_points(group=VERIFIER_ENTRY_POINTS))
    return tuple(dict.fromkeys((*VERIFIER_FORMATS, *others)))


def _known_format(name: str) -> str:
    return name if name == "auto" else one_of(name, verifier_formats(), "format of a verifier")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class ProblemsConfig(_Section):
    """Which problems: ``lab:test``, a JSON-lines file, a benchmark, the hub's, or reasoning-gym's."""

    source: str
    limit: int | None = Field(default=None, ge=1, description="first so many; absent: all (lab, reasoning-gym: 100)")
    benchmark: str | None = Field(default=None, description="name in the store; absent: the file's name")
    fields: dict[Literal["problem_id", "prompt", "reference_answer"], str] = Field(
        default_factory=dict,
        description='names of the file\'s fields; problem_id = "line" numbers the lines, "hash" names the prompts',
    )
    revision: str | None = Field(default=None, description="commit on the hub; a benchmark pins its own")
    subset: str | None = Field(default=None, description="of a data set on the hub")
    split: str | None = Field(default=None, description="of a data set on the hub; absent: test")
    parameters: dict[str, Any] = Field(default_factory=dict, description="of a reasoning-gym task")
    seed: int = Field(default=0, description="of a reasoning-gym task")


class Example(_Section):
    """A solved problem that is shown before the question."""

    prompt: str
    answer: str


class PromptConfig(_Section):
    """How a problem becomes a prompt. Part of a sample's identity."""

    template: str = Field(default="{prompt}", pattern=r"\{prompt\}", description="{prompt} stands for the problem")
    system: str | None = None
    chat: bool = Field(default=False, description="apply the tokenizer's chat template")
    examples: tuple[Example, ...] = Field(default=(), description="few-shot: turns in a chat, else paragraphs before")
    chat_template: str | None = Field(default=None, description="Jinja text in place of the tokenizer's template")

    def as_json(self) -> str:
        """As it stands in the store's `settings`; what came later is there only where it is used."""
        later = {name for name in ("examples", "chat_template") if not getattr(self, name)}
        return self.model_dump_json(exclude=later)


class ServerConfig(_Section):
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


class PolicyConfig(_Section):
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


class SamplingConfig(_Section):
    """How samples are drawn."""

    n_samples: int = Field(default=64, ge=1)
    temperature: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    top_p: float = Field(default=1.0, gt=0, le=1)
    max_tokens: int = Field(default=512, ge=1)
    stop: tuple[str, ...] = ()
    step_delimiter: str = Field(default="\n", min_length=1)
    seed: int = 0
    keep_logprobs: bool = Field(
        default=True, description="keep each token's log-probability, and its entropy where the engine tells it"
    )
    keep_top_mass: bool = Field(
        default=False, description="vllm, server: keep what the 20 likeliest tokens weigh, too; slower"
    )


class PrmConfig(_Section):
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


class RevisionConfig(_Section):
    """How a model answers again, given its earlier answers."""

    model: PolicyConfig | None = Field(default=None, description="absent: the policy itself")
    verifier: RevisionVerifierConfig | None = None
    n_chains: int = Field(default=16, ge=1)
    n_steps: int = Field(default=16, ge=1, description="answers in a chain")
    n_context: int = Field(default=N_CONTEXT, ge=0, description="latest answers that stay in view")
    separator: str = Field(
        default="\n\n", description="put behind each earlier answer; {prompt} in it stands for the problem"
    )
    followup: str = Field(
        default="Your answer may be wrong. Check it, then solve the problem again from the beginning.",
        min_length=1,
        description="with prompt.chat, in place of the separator: the user's turn after each earlier answer",
    )


class AlgorithmConfig(_Section):
    """One tree search of the registry, whatever its budget; further keys are its own parameters (`ttc replay -h`)."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=())

    strategy: str = Field(description="beam_search, lookahead_search, dvts, rebase or another that is registered")
    aggregation: Literal["last", "min", "prod", "mean"] = Field(default="last", description="of step scores")

    @property
    def parameters(self) -> dict[str, Any]:
        """The search's own parameters that are given."""
        return dict(self.model_extra or {})


# What Snell et al. 2024 swept, and one lookahead more at M = 4; DVTS and REBASE as their authors ran them.
_SEARCHES: tuple[dict[str, Any], ...] = (
    {"strategy": "beam_search", "beam_width": 4},
    {"strategy": "beam_search", "beam_width": "sqrt"},
    {"strategy": "lookahead_search", "beam_width": 4, "lookahead_steps": 1},
    {"strategy": "lookahead_search", "beam_width": "sqrt", "lookahead_steps": 1},
    {"strategy": "lookahead_search", "beam_width": 4, "lookahead_steps": 3},
    {"strategy": "lookahead_search", "beam_width": "sqrt", "lookahead_steps": 3},
    {"strategy": "dvts", "beam_width": 4},
    {"strategy": "rebase"},
)


class SearchConfig(_Section):
    """Which tree searches, at which budgets: every algorithm at every budget."""

    algorithms: tuple[AlgorithmConfig, ...] = Field(
        default=tuple(AlgorithmConfig.model_validate(search) for search in _SEARCHES), min_length=1
    )
    budgets: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(4, 16, 64), min_length=1)
    replicates: int = Field(default=1, ge=1, description="independent searches, each from first steps of its own")
    limit: int | None = Field(default=None, ge=1, description="first so many problems; absent: all")
    problems_at_once: int = Field(default=128, ge=1, description="that advance together; fewer take less memory")


class GradingConfig(_Section):
    """How an answer is found and compared."""

    grader: Literal["math", "exact", "reasoning-gym"] = "math"


class EstimateConfig(_Section):
    """What a run is expected to need, for ``ttc sample --dry-run``; the run itself does not read it."""

    completion_tokens: int | None = Field(default=None, ge=1, description="mean of a sample; absent: max_tokens / 3")
    policy_parameters: float | None = Field(default=None, gt=0, description="absent: told from the name, 1.5B")
    prm_parameters: float | None = Field(default=None, gt=0)
    gpu: str = Field(default="A100", description="for the message")
    n_gpus: int = Field(default=1, ge=1)
    peak_tflops: float = Field(default=312.0, gt=0, description="dense bfloat16 of one GPU")
    decode_utilization: float = Field(default=0.15, gt=0, le=1, description="of the peak, while samples are drawn")
    prefill_utilization: float = Field(default=0.4, gt=0, le=1, description="of the peak, while the PRM reads")


class RunConfig(_Section):
    """Everything a run depends on."""

    store: Path
    problems: ProblemsConfig
    policy: PolicyConfig
    prompt: PromptConfig = PromptConfig()
    sampling: SamplingConfig = SamplingConfig()
    prm: PrmConfig | None = None
    revision: RevisionConfig | None = None
    search: SearchConfig = SearchConfig()
    grading: GradingConfig = GradingConfig()
    estimate: EstimateConfig = EstimateConfig()

    @model_validator(mode="before")
    @classmethod
    def _steps_end_where_sampling_says(cls, content: Any) -> Any:
        sampling = content.get("sampling") if isinstance(content, dict) else None
        if not isinstance(sampling, dict) or "step_delimiter" not in sampling:
            return content
        ends = {"step_end": sampling["step_delimiter"]}
        filled = dict(content)
        if isinstance(filled.get("prm"), dict):
            filled["prm"] = ends | filled["prm"]
        revision = filled.get("revision")
        if isinstance(revision, dict) and isinstance(revision.get("verifier"), dict):
            filled["revision"] = revision | {"verifier": ends | revision["verifier"]}
        return filled

    def setting_row(self) -> dict[str, Any]:
        """The prompt format and decoding as a row of the store's `settings`, named by their hash.

        Neither the seed nor the number of samples is part of it: more draws of the same
        distribution belong to the same pool.
        """
        return self._setting_row(json.loads(self.prompt.as_json()))

    def revision_setting_row(self, revision: RevisionConfig) -> dict[str, Any]:
        """The same for chains, whose prompt format says what stands between answers and how many stay in view."""
        between = {"followup": revision.followup} if self.prompt.chat else {"separator": revision.separator}
        chains = {"revision": {"n_context": revision.n_context, **between}}
        return self._setting_row(json.loads(self.prompt.as_json()) | chains)

    def _setting_row(self, prompt_format: dict[str, Any]) -> dict[str, Any]:
        keys = {
            "prompt_format": prompt_format,
            "temperature": self.sampling.temperature,
            "top_p": self.sampling.top_p,
            "max_tokens": self.sampling.max_tokens,
            "stop": list(self.sampling.stop),
            "step_delimiter": self.sampling.step_delimiter,
        }
        return {"setting": setting_name(keys), "keys": canonical_json(keys)}


def load_config(name: str | Path, **overrides: Any) -> RunConfig:
    """Read a configuration file or preset.

    Parameters
    ----------
    name : str or pathlib.Path
        A path to a TOML file, or the name of a preset.
    **overrides
        Dotted keys with ``__`` for the dot (``sampling__n_samples=256``); None: not overridden.

    Returns
    -------
    RunConfig

    Raises
    ------
    RequestError
        No such file or preset, no TOML, an unknown key (the nearest is named), a bad value.
    """
    try:
        content = tomllib.loads(_read(str(name)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RequestError(f"config '{name}' is no valid TOML: {error}") from error
    for key, value in overrides.items():
        if value is not None:
            *sections, last = key.split("__")
            target = content
            for section in sections:
                target = target.setdefault(section, {}) if isinstance(target, dict) else None
            if isinstance(target, dict):  # else the check below says that it is no section
                target[last] = value
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise RequestError(f"config '{name}': {_explain(error)}") from error


def presets() -> list[str]:
    """Names of the configurations that ship."""
    return sorted(entry.name[:-5] for entry in files("ttclib.presets").iterdir() if entry.name.endswith(".toml"))


def preset_text(name: str) -> str:
    """A preset as it stands in its file."""
    return files("ttclib.presets").joinpath(f"{name}.toml").read_text(encoding="utf-8")


def preset_summary(name: str) -> str:
    """A preset's first line of comment."""
    return preset_text(name).splitlines()[0].removeprefix("#").strip()


def _read(name: str) -> str:
    path = Path(name)
    if path.is_file():
        return path.read_text(encoding="utf-8")
    if name in presets():
        return preset_text(name)
    raise RequestError(f"no config '{name}': name a TOML file or a preset ({', '.join(presets())})")


def _explain(error: ValidationError) -> str:
    """The first problem, in one line."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        siblings = _allowed_beside(first["loc"])
        return f"unknown key '{where}'{nearest(str(first['loc'][-1]), siblings)} Allowed here: {', '.join(siblings)}"
    if first["type"] == "missing":
        return f"'{where}' is missing: add it"
    shown, said = first["input"], first["msg"].removeprefix("Value error, ")
    return f"{where} = {json.dumps(shown, default=str)}: {said[0].lower() + said[1:]}"


def _allowed_beside(location: tuple[int | str, ...]) -> list[str]:
    section: Any = RunConfig
    for part in location[:-1]:
        annotation = section.model_fields[part].annotation
        section = next(
            (kind for kind in (annotation, *getattr(annotation, "__args__", ())) if _is_section(kind)), section
        )
    return list(section.model_fields)


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, _Section)
