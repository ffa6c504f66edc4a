"""Everything a run depends on, in one frozen object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from ttclib.config.judge import JudgeConfig
from ttclib.config.models import PolicyConfig, PrmConfig, RevisionVerifierConfig, unfit
from ttclib.config.sections import (
    EstimateConfig,
    GradingConfig,
    ProblemsConfig,
    PromptConfig,
    SamplingConfig,
    SearchConfig,
    Section,
)
from ttclib.revision_format import N_CONTEXT
from ttclib.setting_keys import canonical_json, setting_name


class RevisionConfig(Section):
    """How a model answers again, given its earlier answers."""

    model: PolicyConfig | None = Field(default=None, description="absent: the policy itself")
    verifier: RevisionVerifierConfig | None = Field(default=None, description="absent: nobody reads the answers")
    n_chains: int = Field(default=16, ge=1, description="of a problem")
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


class RunConfig(Section):
    """Everything a run depends on."""

    store: Path = Field(description="DuckDB file of the samples")
    problems: ProblemsConfig
    policy: PolicyConfig
    prompt: PromptConfig = PromptConfig()
    sampling: SamplingConfig = SamplingConfig()
    prm: PrmConfig | None = Field(default=None, description="absent: nobody reads the samples")
    judge: JudgeConfig | None = Field(default=None, description="absent: nobody rates the samples in words")
    revision: RevisionConfig | None = Field(default=None, description="absent: no chains of answers")
    search: SearchConfig = SearchConfig()
    grading: GradingConfig = GradingConfig()
    estimate: EstimateConfig = EstimateConfig()

    @model_validator(mode="before")
    @classmethod
    def _an_api_is_asked_in_turns(cls, content: Any) -> Any:
        policy = content.get("policy") if isinstance(content, dict) else None
        if not isinstance(policy, dict) or policy.get("engine") != "chat":
            return content
        prompt = content.get("prompt", {})
        return {**content, "prompt": {"chat": True} | prompt} if isinstance(prompt, dict) else content

    @model_validator(mode="after")
    def _engines_can_do_what_is_asked(self) -> RunConfig:
        found = unfit(self.policy, self.sampling, self.prompt)
        if self.revision is not None and self.revision.model is not None:
            found += unfit(self.revision.model, self.sampling, self.prompt, "revision.model")
        if (judge := self.judge) is not None:
            found += unfit(judge.as_policy(), judge.as_sampling(), judge.as_prompt(), "judge")
        if found:
            raise ValueError("\n".join(dict.fromkeys(found)))
        return self

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
            **self.sampling.asked_keys(),
        }
        return {"setting": setting_name(keys), "keys": canonical_json(keys)}
