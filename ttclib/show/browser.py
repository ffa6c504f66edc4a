"""Samples to browse in a page, without a kernel and a network: their texts as data, and what shows them.

What a model wrote is not trusted. It goes into the page as JSON in which no letter ends a script or begins a comment,
and comes out of it as text nodes; a formula as elements of MathML by name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from html import escape
from importlib.resources import files
from typing import Any

from ttclib.analysis.worth_reading import KINDS
from ttclib.errors import one_of
from ttclib.show.chart_view import NOTEBOOK_SCRIPT
from ttclib.show.formulas import IN_TEXT, formula_tree, formulas_in
from ttclib.study.browsed import BrowsedProblem, BrowsedSample, Browsing
from ttclib.study.browsing import LONGEST

IS_BROWSER = '<div class="ttc-browser">'
_STARTS = re.compile(rf"{NOTEBOOK_SCRIPT}.*?</script>", re.DOTALL)
# What ends a script, begins a comment or a character reference, or ends a line to some readers, by JSON's own escapes.
_ESCAPES = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}
_OPENS = {"high_scored_wrong": {"correct": "0", "sort": "high"}, "low_scored_right": {"correct": "1", "sort": "low"}}
_UNREADY = "Here samples are browsed once the notebook is trusted, or in the page that `ttc report` makes."


class Sizes:
    """Bytes that a sample or a problem takes in a page, the formulas that no other has drawn among them."""

    def __init__(self) -> None:
        self._drawn: set[str] = set()

    def __call__(self, one: BrowsedSample | BrowsedProblem) -> int:
        """As `ttclib.study.browsing.browse` asks it."""
        row = _problem(one) if isinstance(one, BrowsedProblem) else _sample(one, 0)
        new = {latex: tree for latex, tree in _formulas([row]) if latex not in self._drawn}
        self._drawn |= set(new)
        return len(as_json(row).encode()) + 1 + (len(as_json(new).encode()) if new else 0)


def as_json(value: Any) -> str:
    r"""JSON that may stand in a script element, whatever letters its texts have.

    Examples
    --------
    >>> print(as_json("</script>"))
    "\u003c/script\u003e"
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).translate(_ESCAPES)


def browser_html(browsing: Browsing, kind: str = "any") -> str:
    """A browser of samples, for a notebook's output; `ttclib.show.page` makes a page's of it.

    Parameters
    ----------
    browsing : Browsing
    kind : str
        Of `ttclib.analysis.worth_reading.KINDS`: what it opens with.

    Returns
    -------
    str
        HTML with one ``<div class="ttc-browser">``.

    Raises
    ------
    RequestError
        No such kind.
    """
    one_of(kind, KINDS, "kind of samples")
    place = {one.problem_id: number for number, one in enumerate(browsing.problems)}
    problems = [_problem(one) for one in browsing.problems]
    samples = [_sample(one, place[one.text.problem_id]) for one in browsing.samples]
    data = {
        "bins": browsing.n_bins,
        "problems": problems,
        "samples": samples,
        "formula": IN_TEXT,
        "formulas": dict(_formulas([*problems, *samples])),
        "first": _OPENS.get(kind, {}) if any(one["s"] is not None for one in samples) else {},
    }
    key = ""
    if any("v" in one for one in samples):
        key = ' Score of a step: <span class="scale">0<span class="key"></span>1.</span>'
    if any("e" in one for one in samples):
        key += " At its right: of the solutions that go on from it, how many are right."
    said = "; ".join(browsing.caption)
    said = f"{said[:1].upper()}{said[1:]}."
    return (
        f"<style>{read_style()}</style>{IS_BROWSER}"
        f'<script type="application/json">{as_json(data)}</script>'
        f'<p class="caption">{escape(said)}{key}</p><p class="unready">{escape(_UNREADY)}</p></div>'
        f"{NOTEBOOK_SCRIPT}{{ {read_script()} "
        "for (const one of document.querySelectorAll('.ttc-browser:not([data-ready])')) "
        "ttclibBrowse(one, false); }</script>"
    )


def read_script() -> str:
    """The browser's JavaScript: a function ``ttclibBrowse(root, inPage)``."""
    return files("ttclib.show").joinpath("sample_browser.js").read_text("utf-8")


def read_style() -> str:
    """The browser's style sheet."""
    return files("ttclib.show").joinpath("sample_browser.css").read_text("utf-8")


def without_start(html: str) -> str:
    """What a notebook shows without the script that it runs, for a page, which has its own and runs no other."""
    return _STARTS.sub("", html)


def _problem(one: BrowsedProblem) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": one.problem_id,
        "prompt": None if one.prompt is None else _clipped(one.prompt, LONGEST),
        "reference": one.reference_answer,
        "bin": one.bin,
        "n": one.n_samples,
        "graded": one.n_graded,
        "right": one.n_correct,
    }
    if one.tree:
        row["search"] = one.search
        row["tree"] = [
            (
                step.parent,
                _clipped(step.text, LONGEST // 10),
                _rounded(step.score),
                step.status,
                None if step.correct is None else int(step.correct),
            )
            for step in one.tree
        ]
    return row


def _sample(one: BrowsedSample, problem: int) -> dict[str, Any]:
    text = one.text
    row: dict[str, Any] = {
        "p": problem,
        "i": text.sample_index,
        "c": None if text.correct is None else int(text.correct),
        "a": None if text.answer is None else _clipped(text.answer, LONGEST // 10),
        "t": text.completion_tokens,
        "s": _rounded(one.score),
        "n": one.times,
        "w": None,
    }
    if text.finish_reason == "length":
        row["cut"] = 1
    if not text.step_scores and not one.endings:  # nothing is said of its steps, and a formula may go over several
        row["x"] = [_clipped(text.completion, LONGEST)]
        return row
    kept, left = _kept_steps(text.steps)
    row["x"] = [_clipped(text.steps[step], LONGEST // 2) for step in kept]
    if text.step_scores:
        row["v"] = [_rounded(text.step_scores[step]) for step in kept]
    if one.endings:
        row["e"] = [one.endings[step] for step in kept]
        row["w"] = kept.index(one.first_wrong_step) if one.first_wrong_step in kept else None
    if left:
        row["left"] = left
    return row


def _kept_steps(steps: tuple[str, ...]) -> tuple[list[int], tuple[int, int] | None]:
    """Steps that are shown, and where how many letters are left out between them: the middle of a text that is long."""
    sizes = [min(len(step), LONGEST // 2) for step in steps]
    if sum(sizes) <= LONGEST:
        return list(range(len(steps))), None
    front, back, room = 0, len(steps), LONGEST
    while front < back and room >= sizes[front]:
        room, front = room - sizes[front], front + 1
        if front < back and room >= sizes[back - 1] and sum(sizes[back:]) < LONGEST // 4:
            room, back = room - sizes[back - 1], back - 1
    return [*range(front), *range(back, len(steps))], (front, sum(map(len, steps[front:back])))


def _clipped(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    half = longest // 2
    return f"{text[:half]} … {len(text) - 2 * half:,} letters are left out here … {text[-half:]}"


def _rounded(score: float | None) -> float | None:
    return None if score is None or score != score else round(float(score), 4)


def _formulas(rows: Iterable[dict[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The formulas of some rows, each once, that can be drawn."""
    seen: set[str] = set()
    for row in rows:
        texts = [*row.get("x", ()), row.get("prompt") or "", *(step[1] for step in row.get("tree", ()))]
        for latex, _ in (one for text in texts for one in formulas_in(text)):
            if latex not in seen:
                seen.add(latex)
                if (tree := formula_tree(latex)) is not None:
                    yield latex, tree
