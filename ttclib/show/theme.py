"""One look for every chart: a strategy keeps its colour, dash, point and name everywhere.

Colours are those of Okabe and Ito (Color Universal Design, 2008), which stay apart under the common
colour-vision deficiencies. Dash and point shape carry the same distinction once more, for print in
grey. Their yellow is too pale for lines on white and stands here darkened; grey is the ninth.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import altair as alt

from ttclib.errors import one_of
from ttclib.show.picture import picture_of

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
INK = "#222222"
QUIET_INK = "#5a5a5a"
NAME = "ttclib"
VEGALITE_MIME = "application/vnd.vegalite.v5+json"
VEGALITE_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"


@dataclass(frozen=True)
class Style:
    """How a strategy looks and is called.

    Attributes
    ----------
    label : str
        The name that a reader sees.
    color : str
        Hex colour of line, band and point.
    dash : tuple of int
        Lengths in px of strokes and gaps; empty: a solid line.
    shape : str
        Vega point shape.
    """

    label: str
    color: str
    dash: tuple[int, ...]
    shape: str

    @property
    def text_color(self) -> str:
        """The colour darkened by 30 %, so that small text in it can be read on white."""
        parts = (int(self.color[at : at + 2], 16) for at in (1, 3, 5))
        return "#" + "".join(f"{round(part * 0.7):02x}" for part in parts)


STYLES: dict[str, Style] = {
    "pass_at_k": Style("pass@k", "#000000", (2, 3), "circle"),
    "majority_vote": Style("majority vote", "#009E73", (7, 3), "square"),
    "best_of_n": Style("best-of-N", "#D55E00", (), "triangle-up"),
    "weighted_best_of_n": Style("best-of-N weighted", "#0072B2", (12, 3, 2, 3), "diamond"),
    "beam_search": Style("beam search", "#CC79A7", (), "cross"),
    "lookahead_search": Style("lookahead search", "#E69F00", (7, 3), "triangle-down"),
    "dvts": Style("DVTS", "#56B4E9", (12, 3, 2, 3), "triangle-right"),
    "rebase": Style("REBASE", "#8C7A00", (2, 3), "triangle-left"),
    "revisions": Style("revisions", "#767676", (4, 2), "M0,.7L-.6,-.5L.6,-.5Z"),
    "compute_optimal": Style(
        "compute-optimal", "#5B2A86", (), "M0,-.8L.25,-.2L.8,0L.25,.2L0,.8L-.25,.2L-.8,0L-.25,-.2Z"
    ),
}

# Difficulty bins, easiest first: one ramp from light to dark (cividis), so that their order shows in grey as well.
BIN_COLORS = ("#E8D34F", "#B5A868", "#7F7C75", "#4A5A78", "#00224E")

CONFIG: dict[str, Any] = {
    "background": "#ffffff",
    "font": FONT,
    "padding": 12,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "color": INK,
        "fontSize": 17,
        "fontWeight": 600,
        "subtitleColor": QUIET_INK,
        "subtitleFontSize": 12,
        "subtitleLineHeight": 16,
        "subtitlePadding": 5,
        "offset": 14,
    },
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "labelColor": INK,
        "titleColor": INK,
        "titlePadding": 8,
        "gridColor": "#e6e6e6",
        "domainColor": "#8a8a8a",
        "tickColor": "#8a8a8a",
        "labelOverlap": True,
    },
    "header": {"labelFontSize": 13, "labelFontWeight": 600, "labelColor": INK, "labelPadding": 4},
    "legend": {"labelFontSize": 13, "labelColor": INK, "symbolSize": 110, "symbolStrokeWidth": 2, "labelLimit": 260},
}


def ramp(n: int, *, start: float = 0.0) -> list[str]:
    """Colours of n ordered things, light to dark, along the ramp of `BIN_COLORS`.

    Parameters
    ----------
    n : int
    start : float
        Where on the ramp the first stands, 0 to 1.

    Examples
    --------
    >>> ramp(2)
    ['#e8d34f', '#00224e']
    """
    stops = [[int(color[at : at + 2], 16) for at in (1, 3, 5)] for color in BIN_COLORS]
    colors = []
    for place in range(n):
        at = (start + (1 - start) * (place / (n - 1) if n > 1 else 1.0)) * (len(stops) - 1)
        low = min(int(at), len(stops) - 2)
        mixed = [round(a + (b - a) * (at - low)) for a, b in zip(stops[low], stops[low + 1], strict=True)]
        colors.append("#" + "".join(f"{part:02x}" for part in mixed))
    return colors


def style_of(strategy: str) -> Style:
    """The fixed style of a strategy.

    Parameters
    ----------
    strategy : str

    Returns
    -------
    Style

    Raises
    ------
    RequestError
        An unknown strategy.

    Examples
    --------
    >>> style_of("weighted_best_of_n").label
    'best-of-N weighted'
    """
    return STYLES[one_of(strategy, STYLES, "strategy")]


def in_order(strategies: Iterable[str]) -> list[str]:
    """Strategies, each once, in the order in which legends and tables name them.

    Raises
    ------
    RequestError
        An unknown strategy.
    """
    wanted = {one_of(strategy, STYLES, "strategy") for strategy in strategies}
    return [name for name in STYLES if name in wanted]


ROWS = alt.NamedData("rows")


def finished(chart: Any, rows: list[dict[str, Any]] | None = None) -> Any:
    """The chart with the theme inside, so that it looks the same wherever it is drawn.

    Parameters
    ----------
    chart : altair chart
    rows : list of dict, optional
        What `ROWS` stands for in it. Altair copies inline data with every layer, these not.

    Returns
    -------
    altair chart
        A copy that carries `CONFIG`, and the rows.
    """
    themed = chart.copy(deep=False)
    themed.config = CONFIG
    if rows is not None:
        themed.datasets = {ROWS.name: rows}
    return themed


def mime_bundle(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook stores of a chart: the spec and a picture of it.

    JupyterLab draws the spec, also in a notebook that is not trusted; a viewer that knows no
    Vega-Lite shows the picture. The version-5 type is the one that notebook viewers know and whose
    name passes the notebook format's own check.

    Parameters
    ----------
    spec : dict
        A Vega-Lite spec.

    Returns
    -------
    data, metadata : dict
    """
    data = {
        VEGALITE_MIME: {**spec, "$schema": VEGALITE_SCHEMA},
        "image/png": base64.b64encode(picture_of(spec)).decode(),
        "text/plain": "<chart>",
    }
    return data, {VEGALITE_MIME: {"embed_options": {"actions": False}}}


def use() -> None:
    """Make Altair display every chart of this session in this theme and as `mime_bundle` says."""
    alt.theme.register(NAME, enable=True)(lambda: alt.theme.ThemeConfig({"config": CONFIG}))  # type: ignore[typeddict-item]
    alt.renderers.register(NAME, lambda spec, **_: mime_bundle(spec))
    alt.renderers.enable(NAME)
