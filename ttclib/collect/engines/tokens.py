"""The tokenizer's side of an engine: prompts to token ids, and tokens to their text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ttclib.collect.checkpoints import resolve_model
from ttclib.config import PolicyConfig, PromptConfig, RevisionConfig
from ttclib.errors import RequestError
from ttclib.revision_format import separator_text

# Templates such as Llama 3.2's write today's date into the prompt, which would make it another one
# tomorrow. This is the date that Llama 3.1's falls back to.
DATE = "26 Jul 2024"


class Tokens:
    """What an engine knows of a tokenizer and a prompt format.

    Parameters
    ----------
    tokenizer
        A Hugging Face tokenizer.

    Raises
    ------
    RequestError
        A chat is asked for and there is no chat template.
    """

    def __init__(self, tokenizer: Any, prompt_format: PromptConfig) -> None:
        if prompt_format.chat and prompt_format.chat_template:
            tokenizer.chat_template = prompt_format.chat_template
        if prompt_format.chat and not tokenizer.chat_template:
            raise RequestError(
                f"the tokenizer of '{tokenizer.name_or_path}' has no chat template, as base models have none: set "
                f"prompt.chat = false and a prompt.template, or give prompt.chat_template"
            )
        self.tokenizer = tokenizer
        self._format = prompt_format
        self._texts: dict[int, str] = {}

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a problem's prompt, in the configured prompt format."""
        return format_prompt(self.tokenizer, prompt, self._format)

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        """The text of each token, decoded once; special tokens are empty."""
        for token in set(token_ids) - self._texts.keys():
            self._texts[token] = self.tokenizer.decode([token], skip_special_tokens=True)
        return [self._texts[token] for token in token_ids]


def format_prompt(tokenizer: Any, prompt: str, prompt_format: PromptConfig) -> list[int]:
    """Token ids of a problem in the configured format: plain text or chat turns.

    Examples come before the question, each as it would have been asked and answered.
    """
    turns = chat_turns(prompt, prompt_format)
    if not prompt_format.chat:
        pieces = [turn["content"] for turn in turns]
        system = [] if prompt_format.system is None else [pieces.pop(0)]
        shown = [f"{ask}{answer}" for ask, answer in zip(pieces[:-1:2], pieces[1::2], strict=True)]
        return token_ids(tokenizer, "\n\n".join([*system, *shown, pieces[-1]]), prompt, special=True)
    try:
        formatted = tokenizer.apply_chat_template(turns, **template_options(prompt_format), date_string=DATE)
    except Exception as error:  # whatever the template's own language raises
        where = "prompt.chat_template" if prompt_format.chat_template else f"that of '{tokenizer.name_or_path}'"
        raise RequestError(f"the chat template fails on {turns[-1]['content'][:40]!r}, {where}: {error}") from error
    return token_ids(tokenizer, formatted, prompt)


def token_ids(tokenizer: Any, text: str, named: str, *, special: bool = False) -> list[int]:
    """Token ids of a text.

    Parameters
    ----------
    tokenizer
        A Hugging Face tokenizer.
    named : str
        What an error shows of it.
    special : bool
        Whether the tokenizer adds what it begins with.

    Raises
    ------
    RequestError
        A vocabulary of words or characters lacks one.
    """
    try:
        return list(tokenizer(text, add_special_tokens=special)["input_ids"])
    except Exception as error:
        if not lacks_a_token(error):
            raise
        raise RequestError(
            f"the vocabulary of '{tokenizer.name_or_path}' lacks something in {named[:60]!r}: write it as that "
            f"model's own problems are written, or take another model"
        ) from error


def lacks_a_token(error: Exception) -> bool:
    """Whether a tokenizer failed on a text that it has no tokens for; its library raises no class of its own."""
    return type(error) is Exception


def chat_turns(prompt: str, prompt_format: PromptConfig) -> list[dict[str, str]]:
    """The turns in which a problem is asked: system, examples, the problem.

    Examples
    --------
    >>> chat_turns("1+1=", PromptConfig(template="{prompt} ?", system="Add."))
    [{'role': 'system', 'content': 'Add.'}, {'role': 'user', 'content': '1+1= ?'}]
    """
    turns = [] if prompt_format.system is None else [{"role": "system", "content": prompt_format.system}]
    for shown in prompt_format.examples:
        asked = prompt_format.template.replace("{prompt}", shown.prompt)
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": shown.answer}]
    return [*turns, {"role": "user", "content": prompt_format.template.replace("{prompt}", prompt)}]


def template_options(prompt_format: PromptConfig) -> dict[str, Any]:
    """What a chat template is given beside the turns."""
    return prompt_format.chat_template_kwargs | {"add_generation_prompt": True, "tokenize": False}


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
        return token_ids(tokenizer, separator_text(revision.separator, prompt), revision.separator)
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
    return token_ids(tokenizer, after, revision.followup)


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
