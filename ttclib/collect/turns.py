"""What stands between two answers of one model to one problem, in token ids."""

from __future__ import annotations

from typing import Any

from ttclib.collect.checkpoints import resolve_model
from ttclib.collect.engines.tokens import template_options
from ttclib.config import PolicyConfig, PromptConfig, RevisionConfig
from ttclib.errors import RequestError
from ttclib.revision_format import separator_text

_ANSWER = "ttclib-stands-for-the-answer"


def between_answers(tokenizer: Any, revision: RevisionConfig, prompt_format: PromptConfig, prompt: str) -> list[int]:
    """Token ids put behind an answer before the model answers again.

    Parameters
    ----------
    tokenizer
        A Hugging Face tokenizer.
    prompt_format : PromptConfig
        Plain: the separator, with `prompt` in the place of its mark. Chat: what the chat template puts
        between the answer and the next one when the user's turn in between is `revision.followup`.
    prompt : str
        The problem.

    Raises
    ------
    RequestError
        The chat template refuses a second turn, or does not show the first answer.
    """
    if not prompt_format.chat:
        return list(tokenizer(separator_text(revision.separator, prompt), add_special_tokens=False)["input_ids"])
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": _ANSWER},
        {"role": "user", "content": revision.followup},
    ]
    try:
        text = tokenizer.apply_chat_template(turns, **template_options(prompt_format))
    except Exception as error:  # whatever the template's own language raises
        raise RequestError(f"the chat template takes no second turn, which revisions need: {error}") from error
    _, found, after = str(text).partition(_ANSWER)
    if not found:
        raise RequestError(
            "the chat template leaves out earlier answers, which revisions need: set prompt.chat = false"
        )
    return list(tokenizer(after, add_special_tokens=False)["input_ids"])


def end_tokens(tokenizer: Any, model: PolicyConfig) -> frozenset[int]:
    """Tokens that end an answer and are no part of it: the tokenizer's, and those that the checkpoint names."""
    from transformers import GenerationConfig

    path, revision = resolve_model(model.path), model.revision or "main"
    try:
        named = GenerationConfig.from_pretrained(path, revision=revision).eos_token_id
    except OSError:  # the checkpoint has none
        named = None
    ends = named if isinstance(named, list) else [named]
    return frozenset(token for token in (*ends, tokenizer.eos_token_id) if token is not None)
