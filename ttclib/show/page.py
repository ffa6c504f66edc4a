"""An executed notebook as one HTML page that opens with no network.

Notebook pages usually fetch MathJax, require.js, Mermaid and the chart library when they are
opened. Here formulas become MathML, which browsers draw themselves; charts carry their spec, and
one copy of the Vega bundle draws them all; a policy inside the page forbids any fetch. Controls
need a kernel: cells tagged ``notebook-only`` are left out, and elsewhere a sentence stands in
place of a widget. The charts' own sliders work.

A page may be mailed alone or stand in a suite. So it has no link to another page: the names of those that it is
related to stand there as text, and become links where it is opened from its suite's index, which says so in the
address (``#suite``). What was found stands first, where it was made from after it.

Text from a store is not trusted. What draws it escapes it; and should any slip through, the page's
policy lets only scripts run that carry this page's nonce, so neither a ``<script>`` nor an
``onerror`` in a completion can.
"""

from __future__ import annotations

import base64
import copy
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape, unescape
from html.parser import HTMLParser
from importlib.resources import files
from typing import Any

from ttclib.errors import needing
from ttclib.show.browser import IS_BROWSER, read_script, without_start
from ttclib.show.chart_view import fit_script, script, vega_bundle
from ttclib.show.packed import packed_json
from ttclib.show.theme import SVG_MIME, VEGALITE_MIME

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
_NOTEBOOK_LINK = re.compile(r'<a href="(\w+)\.ipynb">(.*?)</a>', re.DOTALL)
_TAG = re.compile(r"<[^>]*>")
_CONTENTS = "<!-- contents -->"
_MADE = re.compile(r"<!-- made -->(.*?)<!-- /made -->", re.DOTALL)
NOT_IN_STORE = "Not in this store"  # what a notebook says above what a store lacks
_FINDINGS = 'class="ttc-findings"'
_LACKS = re.compile(rf'<div class="ttc-callout"[^>]*><b>{NOT_IN_STORE}\.</b> (.*?)</div>', re.DOTALL)
_AFTER_FINDINGS = "<!-- after the findings -->"
TOLD = 'class="ttc-told"'
SAMPLES = "samples"  # what the page of samples is to the others of its suite
SUITE = "#suite"  # the fragment by which a page knows that it stands in a suite


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
    paths : mapping of str to str
        What is written in the place of a path of this machine: a store's name for its file.
    related : tuple of (str, str)
        What a page of the same suite is to this one, such as ``previous``, and its file name; `SAMPLES` is where
        samples are browsed.
    credits : mapping of str to tuple of str
        Whose samples the stores hold, and on what terms: a line each.
    """

    notebook: str
    made: str
    stores: Mapping[str, str]
    versions: Mapping[str, str]
    parameters: Mapping[str, Any]
    changed: tuple[str, ...] = ()
    paths: Mapping[str, str] = field(default_factory=dict)
    related: tuple[tuple[str, str], ...] = ()
    credits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class _Findings(HTMLParser):
    """The sentences of a list of findings, as they read."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.said: list[str] = []
        self._inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A list begins, or a sentence of it."""
        if tag == "ul":
            self._inside = ("class", "ttc-findings") in attrs
        if tag == "li" and self._inside:
            self.said.append("")

    def handle_endtag(self, tag: str) -> None:
        """A list ends."""
        self._inside = self._inside and tag != "ul"

    def handle_data(self, data: str) -> None:
        """Take the text of a sentence."""
        if self._inside and self.said:
            self.said[-1] += data


def findings_of(notebook: Any) -> list[str]:
    """What an executed notebook found: the sentences of all its findings, in their order."""
    return [sentence for html in _html_outputs(notebook) if _FINDINGS in html for sentence in _Findings(html).said]


def _html_outputs(notebook: Any) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]


def lacks_of(notebook: Any) -> list[str]:
    """What an executed notebook says that the store lacks, each once."""
    said = (text for html in _html_outputs(notebook) for text in _LACKS.findall(html))
    return list(dict.fromkeys(unescape(_TAG.sub("", text)) for text in said))


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
    with needing("a report", "notebooks"):
        from jinja2 import DictLoader
        from nbconvert import HTMLExporter
    plain = copy.deepcopy(notebook)
    plain.metadata.pop("widgets", None)
    plain.cells = [cell for cell in plain.cells if NOTEBOOK_ONLY not in cell.metadata.get("tags", [])]
    n_charts = sum(_prepare(cell) for cell in plain.cells)
    _mark_findings(plain)
    told = {
        "facts": facts,
        "parameters": {name: repr(value) for name, value in facts.parameters.items()},
        "summary": _summary(notebook),
        "findings": json.dumps(findings_of(notebook), ensure_ascii=False),
        "lacks": json.dumps(lacks_of(notebook), ensure_ascii=False),
        "suite": SUITE,
        "fit": f"{script('packed.js')}\n{fit_script()}",
        "browser": read_script() if _holds(plain, IS_BROWSER) else "",
        "linked": script("linked_views.js"),
        "linked_css": script("linked_views.css"),
        "told": script("one_problem.js") if TOLD in "".join(_html_outputs(plain)) else "",
        "samples": dict(facts.related).get(SAMPLES, ""),
        "nonce": secrets.token_urlsafe(16),
        "bundle": vega_bundle("ttclibVegaEmbed").replace("</script", "<\\/script") if n_charts else "",
    }
    template = files("ttclib.show").joinpath("page.html.j2").read_text("utf-8")
    exporter = HTMLExporter(extra_loaders=[DictLoader({"ttclib.html.j2": template})], template_file="ttclib.html.j2")
    resources = {"ttclib": told, "metadata": {"name": facts.notebook}}
    html, _ = exporter.from_notebook_node(plain, resources=resources)
    return _without_paths(_in_order(str(html)), facts.paths)


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
    with needing("a report", "notebooks"):
        from latex2mathml.converter import convert
    parts = _FENCED.split(markdown)
    for at in range(0, len(parts), 2):
        parts[at] = _DISPLAYED.sub(lambda hit: convert(hit[1].strip(), display="block"), parts[at])
        parts[at] = _INLINE.sub(lambda hit: convert(hit[1]), parts[at])
    return "".join(parts)


def _mark_findings(notebook: Any) -> None:
    """Mark where the first findings end; without any, where the first text ends."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            html = "".join(output.get("data", {}).get("text/html", ""))
            if _FINDINGS in html:
                output["data"]["text/html"] = html + _AFTER_FINDINGS
                return
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source += f"\n\n{_AFTER_FINDINGS}"
            return


def _holds(notebook: Any, mark: str) -> bool:
    """Whether any output shows HTML with a mark in it."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return any(mark in "".join(output.get("data", {}).get("text/html", "")) for output in outputs)


def _in_order(html: str) -> str:
    """Where a page was made from, and its contents, put after what was found."""
    made = _MADE.search(html)
    if made is None:
        return html
    rest = html[: made.start()] + html[made.end() :]
    told = made[1].replace(_CONTENTS, _contents(html), 1)
    return rest.replace(_AFTER_FINDINGS, told, 1) if _AFTER_FINDINGS in rest else html


def _without_paths(html: str, paths: Mapping[str, str]) -> str:
    """Paths of this machine as the names that stand for them, in text, code and charts alike."""
    for path in sorted(paths, key=len, reverse=True):
        in_json = json.dumps(path)[1:-1]
        for written in {path, escape(path), in_json, escape(in_json)}:
            html = html.replace(written, escape(paths[path]))
    return html


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
        if TOLD in "".join(data.get("text/html", "")):  # which scrolls without a kernel, too
            output["data"] = {"text/html": data["text/html"]}
        elif WIDGET_MIME in data:
            output["data"] = {"text/html": NO_WIDGET}
        elif VEGALITE_MIME in data:
            n_charts += 1
            output["data"] = {"text/html": _chart_html(data[VEGALITE_MIME], data.get(SVG_MIME))}
        elif "text/html" in data:  # a link to another notebook leads to its page
            html = without_start("".join(data["text/html"]))
            data["text/html"] = _NOTEBOOK_LINK.sub(r'<span data-page="\1.html">\2</span>', html)
    return n_charts


def _chart_html(spec: dict[str, Any], picture: str | None) -> str:
    """A chart's place: its spec, and its picture for where scripts do not run."""
    # The version-5 schema is for notebook viewers; the bundle here is newer and would warn of it.
    text = packed_json({key: value for key, value in spec.items() if key != "$schema"})
    standing = ""
    if picture:
        standing = (
            f'<img alt="chart" src="data:{SVG_MIME};base64,{base64.b64encode("".join(picture).encode()).decode()}">'
        )
    return f'<div class="ttc-chart"><script type="application/json">{text}</script>{standing}</div>'
