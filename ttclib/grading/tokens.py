r"""The tokens of an answer: numbers, words, commands and signs, and the names that are known."""

from __future__ import annotations

import re


class Unreadable(ValueError):
    """The text is outside of the grammar."""


_TOKEN = re.compile(
    r"""\s*(?:
      (?P<thousands>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d]|,\d))
    | (?P<number>(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+(?![\w.]))?)
    | (?P<text>\\text\s*\{[^{}]*\})
    | (?P<begin>\\begin\s*\{[a-zA-Z]+\*?\}(?:\s*\{[lcr|\s]*\})?) | (?P<end>\\end\s*\{[a-zA-Z]+\*?\})
    | (?P<row>\\\\(?:\s*\[\d*\.?\d*(?:pt|em|ex|mm)\])?) | (?P<set>\\mathbb\s*\{?\s*[RZNQC]\s*\}?)
    | (?P<command>\\(?:[a-zA-Z]+|[{}%|,!]))
    | (?P<word>[a-zA-Z]+)
    | (?P<sign><=|>=|!=|[-+*/^_=<>(){}\[\]|!%,;:&'])
    )""",
    re.X,
)
FUNCTIONS = {
    *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "ln", "log"),
    *("exp", "lg"),
}
_SPOKEN = FUNCTIONS | {
    *("sqrt", "pi", "infinity", "inf", "oo", "infty", "and", "or", "cup", "asin", "acos", "atan"),
    *("max", "min", "gcd", "lcm", "floor", "ceil", "cbrt", "abs", "union", "theta", "alpha", "beta", "gamma", "lambda"),
}
LETTERS = {
    *("alpha", "beta", "gamma", "delta", "epsilon", "varepsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu"),
    *("nu", "xi", "rho", "sigma", "tau", "phi", "varphi", "chi", "psi", "omega", "Delta", "Gamma", "Omega", "Phi"),
    *("Sigma", "Theta", "ell", "hbar", "ldots"),
}


def tokens_of(text: str, thousands: bool) -> list[tuple[str, str]]:
    """Tokens as kind and text; a number with thousands outside of brackets only where that is wanted.

    Raises
    ------
    Unreadable
        A sign that no answer has.
    """
    found: list[tuple[str, str]] = []
    position = depth = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise Unreadable(f"'{text[position]}' is not known")
        kind, value = match.lastgroup or "", match[match.lastgroup or 0]
        position = match.end()
        if kind == "thousands":
            if thousands and depth == 0:
                kind, value = "number", value.replace(",", "")
            else:  # a list: read on behind the first number
                head = re.match(r"\d+", value)
                value = head[0] if head else value
                kind, position = "number", match.end() - len(match["thousands"]) + len(value)
        if value in ("(", "[", "\\{"):
            depth += 1
        elif value in (")", "]", "\\}"):
            depth -= 1
        if kind == "word" and value not in _SPOKEN:
            found += _split_word(value)
        else:
            found.append((kind, value))
    return found


def _split_word(word: str) -> list[tuple[str, str]]:
    """Names apart, as in "sinx" and "pir"; what is left is kept together, to be a word or a product."""
    for name in ("arcsin", "arccos", "arctan", "sqrt", "sin", "cos", "tan", "log", "ln", "pi"):
        if word.startswith(name) and 0 < len(word) - len(name) <= 2:
            return [("word", name), *_split_word(word[len(name) :])]
    return [("word", word)]
