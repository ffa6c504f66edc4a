"""Scoring every step with a process reward model: a token-classification head read at step ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

from ttclib.collect.engine import config_facts, resolve_model
from ttclib.config import PrmConfig
from ttclib.errors import RequestError


@dataclass(frozen=True)
class StepScores:
    """What a PRM says of one solution.

    Attributes
    ----------
    step_scores : list of float or None
        In [0, 1], one a step; None: too long for the model's window.
    prm_tokens : int
        Tokens read.
    """

    step_scores: list[float] | None
    prm_tokens: int


class TokenClassificationPrm:
    """A PRM whose score of a step is read at the step's last token.

    One label is a logit; of two, the second is the probability that the step is right.

    Parameters
    ----------
    config : PrmConfig
    """

    def __init__(self, config: PrmConfig) -> None:
        path = resolve_model(config.path)
        self._config = config
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = "float32" if config.dtype == "auto" and self.device == "cpu" else config.dtype
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, revision=config.revision)
            self.model = AutoModelForTokenClassification.from_pretrained(path, revision=config.revision, dtype=dtype)
        except (OSError, ValueError) as error:
            raise RequestError(f"cannot load the PRM from '{path}': {str(error).splitlines()[0]}") from error
        if self.model.config.num_labels not in (1, 2):
            raise RequestError(f"the PRM at '{path}' has {self.model.config.num_labels} labels: allowed 1 or 2")
        self.model.to(self.device).eval()
        self._window = getattr(self.model.config, "max_position_embeddings", None)

    def encode(self, prompt: str, steps: Sequence[str]) -> tuple[list[int], list[int]]:
        """Token ids of a solution and the positions where its steps end.

        A step's text is not altered, but one that does not end with the step end gets it: the last.
        """
        ids = list(self.tokenizer(prompt)["input_ids"])
        ends = []
        for step in steps:
            text = step if step.endswith(self._config.step_end) else step + self._config.step_end
            ids += self.tokenizer(text, add_special_tokens=False)["input_ids"]
            ends.append(len(ids) - 1)
        return ids, ends

    @torch.inference_mode()
    def score(self, solutions: Sequence[tuple[list[int], list[int]]]) -> list[StepScores]:
        """Scores of solutions given as `encode` makes them, in order.

        Solutions are grouped by length into batches of at most `batch_tokens`.
        """
        result: list[StepScores | None] = [None] * len(solutions)
        fitting = []
        for index, (ids, _) in enumerate(solutions):
            if self._window and len(ids) > self._window:
                result[index] = StepScores(None, 0)
            else:
                fitting.append(index)
        fitting.sort(key=lambda index: len(solutions[index][0]), reverse=True)
        while fitting:
            longest = len(solutions[fitting[0]][0])
            batch = fitting[: max(1, self._config.batch_tokens // longest)]
            fitting = fitting[len(batch) :]
            # Right padding lies behind the last step end: causal attention never reaches it.
            padded = torch.tensor([solutions[i][0] + [0] * (longest - len(solutions[i][0])) for i in batch])
            mask = torch.tensor([[1] * len(solutions[i][0]) + [0] * (longest - len(solutions[i][0])) for i in batch])
            logits = self.model(input_ids=padded.to(self.device), attention_mask=mask.to(self.device)).logits.float()
            values = (torch.sigmoid(logits[..., 0]) if logits.shape[-1] == 1 else logits.softmax(-1)[..., 1]).cpu()
            for row, index in enumerate(batch):
                token_ids, ends = solutions[index]
                result[index] = StepScores(values[row, ends].tolist(), len(token_ids))
        return [scores for scores in result if scores is not None]

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""
        return {
            "path": self._config.path,
            "revision": self._config.revision,
            "n_parameters": self.model.num_parameters(),
            "n_embedding": self.model.get_input_embeddings().weight.numel(),
            **config_facts(self.model.config),
        }
