r"""Qualifiers behind an answer: "where k is an integer", "for any real c", ``k \in \mathbb{Z}``, "for x > 0"."""

from __future__ import annotations

import re

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
