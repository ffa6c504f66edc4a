"""Find the final answer in a completion."""

from __future__ import annotations

import re

# "#### 7" or "#7"; "# Step 2" is a heading.
_HASH = re.compile(r"^[ \t]*(?:####[ \t]*|#(?![#\s]))([^#\s].*)$", re.M)
_BOXED = re.compile(r"\\(?:boxed|fbox)(?:\s*\{|[ \t]+(?=[\w\\]))")
# The end of a statement is a full stop before a space, or the line's end; the length is bounded, as is the time.
_SAID = re.compile(
    r"answer\s{1,9}is\s{0,9}:?\s{0,9}([^\n]{1,500}?)(?:\.\s|\.?[ \t]{0,9}$)"
    r"|answer[ *_]{0,4}:[ \t*_]{0,9}([^\n]{1,500})$",
    re.I | re.M,
)
_ANSWER = re.compile(r"\banswer\b", re.I)
_MOST_STATEMENTS = 20
_MARKS = "*_ \t"
_FENCES = (("\\(", "\\)"), ("\\[", "\\]"), ("$$", "$$"), ("$", "$"))


def extract_answer(completion: str) -> str | None:
    r"""The final answer of a completion.

    Looks for the last ``\boxed{…}``, then the last line such as ``#### 7`` (GSM8K) or ``#7`` (the
    lab; a heading has a space there), then "the answer is …" or "Answer: …". A box that is cut off
    is no answer.

    Parameters
    ----------
    completion : str

    Returns
    -------
    str or None
        None: no answer found.

    Examples
    --------
    >>> extract_answer("so it is $\\boxed{\\frac{1}{2}}$.")
    '\\frac{1}{2}'
    >>> extract_answer("7*7\n49\n#49")
    '49'
    >>> extract_answer("**Answer:** $x = 3$.")
    'x = 3'
    >>> extract_answer("7*7") is None
    True
    """
    if boxes := list(_BOXED.finditer(completion)):
        boxed = boxes[-1]
        if boxed[0].endswith("{"):
            return _until_closed(completion, boxed.end())
        return re.match(r"\\?\w+", completion[boxed.end() :])[0]  # type: ignore[index]  # "\boxed 5"
    if hashed := _HASH.findall(completion):
        return str(hashed[-1]).strip()
    for named in reversed([found.start() for found in _ANSWER.finditer(completion)][-_MOST_STATEMENTS:]):
        if (said := _SAID.match(completion, named)) and (answer := _unwrapped(said[1] or said[2])):
            return answer
    return None


def _unwrapped(statement: str) -> str | None:
    """A stated answer without emphasis, mathematics' fences and its full stop."""
    text = statement.strip(_MARKS).rstrip(".").strip(_MARKS)
    for opening, closing in _FENCES:
        if text.startswith(opening) and text.endswith(closing) and len(text) > len(opening) + len(closing):
            inner = text[len(opening) : -len(closing)]
            if opening not in inner:
                return inner.strip() or None
    if text.count("$") == 1:  # the fence that the expression above cut, or a price
        text = text.removesuffix("$") if text.endswith("$") else text
    return text.strip() or None


def _until_closed(text: str, begin: int) -> str | None:
    """The text up to the brace that closes the one before `begin`; None: empty, or cut before it."""
    depth, position = 1, begin
    while position < len(text):
        if text[position] == "\\":  # "\{" is a sign, not a brace
            position += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[begin:position].strip() or None
        position += 1
    return None
