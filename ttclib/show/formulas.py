r"""Formulas in LaTeX as MathML, which browsers draw themselves.

A formula of a stranger is not trusted: `formula_tree` gives names and texts, of which a page makes nodes one by one,
and of what latex2mathml makes it keeps what draws mathematics. ``\text{<script>}`` is a text, ``\href`` leads nowhere.
"""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape
from typing import TypeAlias
from xml.etree.ElementTree import Element

from ttclib.errors import needing

# An element: its name, its attributes, its parts; or a text.
Tree: TypeAlias = "str | tuple[str, dict[str, str], list[Tree]]"

# $$…$$, \[…\], \(…\) and $…$, in groups of that order; Python and JavaScript read it alike. A dollar that opens a
# formula touches what follows, one that closes what comes before: "$5 and $6" is prose.
IN_TEXT = (
    r"\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)"
    r"|(?<![\\$\w])\$(?![\s$])([^$\n]+?)(?<![\s\\])\$(?![\d$])"
)
LONGEST = 600  # letters of a formula that is drawn; a longer one stays as it is written
_FORMULA = re.compile(IN_TEXT)
_NAMES = {
    *("mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "mroot", "msup", "msub", "msubsup", "munder"),
    *("mover", "munderover", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "menclose"),
}
_ATTRIBUTES = {
    *("mathvariant", "stretchy", "fence", "separator", "form", "largeop", "movablelimits", "accent", "minsize"),
    *("maxsize", "lspace", "rspace", "linethickness", "columnalign", "rowspacing", "columnspacing", "displaystyle"),
    *("scriptlevel", "width", "height", "depth", "notation"),
}


def formulas_in(text: str) -> list[tuple[str, bool]]:
    r"""The formulas of a text: the LaTeX of each, and whether it is displayed on a line of its own.

    Examples
    --------
    >>> formulas_in(r"costs $5 and $6, but $x^2$ and \[y\]")
    [('x^2', False), ('y', True)]
    """
    if "$" not in text and "\\" not in text:
        return []
    return [
        (next(part for part in hit.groups() if part is not None).strip(), hit[1] is not None or hit[2] is not None)
        for hit in _FORMULA.finditer(text)
    ]


@lru_cache(maxsize=20_000)
def formula_tree(latex: str) -> Tree | None:
    r"""A formula as elements of MathML, without what does not draw; None: it stays as it is written.

    Raises
    ------
    RequestError
        latex2mathml is not installed.

    Examples
    --------
    >>> formula_tree(r"\text{<b>}")
    ('mrow', {}, [('mtext', {}, ['<b>'])])
    """
    with needing("a report", "notebooks"):
        from latex2mathml.converter import convert_to_element
    if not latex or len(latex) > LONGEST:
        return None
    try:
        drawn = _tree(convert_to_element(latex)[0])
    except Exception:  # whatever a stranger's LaTeX leads to, RecursionError among it
        return None
    return drawn if _known(latex, drawn) else None


def _tree(element: Element) -> Tree:
    name = element.tag.rpartition("}")[2]
    attributes = {key: value for key, value in element.attrib.items() if key in _ATTRIBUTES}
    parts: list[Tree] = [unescape(element.text)] if element.text else []
    parts += [_tree(part) for part in element]
    return (name if name in _NAMES else "mrow", attributes, parts)


def _known(latex: str, tree: Tree) -> bool:
    r"""Whether all commands of a formula were understood; one that was not is drawn as its letters, ``\foo``."""
    if isinstance(tree, str):
        return not (tree.startswith("\\") and len(tree) > 1 and tree in latex)
    return all(_known(latex, part) for part in tree[2])
