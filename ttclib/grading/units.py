r"""Units: one spelling for each, what they measure, and where one stands behind a number.

A unit is what it measures, as powers, and its size: ``cm^2`` is a length to the second and 1/10000, so that
``1 \text{ m}`` is ``100 \text{ cm}``. A word that is no known unit (``apples``) measures itself.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_SPELLINGS = {
    "cm": "centimeter", "mm": "millimeter", "km": "kilometer", "m": "meter", "kg": "kilogram", "mg": "milligram",
    "g": "gram", "gm": "gram", "gms": "gram", "ml": "milliliter", "l": "liter", "cl": "centiliter",
    "ft": "foot", "feet": "foot", "in": "inch", "inches": "inch", "yd": "yard", "yds": "yard", "mi": "mile",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "s": "second", "sec": "second", "secs": "second", "ms": "millisecond",
    "min": "minute", "mins": "minute", "h": "hour", "hr": "hour", "hrs": "hour", "wk": "week", "wks": "week",
    "yr": "year", "yrs": "year", "mph": "mile per hour", "kph": "kilometer per hour", "kmh": "kilometer per hour",
    "usd": "dollar", "bucks": "dollar", "rs": "rupee", "inr": "rupee", "eur": "euro", "gbp": "pound sterling",
    "cents": "cent", "pts": "point", "deg": "degree", "degs": "degree", "rad": "radian", "rads": "radian",
    "cc": "cubic centimeter", "metre": "meter", "litre": "liter", "centimetre": "centimeter", "gramme": "gram",
    "millimetre": "millimeter", "kilometre": "kilometer", "kilometres": "kilometer", "people": "person",
    "persons": "person", "men": "man", "women": "woman", "children": "child", "mice": "mouse", "geese": "goose",
    "pcs": "piece", "n": "newton", "j": "joule", "w": "watt", "kw": "kilowatt", "v": "volt", "k": "kelvin",
    "hz": "hertz", "pa": "pascal", "mol": "mole", "moles": "mole", "c": "celsius", "f": "fahrenheit",
    "halves": "half", "boxes": "box", "buses": "bus", "dishes": "dish", "matches": "match", "classes": "class",
    "glasses": "glass", "foxes": "fox", "inch": "inch", "radius": "radius",
    "厘米": "centimeter", "毫米": "millimeter", "分米": "decimeter", "千米": "kilometer", "公里": "kilometer",
    "米": "meter", "千克": "kilogram", "公斤": "kilogram", "克": "gram", "吨": "ton",
    "毫升": "milliliter", "升": "liter",
    "小时": "hour", "时": "hour", "分钟": "minute", "分": "minute", "秒": "second", "天": "day", "日": "day",
    "周": "week", "年": "year", "岁": "year", "元": "yuan", "度": "degree", "人": "person",
}  # fmt: skip
# What a unit measures, and its size.
_SIZES: dict[str, tuple[str, Fraction]] = {
    "millimeter": ("meter", Fraction(1, 1000)),
    "centimeter": ("meter", Fraction(1, 100)),
    "decimeter": ("meter", Fraction(1, 10)),
    "kilometer": ("meter", Fraction(1000)),
    "inch": ("foot", Fraction(1, 12)),
    "yard": ("foot", Fraction(3)),
    "mile": ("foot", Fraction(5280)),
    "milligram": ("gram", Fraction(1, 1000)),
    "kilogram": ("gram", Fraction(1000)),
    "ounce": ("pound", Fraction(1, 16)),
    "milliliter": ("liter", Fraction(1, 1000)),
    "centiliter": ("liter", Fraction(1, 100)),
    "millisecond": ("second", Fraction(1, 1000)),
    "minute": ("second", Fraction(60)),
    "hour": ("second", Fraction(3600)),
    "day": ("second", Fraction(86400)),
    "week": ("second", Fraction(604800)),
    "cent": ("dollar", Fraction(1, 100)),
    "kilowatt": ("watt", Fraction(1000)),
}
# Symbols with a prefix, which tell "mW" from "MW".
_PREFIXES: dict[str, int | Fraction] = {
    "G": 10**9, "M": 10**6, "k": 1000, "m": Fraction(1, 1000), "μ": Fraction(1, 10**6), "n": Fraction(1, 10**9),
    "p": Fraction(1, 10**12),
}  # fmt: skip
_PREFIXED = {
    "eV": "electronvolt", "J": "joule", "W": "watt", "V": "volt", "A": "ampere", "Pa": "pascal", "N": "newton",
    "Hz": "hertz", "ohm": "ohm", "C": "coulomb", "F": "farad", "Wh": "watthour", "mol": "mole",
    "m": "meter", "g": "gram", "s": "second", "cal": "calorie",
}  # fmt: skip
SYMBOLS: dict[str, tuple[str, Fraction]] = {
    prefix + symbol: (base, factor * Fraction(1))
    for symbol, base in _PREFIXED.items()
    for prefix, factor in _PREFIXES.items()
} | {"eV": ("electronvolt", Fraction(1)), "ohm": ("ohm", Fraction(1)), "AU": ("astronomical unit", Fraction(1))}
ONE_LETTER = set("mgshlLNJWVK")
SAYS_NOTHING = {
    "", "unit", "units", "total", "in total", "each", "left", "altogether", "per unit", "linear unit", "in all",
    "remaining", "respectively", "approximately", "exactly", "more", "times", "o'clock", "oclock",
}  # fmt: skip
NO_UNIT = {
    "and", "or", "pi", "sqrt", "sin", "cos", "tan", "cot", "sec", "csc", "log", "ln", "exp", "infinity", "inf", "oo",
    "i", "e", "mod", "is", "are", "if", "for", "when", "where", "with", "no", "not", "but", "then", "to", "base",
    "from",
    "choose", "factorial", "x", "y", "z", "arcsin", "arccos", "arctan", "lg", "union", "max", "min of", "gcd",
    "lcm", "through", "by", "otherwise", "else", "except", "between", "than", "am", "pm", "either", "both", "only",
    "divided", "plus", "minus", "over", "squared", "cubed", "st", "nd", "rd", "th", "as", "so", "because", "since",
    "does", "do", "was", "were", "answer", "wrong", "it", "that", "this", "which", "there", "they", "option",
}  # fmt: skip
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_DIRECTIONS = {"old", "long", "tall", "wide", "high", "deep", "away", "apart", "left"}
_SHORT_NOUNS = {
    "day", "man", "hen", "cow", "pig", "egg", "ant", "bee", "cup", "box", "car", "bus", "pen", "cat", "dog", "boy",
    "way", "toy", "pie", "row", "sec", "jar", "bag", "can", "tin", "hat", "fox", "net", "set", "bit", "ton", "mol",
}  # fmt: skip
_POWER = r"(?:\s*\^\s*\{?\s*(-?\d)\s*\}?)?"
_BARE = re.compile(
    rf"(?:(?<=[\d}})\]%])|(?<=\\pi)|(?<=\\pi ))(\s*)([A-Za-z]+\.?(?:(?:\s*/\s*|[ -]+)[A-Za-z]+\.?){{0,5}}){_POWER}"
    r"(?=\s*(?:$|[,;)\]|\d]|\\text|and\b|or\b|\\\}|\.(?:\s|$)))"
)
_CJK_UNIT = re.compile(r"(?<=[\d})\]%a-z])\s*([\u4e00-\u9fff]+(?:/[\u4e00-\u9fff]+)?)")
Unit = tuple[frozenset[tuple[str, int]], Fraction]


def mark_units(text: str) -> str:
    r"""A text with ``\text{…}`` around each bare unit that stands behind a number.

    Examples
    --------
    >>> mark_units("25 chickens and 15 rabbits"), mark_units("3 xyz"), mark_units("5cm")
    ('25\\text{chickens} and 15\\text{rabbits}', '3 xyz', '5\\text{cm}')
    """
    if not text.isascii():
        text = _CJK_UNIT.sub(lambda found: rf"\text{{{found[1]}}}", text)
    return _BARE.sub(_marked, text)


def _marked(found: re.Match[str]) -> str:
    space, name, power = found[1], found[2], found[3]
    words = re.split(r"(\s+(?:and|or)\s+|\s+(?:and|or)$)", name, maxsplit=1)
    tail = "".join(words[1:])
    if tail and power:
        return found[0]
    name = words[0]
    parts = re.split(r"[\s/-]+", name.casefold().replace(".", ""))
    if set(parts) & NO_UNIT or not _is_unit(name, parts, bool(space)):
        return found[0]
    raised = f"^{{{power}}}" if power else ""
    return rf"\text{{{name}}}{raised}{tail}"


def _is_unit(name: str, parts: list[str], spaced: bool) -> bool:
    first = parts[0]
    if len(first) == 1:
        return spaced and name[0] in ONE_LETTER and (len(name.strip(".")) == 1 or (" " not in name and "/" in name))
    if name in SYMBOLS and (len(name) > 2 or spaced):
        return True
    if spaced and first in ("per", "each", "every") and len(parts) > 1:
        return True
    known = first in _SPELLINGS or first.rstrip("s") in _SPELLINGS.values() or first in ("square", "cubic", "sq", "cu")
    if known:
        return len(first) > 1
    # "3xyz" and "3 xy" are products, "3 apples" is not.
    spoken = len(first) > 3 or first.rstrip("s") in _SHORT_NOUNS or first in _SHORT_NOUNS
    return spaced and spoken and re.search(r"[aeiouy]", first) is not None


@lru_cache(maxsize=4096)
def unit_of(name: str) -> Unit | None:
    """What a unit measures and its size; None: it says nothing, as "units" and "in total" do.

    Examples
    --------
    >>> unit_of("cm") == unit_of("centimeters"), unit_of("in total") is None
    (True, True)
    """
    text = " ".join(name.replace(".", " ").split())
    if text.casefold() in SAYS_NOTHING:
        return None
    powers: dict[str, int] = {}
    size = Fraction(1)
    for place, part in enumerate(re.split(r"\s*/\s*|\b(?:per|an(?= hour))\b", text, flags=re.I)):
        exponent = 1
        spoken = part.casefold()
        for word in part.split():
            if (symbol := SYMBOLS.get(word)) is not None and word.casefold() not in _SPELLINGS:
                powers[symbol[0]] = powers.get(symbol[0], 0) + exponent * (-1 if place else 1)
                size *= symbol[1] ** (exponent * (-1 if place else 1))
                exponent = 1
                continue
            word = word.casefold()
            if word in SCALES or (word in _DIRECTIONS and spoken.split()[0] != word):
                continue
            if word in ("degree", "degrees") and ("celsius" in spoken or "fahrenheit" in spoken):
                continue
            if word in ("square", "sq", "cubic", "cu"):
                exponent = 2 if word.startswith("sq") else 3
                continue
            for each in _spelt(word):
                whole = each[1] * exponent * (-1 if place else 1)
                base, factor = _SIZES.get(each[0], (each[0], Fraction(1)))
                powers[base] = powers.get(base, 0) + whole
                size *= factor**whole
            exponent = 1
    powers.pop("unit", None)
    dimensions = frozenset((base, power) for base, power in powers.items() if power)
    return (dimensions, size) if dimensions else None


def _spelt(word: str) -> list[tuple[str, int]]:
    """The units of a word, with their powers."""
    for prefix, power in (("平方", 2), ("立方", 3)):
        if word.startswith(prefix) and len(word) > 2:
            return [(_SPELLINGS.get(word[2:], word[2:]), power)]
    if word not in _SPELLINGS and word.endswith("s") and not word.endswith(("ss", "us")) and len(word) > 2:
        word = word[:-3] + "y" if word.endswith("ies") and len(word) > 4 else word[:-1]
    spelt = _SPELLINGS.get(word, word)
    if spelt == "mile per hour" or spelt == "kilometer per hour":
        return [(spelt.split()[0], 1), ("hour", -1)]
    if spelt == "cubic centimeter":
        return [("centimeter", 3)]
    return [(spelt, 1)]


def raised(unit: Unit | None, power: int) -> Unit | None:
    """A unit to a power."""
    if unit is None:
        return None
    return frozenset((base, exponent * power) for base, exponent in unit[0]), unit[1] ** power


def times(left: Unit | None, right: Unit | None, power: int = 1) -> Unit | None:
    """The product of two units, the second to a power."""
    other = raised(right, power)
    if left is None or other is None:
        return left or other
    powers = dict(left[0])
    for base, exponent in other[0]:
        powers[base] = powers.get(base, 0) + exponent
    dimensions = frozenset((base, exponent) for base, exponent in powers.items() if exponent)
    return (dimensions, left[1] * other[1]) if dimensions else None
