"""Skywork-o1-Open-PRM: a value head, read at the newline behind each step.

Every step is tokenised for itself and followed by the newline's token, as the model was trained.

References
----------
Skywork o1 team 2024, github.com/SkyworkAI/skywork-o1-prm-inference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Qwen2Model, Qwen2PreTrainedModel

from ttclib.collect.verifiers.common import Encoded, Prm, bodies, plain_tokens, single_tokens
from ttclib.config import PrmConfig

STEP_TOKEN = "\n"


class _ValueHead(torch.nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.summary = torch.nn.Linear(width, 1)


class Qwen2WithValueHead(Qwen2PreTrainedModel):
    """Qwen2 with the value head of TRL, under the names that TRL saves it."""

    _keys_to_ignore_on_load_unexpected: set[str] | list[str] | None = [r"lm_head\.weight"]  # noqa: RUF012

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = Qwen2Model(config)
        self.v_head = _ValueHead(config.hidden_size)
        self.post_init()


class SkyworkPrm(Prm):
    """Skywork-o1-Open-PRM-Qwen-2.5-1.5B and -7B: the sigmoid of the value."""

    model_class = Qwen2WithValueHead
    takes = ()

    def __init__(self, config: PrmConfig) -> None:
        super().__init__(config)
        (self._step_token,) = single_tokens(self.tokenizer, [STEP_TOKEN], self.path)

    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """Begin token, problem, newline; then each step and the newline's token."""
        ids = plain_tokens(self.tokenizer, f"{self.tokenizer.bos_token or ''}{prompt}\n")
        ends = []
        for body, _ in bodies(steps, self.config.step_end):
            ids += [*plain_tokens(self.tokenizer, body), self._step_token]
            ends.append(len(ids) - 1)
        return ids, ends

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.model.v_head.summary(hidden).float().sigmoid()[:, 0]
