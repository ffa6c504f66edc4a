"""A chart's picture: as SVG, which a notebook keeps, and as PNG, small for what it is."""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING, Any

import numpy as np

from ttclib.study.captions import BANDS

if TYPE_CHECKING:
    from PIL import Image

_SCALE = 2  # screens of today
_N_COLORS = 256
_LONGEST = 100  # marks of a line above a picture: as wide as most charts are
_WHITE = (255, 255, 255)


def svg_of(spec: dict[str, Any]) -> str:
    """Draw a Vega-Lite spec as SVG, no network needed."""
    import vl_convert

    return str(vl_convert.vegalite_to_svg(_still(spec)))


def picture_of(spec: dict[str, Any]) -> bytes:
    """Draw a Vega-Lite spec as PNG, twice the screen's resolution, no network needed.

    A chart has few colours and much blank, so a palette and better packing make it a sixth of what the
    renderer writes. The palette covers the range of colours, too, and not the most frequent alone, or a strategy whose
    line is thin would lose its own; no colour moves by more than a few of 255 steps.
    """
    import vl_convert
    from PIL import Image

    drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(_still(spec), scale=_SCALE))).convert("RGBA")
    on_white = Image.new("RGBA", drawn.size, "white")
    on_white.alpha_composite(drawn)
    packed = io.BytesIO()
    in_few_colours(on_white.convert("RGB")).save(packed, "png", optimize=True)
    return packed.getvalue()


def _still(spec: dict[str, Any]) -> dict[str, Any]:
    """As it is drawn where nobody can tick a box or scroll: long lines are broken, of hidden bands nothing is said."""
    title = spec.get("title")
    if not isinstance(title, dict) or not isinstance(title.get("subtitle"), list):
        return spec
    hidden = any(one.get("name") == "intervals" and one.get("value") is False for one in spec.get("params", ()))
    lines = [line for line in title["subtitle"] if not (hidden and line.startswith(BANDS))]
    return {**spec, "title": {**title, "subtitle": [part for line in lines for part in textwrap.wrap(line, _LONGEST)]}}


def in_few_colours(image: Image.Image) -> Image.Image:
    """An RGB image with a palette: half of it for the colours of large areas, half for those that are rare."""
    from PIL import Image

    half = _N_COLORS // 2
    parts = [image.quantize(half, method) for method in (Image.Quantize.MEDIANCUT, Image.Quantize.MAXCOVERAGE)]
    colours = np.concatenate([np.array(part.getpalette()).reshape(-1, 3)[:half] for part in parts])
    colours[0] = _WHITE  # the background stays what it is
    red, green, blue = np.moveaxis(np.asarray(image).astype(np.int32), 2, 0)
    codes = red << 16 | green << 8 | blue
    # A table of all colours there are: a picture has millions of pixels, and sorting them takes ten times as long.
    there = np.zeros(1 << 24, dtype=bool)
    there[codes] = True
    known = np.flatnonzero(there)
    seen = np.stack([known >> 16, known >> 8 & 255, known & 255], axis=1)
    # The library looks the nearest up in coarse steps, by which white turns grey.
    nearest = np.zeros(1 << 24, dtype=np.uint8)
    nearest[known] = ((seen[:, None] - colours[None]) ** 2).sum(axis=2).argmin(axis=1)
    few = Image.fromarray(nearest[codes])
    few.putpalette(colours.astype(np.uint8).ravel().tolist())
    return few
