"""A chart's picture as PNG, small enough to be kept in a notebook."""

from __future__ import annotations

import io
from typing import Any

_SCALE = 2  # screens of today
_N_COLORS = 256


def picture_of(spec: dict[str, Any]) -> bytes:
    """Draw a Vega-Lite spec as PNG, twice the screen's resolution, no network needed.

    A chart has few colours and much blank, so a palette and better packing make it a sixth of what the
    renderer writes. The palette covers the range of colours and not the most frequent, or a strategy whose line is
    thin would lose its own; no colour moves by more than a few of 255 steps.

    Parameters
    ----------
    spec : dict

    Returns
    -------
    bytes
    """
    import vl_convert
    from PIL import Image

    drawn = Image.open(io.BytesIO(vl_convert.vegalite_to_png(spec, scale=_SCALE))).convert("RGBA")
    on_white = Image.new("RGBA", drawn.size, "white")
    on_white.alpha_composite(drawn)
    few = on_white.convert("RGB").quantize(_N_COLORS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    packed = io.BytesIO()
    few.save(packed, "png", optimize=True)
    return packed.getvalue()
