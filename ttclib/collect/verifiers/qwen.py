"""Qwen2.5-Math-PRM: a two-layer head of two classes, read at ``<extra_0>`` behind each step.

The checkpoint names code of its own on the hub; it is not run. The backbone is transformers' Qwen2,
and the head stands here. Qwen2.5-Math-RM has the same head with one output (see `orm`).

References
----------
Zhang et al. 2025, arXiv:2501.07301, and the card of Qwen/Qwen2.5-Math-PRM-7B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from transformers import Qwen2Model, Qwen2PreTrainedModel

from ttclib.collect.verifiers.common import Encoded, Prm, bodies, encode_pieces, format_chat, single_tokens
from ttclib.config import PrmConfig

SEPARATOR = "<extra_0>"
SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


class Qwen2WithHead(Qwen2PreTrainedModel):
    """Qwen2 without its language head, but with a reward head of `num_labels` outputs."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.model = Qwen2Model(config)
        width = config.hidden_size
        self.score = torch.nn.Sequential(
            torch.nn.Linear(width, width), torch.nn.ReLU(), torch.nn.Linear(width, config.num_labels)
        )
        self.post_init()


class QwenPrm(Prm):
    """Qwen2.5-Math-PRM-7B, -72B and Qwen2.5-Math-7B-PRM800K.

    Parameters
    ----------
    config : PrmConfig
        `system` replaces the card's system prompt.
    """

    model_class = Qwen2WithHead
    takes = ("system",)

    def __init__(self, config: PrmConfig) -> None:
        super().__init__(config)
        single_tokens(self.tokenizer, [SEPARATOR], self.path)

    def _model_options(self) -> dict[str, Any]:
        return {"num_labels": 2}

    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """The chat with the steps as the assistant's turn, ``<extra_0>`` in place of each delimiter."""
        system = SYSTEM if self.config.system is None else self.config.system
        # Steps are put in after the template, so that no template can alter them.
        place = "\N{WHITE SQUARE}steps\N{WHITE SQUARE}"
        chat = format_chat(self.tokenizer, [("system", system), ("user", prompt), ("assistant", place)], self.path)
        before, after = chat.rsplit(place, 1)
        texts = [body + SEPARATOR for body, _ in bodies(steps, self.config.step_end)]
        wanted = [False, *[True] * len(texts), False]
        return encode_pieces(self.tokenizer, [before, *texts, after], wanted, special=False)

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        return self.model.score(hidden).float().softmax(dim=-1)[:, 1]
