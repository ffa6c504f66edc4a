"""What holds of every chart, whatever it shows: checked on its spec and on the picture that is drawn of it.

Each rule gives the faults that it finds in words, so that a test over all charts of all notebooks says what is wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from tests.show.drawn import picture, texts, walk
from ttclib.analysis.columns import columns
from ttclib.replay.strategy import strategies
from ttclib.show.charts.series import SHAPES
from ttclib.show.theme import GRAPHIC, PAPERS, TEXT, contrast

LEAST_PX = 11
RAW = {name for name in (*strategies(), *columns(), "compute_optimal", "too_close") if "_" in name}
WORD = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")
HEX = re.compile(r"#[0-9a-fA-F]{6}")
LINE = ("name", "panel", "bin", "kind")  # what rows of one line have in common


class View(NamedTuple):
    """A mark of a chart: its kind, what it encodes, and the data that it draws."""

    kind: str
    encoded: dict[str, Any]
    data: Any

    def field(self, channel: str) -> str | None:
        given = self.encoded.get(channel, {})
        return given.get("field") if isinstance(given, dict) else None


def faults(spec: dict[str, Any]) -> list[str]:
    """Everything that is wrong with a chart."""
    rules = (tooltips, lists, told_apart, coinciding, ends)
    svgs = [picture(spec, dark=bool(dark)) for dark in range(len(PAPERS))]
    found = [f"{rule.__name__}: {fault}" for rule in rules for fault in rule(spec)]
    found += [f"{rule.__name__}: {fault}" for rule in (ids, legible) for fault in rule(spec, svgs)]
    return list(dict.fromkeys(found))


def rows(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows that a chart carries under their name."""
    found: list[dict[str, Any]] = spec.get("datasets", {}).get("rows", [])
    return found


def views(spec: Any, data: Any = None, channels: dict[str, Any] | None = None) -> Iterator[View]:
    """Every mark of a chart: its kind, what it encodes, and the data that it draws."""
    own = spec.get("data", data)
    encoded = {**(channels or {}), **spec.get("encoding", {})}
    for part in (*spec.get("layer", ()), *spec.get("vconcat", ()), *([spec["spec"]] if "spec" in spec else ())):
        yield from views(part, own, encoded)
    if "mark" in spec:
        yield View(spec["mark"] if isinstance(spec["mark"], str) else spec["mark"]["type"], encoded, own)


def ids(spec: dict[str, Any], svgs: Sequence[Any]) -> Iterator[str]:
    """No reader sees what the code calls a thing: in the picture, the headings of tooltips, the words of lists."""
    words = [one.text for one in texts(svgs[0])]
    words += [tip.get("title") or tip.get("field", "") for _, tip in _tooltips(spec)]
    for bind in (param["bind"] for param in spec.get("params", ()) if isinstance(param.get("bind"), dict)):
        words += [bind.get("name", ""), *map(str, bind.get("labels") or bind.get("options", ()))]
    for said in words:
        for word in WORD.findall(said):
            if word in RAW:
                yield f"{word!r} in {said!r}"


def _tooltips(spec: dict[str, Any]) -> Iterator[tuple[View, dict[str, Any]]]:
    for view in views(spec):
        told = view.encoded.get("tooltip", ())
        for one in told if isinstance(told, list) else [told] if told else []:
            yield view, one


def tooltips(spec: dict[str, Any]) -> Iterator[str]:
    """No tooltip says null, or what no row holds."""
    for view, tip in _tooltips(spec):
        field = tip.get("field")
        if field is None or tip.get("aggregate") or tip.get("bin"):
            continue
        values = rows(spec) if view.data == {"name": "rows"} else (view.data or {}).get("values", ())
        held = [row for row in values if field in row and (field != "end_label" or row.get("at_end"))]
        if values and not held and f"'as': '{field}'" not in str(spec):
            yield f"{field} of a {view.kind} is in no row"
        if any(str(row[field]).strip() in ("", "None", "nan", "null") for row in held):
            yield f"{field} of a {view.kind} is null"


def lists(spec: dict[str, Any]) -> Iterator[str]:
    """Controls name values: no bare sliders, no steps, and what is set is among what can be chosen."""
    for param in spec.get("params", ()):
        bind = param.get("bind")
        if not isinstance(bind, dict):
            continue
        if bind.get("input") == "range":
            yield f"{param['name']} is a slider without numbers"
        if bind.get("input") == "select":
            labels = bind.get("labels", [])
            if len(labels) != len(bind["options"]) or len(set(labels)) != len(labels):
                yield f"{param['name']} has labels {labels} for {bind['options']}"
            if param["value"] not in bind["options"]:
                yield f"{param['name']} stands at {param['value']}, which is no choice"
        if not bind.get("name", "").strip():
            yield f"{param['name']} has no name"


def told_apart(spec: dict[str, Any]) -> Iterator[str]:
    """No two lines differ by colour alone, and in no legend either."""
    marks = [view for view in views(spec) if view.kind in ("line", "point", "rect")]
    placed = {spec.get("facet", {}).get("field")}
    placed |= {view.field(channel) for view in marks for channel in ("x", "y", "xOffset", "yOffset")}
    for field in {view.field("color") for view in marks} - placed - {None}:
        own = [view.encoded["color"] for view in marks if view.field("color") == field]
        names: list[str] = next((one["scale"]["domain"] for one in own if "domain" in (one.get("scale") or {})), [])
        if any(one["type"] != "nominal" for one in own):
            continue
        looks = {
            channel: view.encoded[channel]["scale"]["range"]
            for view in marks
            for channel in ("strokeDash", "shape")
            if view.field(channel) == field and view.encoded[channel].get("scale")
        }
        for one, other in combinations(range(len(names)), 2):
            if all(look[one] == look[other] for look in looks.values()):
                yield f"{names[one]} and {names[other]} differ by colour alone"
        if len(names) > 1 and any(one.get("legend") for one in own):
            shapes = looks.get("shape", [])
            if len(set(shapes)) < min(len(names), len(SHAPES)):
                yield f"the legend of {field} tells some names apart by colour alone"


def coinciding(spec: dict[str, Any]) -> Iterator[str]:
    """Lines that lie on one another are said to."""
    heading = spec.get("title", {})
    caption = " ".join(heading.get("subtitle", ())) if isinstance(heading, dict) else ""
    for view in views(spec):
        x, y, name = (view.field(channel) for channel in ("x", "y", "color"))
        if view.kind != "line" or None in (x, y, name) or view.data != {"name": "rows"}:
            continue
        lines: dict[Any, dict[Any, float]] = defaultdict(dict)
        for row in rows(spec):
            if None not in (row.get(x), row.get(y), row.get(name)):
                panel = spec.get("facet", {}).get("field")
                where = tuple(row.get(one) for one in ("bin", "panel", "preset", "queries", panel) if one != name)
                lines[row[name]][where, row[x]] = round(row[y], 6)
        for one, other in combinations(lines, 2):
            if len(lines[one]) > 1 and lines[one] == lines[other] and not (one in caption and other in caption):
                yield f"{one} and {other} are one line, which is not said"


def ends(spec: dict[str, Any]) -> Iterator[str]:
    """A value stands where it is true: what a line's end says is its last row's."""
    values = ("accuracy", "difference")
    for row in rows(spec):
        if not (told := re.match(r"([+−]?[\d.]+)%?  ", row.get("end_label") or "")):
            continue
        value = float(told[1].replace("−", "-")) / 100
        if not any(row.get(name) is not None and abs(row[name] - value) < 6e-4 for name in values):
            yield f"{row['end_label']!r} is not what its row holds"
        x = "exchange_rate" if "exchange_rate" in row else "budget"
        same = [other for other in rows(spec) if all(other.get(one) == row.get(one) for one in LINE)]
        if any(other[x] > row[x] and any(other.get(name) is not None for name in values) for other in same):
            yield f"{row['end_label']!r} stands before its line ends"


def legible(spec: dict[str, Any], svgs: Sequence[Any]) -> Iterator[str]:
    """No text is small, all of it has contrast, and so has every line, on light and on dark."""
    for svg, paper in zip(svgs, PAPERS, strict=True):
        for one in texts(svg):
            if one.size < LEAST_PX:
                yield f"{one.text!r} has {one.size} px"
        for kind, color in colours(svg):
            least = TEXT if kind == "text" else GRAPHIC
            if contrast(color, paper) < least - 0.01:
                yield f"{kind} in {color} on {paper}: {contrast(color, paper):.2f}"


def colours(svg: Any) -> set[tuple[str, str]]:
    """Colours of texts on paper, and of lines and points, which are drawn in full or nearly."""
    found = set()
    for node, _, _ in walk(svg):
        role = node.get("aria-roledescription", "")
        fill, stroke = node.get("fill") or "", node.get("stroke") or ""
        if node.tag.endswith("text") and HEX.fullmatch(fill) and fill not in PAPERS:
            found.add(("text", fill))
        if float(node.get("opacity", 1)) < 0.5:
            continue
        if "line" in role and HEX.fullmatch(stroke):
            found.add(("line", stroke))
        shown = stroke if HEX.fullmatch(stroke) and stroke not in PAPERS else fill  # an outline tells a pale point
        if "point" in role and HEX.fullmatch(shown) and shown not in PAPERS:
            found.add(("point", shown))
    return found
