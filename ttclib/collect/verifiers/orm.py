"""Outcome reward models: one scalar for a whole solution, read at its last token.

Sequence-classification checkpoints (Skywork-Reward, …) and Qwen2.5-Math-RM, whose head has two layers.

References
----------
Cobbe et al. 2021, arXiv:2110.14168; Yang et al. 2024, arXiv:2409.12122, and the card of Qwen/Qwen2.5-Math-RM-72B.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from transformers import AutoModelForSequenceClassification

from ttclib.collect.verifiers.common import Encoded, Prm, format_chat
from ttclib.collect.verifiers.qwen import SYSTEM, Qwen2WithHead
from ttclib.config import PrmConfig
from ttclib.errors import RequestError


class Orm(Prm):
    """A sequence-classification head of one output; its sigmoid unless `raw_score`.

    Parameters
    ----------
    config : PrmConfig
        `system`, if given, becomes a system turn where the tokenizer has a chat template.
    """

    model_class: ClassVar[Any] = AutoModelForSequenceClassification
    kind: ClassVar[str] = "orm"
    system: ClassVar[str | None] = None

    def __init__(self, config: PrmConfig) -> None:
        super().__init__(config)
        if config.system is not None and not self.tokenizer.chat_template:
            raise RequestError(f"prm.system: the ORM at '{self.path}' has no chat template to put it in: leave it out")
        if self.model.config.num_labels != 1 or not hasattr(self.model, "score"):
            raise RequestError(
                f"the ORM at '{self.path}' has {self.model.config.num_labels} labels in a "
                f"{type(self.model).__name__}: allowed is a decoder with 1"
            )

    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """The solution in the tokenizer's chat template, or the plain text where it has none."""
        solution = "".join(steps)
        system = self.system if self.config.system is None else self.config.system
        if self.tokenizer.chat_template:
            turns = [] if system is None else [("system", system)]
            text = format_chat(self.tokenizer, [*turns, ("user", prompt), ("assistant", solution)], self.path)
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        else:
            ids = self.tokenizer(prompt + solution)["input_ids"]
        # As transformers pools: the last token that is no padding, which some templates end with.
        last = max((at for at, token in enumerate(ids) if token != self.model.config.pad_token_id), default=0)
        return list(ids), [last]

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        # In double precision, where the sigmoid keeps the order of scalars up to 36.
        scalar = self.model.score(hidden)[:, 0].double()
        return scalar if self.config.raw_score else scalar.sigmoid()


class QwenOrm(Orm):
    """Qwen2.5-Math-RM."""

    model_class = Qwen2WithHead
    system = SYSTEM

    def _model_options(self) -> dict[str, Any]:
        return {"num_labels": 1}
