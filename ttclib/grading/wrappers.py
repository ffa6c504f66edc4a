r"""LaTeX without what only sets it: fences, colours, fonts, boxes, environments and spacing.

``\text{…}`` is what stays of all kinds of upright words; numbers and formulas come out of it.
"""

from __future__ import annotations

import re

from ttclib.grading.units import ONE_LETTER

_FENCED = re.compile(r"^\s*(?:\$\$?|\\\(|\\\[)(.*?)(?:\$\$?|\\\)|\\\])\s*$", re.S)
# Commands in one spelling; what only sets the text says nothing.
_SILENT = """
    displaystyle textstyle scriptstyle limits nolimits nonumber notag boldmath unboldmath mathstrut strut
"""
_SPACES = """
    boxed fbox framebox ensuremath mathop mathord mathrel mathbin displaylines bbox underline uline underbar
    tiny small normalsize large Large LARGE huge Huge centering qed blacksquare square checkmark hfill
    qquad quad space thinspace enspace medspace thickspace negthinspace
"""
_SPELT = {
    "\\frac": "dfrac tfrac cfrac sfrac",
    "\\binom": "dbinom tbinom",
    "\\le": "leq leqslant leqq",
    "\\ge": "geq geqslant geqq",
    "\\ne": "neq",
    "|": "lvert rvert mid vert lVert rVert Vert",
    "\\setminus": "backslash smallsetminus",
    "\\mathbb{R}": "Reals R reals",
    "\\approx": "simeq cong doteq fallingdotseq",
    "\\ldots": "dots cdots dotsc dotsb hdots textellipsis",
    "*": "ast star",
    "\\cdot": "cdotp bullet",
    "\\DEG ": "degree textdegree textordmasculine",
    "\\emptyset": "varnothing",
    "\\cup": "bigcup",
    "\\cap": "bigcap",
    "\\arcsin": "asin",
    "\\arccos": "acos",
    "\\arctan": "atan",
    "\\{": "lbrace",
    "\\}": "rbrace",
    "(": "lparen",
    ")": "rparen",
    "[": "lbrack",
    "]": "rbrack",
    ":": "colon",
    "'": "prime",
    "": _SILENT,
    " ": _SPACES,
}
_RENAMED = {name: plain for plain, names in _SPELT.items() for name in names.split()}
_NAMED = re.compile(r"\\([A-Za-z]+)")
# Each with what must stand in the text for it to do anything.
_REWRITTEN = [
    (mark, re.compile(pattern), plain)
    for mark, pattern, plain in (
        ("<", r"</?(?:b|i|em|strong|u|p|span|div|sub|answer|code|math)(?:\s[^<>]*)?>|<br\s*/?>", " "),
        ("&nbsp;", "&nbsp;", " "),
        ("\\", r"\\(?:left|right|[bB]ig+[lrm]?|middle)(?![A-Za-z])\s*\.?", ""),
        ("{", r"\\fcolorbox\s*\{[^{}]*\}\s*\{[^{}]*\}", " "),
        ("{", r"\\(?:tag|label|hspace|vspace|hskip|phantom|hphantom|vphantom|color|textcolor|colorbox|fcolorbox)\*?"
              r"\s*\{[^{}]*\}", " "),
        ("\\bbox", r"\\bbox\s*\[[^\]]*\]", " "),
        ("/", r"\\(?:mathrm|text)\s*\{\s*([A-Za-z]+)\s*/\s*\(\s*([A-Za-z]+)\s*(?:\\cdot|\*|~|\s)\s*"
              r"([A-Za-z]+)\s*\)\s*\}", r"\\text{\1/\2/\3}"),
        ("\\|", r"\\\|", "|"),
        ("\\choose", r"\{\s*([^{}]+?)\s*\\choose(?![a-z])\s*([^{}]+?)\s*\}", r"\\binom{\1}{\2}"),
        ("{}", r"[\^_]\{\s*\}", ""),
        ("set{", r"\\(?:overset|underset|stackrel)\s*\{[^{}]*\}\s*(?=\{)", ""),
        ("\\mathbb", r"\\mathbb\s*([RZNQC])(?![A-Za-z])", r"\\mathbb{\1}"),
        ("\\triangle{", r"\\triangle\{([A-Z]+)\}", r"\\triangle \1"),
        ("\\not", r"\\not\s*=", r"\\ne "),
        ("..", r"\.\.\.+", r"\\ldots "),
        ("^", r"\^\s*\{\s*\\circ\s*\}|\^\s*\\circ(?![A-Za-z])", r"\\DEG "),
        ("prime", r"\^\s*\{\s*\\prime\s*\}|\^\s*\\prime(?![A-Za-z])", "'"),
        (",", r"(?<=\d)\s*(?:,\s*\\!|\\!\s*,|\{,\})\s*(?:\\!)?\s*(?=\d{3}(?!\d))", ""),  # 10,\!080 and 10{,}080
        ("{:}", r"(?<=\d)\{:\}(?=\d)", ":"),
        ("{,}", r"(?<=\d)\{,\}(?=\d)", "."),  # 3{,}14
        ("\\", r"(?<=\d)\\[,;:]\s*(?=\d{3}(?!\d))", ""),  # 10\,080
        ("\\", r"(?<!\\)\\[,;:! ]", " "),
        ("~", "~", " "),
        ("{", r"\\(?:mathrm|text|operatorname)\*?\s*\{\s*"
              r"(sin|cos|tan|cot|sec|csc|ln|log|lg|exp|arcsin|arccos|arctan)\s*\}", r"\\\1 "),
        ("{", r"\\(?:mathrm|text|operatorname)\*?\s*\{(gcd|lcm|max|min)\}(?=\s*[({\\])", r"\\\1 "),
        ("\\Omega", r"\\(?:mathrm|text)\s*\{\s*([kMm]?)\s*\\Omega\s*\}", r"\\text{\1ohm}"),
        ("\\Omega", r"(?<=[\d.)}])(?:\s*(?:\\(?:mathrm|text)\s*\{\s*([kMm])\s*\}|([kM]))\s*|\s+)\\Omega(?=\s*$)",
         r" \\text{\1\2ohm}"),
        ("\\mu", r"\\mu\s*\\(?:mathrm|text)\s*\{\s*([mgsAVFCWJL])\s*\}", r" \\text{μ\1}"),
        ("\\mu", r"\\(?:mathrm|text)\s*\{\s*\\mu\s*([mgsAVFCWJL])\s*\}", r" \\text{μ\1}"),
        ("boxed{", r"(?<![A-Za-z\\])boxed(?=\{)", ""), ("\x08", "\x08oxed(?=\\{)", ""),
        ("**", r"\*\*(?=\s*[\w({\\-])(?<=[\w)}\]]\*\*)", "^"),
        ("**", r"\*\*", " "),
        ("p", r"(?i)(?<=[\d})\]])\s*(?:\\text\s*\{\s*(?:percent|pct\.?|per cent)\s*\}|(?:percent|per cent|pct)\b)",
         r"\\%"),
        ("{%", r"\\text\s*\{%\}", r"\\%"), ("{\\%", r"\\text\s*\{\\%\s*\}", r"\\%"),
    )
]  # fmt: skip
_OLD_FONTS = [
    (re.compile(r"\{\s*\\(?:rm|bf|it|sf|tt|cal)(?![A-Za-z])([^{}]*)\}"), r"\\mathrm{\1}"),
    (re.compile(r"\\(?:rm|bf|it|sf|tt)(?![A-Za-z])\s*(?=\{)"), r"\\mathrm"),
    (re.compile(r"\\(?:rm|sf|tt)(?![A-Za-z])\s*([A-Za-z]+)"), r"\\mathrm{ \1}"),
    (re.compile(r"\\(?:bf|it|em|cal)(?![A-Za-z])\s*|\\(?:rm|sf|tt)(?![A-Za-z])\s*(?=[\d\\])"), " "),
]
_UPRIGHT = r"text|textrm|textbf|textit|textsf|texttt|textnormal|textup|textsc|emph|mbox|hbox|operatorname\*?|textmd"
_ALPHABETS = r"mathrm|mathbf|mathit|mathsf|mathtt|mathnormal|boldsymbol|bm|pmb|mathcal|mathscr|vec|overrightarrow|hat"
_WORDED = re.compile(rf"\\({_UPRIGHT}|{_ALPHABETS}|overline)\s*\{{([^{{}}]*)\}}")
_BARE_FONT = re.compile(rf"\\(?:{_UPRIGHT}|{_ALPHABETS}|boldsymbol|mathbf)(?![A-Za-z])\s*(?=[\d({{\\A-Za-z+-])(?!\{{)")
_AROUND_FORMULA = re.compile(rf"\\(?:{_UPRIGHT}|mathrm|mathbf|mathit|boldsymbol|bm|pmb|mathsf)\s*(?=\{{[^{{}}]*[\\{{])")
# Behind a number upright letters with powers, as in "\\mathrm{m s^{-2}}".
_RAISED_UNITS = re.compile(
    r"(?<=[\d)} ])\\(?:mathrm|text)\s*"
    r"\{(?=[^{}]*\^)((?:\s*(?:[A-Za-z]{1,4}(?:\s*\^\s*\{\s*-?\d\s*\})?|/|\*|\\cdot(?![a-z]))){1,9}\s*)\}"
)
_UNIT = re.compile(r"(?<![A-Za-z\\])[A-Za-z]+")
_BEHIND_NUMBER = re.compile(r"[\d})\]]\s*(?:/|\\cdot|\\times)?\s*$")
_AND = re.compile(r"(?:^|(?<=[\s,]))(and|or)(?=$|[\s,])", re.I)
_NO_LETTERS_OF_SPEECH = re.compile(r"[\d\\+=<>^(\[]")
_ENVIRONMENT = re.compile(
    r"\\begin\s*\{(aligned|align\*?|alignat\*?|gathered|gather\*?|split|equation\*?|cases|dcases|rcases|multline\*?|"
    r"eqnarray\*?|center|displaymath|math)\}(?:\s*\[[tbc]\])?(.*?)\\end\s*\{\1\}",
    re.S,
)
_BRACED_ROWS = re.compile(
    r"\\\{\s*\\begin\s*\{(array|aligned|matrix|gathered)\}\s*(?:\{[lcr|\s]*\})?(.*?)\\end\s*\{\1\}\s*(?!\s*\\\})", re.S
)
# A condition of a case; the sides of an equation that are set apart are none.
_CONDITION = re.compile(
    r"^(?!=)(?:.+?[<>=]|.+?\\(?:le|ge|ne|in|mid|equiv)(?![a-z])|.*\\(?:text|mathrm)(?![a-z])|\s*(?:if|for|when|otherwise|else)\b)"
)
_IF = re.compile(
    r"^(?:\\(?:text|mathrm|mbox|textrm)\s*\{\s*,?\s*(?:if|for|when|where)\s*\}|(?:if|for|when|where)\b)\s*(?=\S)"
)
_OTHERWISE = re.compile(
    r"\\(?:text|mathrm|mbox|textrm)\s*\{\s*(?:if\s+|)?(?:otherwise|else)\s*\}|\b(?:otherwise|else)\b"
)
_ROW = re.compile(r"\\\\(?:\s*\[[^\]]*\])?|\\newline(?![A-Za-z])")


def without_fences(text: str) -> str:
    """A text without mathematics' fences, emphasis and its full stop."""
    while (fenced := _FENCED.match(text)) and fenced[1].strip():
        text = fenced[1].strip()
    text = text.strip().rstrip(".,;:").strip() if not text.endswith(("\\,", "\\;", "\\:")) else text[:-2].strip()
    if (fenced := _FENCED.match(text)) and fenced[1].strip():
        return fenced[1].strip()
    if "\\[" in text or "\\(" in text or "$$" in text:
        text = re.sub(r"\\\[(?!\d*\.?\d*(?:pt|em|ex|mm)\])|\\\]|\\\(|\\\)|\$\$", " ", text).strip()
    return text.strip("*`").strip() if not text.startswith("*`") else text


def unwrapped(text: str) -> str:
    r"""A text without wrappers.

    Examples
    --------
    >>> unwrapped(r"\textcolor{red}{\boldsymbol{\dfrac12}}")
    '{ {\\frac12}}'
    >>> unwrapped(r"12\ {\rm m}"), unwrapped(r"\mathrm{x}+\text{2 cm}")
    ('12 \\text{m}', 'x + 2 cm')
    """
    if not re.search(r"[\\*<~{%p]|\.\.", text):
        return text.strip()
    for mark, pattern, plain in _REWRITTEN:
        if mark in text:
            text = pattern.sub(plain, text)
    if "\\" in text:
        text = _NAMED.sub(lambda found: _RENAMED.get(found[1], found[0]), text)
    if "^" in text and "\\" in text:
        text = _RAISED_UNITS.sub(lambda found: _UNIT.sub(r"\\text{\g<0>}", found[1]), text)
    if "\\begin" in text:
        text = _BRACED_ROWS.sub(lambda found: _rows(found[2], ", "), text)
        text = _ENVIRONMENT.sub(lambda found: _rows(found[2], ", "), text)
    if "\\\\" in text and "\\begin" not in text:
        text = ", ".join(row.strip() for row in _ROW.split(text) if row.strip())
    if "\\" in text:
        for pattern, plain in _OLD_FONTS:
            text = pattern.sub(plain, text)
        text = _AROUND_FORMULA.sub(" ", text)
        for _ in range(4):
            before = text
            text = _WORDED.sub(_word, text)
            if text == before:
                break
        text = _BARE_FONT.sub("", text)
        if text.endswith("\\"):
            text = text.rstrip("\\")
    return text.strip()


def without_braces(text: str) -> str:
    """A text without a pair of plain braces around all of it."""
    while text.startswith("{") and text.endswith("}"):
        depth = 0
        for place, mark in enumerate(text):
            if text[place - 1 : place] != "\\":
                depth += {"{": 1, "}": -1}.get(mark, 0)
            if depth == 0:
                break
        if place < len(text) - 1:
            return text
        text = text[1:-1].strip()
    return text


def _word(found: re.Match[str]) -> str:
    r"""What stands in for ``\name{inner}``."""
    name, inner = found[1], found[2]
    bare = inner.strip()
    if not bare:
        return " "
    if len(bare) == 1 and bare.isalpha() and bare.isascii():
        behind_number = _BEHIND_NUMBER.search(found.string, max(0, found.start() - 12), found.start())
        unit = bare in ONE_LETTER | {"C", "F"} and (
            behind_number or found.string[: found.start()].rstrip().endswith("DEG")
        )
        if unit or inner[0].isspace():
            return rf"\text{{{bare}}}"
        return f" {bare} " if name in ("mathrm", "text", "textrm", "operatorname") else f"{{{bare}}}"
    if name in ("overline", "vec", "overrightarrow", "hat"):
        if bare.isdigit():
            return rf"\OVERLINE{{{bare}}}"
        return rf"\text{{{bare}}}" if bare.isalpha() else f"{{{bare}}}"
    if _NO_LETTERS_OF_SPEECH.search(bare):
        return f" {inner} "
    if name.startswith(("mathc", "maths", "bolds", "bm", "pmb", "mathb", "mathi")) and not bare.isalpha():
        return f"{{{inner}}}"
    parts = [part.strip() for part in _AND.split(inner)]
    if bare.endswith(",") and len(parts) == 1:
        parts = [bare[:-1], ","]
    if len(parts) > 1 and _BEHIND_NUMBER.search(found.string[: found.start()]):
        return " ".join(
            ", " if part == "," else part.lower() if part.lower() in ("and", "or") else rf"\text{{{part.strip(', ')}}}"
            for part in parts
            if part.strip(", ") or part == ","
        ).join("  ")
    return rf"\text{{{inner}}}"


def _rows(inner: str, separator: str) -> str:
    """The rows of an environment on one line; a row that goes on with a sign belongs to the one before.

    Rows of a value and its condition are triples, in any order.
    """
    cells = [[cell.strip().rstrip(",;").strip() for cell in row.split("&")] for row in _ROW.split(inner) if row.strip()]
    if len(cells) > 1 and all(len(row) == 2 and row[0] and _CONDITION.search(row[1]) for row in cells):
        said = (rf"\langle {value}; {_IF.sub('', condition)}; 0\rangle" for value, condition in cells)
        return f" {', '.join(_OTHERWISE.sub(lambda _: chr(92) + 'ldots', row) for row in said)} "
    found = ""
    for row in _ROW.split(inner.replace("&", " ")):
        row = row.strip().rstrip(",")
        if row:
            goes_on = re.match(r"[=+*/<>-]|\\(?:le|ge|approx|times|cdot)(?![A-Za-z])", row)
            found += row if not found else f" {row}" if goes_on else f"{separator}{row}"
    return f" {found} "
