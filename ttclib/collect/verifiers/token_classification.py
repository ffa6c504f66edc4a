"""A token-classification head read at the last token of each step: the lab's PRM, and those that TRL trains."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForTokenClassification

from ttclib.collect.verifiers.common import Encoded, Prm
from ttclib.config import PrmConfig
from ttclib.errors import RequestError


class TokenClassificationPrm(Prm):
    """A PRM whose score of a step is read at the step's last token.

    One label is a logit; of two, the second is the probability that the step is right.
    """

    model_class = AutoModelForTokenClassification
    takes = ()

    def __init__(self, config: PrmConfig) -> None:
        super().__init__(config)
        if self.model.config.num_labels not in (1, 2):
            raise RequestError(f"the PRM at '{self.path}' has {self.model.config.num_labels} labels: allowed 1 or 2")

    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """Token ids of a solution and the positions where its steps end.

        A step's text is not altered, but one that does not end with the step end gets it: the last.
        """
        ids = list(self.tokenizer(prompt)["input_ids"])
        ends = []
        for step in steps:
            text = step if step.endswith(self.config.step_end) else step + self.config.step_end
            ids += self.tokenizer(text, add_special_tokens=False)["input_ids"]
            ends.append(len(ids) - 1)
        return ids, ends

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        head = self.model.score if hasattr(self.model, "score") else self.model.classifier
        logits = head(hidden).float()
        return torch.sigmoid(logits[:, 0]) if logits.shape[1] == 1 else logits.softmax(dim=-1)[:, 1]
