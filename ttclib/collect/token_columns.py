"""What is known of a completion, as columns of the store."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ttclib.collect.engines.types import Completion, Reply
from ttclib.collect.steps import count_step_tokens
from ttclib.store.cells import pack_halves

_BEGIN, _END = "<think>", "</think>"  # as Qwen3, DeepSeek-R1 and those after them write their reasoning


def reply_columns(reply: Reply, delimiter: str) -> dict[str, Any]:
    """What an API told of a sample: its columns of the store's ``samples``; token ids are not known to it."""
    steps = None if reply.token_texts is None else count_step_tokens(reply.token_texts, delimiter)
    thought = reply.reasoning_tokens
    if thought is None and reply.token_texts is not None:
        thought = reasoning_tokens(reply.token_texts)
    return {
        "completion": reply.text,
        "finish_reason": reply.finish_reason,
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "logprob": reply.logprob,
        "step_tokens": steps,
        "step_logprobs": None if steps is None else step_logprobs(reply, steps),
        "reasoning": reply.reasoning,
        "reasoning_tokens": thought,
        **token_columns(reply),
    }


def token_columns(*pieces: Completion | Reply) -> dict[str, Any]:
    """Log-probability, entropy and top-20 mass of each token, of a completion in one or several pieces.

    Returns
    -------
    dict of str to bytes or None
        Half floats. None: the engine does not tell, or is not to.
    """
    found: dict[str, Any] = {}
    for name in ("token_logprobs", "token_entropies", "token_top20"):
        tables = [getattr(piece, name) for piece in pieces]
        found[name] = None if any(table is None for table in tables) else pack_halves(np.concatenate(tables))
    return found


def step_logprobs(completion: Completion | Reply, step_tokens: Sequence[int]) -> list[float] | None:
    """Log-probability of each step; None: the engine does not tell that of tokens.

    Examples
    --------
    >>> drawn = Completion([5, 6, 7], "a b", "stop", -3.5, np.array([-1.0, -0.5, -2.0]))
    >>> step_logprobs(drawn, [2, 1])
    [-1.5, -2.0]
    """
    if completion.token_logprobs is None:
        return None
    upto = np.concatenate([[0.0], np.cumsum(completion.token_logprobs, dtype=float)])
    ends = np.cumsum([0, *step_tokens])
    return [float(total) for total in upto[ends[1:]] - upto[ends[:-1]]]


def reasoning_tokens(token_texts: Sequence[str]) -> int | None:
    """Tokens up to the end of the reasoning that stands in a completion; None: it holds none.

    Examples
    --------
    >>> reasoning_tokens(["<think>", "7*7", "</th", "ink>", "49"]), reasoning_tokens(["49"])
    (4, None)
    """
    text = "".join(token_texts)
    end = text.find(_END)
    if end < 0:
        return len(token_texts) if text.lstrip().startswith(_BEGIN) else None  # cut while it was thinking
    read = np.cumsum([len(piece) for piece in token_texts])
    return int(np.searchsorted(read, end + len(_END))) + 1
