"""How a problem becomes a prompt."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

from tests.reward_models import CHATML, byte_tokenizer
from ttclib.collect.engines.tokens import Tokens
from ttclib.config import PromptConfig
from ttclib.errors import RequestError

SPECIAL = ["<|im_start|>", "<|im_end|>"]
EXAMPLES = [{"prompt": "1+1=", "answer": "2"}, {"prompt": "2+2=", "answer": "4"}]


def text_of(tokenizers_own: str | None, /, **prompt: Any) -> str:
    tokens = Tokens(byte_tokenizer(SPECIAL, tokenizers_own), PromptConfig.model_validate(prompt))
    return str(tokens.tokenizer.decode(tokens.encode("3+3=")))


def test_plain_text_with_examples() -> None:
    assert text_of(None) == "3+3="
    found = text_of(None, template="Q: {prompt}\nA: ", system="Add.", examples=EXAMPLES)
    assert found == "Add.\n\nQ: 1+1=\nA: 2\n\nQ: 2+2=\nA: 4\n\nQ: 3+3=\nA: "


def test_a_chat_with_examples() -> None:
    found = text_of(CHATML, chat=True, system="Add.", examples=EXAMPLES[:1])
    assert found == (
        "<|im_start|>system\nAdd.<|im_end|>\n<|im_start|>user\n1+1=<|im_end|>\n<|im_start|>assistant\n2<|im_end|>\n"
        "<|im_start|>user\n3+3=<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_tokenizer_without_a_chat_template_says_what_to_set() -> None:
    with pytest.raises(RequestError, match="has no chat template.*prompt.chat = false.*prompt.chat_template"):
        text_of(None, chat=True)
    assert text_of(None, chat=True, chat_template=CHATML).startswith("<|im_start|>user\n3+3=")


def test_a_template_that_writes_the_date_writes_the_same_tomorrow() -> None:
    dated = "{% if not date_string is defined %}{{ strftime_now('%d %b %Y') }}{% else %}{{ date_string }}{% endif %}"
    assert text_of(dated, chat=True) == "26 Jul 2024"


def test_a_template_is_given_what_is_asked() -> None:
    thinking = "{% if enable_thinking %}think{% else %}answer{% endif %}{{ tokenize is defined }}"
    assert text_of(thinking, chat=True, chat_template_kwargs={"enable_thinking": True}).startswith("think")
    wrong = {"enable_thinking": False, "tokenize": True, "add_generation_prompt": False}  # which are not theirs to say
    assert text_of(thinking, chat=True, chat_template_kwargs=wrong).startswith("answer")
