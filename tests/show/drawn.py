"""What a chart draws, read from its picture: texts with their places, and marks with the data that they stand for."""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import Any

import vl_convert

_MOVE = re.compile(r"translate\(([-\d.e]+)[, ]([-\d.e]+)\)")
_ROLE = "aria-roledescription"


@dataclass(frozen=True)
class Text:
    text: str
    x: float
    y: float
    size: float
    fill: str


@dataclass(frozen=True)
class Mark:
    kind: str
    label: str
    x: float
    y: float
    fill: str
    stroke: str
    opacity: float


def picture(chart: Any, **params: Any) -> ET.Element:
    """The chart as SVG, with some of its parameters set."""
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    for one in spec.get("params", []):
        if one["name"] in params:
            one["value"] = params[one["name"]]
    return ET.fromstring(vl_convert.vegalite_to_svg(spec))


def walk(node: ET.Element, x: float = 0.0, y: float = 0.0) -> Any:
    """Every element with its place in the picture."""
    for found in _MOVE.findall(node.get("transform", "")):
        x, y = x + float(found[0]), y + float(found[1])
    yield node, x, y
    for child in node:
        yield from walk(child, x, y)


def texts(svg: ET.Element) -> list[Text]:
    """All texts of marks, axes, titles and legends."""
    found = []
    for node, x, y in walk(svg):
        said = "".join(node.itertext()) if node.tag.endswith("text") else ""
        if said and node.get("opacity") != "0":
            found.append(Text(said, x, y, float(node.get("font-size", "11px")[:-2]), node.get("fill", "")))
    return found


def marks(svg: ET.Element, kind: str = "") -> list[Mark]:
    """Marks that say what data they stand for; of a kind such as ``point`` or ``bar``."""
    return [
        Mark(
            node.get(_ROLE, ""),
            node.get("aria-label", ""),
            x,
            y,
            node.get("fill", ""),
            node.get("stroke", ""),
            float(node.get("opacity", "1")),
        )
        for node, x, y in walk(svg)
        if node.get("aria-label") and node.get("role") == "graphics-symbol" and kind in node.get(_ROLE, "")
    ]


def rows_of(chart: Any) -> list[dict[str, Any]]:
    """The rows that a chart carries under their name, which a widget can put others in the place of."""
    spec = chart if isinstance(chart, dict) else chart.to_dict()
    found: list[dict[str, Any]] = spec["datasets"]["rows"]
    return found


def param(chart: Any, name: str) -> dict[str, Any]:
    """A parameter of a chart."""
    found: dict[str, Any] = next(one for one in chart.to_dict()["params"] if one["name"] == name)
    return found


def encodings(spec: Any) -> list[dict[str, Any]]:
    """Every encoding of a spec, wherever it stands."""
    if isinstance(spec, list):
        return [one for part in spec for one in encodings(part)]
    if not isinstance(spec, dict):
        return []
    own = [spec["encoding"]] if "encoding" in spec else []
    return own + [one for name, part in spec.items() if name not in ("datasets", "encoding") for one in encodings(part)]
