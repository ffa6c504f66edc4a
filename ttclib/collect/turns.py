"""What stands between two answers of one model to one problem, in token ids."""

from __future__ import annotations

from typing import Any

from ttclib.config import PromptConfig, RevisionConfig
from ttclib.errors import RequestError

_ANSWER = "ttclib-stands-for-the-answer"


def between_answers(tokenizer: Any, revision: RevisionConfig, prompt_format: PromptConfig) -> list[int]:
    """Token ids put behind an answer before the model answers again.

    Parameters
    ----------
    tokenizer
        A Hugging Face tokenizer.
    revision : RevisionConfig
    prompt_format : PromptConfig
        Plain: the separator. Chat: what the chat template puts between the answer and the next one
        when the user's turn in between is `revision.followup`.

    Returns
    -------
    list of int

    Raises
    ------
    RequestError
        The chat template refuses a second turn, or does not show the first answer.
    """
    if not prompt_format.chat:
        return list(tokenizer(revision.separator, add_special_tokens=False)["input_ids"])
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": _ANSWER},
        {"role": "user", "content": revision.followup},
    ]
    try:
        text = tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # whatever the template's own language raises
        raise RequestError(f"the chat template takes no second turn, which revisions need: {error}") from error
    _, found, after = str(text).partition(_ANSWER)
    if not found:
        raise RequestError(
            "the chat template leaves earlier answers out, which revisions need: set prompt.chat = false"
        )
    return list(tokenizer(after, add_special_tokens=False)["input_ids"])


def end_tokens(tokenizer: Any) -> frozenset[int]:
    """Tokens that end an answer and are no part of it: the tokenizer's special ones."""
    return frozenset(tokenizer.all_special_ids)
