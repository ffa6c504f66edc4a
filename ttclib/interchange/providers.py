"""Output tokens with one meaning: those of reasoning included.

OpenAI, Anthropic and DeepSeek count reasoning among the output, Google beside it.
"""

from __future__ import annotations

import re

import polars as pl

from ttclib.interchange.batch import Batch, Notes

_BESIDE = re.compile(r"(?i)(?:^|[/_:.-])(?:google|gemini|vertex)(?:$|[/_:.-])|^gemini")


def counts_beside(policy: str | None) -> bool:
    """Whether a provider counts reasoning beside the output.

    Examples
    --------
    >>> counts_beside("google/gemini-2.5-pro"), counts_beside("openai/gpt-5.1")
    (True, False)
    """
    return policy is not None and _BESIDE.search(policy) is not None


def add_reasoning(batch: Batch, notes: Notes) -> Batch:
    """A batch whose `completion_tokens` include those of reasoning.

    A row of another provider that has more reasoning than output contradicts itself: its output is
    unknown then.
    """
    frame = batch.frame
    if not {"completion_tokens", "reasoning_tokens", "policy"} <= set(frame.columns):
        return batch
    policies = frame["policy"].drop_nulls().unique().to_list()
    beside = pl.col("policy").is_in([policy for policy in policies if counts_beside(policy)]).fill_null(False)
    output, reasoning = pl.col("completion_tokens"), pl.col("reasoning_tokens")
    odd = (~beside & (reasoning > output)).fill_null(False)
    n_added = frame.select((beside & reasoning.is_not_null() & output.is_not_null()).sum()).item()
    n_odd = frame.select(odd.sum()).item()
    if n_added:
        notes.said["samples of a provider that counts reasoning beside the output: the two are added up"] += n_added
    if n_odd:
        notes.said["samples say more reasoning than output tokens: their completion_tokens stay unknown"] += n_odd
    tokens = pl.when(odd).then(None).when(beside).then(output + reasoning.fill_null(0)).otherwise(output)
    return Batch(frame.with_columns(tokens.alias("completion_tokens")), batch.where)
