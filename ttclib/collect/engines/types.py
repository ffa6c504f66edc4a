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

from ttclib.config import PolicyConfig, PrmConfig, PromptConfig, SamplingConfig
from ttclib.errors import RequestError, TTCError


@dataclass(frozen=True)
class Draw:
    """One sample to be drawn: a prefix, its own seed, and a limit if it is below that of the setting.

    An engine without a tokenizer is given the problem's text, `prompt`, in the place of a prefix.
    """

    prefix_ids: tuple[int, ...]
    seed: int
    max_tokens: int | None = None
    prompt: str = ""


@dataclass(frozen=True)
class Completion:
    """One sample as drawn."""

    token_ids: list[int]  # the end token included
    text: str  # decoded, without special tokens
    finish_reason: str  # {"stop", "length"}
    # sum over the tokens of their log-probability at temperature 1; None: a server did not tell it rightly
    logprob: float | None
    # float, shape (tokens,),; of each token. This and what follows is None where the engine does not tell, or is not
    # to.
    token_logprobs: np.ndarray | None = field(default=None, compare=False)
    # float, shape (tokens,),; of the distribution at temperature 1 that each token is from, in nats
    token_entropies: np.ndarray | None = field(default=None, compare=False)
    # float, shape (tokens,),; probability of the 20 likeliest tokens together, in that distribution
    token_top20: np.ndarray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Reply:
    """One sample as an API tells it, without token ids. None: not told, or not so that it could be kept."""

    text: str | None  # the answer; empty where the limit was reached before one began
    finish_reason: str | None  # in the API's words: stop, length, content_filter, …
    reasoning: str | None = None  # what was thought before, where it came apart
    prompt_tokens: int | None = None
    completion_tokens: int | None = None  # those of reasoning included
    reasoning_tokens: int | None = None  # of these, in reasoning
    token_texts: tuple[str, ...] | None = None  # they join to `text`
    # logprob, token_logprobs, token_entropies, token_top20: as in `Completion`, one for each of `completion_tokens`
    logprob: float | None = None
    token_logprobs: np.ndarray | None = field(default=None, compare=False)
    token_entropies: np.ndarray | None = field(default=None, compare=False)
    token_top20: np.ndarray | None = field(default=None, compare=False)


TOP = 20  # likeliest tokens whose probability together is kept
HOPELESS = 8  # draws that are lost while none comes: it is no matter of single ones


class LostError(TTCError):
    """A draw that cannot be had; others may."""


class RefusedError(LostError, RequestError):
    """A server refuses a request for what it holds."""


class Unfinished(TTCError):
    """Not all of a batch was drawn; what was is here, to be kept.

    Parameters
    ----------
    drawn : list of Completion, Reply or None
        In the order of the draws.
    goes_on : bool
        The missing ones were lost one by one: the next batch may well be drawn.
    """

    def __init__(self, reason: str, drawn: list[Any], *, goes_on: bool) -> None:
        super().__init__(reason)
        self.drawn, self.goes_on = drawn, goes_on


class Stopped(KeyboardInterrupt):
    """Somebody stopped a batch; what was drawn until then is here, to be kept."""

    def __init__(self, drawn: list[Any]) -> None:
        super().__init__()
        self.drawn = drawn


class Engine(Protocol):
    """A loaded policy."""

    tokenizer: Any  # a Hugging Face tokenizer
    window: int | None  # most tokens of prefix and completion together; None: no limit is stated

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a problem's prompt, in the configured prompt format."""

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token; special tokens are empty."""

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        """One completion for each draw, in order."""

    def model_facts(self) -> dict[str, Any]:
        """The model's row in the store's `models`, without its name."""


class Machines(Protocol):
    """Where models are loaded, if not in this process: `ttclib.collect.engines.cluster.Cluster`."""

    def engine(self, policy: PolicyConfig, prompt: PromptConfig) -> Engine:
        """The policy, loaded there."""

    def verifier(self, prm: PrmConfig) -> Any:
        """The reward model, loaded there."""


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


def top_mass(logprobs: Iterable[float]) -> float:
    """Probability of the 20 likeliest tokens together, of those that are told.

    Examples
    --------
    >>> round(top_mass([-0.1, -3.0, -9.0]), 4)
    0.9547
    """
    return float(np.exp(sorted(logprobs, reverse=True)[:TOP]).sum())
