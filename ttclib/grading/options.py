"""The options of a multiple choice: read from a problem, so that a letter and its text are one answer."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ttclib.grading.wording import option
from ttclib.grading.wrappers import unwrapped

_LETTERS = "ABCDEFGHIJ"
_IN_LINES = re.compile(r"^[ \t]*(?:\*\*)?\(?([A-J])[).:](?:\*\*)?[ \t]+(\S.*?)[ \t]*$", re.M)
_IN_A_ROW = re.compile(
    r"(?:\\(?:textbf|mathrm|text|mathbf|bf)\s*\{\s*)?\(([A-J])\)\s*\}?[\s\\~]*(.*?)(?=[\s,;\\quad~]*(?:\\(?:q?quad|hspace|textbf|"
    r"mathrm|text|mathbf|bf)[^()]{0,30})?\([A-J]\)|\n\s*\n|\Z)",
    re.S,
)


@dataclass(frozen=True)
class Choice:
    """The options of a problem."""

    options: dict[str, str] | None = None  # by letter; None: the problem has none, or they are not known
    shuffled: bool = False  # whether each sample saw them in an order of its own: then a letter alone is no answer


def options_of(prompt: str) -> dict[str, str] | None:
    r"""What the letters of a multiple choice stand for; None: there are no options in the prompt.

    Examples
    --------
    >>> options_of("How many?\n(A) 10\n(B) 12\n(C) 14")
    {'A': '10', 'B': '12', 'C': '14'}
    >>> options_of(r"How many? $\textbf{(A)}\ 10 \qquad \textbf{(B)}\ 12$")
    {'A': '10', 'B': '12'}
    >>> options_of("How many?") is None
    True
    """
    for pattern in (_IN_LINES, _IN_A_ROW):
        found: dict[str, str] = {}
        for letter, text in pattern.findall(prompt[-8000:]):
            if letter == _LETTERS[len(found)]:
                found[letter] = text.strip(" ,;$\n\\").strip()
            elif letter == "A":
                found = {"A": text.strip(" ,;$\n\\").strip()}
            if len(found) == len(_LETTERS):
                break
        if len(found) > 1 and all(found.values()) and len(set(found.values())) == len(found):
            return found
    return None


def problem_choice(prompt: str | None, metadata: str | None) -> Choice:
    """The options of a problem, from its metadata (``options``, ``options_shuffled``) or its prompt.

    Parameters
    ----------
    metadata : str or None
        JSON, as the store has it. ``options`` or ``choices``: an object by letter, or a list.

    Examples
    --------
    >>> problem_choice(None, '{"choices": ["10", "12"], "options_shuffled": true}')
    Choice(options={'A': '10', 'B': '12'}, shuffled=True)
    """
    try:
        told = json.loads(metadata or "{}")
    except (ValueError, RecursionError):
        told = {}
    told = told if isinstance(told, Mapping) else {}
    shuffled = told.get("options_shuffled") is True
    given = told.get("options", told.get("choices"))
    if isinstance(given, Mapping) and given and all(len(str(letter)) == 1 for letter in given):
        return Choice({str(letter).upper(): str(text) for letter, text in given.items()}, shuffled)
    if isinstance(given, list) and 1 < len(given) <= len(_LETTERS):
        return Choice(dict(zip(_LETTERS, map(str, given), strict=False)), shuffled)
    return Choice(options_of(prompt or ""), shuffled)


def is_letter(answer: str) -> str | None:
    r"""The letter that an answer names and nothing besides; None: it says more, or something else.

    Examples
    --------
    >>> is_letter("(b)"), is_letter(r"\text{C}"), is_letter("(C) 12"), is_letter("12")
    ('B', 'C', None, None)
    """
    found = option(unwrapped(answer.strip().strip("$*. ")))
    return found.letter if found is not None and found.content is None else None
