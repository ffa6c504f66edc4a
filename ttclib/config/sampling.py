"""How samples are drawn."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ttclib.config.sections import Section


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
        default=False, description="vllm, server, chat: keep what the 20 likeliest tokens weigh, too; slower"
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
