"""The widget that shows one Vega-Lite chart, offline.

Why a widget of our own, of some lines of JavaScript: Altair's ``JupyterChart`` draws anew on every
change, which shows as a flicker, and swallows nothing of the kernel's errors but shows none either;
an ``Output`` widget is slower still. Here a budget step sets a signal, and rows at most, in the drawing
that stands, and any other change puts a new drawing in the old one's place once it is ready. The Vega bundle
(0.9 MB) comes out of the vl-convert package, so no network is needed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from ttclib.errors import needing
from ttclib.fresh_names import unfinished

# Begins a script that only a notebook runs.
NOTEBOOK_SCRIPT = "<script data-ttc-notebook>"


@cache
def vega_bundle(name: str) -> str:
    """Vega, Vega-Lite and vega-embed as one script that sets a global function.

    Parameters
    ----------
    name : str
        Of the global; it becomes vega-embed's ``embed(element, spec, options)``.

    Returns
    -------
    str
        About 0.9 MB of JavaScript. Making it takes seconds, so it is kept beside what Python compiles of this module,
        where that can be written.
    """
    import vl_convert

    kept = Path(__file__).parent / "__pycache__" / f"{name}-{version('vl-convert-python')}.js"
    with suppress(OSError):
        return kept.read_text("utf-8")
    made = str(vl_convert.javascript_bundle(f"globalThis.{name} = vegaEmbed;"))
    fresh = unfinished(kept)
    try:
        fresh.write_text(made, encoding="utf-8")
        fresh.replace(kept)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
    return made


def fit_script() -> str:
    """JavaScript of ``isDark()`` and ``fitChart(spec, width, dark)``, which makes a chart for where it is drawn."""
    return script("fit_chart.js")


def linking_html() -> str:
    """The script by which what is selected in one chart or table of a notebook in JupyterLab is so in all."""
    style = json.dumps(script("linked_views.css"))
    return f"{NOTEBOOK_SCRIPT}{{ {script('linked_views.js')} linkNotebooks({style}); }}</script>"


def script(name: str) -> str:
    """A script or a style that lies in this folder."""
    return files("ttclib.show").joinpath(name).read_text("utf-8")


@cache
def _chart_view_class() -> type[Any]:
    with needing("the explorer", "notebooks"):
        import anywidget
        import traitlets

    class ChartView(anywidget.AnyWidget):
        """`spec`: a Vega-Lite spec. `signals`: values to set in it, by name. `rows`: its data, unless None."""

        _esm = vega_bundle("ttclibVegaEmbed") + fit_script() + script("chart_view.js")
        spec = traitlets.Dict().tag(sync=True)
        signals = traitlets.Dict().tag(sync=True)
        rows: Any = traitlets.List(default_value=None, allow_none=True).tag(sync=True)

    return ChartView


def chart_view(spec: dict[str, Any], signals: dict[str, Any], rows: list[dict[str, Any]] | None = None) -> Any:
    """A widget that shows a chart.

    Parameters
    ----------
    spec : dict
        A Vega-Lite spec. Setting the widget's ``spec`` draws the new one.
    signals : dict of str to value
        Values to set in the drawing. Setting the widget's ``signals`` moves it without a new drawing.
    rows : list of dict, optional
        What its data set ``rows`` shall hold instead of the spec's own; set like ``signals``.

    Raises
    ------
    RequestError
        anywidget is not installed.
    """
    return _chart_view_class()(spec=spec, signals=signals, rows=rows)
