"""How samples are drawn, and which engine can do what is asked of it."""

from __future__ import annotations

from pydantic import Field

from ttclib.config.sections import Section


class SamplingConfig(Section):
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


