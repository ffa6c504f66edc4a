"""The section of a judge: a model behind an API that is asked what a solution is worth."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ttclib.config.models import PolicyConfig, ServerConfig, last_part
from ttclib.config.sections import PromptConfig, SamplingConfig, Section

_TEMPLATE = """\
Here are a problem and a solution of it. Check the solution, then rate from 0 to 10 how likely it is that its final
answer is right.

Problem:
{prompt}

Solution:
{completion}

End with a line of the form "Score: N"."""


def _with_a_group(pattern: str) -> str:
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise ValueError(f"no regular expression: {error}") from None
    if found.groups != 1:
        raise ValueError("give a regular expression with one group, around the number, such as 'Score: (\\d+)'")
    return pattern


class JudgeConfig(Section):
    """A model behind an API (`/v1/chat/completions`) that reads whole solutions and rates them in words."""

    name: str = Field(default="", description="name in the store; absent: the last part of the path")
    path: str = Field(min_length=1, description="the model's name at the API")
    revision: str | None = Field(default=None, description="what the API calls itself in its answers")
    readings: int = Field(default=1, ge=1, description="of each sample; a larger number only adds; their mean counts")
    system: str | None = Field(default=None, description="the system turn")
    template: str = Field(
        default=_TEMPLATE, pattern=r"\{completion\}", description="{prompt} and {completion} stand for the texts"
    )
    pattern: Annotated[str, AfterValidator(_with_a_group)] = Field(
        default=r"(?i)score:?\s*\**\s*(\d+(?:\.\d+)?)",
        description="regular expression whose group is the number; the last one found counts",
    )
    lowest: float = Field(default=0.0, description="of the scale, read as 0")
    highest: float = Field(default=10.0, description="of the scale, read as 1")
    temperature: float = Field(default=1.0, ge=0, description="of its readings")
    max_tokens: int = Field(default=2048, ge=1, description="of a reading, reasoning included")
    reasoning_effort: str | None = Field(default=None, min_length=1, description="as in sampling")
    batch_size: int = Field(default=64, ge=1, description="readings made, and written, at a time")
    server: ServerConfig = Field(default=ServerConfig(), description="where it is asked")

    @model_validator(mode="before")
    @classmethod
    def _called_by_its_path(cls, content: Any) -> Any:
        if isinstance(content, dict) and isinstance(content.get("path"), str) and not content.get("name"):
            return {**content, "name": last_part(content["path"])}
        return content

    @model_validator(mode="after")
    def _has_a_scale(self) -> JudgeConfig:
        if self.highest <= self.lowest:
            raise ValueError(f"judge.highest = {self.highest:g} must be above judge.lowest = {self.lowest:g}")
        return self

    def shown(self, prompt: str, completion: str) -> str:
        """What it is shown of a sample."""
        texts = {"{prompt}": prompt, "{completion}": completion}
        return re.sub(r"\{prompt\}|\{completion\}", lambda mark: texts[mark[0]], self.template)

    def reads(self) -> dict[str, Any]:
        """How it reads a solution: with another of these its scores are another verifier's."""
        decides = (
            "system",
            "template",
            "pattern",
            "lowest",
            "highest",
            "temperature",
            "max_tokens",
            "reasoning_effort",
        )
        return {name: getattr(self, name) for name in decides}

    def as_policy(self) -> PolicyConfig:
        """The model, as an engine takes it."""
        fields = ("name", "path", "revision", "batch_size", "server")
        return PolicyConfig(engine="chat", **{name: getattr(self, name) for name in fields})

    def as_prompt(self) -> PromptConfig:
        """How it is asked."""
        return PromptConfig(chat=True, system=self.system)

    def as_sampling(self) -> SamplingConfig:
        """How its readings are drawn."""
        return SamplingConfig(
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            reasoning_effort=self.reasoning_effort,
            keep_logprobs=False,
        )
