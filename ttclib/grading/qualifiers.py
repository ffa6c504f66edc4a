r"""What stands in and behind an answer: typographic characters, and qualifiers.

The first become ASCII signs and LaTeX. Qualifiers are such as "where k is an integer", "for any real c",
``k \in \mathbb{Z}``, "for x > 0".
"""

from __future__ import annotations

import re
import unicodedata

_SIGNS = {
    "−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "×": r"\times ", "·": r"\cdot ", "⋅": r"\cdot ", "∗": "*",
    "÷": "/", "∕": "/", "⁄": "/", "π": r"\pi ", "∞": r"\infty ", "√": r"\sqrt ", "±": r"\pm ", "∓": r"\mp ",
    "≤": r"\le ", "≥": r"\ge ", "≦": r"\le ", "≧": r"\ge ", "⩽": r"\le ", "⩾": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "∈": r"\in ", "∪": r"\cup ", "∩": r"\cap ", "∖": r"\setminus ", "∅": r"\emptyset ", "ø": r"\emptyset ",
    "ℝ": r"\mathbb{R}", "ℤ": r"\mathbb{Z}", "ℕ": r"\mathbb{N}", "ℚ": r"\mathbb{Q}", "ℂ": r"\mathbb{C}",
    "∀": r"\forall ", "°": r"^\circ ", "º": r"^\circ ", "∠": r"\angle ", "△": r"\triangle ", "′": "'",
    "α": r"\alpha ", "β": r"\beta ", "γ": r"\gamma ", "δ": r"\delta ", "ε": r"\epsilon ", "θ": r"\theta ",
    "λ": r"\lambda ", "μ": r"\mu ", "ρ": r"\rho ", "σ": r"\sigma ", "τ": r"\tau ", "φ": r"\phi ", "ω": r"\omega ",
    "Δ": r"\Delta ", "Ω": r"\Omega ", "Σ": r"\Sigma ",
    "’": "'", "‘": "'", "“": '"', "”": '"', "⟨": r"\langle ", "⟩": r"\rangle ", "…": r"\ldots ",
    "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ",
    "。": ". ", "、": ", ", "〈": r"\langle ", "〉": r"\rangle ", "【": " ", "】": " ", "「": '"', "」": '"',
    "\u200b": "", "\u2061": "", "\ufeff": "",
}  # fmt: skip
_SPOKEN = [
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"无实数解|没有实数解", "no real solution"),
        (r"无解|没有解", "no solution"),
        (r"^\s*(?:一?共|大约|约|等于)(?=\s*-?\d)", ""),
        (r"空集", r"\\emptyset "),
        (r"全体实数|所有实数", r"\\mathbb{R}"),
        (r"或者|或", " or "),
        (r"(?<=[\w)}\]\s])(?:以及|并且|和|与|且|及)(?=[-\s\w({\[\\])", " and "),
    )
]
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def plain_characters(answer: str) -> str:
    r"""ASCII signs for typographic ones; other letters in their composed, full-width ones in their plain form.

    Examples
    --------
    >>> plain_characters("（１，√2）"), plain_characters("3½")
    ('(1,\\sqrt 2)', '(3+1/2)')
    """
    if answer.isascii():
        return answer
    text = re.sub(r"[⁰¹²³⁴-⁹⁺⁻ⁿ]+", lambda found: "^{" + found[0].translate(_RAISED) + "}", answer)
    text = re.sub(r"[₀-₉]+", lambda found: "_{" + found[0].translate(_LOWERED) + "}", text)
    text = re.sub(r"(\d*)([¼-¾⅐-⅞])", _vulgar, text)
    text = re.sub(r"√\s*([\d.]+|[a-z]|\()", lambda found: r"\sqrt " + found[1], text)
    for pattern, plain in _SPOKEN:
        text = pattern.sub(plain, text)
    text = "".join(_SIGNS.get(mark, mark) for mark in text)
    return unicodedata.normalize("NFKC", text).replace("°", r"^\circ ")


def _vulgar(found: re.Match[str]) -> str:
    top, _, bottom = unicodedata.normalize("NFKC", found[2]).partition("⁄")
    return f"({found[1]}+{top}/{bottom})" if found[1] else f"({top}/{bottom})"


_KIND = (
    r"(?:(?:positive|negative|non-?negative|arbitrary|fixed|given|non-?zero)\s+)?"
    r"(?:real|integer|natural|whole|complex|rational|constant)s?(?:\s+(?:numbers?|constants?|parameters?))?"
)
LETTER = r"\\?[A-Za-z](?:_\{?\w+\}?)?"
IN_SET = r"\\in\s*(?:\\mathbb\s*)?\{?\s*([ZRNQC])\s*\}?\s*(?:\^\s*\{?[+*]\}?|_\{?[+\d>\\ge ]+\}?)?"
_QUALIFIERS = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"(?<![-+*/=^])(?:[\s,;.]{{1,6}}|(?=[(\\]))\(?\s*(?:(?:\\text\s*\{{)?\s*,?\s*(?:where|for|with)?\s*"
        rf"(?:any|all|every|some|each)?\s*\}}?\s*|\\forall\s*)"
        rf"(?P<letter>{LETTER})(?:\s*,\s*{LETTER})*\s*{IN_SET}\s*\)?\s*$",
        rf"[\s,;.]{{0,6}}\(?\s*(?:where|for|with|and)?\s*(?:any|all|every|some|each)?\s*(?P<letter>{LETTER})"
        rf"(?:\s*(?:,|and)\s*{LETTER})*\s*(?:is|are|being)\s*(?:(?:an?|any|some|all|both|arbitrary|fixed)\s+)*(?P<kind>{_KIND})"
        r"\s*\)?\s*$",
        rf"[\s,;.]{{0,6}}\(?\s*(?:where|for|with|and)?\s*(?P<letter>{LETTER})\s+(?:an?|any|some)\s+(?:arbitrary\s+|fixed\s+)?"
        rf"(?P<kind>{_KIND})\s*\)?\s*$",
        rf"[\s,;.]{{0,6}}\(?\s*(?:where|for|with)\s+(?:(?:any|all|every|some|each|an?)\s+)?(?P<kind>{_KIND})(?:\s+(?P<letter>{LETTER})(?:\s*(?:,|and)\s*{LETTER})*)?"
        r"\s*\)?\s*$",
        rf"[\s,;.]{{0,6}}\(?\s*(?:for)\s+(?:any|all|every|some|each)\s+(?P<letter>{LETTER})\s*\)?\s*$",
        r"(?:(?<=\S)\s*,\s*(?=[nkmij]\s*(?:>=|\\ge)\s*[01]\s*$)|[\s,;.]{0,6}\(?\s*for\s+)"
        r"(?:(?:any|all|every|each)\s+)?(?:real\s+)?"
        r"(?P<where>\\?[A-Za-z]\s*(?:[<>]=?|!=|\\(?:le|ge|ne|lt|gt)(?![a-z]))\s*[^,;<>]{1,12}?)\s*\)?\s*$",
    )
]
_FROM_THE_FIRST = re.compile(r"[nkmij]\s*(?:>=|\\ge)\s*[0-2]")  # of a sequence
_COUNTED = re.compile(
    r"[\s,;]{0,6}\(?\s*(?:where\s+|for\s+)?(?P<letter>[nkmij])\s*=\s*(?:0\s*,\s*\\pm\s*1|0\s*,\s*1|1\s*,\s*2)\s*,"
    r"[\s\d,]*(?:\\pm\s*2\s*,\s*)?\\ldots\s*\)?\s*$"
)


def without_qualifier(text: str) -> tuple[str, str | None, str | None]:
    """A text without "where k is an integer" behind it, the letter that this declares, and its domain."""
    bare = text.replace("$", "")
    if counted := _COUNTED.search(bare) if "ldots" in bare else None:
        rest = bare[: counted.start()].strip(" ,;")
        if rest:
            return rest, counted["letter"], "Z" if "\\pm" in counted[0] else "N"
    flat = re.sub(r"\\text\s*\{([^{}]*)\}", r" \1 ", bare)
    for pattern in _QUALIFIERS:
        for candidate in dict.fromkeys((bare, flat)):
            if (found := pattern.search(candidate)) and found.start() > 0:
                groups = found.groupdict()
                if groups.get("where"):
                    rest = candidate[: found.start()].strip(" ,;")
                    if _FROM_THE_FIRST.fullmatch(found["where"]):
                        return rest, None, None
                    return (
                        rest,
                        None,
                        None if re.search(r"!=|\\ne", found["where"]) else found["where"].replace(" ", ""),
                    )
                letter = groups.get("letter")
                if letter and letter.lower() in ("a", "i", "e") and groups.get("kind") is None and found.re.groups == 1:
                    continue
                domain = (
                    found[2].upper() if "kind" not in groups and found.re.groups > 1 else _domain(groups.get("kind"))
                )
                rest = candidate[: found.start()].strip(" ,;")
                if rest:
                    return rest, letter, domain
    return text, None, None


def _domain(kind: str | None) -> str | None:
    for word, letter in (("integer", "Z"), ("whole", "Z"), ("natural", "N"), ("complex", "C"), ("rational", "Q")):
        if kind and word in kind.lower():
            return letter
    return "R" if kind and "real" in kind.lower() else None
