"""One problem, told: pictures of its answers, one for each strategy, which a page or a notebook scrolls through.

Each picture is whole in itself, so without a script, and on paper, they stand side by side. The script puts them on
one stage, where what changes from one to the next moves. All text is escaped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any

import numpy as np

from ttclib.analysis.columns import shown, shown_interval
from ttclib.errors import needing
from ttclib.show.chart_view import script
from ttclib.study.one_problem import UNANSWERED, Group, OneProblem, Way

WIDTH, LABEL, VALUE = 340, 76, 46  # of a picture, of the names at its left, of the numbers at its right
PITCH, RADIUS = 6.6, 2.6
N_ROWS = 5  # answers with a row of their own; and those that are taken
CHARS = 10  # of an answer in its row
BAR_PX = 38
HOW = {
    "majority_vote": "Counts the answers",
    "best_of_n": "Reads the scores, here the size of a dot, and takes the sample with the highest",
    "weighted_best_of_n": "Adds the scores of each answer",
    "beam_search": "Draws other steps, goes on from those that are scored high, and adds the scores of its solutions",
}


@dataclass(frozen=True)
class _Row:
    """Dots of one answer, or of all the rare ones."""

    label: str
    columns: tuple[int, ...]
    groups: tuple[Group, ...]
    top: float
    kind: str

    @property
    def numbers(self) -> set[int]:
        return {group.number for group in self.groups}


def one_problem_html(found: OneProblem) -> str:
    """The pictures with their words, as a list; `one_problem.js` makes a scroll of it.

    Parameters
    ----------
    found : OneProblem

    Returns
    -------
    str
    """
    rows, height = _rows(found)
    height = max(height, BAR_PX * len(found.ways) + 10)
    even, by_score = np.full(found.n_samples, RADIUS), _sizes(found.scores)
    steps = [(f"{found.n_samples} answers to one problem", _problem(found), _dots(rows, even, None, _counts(rows)))]
    for way in found.ways:
        sizes = even if way.strategy == "majority_vote" else by_score
        steps.append((way.label, _told(found, way), _dots(rows, sizes, way, _weights(rows, way))))
    steps.append((f"All {max(way.n_problems for way in found.ways)} problems", _over_all(found), _bars(found)))
    items = "".join(
        f"<li><figure><figcaption><b>{escape(title)}</b> {escape(text)}</figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(text)}">{drawn}</svg></figure></li>'
        for title, text, drawn in steps
    )
    notes = [*found.caption, f"the problem: {found.why}", "blue and filled: right; orange and hollow: wrong"]
    return (
        f'<div class="ttc-told"><style>{script("one_problem.css")}</style><ol>{items}</ol>'
        f'<p class="told-of">{escape(" · ".join(notes))}</p></div>'
    )


def display_one(found: OneProblem) -> None:
    """Display it: as a widget that scrolls where there is a kernel, and as what a page makes its own scroll of."""
    from IPython.display import display

    html = one_problem_html(found)
    data: dict[str, Any] = {"text/html": html, "text/plain": f"<{found.problem_id}, told>"}
    made, metadata = _told_class()(html=html)._repr_mimebundle_()
    display({**made, **data}, metadata=metadata, raw=True)


@cache
def _told_class() -> type[Any]:
    with needing("this cell", "notebooks"):
        import anywidget
        import traitlets

    class Told(anywidget.AnyWidget):
        """`html`: as `one_problem_html` makes it."""

        _esm = script("one_problem.js") + (
            "\nexport default { render({ model, el }) {"
            ' el.innerHTML = model.get("html"); return tellOne(el.firstElementChild); } };\n'
        )
        html = traitlets.Unicode("").tag(sync=True)

    return Told


def _rows(found: OneProblem) -> tuple[list[_Row], float]:
    """The rows, the most frequent answer first and the rare ones together, and how high they are."""
    taken = {number for way in found.ways for number in way.taken}
    own = [group for place, group in enumerate(found.groups) if place < N_ROWS or group.number in taken]
    rare = [group for group in found.groups if group not in own]
    parts: list[tuple[str, tuple[Group, ...]]] = [(_short(group), (group,)) for group in own]
    parts += [(f"{len(rare)} others", tuple(rare))] if rare else []
    alone = [number for number in taken if found.group(number) is None]
    parts += [("by search", (Group("", number, None, ()),)) for number in alone]
    rows, top = [], 8.0
    for label, groups in parts:
        columns = tuple(column for group in groups for column in group.columns)
        grades = {group.correct for group in groups}
        kind = "ungraded" if None in grades and columns else "right" if grades == {True} else "wrong"
        rows.append(_Row(label, columns, groups, top, kind))
        top += max(18.0, -(-len(columns) // _per_line()) * PITCH + 9)
    return rows, top


def _per_line() -> int:
    return int((WIDTH - LABEL - VALUE - 8) // PITCH)


def _short(group: Group) -> str:
    mark = {True: "✓ ", False: "✗ ", None: ""}[group.correct]
    answer = " ".join(group.answer.replace("-", "−").split())
    if group.answer == UNANSWERED:
        return UNANSWERED
    return mark + (answer if len(answer) <= CHARS else answer[: CHARS - 1] + "…")


def _sizes(scores: np.ndarray) -> np.ndarray:
    """Radii by score, the area growing with it; a sample that is not scored is a speck."""
    if np.isnan(scores).all():
        return np.full(len(scores), RADIUS)
    low, high = min(0.0, float(np.nanmin(scores))), float(np.nanmax(scores))
    share = np.nan_to_num((scores - low) / (high - low or 1.0))
    return 0.7 + (RADIUS + 0.3) * np.sqrt(share)


def _dots(rows: Sequence[_Row], sizes: np.ndarray, way: Way | None, values: Sequence[str]) -> str:
    """A picture of all samples, those that are taken in full and the others pale."""
    drawn, extra = [], []
    for row, value in zip(rows, values, strict=True):
        on = way is None or bool(row.numbers & set(way.taken))
        dots = []
        for place, column in enumerate(row.columns):
            line, along = divmod(place, _per_line())
            x, y = LABEL + 12 + along * PITCH, row.top + 4 + line * PITCH
            chosen = ' class="taken"' if way is not None and column in way.columns else ""
            dots.append(f'<circle{chosen} cx="{x:.1f}" cy="{y:.1f}" r="{sizes[column]:.1f}"/>')
        named = f'<text class="name" x="{LABEL}" y="{row.top + 8:.1f}">{escape(row.label)}</text>'
        drawn.append(f'<g class="row {row.kind}{" on" if on else ""}">{named}{"".join(dots)}</g>')
        extra.append(f'<text class="value{" on" if on else ""}" x="{WIDTH}" y="{row.top + 8:.1f}">{value}</text>')
        if way is not None and way.columns and on:
            best = next((one for one in row.columns if one in way.columns), None)
            if best is not None:
                line, along = divmod(row.columns.index(best), _per_line())
                x, y = LABEL + 12 + along * PITCH, row.top + 4 + line * PITCH
                extra.append(f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="6.5"/>')
    return f'{"".join(drawn)}<g class="extra">{"".join(extra)}</g>'


def _counts(rows: Sequence[_Row]) -> list[str]:
    return [str(len(row.columns)) if row.columns else "" for row in rows]


def _weights(rows: Sequence[_Row], way: Way) -> list[str]:
    """What speaks for each row: of rare answers together nothing that a strategy would read."""
    values = []
    for row in rows:
        known = [way.weights[number] for number in row.numbers if number in way.weights]
        value = "" if len(row.groups) > 1 or not known else known[0]
        values.append(value if value == "" else f"{value:.0f}" if way.strategy == "majority_vote" else f"{value:.2f}")
    return values


def _bars(found: OneProblem) -> str:
    """Accuracy of each strategy over all problems, with its interval."""
    drawn = []
    span = WIDTH - 8
    for place, way in enumerate(found.ways):
        value, low, high = way.whole
        y = place * BAR_PX + 8
        drawn.append(
            f'<text class="bar-name" x="2" y="{y + 8}">{escape(way.label)}, N = {way.budget}</text>'
            f'<text class="value on" x="{WIDTH}" y="{y + 8}">{shown(value, "accuracy")}</text>'
            f'<rect class="whole" x="2" y="{y + 13}" width="{span}" height="9"/>'
            f'<rect class="share" x="2" y="{y + 13}" width="{span * value:.1f}" height="9"/>'
        )
        if low is not None and high is not None:
            drawn.append(
                f'<path class="interval" d="M{2 + span * low:.1f},{y + 17.5}H{2 + span * high:.1f}'
                f'M{2 + span * low:.1f},{y + 12}v11M{2 + span * high:.1f},{y + 12}v11"/>'
            )
    return f'<g class="extra">{"".join(drawn)}</g>'


def _problem(found: OneProblem) -> str:
    prompt = " ".join((found.prompt or found.problem_id).split())
    asked = prompt if len(prompt) <= 160 else prompt[:159] + "…"
    truth = "" if found.reference is None else f" The answer is {_minus(found.reference)}."
    return f"{asked}{truth} {found.n_right} of {found.n_samples} are right."


def _minus(text: str) -> str:
    short = " ".join(text.split())
    return (short if len(short) <= 40 else short[:39] + "…").replace("-", "−")


def _told(found: OneProblem, way: Way) -> str:
    """What a strategy does here, in a sentence computed from its picks."""
    names = []
    for number in way.taken:
        group = found.group(number)
        if group is None:
            names.append("an answer that no sample gives")
            continue
        given = f"which {len(group.columns)} of {found.n_samples} samples give"
        names.append(f"{_minus(group.answer)}, {given}")
    best = max(way.weights.values())
    weight = {
        "majority_vote": "",
        "best_of_n": f", {best:.2f}",
        "weighted_best_of_n": f": {best:.2f} at the most",
    }.get(way.strategy, f": {len(way.ends)} at N = {way.budget}, {best:.2f} at the most")
    verdict = {1.0: "right", 0.0: "wrong"}.get(way.right, f"right in {way.right * 100:.0f} % of draws")
    tie = "; of equals one is drawn" if len(way.taken) > 1 else ""
    return f"{HOW[way.strategy]}{weight}. It takes {' or '.join(names)}{tie}: {verdict}."


def _over_all(found: OneProblem) -> str:
    right = [way.label for way in found.ways if way.right == 1]
    here = f"here {' and '.join(right)} {'are' if len(right) > 1 else 'is'} right" if right else "here none is right"
    parts = [
        f"{way.label} at N = {way.budget} {shown(way.whole[0], 'accuracy')} "
        f"{shown_interval(*way.whole[1:], 'accuracy')}"
        for way in found.ways
    ]
    return f"The same strategies, of which {here}, over all: {'; '.join(parts)}."
