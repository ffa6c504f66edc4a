"""What a picture tells its reader, in words: the texts of its axes and legends, and its marks with their data.

What a chart tells is kept in `tests/show/told/`, a text a chart, read by a person when it is written and compared by
`tests/show/test_pictures.py`. To write it anew after a chart was changed, and see in the diff what that did:

    python -m tests.show.told
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from itertools import groupby
from pathlib import Path
from textwrap import wrap
from typing import Any

from tests.kept_texts import write_anew
from tests.show.drawn import Mark, marks, picture, texts

KEPT = Path(__file__).parent / "told"
WIDTH = 120
_IN_TEXTS = ("title", "subtitle")
_OF_ALL = ("bin_linked", "problem_linked")  # by which charts of a page follow one another
_NUMBER = re.compile(r"-?\d+\.\d+(?:e[-+]?\d+)?")


def told(chart: Any) -> str:
    """What a chart's picture says, and what else where one of its lists, sliders or ticks is set to its last value."""
    spec = chart.to_dict()
    plain = _said(spec)
    lines = [line for head, text in plain for line in _wrapped(head, text)]
    for param in spec.get("params", ()):
        name, value, bound = param["name"], param.get("value"), param.get("bind")
        listed = bound if isinstance(bound, dict) else {}
        asked = (
            f"{listed.get('name', '')}{listed.get('labels') or listed.get('options') or ''} {param.get('select', '')}"
        )
        if name in _OF_ALL:
            continue
        if name != "dark":
            lines += _wrapped(f"{name} = {value}", asked)
        if listed or name == "dark":
            last = listed["options"][-1] if "options" in listed else listed.get("max", not value)
            also = [one for one in _said(spec, **{name: last}) if one not in plain]
            lines += [f"{name} = {last}:"] if also or name != "dark" else []
            for head, text in also:  # at night colours are others, words are not
                lines += [f"  + {line}" for line in _wrapped(head, "" if name == "dark" else text)]
    return "\n".join(lines) + "\n"


def _said(spec: dict[str, Any], **params: Any) -> list[tuple[str, str]]:
    """Texts as they are drawn, then marks kind by kind: how many of which colour, the data of the first and last."""
    svg = picture(copy.deepcopy(spec), **params)
    said = [("texts", " | ".join(one.text for one in texts(svg)))]
    for kind, group in groupby((mark for mark in marks(svg) if mark.kind not in _IN_TEXTS), key=lambda mark: mark.kind):
        drawn = list(group)
        looks = ", ".join(f"{count} {look}".strip() for look, count in Counter(map(_look, drawn)).items())
        said.append((f"{kind} ({looks})", " … ".join(dict.fromkeys((drawn[0].label, drawn[-1].label)))))
    return said


def _look(mark: Mark) -> str:
    colour = mark.fill if mark.fill not in ("", "none", "transparent") else mark.stroke
    return f"{colour} {'' if mark.opacity == 1 else f'at {mark.opacity:g}'}".strip()


def _wrapped(head: str, text: str) -> list[str]:
    short = _NUMBER.sub(lambda found: f"{round(float(found[0]), 12) + 0.0:.4g}", text).strip()
    return wrap(f"{head}: {short}" if short else head, WIDTH, subsequent_indent="    ", break_long_words=False)


if __name__ == "__main__":
    from tests.show.test_pictures import TOLD

    write_anew(KEPT, {name: told(draw()) for name, draw in TOLD.items()})
