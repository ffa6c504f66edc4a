"""An executed notebook as one HTML page that opens with no network.

Notebook pages usually fetch MathJax, require.js, Mermaid and the chart library when they are
opened. Here formulas become MathML, which browsers draw themselves; charts carry their spec, and
one copy of the Vega bundle draws them all; a policy inside the page forbids any fetch. Controls
need a kernel: cells tagged ``notebook-only`` are left out, and elsewhere a sentence stands in
place of a widget. The charts' own sliders work.
"""

from __future__ import annotations

import copy
import json
import re
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


def page_html(notebook: Any, *, made: str, version: str, name: str, parameters: dict[str, Any]) -> str:
    """The page of an executed notebook.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        Left as it is.
    made, version, name : str
        Date, ttclib version and notebook name, for the last lines of the page.
    parameters : dict
        All parameters of the run, shown there too.

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
    facts = {
        "made": made,
        "version": version,
        "notebook": name,
        "parameters": [(key, repr(value)) for key, value in parameters.items()],
        "bundle": vega_bundle("ttclibVegaEmbed").replace("</script", "<\\/script") if n_charts else "",
    }
    template = files("ttclib.show").joinpath("page.html.j2").read_text("utf-8")
    exporter = HTMLExporter(extra_loaders=[DictLoader({"ttclib.html.j2": template})], template_file="ttclib.html.j2")
    html, _ = exporter.from_notebook_node(plain, resources={"ttclib": facts, "metadata": {"name": name}})
    return str(html)


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
