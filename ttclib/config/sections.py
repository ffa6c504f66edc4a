"""Sections that stand alone: how samples are drawn, problems, how one is asked, searches, how answers are compared."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """What every section shares: no unknown key, no infinite number, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class ProblemsConfig(Section):
    """Which problems: ``lab:test``, a JSON-lines file, a benchmark, the hub's, or reasoning-gym's."""

    source: str = Field(
        description="lab:test, a benchmark (math500, gsm8k), hub:owner/name, reasoning-gym:TASK, or a JSON-lines file"
    )
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


class Example(Section):
    """A solved problem that is shown before the question."""

    prompt: str = Field(description="the problem, as the template shows it")
    answer: str = Field(description="its solution, as the model should write one")


class PromptConfig(Section):
    """How a problem becomes a prompt. Part of a sample's identity."""

    template: str = Field(default="{prompt}", pattern=r"\{prompt\}", description="{prompt} stands for the problem")
    system: str | None = Field(default=None, description="the system turn of a chat; else a paragraph before all")
    chat: bool = Field(default=False, description="apply the tokenizer's chat template; engine chat: always true")
    examples: tuple[Example, ...] = Field(default=(), description="few-shot: turns in a chat, else paragraphs before")
    chat_template: str | None = Field(default=None, description="Jinja text in place of the tokenizer's template")
    chat_template_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="what the chat template is given besides, such as { enable_thinking = false }"
    )

    def as_json(self) -> str:
        """As it stands in the store's `settings`; what came later is there only where it is used."""
        later = {name for name in ("examples", "chat_template", "chat_template_kwargs") if not getattr(self, name)}
        return self.model_dump_json(exclude=later)


class AlgorithmConfig(Section):
    """One tree search of the registry, whatever its budget; further keys are its own parameters (`ttc replay -h`)."""

    model_config = ConfigDict(extra="allow")

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


class SearchConfig(Section):
    """Which tree searches, at which budgets: every algorithm at every budget."""

    algorithms: tuple[AlgorithmConfig, ...] = Field(
        default=tuple(AlgorithmConfig.model_validate(search) for search in _SEARCHES),
        min_length=1,
        description="each at every budget",
    )
    budgets: tuple[Annotated[int, Field(ge=1)], ...] = Field(default=(4, 16, 64), min_length=1, description="beams")
    replicates: int = Field(default=1, ge=1, description="independent searches, each from first steps of its own")
    limit: int | None = Field(default=None, ge=1, description="first so many problems; absent: all")
    problems_at_once: int = Field(default=128, ge=1, description="that advance together; fewer take less memory")


class GradingConfig(Section):
    """How an answer is found and compared."""

    grader: Literal["math", "exact", "reasoning-gym"] = Field(
        default="math", description="math: equal in value; exact: equal in text; reasoning-gym: the task's own"
    )


class EstimateConfig(Section):
    """What a run is expected to need, for ``ttc sample --dry-run``; the run itself does not read it."""

    completion_tokens: int | None = Field(default=None, ge=1, description="mean of a sample; absent: max_tokens / 3")
    policy_parameters: float | None = Field(default=None, gt=0, description="absent: told from the name, 1.5B")
    prm_parameters: float | None = Field(default=None, gt=0, description="absent: told from the name")
    gpu: str = Field(default="A100", description="for the message")
    n_gpus: int = Field(default=1, ge=1, description="that share the drawing")
    peak_tflops: float = Field(default=312.0, gt=0, description="dense bfloat16 of one GPU")
    decode_utilization: float = Field(default=0.15, gt=0, le=1, description="of the peak, while samples are drawn")
    prefill_utilization: float = Field(default=0.4, gt=0, le=1, description="of the peak, while the PRM reads")


class SamplingConfig(Section):
    """How samples are drawn."""

    n_samples: int = Field(default=64, ge=1, description="of each problem; a larger number only adds")
    temperature: float = Field(default=1.0, ge=0, description="0: the likeliest token, always")
    top_p: float = Field(default=1.0, gt=0, le=1, description="nucleus: the smallest set of tokens of this mass")
    top_k: int | None = Field(default=None, ge=1, description="so many likeliest tokens alone; absent: all")
    min_p: float | None = Field(default=None, ge=0, le=1, description="tokens of at least this share of the likeliest")
    presence_penalty: float | None = Field(
        default=None, ge=-2, le=2, description="vllm, server, chat: taken off a token's logit once it was said"
    )
    frequency_penalty: float | None = Field(
        default=None, ge=-2, le=2, description="vllm, server, chat: taken off for each time that it was said"
    )
    repetition_penalty: float | None = Field(
        default=None, gt=0, description="vllm, server, chat: divides the logits of what was said or asked"
    )
    max_tokens: int = Field(default=512, ge=1, description="of a completion, reasoning included")
    reasoning_effort: str | None = Field(
        default=None, min_length=1, description="chat: how long the model is to think, in the API's word, such as low"
    )
    stop: tuple[str, ...] = Field(default=(), description="texts that end a completion; an API leaves them out of it")
    step_delimiter: str = Field(default="\n", min_length=1, description="text at the end of a step")
    seed: int = Field(default=0, description="of the draws; no part of their setting")
    keep_logprobs: bool = Field(
        default=True, description="keep each token's log-probability, and its entropy where the engine tells it"
    )
    keep_top_mass: bool = Field(
        default=False, description="keep what the 20 likeliest tokens weigh together, too; vllm, server, chat: slower"
    )

    def asked_keys(self) -> dict[str, Any]:
        """Decoding that came later, as keys of a setting: what is absent, or decides nothing, is not there."""
        found = {name: getattr(self, name) for name in _LATER}
        return {name: value for name, value in found.items() if value is not None and value != _NEUTRAL.get(name)}


_LATER = (
    *("top_k", "min_p", "presence_penalty", "frequency_penalty", "repetition_penalty"),
    "reasoning_effort",
)
_NEUTRAL = {"min_p": 0.0, "presence_penalty": 0.0, "frequency_penalty": 0.0, "repetition_penalty": 1.0}
