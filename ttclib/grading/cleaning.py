r"""Write an answer in one way: without wrappers, qualifiers and what leads to it, its units marked.

Only text is handled here; nothing is read as mathematics yet.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from ttclib.grading.qualifiers import IN_SET, LETTER, plain_characters, without_qualifier
from ttclib.grading.units import NO_UNIT, mark_units
from ttclib.grading.wrappers import unwrapped, without_braces, without_fences

_DIGITS = r"(?:\d+(?:\.\d*)?|\.\d+)"
_MIXED = re.compile(r"(?<![\d.^_/])(\d+)\s+(\d+)\s*/\s*(\d+)(?![\d.])")
_REPEATING = re.compile(
    r"(\d*)\.(\d*)(?:\\OVERLINE\s*\{?(\d+)\}?|\((\d+)\)|\\dot\s*\{?(\d)\}?(?:(\d*)\\dot\s*\{?(\d)\}?)?)"
)
_SPACED_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?: \d{3})+(?:\.\d+)?")
_DOTTED_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:\.\d{3}){2,}(?:,\d+)?")
_MONEY_BEHIND = re.compile(r"(?<=\d)\s*([€£¥₹])\s*$")
_MONEY = re.compile(
    r"(?:(?<![A-Za-z\d])|\bUS)(?:(\\?\$|€|£|¥|₹)|\\?(euro|pounds|USD|EUR|GBP)(?![A-Za-z]))\s*(?=[-+]?[\d.])"
)
_CURRENCIES = {
    "$": "dollar",
    "€": "euro",
    "£": "pound",
    "¥": "yuan",
    "₹": "rupee",
    "euro": "euro",
    "pounds": "pound",
    "USD": "dollar",
    "EUR": "euro",
    "GBP": "pound",
}
_ORDINAL = re.compile(r"(?<=\d)\s*(?:\^?\s*\{?\s*\\text\s*\{\s*(?:st|nd|rd|th)\s*\}\s*\}?|\^\s*\{?(?:st|nd|rd|th)\}?"
                      r"|(?:st|nd|rd|th)\b)", re.I)  # fmt: skip
_BASE = re.compile(
    r"\b([0-9A-Fa-f]*\d[0-9A-Fa-f]*)\s*[,(]?\s*(?:\\text\s*\{\s*)?\(?\s*(?:in\s+|written in\s+)?base[\s-]*\}?\s*"
    r"(?:\\text\s*\{\s*)?(\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen)\s*\}?\s*\)?\s*\}?",
    re.I,
)
_WORD_OF_BASE = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|sixteen"
_BASE_WORD = re.compile(
    rf"_\s*\\text\s*\{{\s*(?:base\s*)?\(?({_WORD_OF_BASE}|\d+)\)?\s*\}}"
    rf"|_\s*\{{\s*\\text\s*\{{\s*(?:base\s*)?\(?({_WORD_OF_BASE}|\d+)?\)?\s*\}}\s*(\d*)\s*\}}"
    rf"|_\s*\{{\s*\(?({_WORD_OF_BASE})\)?\s*\}}|_\s*\{{\s*base\s*({_WORD_OF_BASE}|\d+)\s*\}}|_\s*\{{\s*\((\d+)\)\s*\}}|_\s*\((\d+)\)",
    re.I,
)
_BASES = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "sixteen": 16,
}  # fmt: skip
_ABOUT = re.compile(
    r"^(?:\\text\s*\{\s*)?(?:about|approximately|approx\.?|roughly|around|exactly)\s*(?:\}|\s)\s*(?=[-+.\\]?\d)", re.I
)
_EVERY = re.compile(
    r"^(?:\\text\s*\{\s*)?(?:all|any|every)\s*(?:\}|\s)\s*(?=\\?[A-Za-z]\s*(?:[<>]|\\(?:le|ge|ne)(?![a-z])))", re.I
)
_LEADING = re.compile(
    r"^(?:(?:so|thus|hence|therefore|we have|we get)\b,?\s*)?(?:the\s+)?(?:final\s+|correct\s+)*"
    r"(?:answers?|ans\.?|results?|solutions?|values?)\s*(?:is|are|:|=)[\s:=]*(?=\S)",
    re.I,
)
_SAYS = r"(?:is|are|equals|was)"
_SAID = re.compile(
    rf"^\\text\s*\{{[A-Za-z' ,]{{2,60}}?\s{_SAYS}\s*:?\s*\}}\s*"
    rf"|^(?=[A-Z]|the|there|it)[A-Za-z' ]{{2,60}}?\s{_SAYS}\s+(?:equal to\s+)?(?=[-+.]?\d|\\(?!text)|\()",
    re.I,
)
_LABEL = re.compile(
    r"^(?:\\text\s*\{[A-Za-z' ]{2,40}:?\s*\}|[A-Z][a-z]+(?: [A-Za-z]+){0,4})\s*:\s*(?=[-+.]?\d|\\(?!text)|\()"
)
_LABELLED = re.compile(r"(?:\\text\s*\{\s*)?([A-Za-z]{3,20})\s*\}?\s*[:=]\s*(-?[\d.]+|\\frac\{\d+\}\{\d+\})")
_BUILDER = re.compile(
    r"^(?:[A-Za-z]\s*(?:=|\\in)\s*)?\\\{\s*(?P<letter>\\?[A-Za-z]+)\s*(?:\\in\s*\\mathbb\s*\{?\s*R\s*\}?)?\s*(?:\||:)\s*"
    r"(?P<condition>.*)\\\}\s*$",
    re.S,
)
_FAMILY = re.compile(rf"^(?:[A-Za-z]\s*(?:=|\\in)\s*)?\\\{{([^|:]*)(?:\||:)\s*({LETTER}\s*{IN_SET})\s*\\\}}\s*$")
_FOOT = "'"
_SIZE = re.compile(r"(?<=\d)\s*(\"|'{1,2})$")
_ALL_REALS_BUT = re.compile(
    r"^(?:\\text\s*\{)?\s*(?:[a-z] can be\s+|[a-z] is\s+)?(?:the set of\s+)?(?:all|any)\s+real\s*"
    r"(?:numbers?|values?|s)?(?:\s+(?:of|for)\s+[a-z])?\s*"
    r"(?:(?:except|other than|but|not equal to|excluding|where|with|such that)\s*(?:for\s*)?\}?\s*"
    r"(?:[a-z]\s*(?:=|\\ne|!=)\s*)?(?P<but>.*?))?\}?\s*$",
    re.I | re.S,
)
_ONE_LETTER_UNIT = re.compile(r"\\text\{[A-Za-z]\}")
_ALWAYS = re.compile(r"^([fgh])\s*(?:\(\w\))?\s*\\equiv\s*([-\d.]+)$")  # a constant function
_SIGN = re.compile(r"^\s*(?:=|\\(?:approx|therefore|Rightarrow|implies|Longrightarrow)(?![A-Za-z])|:)\s*")
_SPEECH = re.compile(r"[A-Za-z]{3}(?=[^{]*[\s:=])")
_THE_POINT = re.compile(r"^\\text\s*\{\s*The (?:point|vector|line|set|interval|pair)s? *\}(?: is| are)?\s*", re.I)
_ORDINAL_ENDS = re.compile(r"st|nd|rd|th", re.I)
_LETTER_OR_SIGN = re.compile(r"[^\W\d_]")
_LISTED = re.compile(r"=|,\s|,(?!\d{3})|\b(?:and|or)\b")
_MODULUS = re.compile(
    r"\s*\\(?:pmod|pod)\s*\{?\s*(\d+)\s*\}?"
    r"|\s*(?:\(|\\text\s*\{\s*\()\s*(?:\\bmod|\\mod|mod|\\text\s*\{\s*mod\s*\})\s*\}?\s*(\d+)\s*\)"
)
_CHOOSE = re.compile(r"(?:\{\})?[_^]\s*\{?(\d{1,3}|n)\}?\s*C_\{?(\d{1,3}|[kmr])\}?")
_CHOSEN = re.compile(r"(?<![A-Za-z\\])C_\{?(\d{1,3}|n)\}?\s*\^\s*\{?(\d{1,3}|[kmr])\}?")
_CONGRUENCE = re.compile(
    r"^(?P<name>[A-Za-z])\s*\\equiv\s*(?P<residues>[^()\\]+(?:\\text\s*\{\s*(?:or|and)\s*\}[^()\\]+)*?)\s*"
    r"(?:\\(?:pmod|pod)\s*\{?\s*(?P<modulus>\d{1,9})\s*\}?|\(?\s*(?:\\bmod|\\mod|mod)\s*(?P<other>\d{1,9})\s*\)?)\s*$"
)
_UNIT_IN_BRACKETS = re.compile(
    r"\s*\(\s*(approx(?:imately|\.)?|about)\s*\)$"
    r"|(?<=\d)\s*\(\s*(?:\\text\s*\{)?\s*([A-Za-z/]{2,12}\^?\d?|[\u4e00-\u9fff]{1,6})\s*\}?\s*\)$"
)
_UNION = re.compile(r"(?<=[)\]])\s*(?:U|union)\s*(?=[(\[])")
_EMPTY = re.compile(
    r"^(?:\\text\s*\{)?\s*(?:there (?:is|are) )?(?:no solutions?|(?:the )?empty set)(?: exists?)?\s*\}?$", re.I
)


@dataclass(frozen=True)
class Cleaned:
    r"""An answer in plain writing."""

    text: str  # with `\text{…}` around its units
    parameter: str | None = None  # the letter that a qualifier declares, as k in `k \in \mathbb{Z}`
    # what it stands for: Z, R, N, Q or C; or a condition on a letter, as `x>0`; None: not said, or any constant
    domain: str | None = None
    product: str | None = None  # the same with a unit of one letter, as in `12 m`, as a letter


def clean(answer: str) -> Cleaned:
    r"""Write an answer plainly.

    Examples
    --------
    >>> clean(r"$\dfrac{1}{2}\text{ cm}^2$.").text
    '\\frac{1}{2}\\text{ cm}^2'
    >>> clean(r"\$32,\!348").text
    '32348\\text{dollar}'
    >>> clean(r"x = k\pi, k \in \mathbb{Z}").parameter
    'k'
    """
    text = _SIGN.sub("", laid_bare(answer))
    if "\\equiv" in text:
        text = _ALWAYS.sub(r"\1(x)=\2", text)
    if _SPEECH.search(text):
        text = _THE_POINT.sub("", _LEADING.sub("", text, count=1), count=1)
        text = _EVERY.sub("", _ABOUT.sub("", text, count=1), count=1)
        text = _LABEL.sub("", _SAID.sub("", text, count=1), count=1).strip()
    if "mod" in text and "\\equiv" in text:
        text = _congruence(text)
    if "mod" in text:
        text = _MODULUS.sub(lambda found: rf"\text{{modulo{found[1] or found[2]}}}", text)
    if "'" in text or '"' in text:
        text = _SIZE.sub(lambda found: rf"\text{{{'foot' if found[1] == _FOOT else 'inch'}}}", text)
    if "\\{" in text:
        text = _built(text)
    if (":" in text or "=" in text) and ("," in text or " and " in text):
        text = _labelled(text)
    parameter = domain = None
    if " " in text or "\\in" in text:
        text, parameter, domain = without_qualifier(text)
    if "base" in text or "_" in text:
        text = _BASE.sub(lambda found: f"{found[1]}_{{{_BASES.get(found[2].lower(), found[2])}}}", text)
        text = _BASE_WORD.sub(_base, text)
    if "real" in text and (reals := _ALL_REALS_BUT.match(text)):
        but = (reals["but"] or "").replace("$", "").strip(" .")
        but = re.sub(r"\b(?:and|or)\b", ",", re.sub(r"\\text\s*\{\s*(?:and|or)\s*\}", ",", but))
        text = rf"\mathbb{{R}} \setminus \{{{but}\}}" if but else r"\mathbb{R}"
    elif _EMPTY.match(text):
        text = r"\emptyset"
    if _ORDINAL_ENDS.search(text):
        text = _ORDINAL.sub("", text)
    if "U" in text or "union" in text:
        text = _UNION.sub(r" \\cup ", text)
    if "C_" in text:
        text = _CHOSEN.sub(_binomial, _CHOOSE.sub(r"\\binom{\1}{\2}", text))
    text, money = _without_money(text)
    if "." in text:
        text = _REPEATING.sub(_as_fraction, text).replace("\\OVERLINE", "")
    if " " in text and _SPACED_THOUSANDS.fullmatch(text):
        text = text.replace(" ", "")
    if "." in text and _DOTTED_THOUSANDS.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    if text.endswith(")"):
        text = _UNIT_IN_BRACKETS.sub(lambda found: "" if found[1] else f" {found[2]}", text)
    product, unsure = text, False
    if _LETTER_OR_SIGN.search(text):
        text = mark_units(text)
        unsure = _ONE_LETTER_UNIT.search(text) is not None and _ONE_LETTER_UNIT.search(product) is None
    if money and "\\text" not in text and not _LISTED.search(text):
        text = rf"{text}\text{{{money}}}"
    if " " in text and "/" in text:
        text, product = (_MIXED.sub(r"(\1+\2/\3)", each) for each in (text, product))
    return Cleaned(text, parameter, domain, product if unsure else None)


@lru_cache(maxsize=4096)
def laid_bare(answer: str) -> str:
    """An answer without fences and wrappers, on one line."""
    text = without_fences(plain_characters(answer).strip())
    text = unwrapped(text)
    text = " ".join(text.split())
    if text.startswith("{"):
        text = without_braces(text)
    return without_fences(text) if text.endswith((".", ",", ";", "$", "*")) or text.startswith(("*", "$")) else text


def _labelled(text: str) -> str:
    """``apples: 25, pears: 15`` as ``25 apples, 15 pears``."""
    parts = re.split(r"\s*(?:,|;|\band\b|\\text\s*\{\s*,?\s*and\s*\})\s*", text)
    found = [_LABELLED.fullmatch(part) for part in parts]
    names = {each[1].casefold() for each in found if each}
    if len(names) < len(parts) or len(parts) < 2 or names & (NO_UNIT | {"min"}):
        return text
    return ", ".join(rf"{each[2]} \text{{{each[1]}}}" for each in found if each)


def _binomial(found: re.Match[str]) -> str:
    r"""``C_8^3`` as ``\binom{8}{3}``; ``C_1^2`` may be a constant's square."""
    upper, lower = found[1], found[2]
    chosen = upper == "n" or (lower.isdigit() and int(upper) > int(lower) > 0)
    return rf"\binom{{{upper}}}{{{lower}}}" if chosen else found[0]


def _congruence(text: str) -> str:
    r"""``n \equiv 7 \pmod 5`` as ``n = \langle 2, 5, 5\rangle``: residue and modulus, for which no number stands."""
    found = _CONGRUENCE.match(text)
    if found is None:
        return text
    modulus = int(found["modulus"] or found["other"])
    residues = re.split(r"\s*(?:,|\bor\b|\band\b|\\text\s*\{\s*(?:or|and)\s*\})\s*", found["residues"].strip())
    if not modulus or not all(re.fullmatch(r"-?\d{1,9}", each) for each in residues):
        return text
    each = (rf"\langle {int(residue) % modulus}, {modulus}, {modulus}\rangle" for residue in residues)
    return f"{found['name']} = {', '.join(each)}"


def _built(text: str) -> str:
    """What set-builder notation says of its letter, or the family of values that it builds."""
    if family := _FAMILY.match(text):
        return f"{family[1]}, {family[2]}"
    built = _BUILDER.match(text)
    if built is None:
        return text
    condition = built["condition"].strip()
    said = re.match(rf"{re.escape(built['letter'])}\s*=", condition)
    return condition if said or re.search(r"[<>]|\\(?:le|ge|ne|lt|gt)", condition) else text


def _without_money(text: str) -> tuple[str, str | None]:
    """A text without currency signs, and the unit that the first of them says."""
    money = None
    text = _MONEY_BEHIND.sub(lambda found: rf"\text{{{_CURRENCIES[found[1]]}}}", text)
    if found := _MONEY.search(text):
        sign = (found[1] or found[2]).removeprefix("\\")
        if found[1] != "$" or text.count("$") == 1:  # else fences of mathematics
            money = _CURRENCIES[sign]
        text = _MONEY.sub("", text)
    return text.replace("\\$", "").replace("$", "").strip(), money


def _base(found: re.Match[str]) -> str:
    said = next((group for group in found.groups() if group), None)
    return found[0] if said is None else f"_{{{_BASES.get(said.lower(), said)}}}"


def _as_fraction(found: re.Match[str]) -> str:
    whole, steady, *repeats = found.groups()
    repeating = "".join(part or "" for part in repeats)
    if len(steady) + len(repeating) > 30:
        return found[0]
    bottom = int("9" * len(repeating) + "0" * len(steady))
    top = int((whole or "0") + steady + repeating) - int((whole or "0") + steady)
    return f"({top}/{bottom})"
