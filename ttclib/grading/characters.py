"""ASCII signs and LaTeX for typographic characters, full-width ones and CJK punctuation."""

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
