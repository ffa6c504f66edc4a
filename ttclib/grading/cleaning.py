r"""Write an answer in one way: without fences, spacing and synonyms, and with its unit apart.

Only text is handled here; nothing is read as mathematics yet.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∗": "*",
    "÷": "/", "∕": "/", "⁄": "/", "π": r"\pi ", "∞": r"\infty ", "√": r"\sqrt ", "±": r"\pm ", "∓": r"\mp ",
    "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ", "∈": r"\in ", "∪": r"\cup ", "∅": r"\emptyset ",
    "ℝ": r"\mathbb{R}", "°": r"^\circ ", "θ": r"\theta ", "α": r"\alpha ", "β": r"\beta ", "λ": r"\lambda ",
    "’": "'", "“": '"', "”": '"', "⟨": r"\langle ", "⟩": r"\rangle ", "…": r"\ldots ",
}  # fmt: skip
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_SYNONYMS = [
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\\(?:left|right|[bB]ig+[lrm]?|displaystyle|textstyle|limits)(?![A-Za-z])\s*\.?", ""),
        (r"\\(?:d|t|c)frac(?![A-Za-z])", r"\\frac"),
        (r"\\(?:d|t)binom(?![A-Za-z])", r"\\binom"),
        (r"\\(?:leq|leqslant)(?![A-Za-z])", r"\\le"),
        (r"\\(?:geq|geqslant)(?![A-Za-z])", r"\\ge"),
        (r"\\(?:neq)(?![A-Za-z])", r"\\ne"),
        (r"\\(?:[lr]vert|mid|vert)(?![A-Za-z])", "|"),
        (r"\\(?:lbrace)(?![A-Za-z])", r"\\{"),
        (r"\\(?:rbrace)(?![A-Za-z])", r"\\}"),
        (r"\\(?:varnothing)(?![A-Za-z])", r"\\emptyset"),
        (r"\\(?:Reals|R)(?![A-Za-z])", r"\\mathbb{R}"),
        (r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![A-Za-z])|\\degree(?![A-Za-z])", r"\\DEG "),
        (r"(?<=\d)\s*(?:,\s*\\!|\\!\s*,|\{,\})\s*(?:\\!)?\s*(?=\d{3})", ""),  # 10,\!080 and 10{,}080
        (r"(?<=\d)\\[,;:]\s*(?=\d{3}(?!\d))", ""),  # 10\,080
        (r"\\(?:qquad|quad|space|thinspace)(?![A-Za-z])|(?<!\\)\\[,;:! ]|~", " "),
        (r"\\(?:mbox|hbox|textrm|textbf|textit|textnormal|texttt|operatorname\*?)(?![A-Za-z])", r"\\text"),
        (r"\\(?:mathrm|mathbf|mathit|mathsf|boldsymbol|bm)\s*\{\s*([A-Za-z])\s*\}", r"\1"),
        (r"\\(?:mathrm|mathbf|mathit|mathsf|rm|bf)(?![A-Za-z])", r"\\text"),
        (r"\\(?:boxed|fbox)(?![A-Za-z])", ""),
        (r"^\s*(?:=|\\approx(?![A-Za-z]))", ""),
        (r"\*\*", "^"),
        (r"(?i)(?<=[\d})\]])\s*(?:\\text\s*\{\s*(?:percent|pct\.?|%)\s*\}|(?:percent|pct)\b)", r"\\%"),
    )
]
_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_MIXED = re.compile(r"(?<![\d.^_/])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
_REPEATING = re.compile(r"(\d*)\.(\d*)\\overline\s*\{?(\d+)\}?")
_SPACED_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_FENCED = re.compile(r"^\s*(?:\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])\s*$", re.S)
_MONEY = re.compile(r"^([-+]?)\s*(?:(\\?\$|€|£|¥|₹)|\\(?:euro|pounds)(?![A-Za-z]))\s*(?=[-+]?[\d.])")
_CURRENCIES = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee"}
_POWER = r"(?:\s*\^\s*\{?\s*(-?\d)\s*\}?)?"
_BRACED_UNIT = re.compile(rf"(?<=[\d}})\]a-zA-Z\\%])\s*\\text\s*\{{([^{{}}$\\=<>]*?)\}}{_POWER}\s*$")
_BARE_UNIT = re.compile(rf"(?<=[\d}})\]])(\s*)([A-Za-z][A-Za-z ./-]*?)\.?{_POWER}\s*$")
_NO_UNIT = {"and", "or", "pi", "sqrt", "sin", "cos", "tan", "log", "ln", "exp", "infinity", "inf", "oo", "i", "mod",
            "is", "are", "if", "for", "when", "where", "with", "no", "not"}  # fmt: skip
_ABBREVIATIONS = {
    "cm": "centimeter", "mm": "millimeter", "km": "kilometer", "kg": "kilogram", "mg": "milligram", "ml": "milliliter",
    "ft": "foot", "feet": "foot", "in": "inch", "inches": "inch", "yd": "yard", "mi": "mile", "lb": "pound",
    "lbs": "pound", "oz": "ounce", "sec": "second", "secs": "second", "min": "minute", "mins": "minute", "hr": "hour",
    "hrs": "hour", "mph": "mile per hour", "kph": "kilometer per hour", "usd": "dollar", "pts": "point",
    "deg": "degree", "sq": "square", "cu": "cubic", "cc": "cubic centimeter", "km/h": "kilometer per hour",
    "m/s": "meter per second", "km/hr": "kilometer per hour", "metre": "meter", "litre": "liter",
    "centimetre": "centimeter", "millimetre": "millimeter", "kilometre": "kilometer", "people": "person",
    "men": "man", "women": "woman", "children": "child", "bucks": "dollar", "m": "meter", "g": "gram", "s": "second",
    "h": "hour", "l": "liter",
}  # fmt: skip
_TRIGONOMETRY = re.compile(r"sin|cos|tan|cot|sec|csc|^\\\\DEG$")
_WORDED_NUMBER = re.compile(r"\\text\s*\{\s*([-+]?[\d.][^{}]*)\}")
_SAYS_NOTHING = {"", "unit", "units", "total", "in total", "each", "left", "altogether", "per unit"}


@dataclass(frozen=True)
class Cleaned:
    """An answer in plain writing.

    Attributes
    ----------
    text : str
        Without its unit.
    unit : str or None
        The unit in one spelling, ``centimeter^2``; None: none was given.
    whole : str
        With its unit, where that was a bare word and might be a product of letters.
    """

    text: str
    unit: str | None
    whole: str


def clean(answer: str) -> Cleaned:
    r"""Write an answer plainly.

    Examples
    --------
    >>> clean(r"$\dfrac{1}{2}\text{ cm}^2$.")
    Cleaned(text='\\frac{1}{2}', unit='centimeter^2', whole='\\frac{1}{2}')
    >>> clean(r"\$32,\!348").text
    '32348'
    """
    text = _plain_characters(answer).strip()
    text = _without_fences(text)
    for pattern, plain in _SYNONYMS:
        text = pattern.sub(plain, text)
    text = " ".join(text.split())
    if worded := _WORDED_NUMBER.fullmatch(text):
        text = worded[1].strip()
    money = _MONEY.match(text)
    unit = None
    if money:
        unit = _CURRENCIES.get((money[2] or "").removeprefix("\\"), "dollar" if money[2] else None)
        text = money[1] + text[money.end() :]
    text = text.replace("\\$", "").replace("$", "").strip()
    text = _REPEATING.sub(_as_fraction, text)
    if _SPACED_THOUSANDS.fullmatch(text):
        text = text.replace(" ", "")
    whole = text
    if unit is None:
        text, unit, sure = _split_unit(text)
        if sure:
            whole = text
    else:
        text = whole = _split_unit(text)[0]
    return Cleaned(_MIXED.sub(r"(\1+\2/\3)", text), unit, _MIXED.sub(r"(\1+\2/\3)", whole))


def words(answer: str) -> str:
    r"""An answer as words: for two answers that are text and not mathematics.

    Examples
    --------
    >>> words(r"\text{(C)}"), words("  Evelyn. ")
    ('c', 'evelyn')
    """
    text = _without_fences(_plain_characters(answer).strip())
    for pattern, plain in _SYNONYMS:
        text = pattern.sub(plain, text)
    text = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", text)
    text = " ".join(text.replace("$", "").replace("\\$", "").split()).casefold()
    text = text.strip(" .,:;\"'*`")
    if re.search(r"[^\W\d_]{2}", text):
        text = text.strip("!?")
    inner = re.fullmatch(r"[({\[]\s*([^(){}\[\],]*?)\s*[)}\]]", text)
    return inner[1] if inner and re.search(r"[^\W\d]", inner[1]) else text


def _plain_characters(answer: str) -> str:
    """ASCII signs for typographic ones; other letters in their composed, full-width ones in their plain form."""
    if answer.isascii():
        return answer
    text = re.sub(r"[⁰¹²³⁴-⁹⁺⁻ⁿ]+", lambda found: "^{" + found[0].translate(_RAISED) + "}", answer)
    text = re.sub(r"[₀-₉]+", lambda found: "_{" + found[0].translate(_LOWERED) + "}", text)
    text = re.sub(r"(\d*)([¼-¾⅐-⅞])", _vulgar, text)
    text = re.sub(r"√\s*([\d.]+|[a-z]|\()", lambda found: r"\sqrt " + found[1], text)
    text = "".join(_SIGNS.get(mark, mark) for mark in text)
    return unicodedata.normalize("NFKC", text)


def _vulgar(found: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", found[2]).partition("⁄")
    return f"({found[1]}+{top}/{bottom})" if found[1] else f"({top}/{bottom})"


def _without_fences(text: str) -> str:
    while (fenced := _FENCED.match(text)) and fenced[1].strip():
        text = fenced[1].strip()
    text = text.strip().rstrip(".,;:").strip() if not text.endswith(("\\,", "\\;", "\\:")) else text[:-2].strip()
    if fenced := _FENCED.match(text):
        return fenced[1].strip()
    return text.strip("*`").strip() if not text.startswith("*`") else text


def _as_fraction(found: re.Match[str]) -> str:
    whole, steady, repeating = found.groups()
    if len(steady) + len(repeating) > 30:
        return found[0]
    bottom = int("9" * len(repeating) + "0" * len(steady))
    top = int((whole or "0") + steady + repeating) - int((whole or "0") + steady)
    return f"({top}/{bottom})"


def _split_unit(text: str) -> tuple[str, str | None, bool]:
    """A text without its unit, the unit, and whether it is one for sure."""
    if text.endswith("\\DEG") and not _TRIGONOMETRY.search(text):
        return text.removesuffix("\\DEG").strip(), "degree", True
    if braced := _BRACED_UNIT.search(text):
        if not set(braced[1].casefold().split()) & _NO_UNIT and re.search(r"[A-Za-z]", braced[1]):
            return text[: braced.start()].strip(), _unit(braced[1], braced[2]), True
    elif bare := _BARE_UNIT.search(text):
        name = bare[2].strip()
        parts = name.casefold().split()
        known = (parts[0] in _ABBREVIATIONS and len(parts[0]) > 1) or parts[0].rstrip("s") in _ABBREVIATIONS.values()
        # "3xyz" and "3 xy" are products, "3 apples" is not.
        spoken = bare[1] and len(parts[0]) > 2 and re.search(r"[aeiou]", parts[0])
        if not set(parts) & _NO_UNIT and (known or spoken):
            return text[: bare.start()].strip(), _unit(name, bare[3]), known and len(parts[0]) > 3
    return text, None, True


def _unit(name: str, power: str | None) -> str | None:
    """A unit in one spelling."""
    text = name.casefold().strip(" .")
    if text in _SAYS_NOTHING:
        return None
    found = []
    for word in text.split():
        word = word.strip(".")
        if word not in _ABBREVIATIONS and word.endswith("s") and not word.endswith("ss"):
            word = word[:-1]
        found.append(_ABBREVIATIONS.get(word, word))
    if found[0] in ("square", "cubic") and len(found) > 1:
        power = {"square": "2", "cubic": "3"}[found[0]]
        found = found[1:]
    joined = " ".join(found)
    if joined in ("unit", ""):
        return None
    return f"{joined}^{power}" if power and power != "1" else joined
