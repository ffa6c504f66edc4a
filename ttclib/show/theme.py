"""One look for every chart: a strategy keeps its colour, dash, point and name everywhere, on light and dark.

Strategies bring their look; most colours are those of Okabe and Ito (Color Universal Design, 2008), which stay apart
under the common colour-vision deficiencies. Dash and point shape carry the same distinction once more. What is too
pale for a line on white, or too dark on black, is moved until it reaches the contrast of WCAG 2.2 for graphics (3:1)
and for text (4.5:1). Which of the two is drawn is a parameter of the picture, ``dark``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ttclib.analysis.columns import strategy_label
from ttclib.errors import one_of
from ttclib.replay.strategy import Look, strategies

FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
NAME = "ttclib"
VEGALITE_MIME = "application/vnd.vegalite.v5+json"
SVG_MIME = "image/svg+xml"
VEGALITE_SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
PAPERS = ("#ffffff", "#1b1b1b")  # light, dark
GRAPHIC, TEXT = 3.0, 4.5  # least contrast
# Points beyond Vega's own, of which some are too thin to be seen in a legend.
CROSSED = "M-.35,-.9L0,-.5L.35,-.9L.9,-.35L.5,0L.9,.35L.35,.9L0,.5L-.35,.9L-.9,.35L-.5,0L-.9,-.35Z"
STAR = "M0,-1L.27,-.32L.95,-.31L.4,.13L.59,.81L0,.42L-.59,.81L-.4,.13L-.95,-.31L-.27,-.32Z"
COMPUTE_OPTIMAL = Look("#5B2A86", (), "M0,-1L.3,-.3L1,0L.3,.3L0,1L-.3,.3L-1,0L-.3,-.3Z")
# For strategies that bring none, in the order of their registration.
FREE_LOOKS = (
    Look("#A6761D", (1, 2), CROSSED),
    Look("#1B7F79", (9, 2), STAR),
    Look("#B2182B", (4, 1, 1, 1), "M-.85,-.85L.85,-.85L-.85,.85L.85,.85Z"),
    Look("#4D4D9F", (14, 4), "M-1,-.4L1,-.4L1,.4L-1,.4Z"),
)
# Difficulty bins, easiest first: one ramp from light to dark (cividis), so that their order shows in grey as well.
RAMP = ("#E8D34F", "#B5A868", "#7F7C75", "#4A5A78", "#00224E")

Expression = dict[str, str]


def luminance(color: str) -> float:
    """Relative luminance of a hex colour, 0 to 1, as WCAG 2.2 defines it."""
    parts = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast of two colours, 1 to 21.

    Examples
    --------
    >>> contrast("#000000", "#ffffff")
    21.0
    """
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def mixed(color: str, other: str, part: float) -> str:
    """A colour with a part, 0 to 1, of another."""
    pairs = ((int(color[at : at + 2], 16), int(other[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in pairs)


@cache
def legible(color: str, paper: str, least: float = GRAPHIC) -> str:
    """The colour, or the nearest on its way to black or white that has the contrast wanted on a paper.

    Examples
    --------
    >>> legible("#D55E00", "#ffffff"), legible("#56B4E9", "#ffffff") == "#56B4E9"
    ('#D55E00', False)
    """
    ink = "#000000" if luminance(paper) > 0.5 else "#ffffff"
    found = (mixed(color, ink, step / 40) if step else color for step in range(41))
    return next(one for one in found if contrast(one, paper) >= least)


def on_papers(light: str, dark: str) -> Expression:
    """A colour of a picture: one on light, another on dark."""
    return {"expr": f"dark ? '{dark}' : '{light}'"}


def pair(color: str, least: float = GRAPHIC) -> tuple[str, str]:
    """A colour as it is drawn on light and on dark, with the contrast wanted; black is the ink."""
    light, dark = PAPERS
    return legible(color, light, least), legible("#e8e8e8" if color == "#000000" else color, dark, least)


def drawn(color: str, least: float = GRAPHIC) -> Expression:
    """A colour that follows the paper."""
    return on_papers(*pair(color, least))


INK, QUIET_INK = on_papers("#222222", "#e8e8e8"), on_papers("#5a5a5a", "#b4b4b4")
GRID, FRAME = on_papers("#e6e6e6", "#3a3a3a"), on_papers("#8a8a8a", "#8a8a8a")
PAPER = on_papers(*PAPERS)


@dataclass(frozen=True)
class Style:
    """How a strategy looks and is called."""

    label: str  # the name that a reader sees
    color: str  # hex colour of line, band and point
    dash: tuple[int, ...]  # lengths in px of strokes and gaps; empty: a solid line
    shape: str  # Vega point shape


@cache
def styles() -> dict[str, Style]:
    """Every strategy's style by name, in the order of legends; one that brings no look gets a free one."""
    free = iter(FREE_LOOKS * (1 + len(strategies())))
    looks = {name: one.look or next(free) for name, one in strategies().items()}
    looks["compute_optimal"] = COMPUTE_OPTIMAL
    return {name: Style(strategy_label(name), look.color, look.dash, look.shape) for name, look in looks.items()}


def style_of(strategy: str) -> Style:
    """The fixed style of a strategy.

    Raises
    ------
    RequestError
        An unknown strategy.

    Examples
    --------
    >>> style_of("weighted_best_of_n").label
    'best-of-N weighted'
    """
    return styles()[one_of(strategy, styles(), "strategy")]


def in_order(strategies: Iterable[str]) -> list[str]:
    """Strategies, each once, in the order in which legends and tables name them.

    Raises
    ------
    RequestError
        An unknown strategy.
    """
    wanted = {one_of(strategy, styles(), "strategy") for strategy in strategies}
    return [name for name in styles() if name in wanted]


def ramp(n: int) -> list[tuple[str, str]]:
    """Colours of n ordered things, easy to hard, light to dark, each as it is drawn on light and on dark.

    Examples
    --------
    >>> len(ramp(5))
    5
    """

    def at(place: float) -> str:
        low = min(int(place * (len(RAMP) - 1)), len(RAMP) - 2)
        return mixed(RAMP[low], RAMP[low + 1], place * (len(RAMP) - 1) - low)

    def legible_part(paper: str) -> tuple[float, float]:
        clear = [place / 200 for place in range(201) if contrast(at(place / 200), paper) >= GRAPHIC]
        return clear[0], clear[-1]

    ends = [legible_part(paper) for paper in PAPERS]
    places = [place / (n - 1) if n > 1 else 1.0 for place in range(n)]
    made = ([at(low + (high - low) * place) for low, high in ends] for place in places)
    return [(light, dark) for light, dark in made]


def config() -> dict[str, Any]:
    """The look of every chart, as Vega-Lite's ``config``; colours follow the picture's parameter ``dark``."""
    return {
        "background": PAPER,
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
            "gridColor": GRID,
            "domainColor": FRAME,
            "tickColor": FRAME,
            "labelOverlap": True,
        },
        "header": {"labelFontSize": 13, "labelFontWeight": 600, "labelColor": INK, "labelPadding": 4},
        "legend": {
            "labelFontSize": 13,
            "labelColor": INK,
            "titleColor": INK,
            "titleFontSize": 12,
            "symbolSize": 110,
            "symbolStrokeWidth": 2,
            "labelLimit": 260,
        },
    }


def mime_bundle(spec: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a notebook stores of a chart: the spec and a picture of it.

    JupyterLab draws the spec, also in a notebook that is not trusted; a viewer that knows no
    Vega-Lite shows the picture, which as SVG is drawn in a fifth of the time that PNG takes and is no larger. The
    version-5 type is the one that notebook viewers know and whose
    name passes the notebook format's own check.

    Parameters
    ----------
    spec : dict
        A Vega-Lite spec.
    """
    from ttclib.show.picture import svg_of

    data = {
        VEGALITE_MIME: {**spec, "$schema": VEGALITE_SCHEMA},
        SVG_MIME: svg_of(spec),
        "text/plain": "<chart>",
    }
    return data, {VEGALITE_MIME: {"embed_options": {"actions": False, "renderer": "svg"}}}


def use() -> None:
    """Make Altair display every chart of this session as `mime_bundle` says.

    Altair holds each part of a chart to Vega-Lite's schema when it is made, and the whole when it is shown, which
    takes longer than all else: here the whole is, once, and that of ttclib's own charts in the tests alone.
    """
    import altair as alt
    from altair.utils import schemapi
    from IPython.core.getipython import get_ipython

    alt.renderers.register(NAME, lambda spec, **_: mime_bundle(spec))
    alt.renderers.enable(NAME)
    schemapi.disable_debug_mode()
    if (shell := get_ipython()) and shell.display_formatter:
        shell.display_formatter.mimebundle_formatter.for_type(alt.TopLevelMixin, _shown)


def _shown(chart: Any, **_: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """A chart as it is displayed; one that is not ours, and has no such configuration, as Altair would."""
    if not isinstance(chart.config, dict):
        return chart._repr_mimebundle_()
    return mime_bundle(chart.to_dict(context={"pre_transform": False}, validate=False))
