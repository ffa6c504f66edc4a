"""Math-Shepherd: a language model that says ``+`` or ``-`` at the tag ``ки`` behind each step.

References
----------
Wang et al. 2023, arXiv:2312.08935, and the card of peiyi9979/math-shepherd-mistral-7b-prm.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import AutoModelForCausalLM

from ttclib.collect.verifiers.common import Encoded, Prm, bodies, class_probability, encode_pieces, plain_tokens
from ttclib.config import PrmConfig
from ttclib.errors import RequestError

TAG = " ки"


class MathShepherdPrm(Prm):
    """The probability of ``+`` against ``-`` after the tag."""

    model_class = AutoModelForCausalLM
    takes = ()

    def __init__(self, config: PrmConfig) -> None:
        super().__init__(config)
        ids, tag = plain_tokens(self.tokenizer, "+ -"), plain_tokens(self.tokenizer, TAG.strip())
        if len(ids) != 2 or not tag or self.tokenizer.unk_token_id in (*ids, tag[-1]):
            raise RequestError(
                f"the tokenizer at '{self.path}' has no single tokens for '+' and '-', or none for 'ки', which format "
                f"'math-shepherd' needs: set prm.format"
            )
        self._good_bad = (ids[0], ids[1])
        self._tag = tag[-1]

    def encode(self, prompt: str, steps: Sequence[str]) -> Encoded:
        """The text with the tag put in before the delimiter at each step's end."""
        pieces, wanted = [f"{prompt} "], [False]
        for body, delimiter in bodies(steps, self.config.step_end):
            # The tag is another word than the step's last; a delimiter keeps it apart from the next.
            pieces += [body + TAG, delimiter or self.config.step_end]
            wanted += [True, False]
        ids, positions = encode_pieces(self.tokenizer, pieces[:-1], wanted[:-1], special=True)
        return (ids, positions) if all(ids[position] == self._tag for position in positions) else ([], [])

    def _values(self, hidden: torch.Tensor) -> torch.Tensor:
        return class_probability(hidden, self.model.get_output_embeddings(), self._good_bad)
