"""An executed notebook as one HTML page that opens with no network.

Notebook pages usually fetch MathJax, require.js, Mermaid and the chart library when they are
opened. Here formulas become MathML, which browsers draw themselves; charts carry their spec, and
one copy of the Vega bundle draws them all; a policy inside the page forbids any fetch. Controls
need a kernel: cells tagged ``notebook-only`` are left out, and elsewhere a sentence stands in
place of a widget. The charts' own sliders work.

Text from a store is not trusted. What draws it escapes it; and should any slip through, the page's
policy lets only scripts run that carry this page's nonce, so neither a ``<script>`` nor an
``onerror`` in a completion can.
"""

from __future__ import annotations

import copy
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from importlib.resources import files
from typing import Any

from ttclib.errors import RequestError
from ttclib.show.chart_view import vega_bundle
from ttclib.show.theme import VEGALITE_MIME

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
# Tag of cells that make sense only with a kernel; a page leaves them out.
NOTEBOOK_ONLY = "notebook-only"
NO_WIDGET = (
    '<p class="no-kernel"><em>Here the notebook shows controls, which need a running kernel. '
    "The charts below have a slider of their own.</em></p>"
)
_FENCED = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_DISPLAYED = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
# A dollar that opens a formula touches what follows, one that closes what comes before: "$5 and $6" is prose.
_INLINE = re.compile(r"(?<![\\$])\$(?!\s)([^$\n]+?)(?<!\s)\$(?!\d)")
# Headings as nbconvert writes them, with their anchors.
_HEADING = re.compile(r'<h([23]) id="([^"]*)">(.*?)<a class="anchor-link"', re.DOTALL)
_NOTEBOOK_LINK = re.compile(r'href="(\d\d_\w+)\.ipynb"')
_TAG = re.compile(r"<[^>]*>")
_CONTENTS = "<!-- contents -->"


@dataclass(frozen=True)
class PageFacts:
    """What a page says of itself: above its text in short, and in full at its end.

    Attributes
    ----------
    notebook : str
        File name of the notebook.
    made : str
        Date and time.
    stores : mapping of str to str
        File name of each store and its fingerprint.
    versions : mapping of str to str
        Packages and their versions, ttclib first.
    parameters : mapping of str to value
        All parameters of the run.
    changed : tuple of str
        Names of those that were given and not left at the notebook's own value.
    """

    notebook: str
    made: str
    stores: Mapping[str, str]
    versions: Mapping[str, str]
    parameters: Mapping[str, Any]
    changed: tuple[str, ...] = ()


def page_html(notebook: Any, facts: PageFacts) -> str:
    """The page of an executed notebook.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Left as it is.
    facts : PageFacts

    Returns
    -------
    str

    Raises
    ------
    RequestError
        nbconvert or latex2mathml is not installed.
    """
    try:
        from jinja2 import DictLoader
        from nbconvert import HTMLExporter
    except ImportError as error:
        raise RequestError(f"a report needs the package '{error.name}': install ttclib[notebooks]") from error
    plain = copy.deepcopy(notebook)
    plain.metadata.pop("widgets", None)
    plain.cells = [cell for cell in plain.cells if NOTEBOOK_ONLY not in cell.metadata.get("tags", [])]
    n_charts = sum(_prepare(cell) for cell in plain.cells)
    told = {
        "facts": facts,
        "parameters": {name: repr(value) for name, value in facts.parameters.items()},
        "summary": _summary(notebook),
        "nonce": secrets.token_urlsafe(16),
        "bundle": vega_bundle("ttclibVegaEmbed").replace("</script", "<\\/script") if n_charts else "",
    }
    template = files("ttclib.show").joinpath("page.html.j2").read_text("utf-8")
    exporter = HTMLExporter(extra_loaders=[DictLoader({"ttclib.html.j2": template})], template_file="ttclib.html.j2")
    resources = {"ttclib": told, "metadata": {"name": facts.notebook}}
    html, _ = exporter.from_notebook_node(plain, resources=resources)
    return str(html).replace(_CONTENTS, _contents(str(html)), 1)


def formulas_to_mathml(markdown: str) -> str:
    """Markdown with ``$…$`` and ``$$…$$`` outside code replaced by MathML.

    Raises
    ------
    RequestError
        latex2mathml is not installed.

    Examples
    --------
    >>> formulas_to_mathml("costs $5 and $6, `$x$`")
    'costs $5 and $6, `$x$`'
    """
    if "$" not in markdown:
        return markdown
    try:
        from latex2mathml.converter import convert
    except ImportError as error:
        raise RequestError(f"a report needs the package '{error.name}': install ttclib[notebooks]") from error
    parts = _FENCED.split(markdown)
    for at in range(0, len(parts), 2):
        parts[at] = _DISPLAYED.sub(lambda hit: convert(hit[1].strip(), display="block"), parts[at])
        parts[at] = _INLINE.sub(lambda hit: convert(hit[1]), parts[at])
    return "".join(parts)


def _contents(html: str) -> str:
    """Links to the headings of a page; the headings are HTML already, so only their tags go."""
    items = [
        f'<li class="level{level}"><a href="#{anchor}">{_TAG.sub("", text).strip()}</a></li>'
        for level, anchor, text in _HEADING.findall(html)
    ]
    return f'<nav class="contents" aria-label="Contents"><ul>{"".join(items)}</ul></nav>' if items else ""


def _summary(notebook: Any) -> str:
    """The first paragraph of a notebook's text, plain."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for paragraph in cell.source.split("\n\n"):
                if not paragraph.startswith("#"):
                    return unescape(_TAG.sub("", re.sub(r"[*_`$]", "", " ".join(paragraph.split()))))
    return ""


def _prepare(cell: Any) -> int:
    """Make a cell fit for a page without kernel and network; the number of its charts."""
    if cell.cell_type == "markdown":
        cell.source = formulas_to_mathml(cell.source)
        return 0
    n_charts = 0
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if WIDGET_MIME in data:
            output["data"] = {"text/html": NO_WIDGET}
        elif VEGALITE_MIME in data:
            n_charts += 1
            output["data"] = {"text/html": _chart_html(data[VEGALITE_MIME], data.get("image/png"))}
        elif "text/html" in data:  # a link to another notebook leads to its page
            data["text/html"] = _NOTEBOOK_LINK.sub(r'href="\1.html"', "".join(data["text/html"]))
    return n_charts


def _chart_html(spec: dict[str, Any], picture: str | None) -> str:
    """A chart's place: its spec, and its picture for where scripts do not run."""
    # The version-5 schema is for notebook viewers; the bundle here is newer and would warn of it.
    # "</" would end the script element early; "<\/" is the same string to JSON.
    text = json.dumps({key: value for key, value in spec.items() if key != "$schema"}).replace("</", "<\\/")
    standing = ""
    if picture:
        standing = f'<img alt="chart" src="data:image/png;base64,{"".join(picture.split())}">'
    return f'<div class="ttc-chart"><script type="application/json">{text}</script>{standing}</div>'
