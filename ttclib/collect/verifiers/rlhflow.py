"""RLHFlow's PRMs: each step is a user's turn, to which the model answers ``+`` or ``-``.

All answers are set to ``+`` in one pass, as in training: the prediction of each sees only what stands before it.

References
----------
Xiong et al. 2024, github.com/RLHFlow/RLHF-Reward-Modeling, and the card of RLHFlow/Llama3.1-8B-PRM-Deepseek-Data.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM

from ttclib.collect.verifiers.common import (
    Encoded,
    Prm,
    bodies,
    class_probability,
    encode_pieces,
    format_chat,
    single_tokens,
)
from ttclib.config import PrmConfig

GOOD, BAD = "+", "-"


class RlhflowPrm(Prm):
    """The probability of ``+`` against ``-`` where the assistant's turn begins.

    Parameters
    ----------
    config : PrmConfig
        `system`, if given, becomes a system turn.
    """

    model_class = AutoModelForCausalLM
    takes = ("system",)

    def __init__(self, config: PrmConfig) -> None:
        super().__init__(config)
        good, bad = single_tokens(self.tokenizer, [GOOD, BAD], self.path)
        self._good_bad = (good, bad)

    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """The dialogue; scores are read at the token before each ``+``."""
        texts = [body for body, _ in bodies(steps, self.config.step_end)]
        texts[0] = f"{prompt} {texts[0]}"
        turns = [] if self.config.system is None else [("system", self.config.system)]
        # A stand-in for the answers, that no text has, shows where the template puts them.
        place = "\N{WHITE SQUARE}"
        while any(place in text for text in (*texts, self.config.system or "")):
            place += "\N{BLACK SQUARE}"
        for text in texts:
            turns += [("user", text), ("assistant", place)]
        first, *rest = format_chat(self.tokenizer, turns, self.path).split(place)
        pieces = [first, *(GOOD + part for part in rest)]
        return encode_pieces(self.tokenizer, pieces, [True] * len(texts) + [False], special=False)

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        return class_probability(hidden, self.model.get_output_embeddings(), self._good_bad)
