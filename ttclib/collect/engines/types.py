"""What a sampler must offer, whatever serves the model.

A prefix is token ids, never text: re-tokenised text is another prefix. The seed of a draw depends
on the run's seed, the problem and the sample index alone, so which batch a sample was drawn in, or
whether the run was stopped in between, does not change what is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from ttclib.config import SamplingConfig
from ttclib.errors import RequestError


@dataclass(frozen=True)
class Draw:
    """One sample to be drawn: a prefix, its own seed, and a limit if it is below that of the setting."""

    prefix_ids: tuple[int, ...]
    seed: int
    max_tokens: int | None = None


@dataclass(frozen=True)
class Completion:
    """One sample as drawn.

    Attributes
    ----------
    token_ids : list of int
        The end token included.
    text : str
        Decoded, without special tokens.
    finish_reason : {"stop", "length"}
    logprob : float
        Sum over the tokens of their log-probability at temperature 1.
    token_logprobs : float array, shape (tokens,), or None
        Of each token. This and what follows is None where the engine does not tell, or is not to.
    token_entropies : float array, shape (tokens,), or None
        Of the distribution at temperature 1 that each token is from, in nats.
    token_top20 : float array, shape (tokens,), or None
        Probability of the 20 likeliest tokens together, in that distribution.
    """

    token_ids: list[int]
    text: str
    finish_reason: str
    logprob: float
    token_logprobs: np.ndarray | None = field(default=None, compare=False)
    token_entropies: np.ndarray | None = field(default=None, compare=False)
    token_top20: np.ndarray | None = field(default=None, compare=False)


class Engine(Protocol):
    """A loaded policy.

    Attributes
    ----------
    tokenizer
        A Hugging Face tokenizer.
    window : int or None
        Most tokens of prefix and completion together; None: no limit is stated.
    """

    tokenizer: Any
    window: int | None

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a problem's prompt, in the configured prompt format."""

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token; special tokens are empty."""

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order."""

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""


def check_window(window: int | None, prompt_tokens: int, max_tokens: int) -> None:
    """Refuse a prompt that leaves no room for a completion.

    Raises
    ------
    RequestError
        Prompt and completion together exceed the model's window.
    """
    if window and prompt_tokens + max_tokens > window:
        raise RequestError(
            f"max_tokens {max_tokens} with a prompt of {prompt_tokens} tokens exceeds the model's window of "
            f"{window}: set sampling.max_tokens to at most {max(0, window - prompt_tokens)}"
        )


def draw_seed(seed: int, problem_id: str, sample_index: int | str) -> int:
    """Seed of one draw, 63 bits, from the run's seed and the identity of a sample, or the path of a step.

    Sample 3 and the step of path ``"3"``, its first, are drawn from one seed.

    Examples
    --------
    >>> draw_seed(0, "p1", 0) == draw_seed(0, "p1", 0) != draw_seed(0, "p1", 1)
    True
    """
    digest = hashlib.blake2b(f"{seed}/{sample_index}/{problem_id}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def top_mass(logprobs: Iterable[float], n_tokens: int = 20) -> float:
    """Probability of the likeliest tokens together, of those that are told.

    Examples
    --------
    >>> round(top_mass([-0.1, -3.0, -9.0], 2), 4)
    0.9546
    """
    return float(np.exp(sorted(logprobs, reverse=True)[:n_tokens]).sum())
