"""Single samples for reading: the steps coloured by score, the text shown as text.

What a model wrote is escaped here, all of it: a ``<script>`` in a completion is letters. Low scores are
orange and high ones blue, which stay apart under the common colour-vision deficiencies, and every
score stands there as a number too.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from ttclib.store.texts import SampleText

LOW, MIDDLE, HIGH = (213, 94, 0), (255, 255, 255), (0, 114, 178)
_STRENGTH = 0.55  # of the colours, so that black text on them keeps a contrast above 4.5
_STYLE = (
    "<style>.ttc-sample{border:1px solid var(--jp-border-color2,#d5d5d5);border-radius:6px;padding:8px 12px;"
    "margin:8px 0;max-width:60em;font-size:13px;color:var(--jp-content-font-color1,#222)}"
    ".ttc-sample .head{color:var(--jp-content-font-color2,#5a5a5a);margin-bottom:4px;overflow-wrap:anywhere}"
    ".ttc-sample .head b,.ttc-sample pre{color:var(--jp-content-font-color1,#222)}"
    ".ttc-sample pre{margin:0;padding:1px 6px;white-space:pre-wrap;overflow-wrap:anywhere;background:none;"
    "font-size:13px;line-height:1.45}"
    ".ttc-sample .step{display:grid;grid-template-columns:3.6em 1fr;align-items:baseline;margin:1px 0}"
    ".ttc-sample .score{text-align:right;padding-right:8px;font-variant-numeric:tabular-nums;"
    "color:var(--jp-content-font-color2,#5a5a5a)}"
    ".ttc-scale{color:var(--jp-content-font-color2,#5a5a5a);font-size:13px}"
    ".ttc-key{display:inline-block;width:180px;height:10px;vertical-align:middle;margin:0 8px;"
    "border:1px solid var(--jp-border-color2,#d5d5d5)}</style>"
)


def score_color(score: float) -> str:
    """Background of a step by its score in [0, 1]: orange, white in the middle, blue.

    Examples
    --------
    >>> score_color(0.5)
    '#ffffff'
    """
    place = min(1.0, max(0.0, score)) * 2 - 1
    end = LOW if place < 0 else HIGH
    share = abs(place) * _STRENGTH
    mixed = [round(middle + (color - middle) * share) for middle, color in zip(MIDDLE, end, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)


def _over_paper(score: float) -> str:
    """The same colour, but through which light or dark paper shows."""
    place = min(1.0, max(0.0, score)) * 2 - 1
    red, green, blue = LOW if place < 0 else HIGH
    return f"rgba({red},{green},{blue},{abs(place) * _STRENGTH:.3f})"


def samples_html(samples: Sequence[SampleText], *, key: bool = True) -> str:
    """Samples one under the other.

    Parameters
    ----------
    key : bool
        Put the key of the colours above, where a sample has scores.

    Returns
    -------
    str
        HTML with one ``<div class="ttc-sample">`` a sample.
    """
    ends = ", ".join(_over_paper(part / 4) for part in range(5))
    bar = f'<span class="ttc-key" style="background:linear-gradient(to right, {ends})"></span>'
    scale = f'<div class="ttc-scale">score of a step: 0{bar}1</div>'
    shown = scale if key and any(sample.step_scores for sample in samples) else ""
    if not samples:
        return f'{_STYLE}<div class="ttc-none">No sample is of this kind.</div>'
    return _STYLE + shown + "".join(map(_sample_html, samples))


def _sample_html(sample: SampleText) -> str:
    grade = {True: "✓ right", False: "✗ wrong", None: "not graded"}[sample.correct]
    facts = [f"sample {sample.sample_index}", f"<b>{grade}</b>"]
    facts.append("no answer" if sample.answer is None else f"answer <b>{escape(sample.answer)}</b>")
    if sample.reference_answer is not None:
        facts.append(f"reference {escape(sample.reference_answer)}")
    if sample.completion_tokens is not None:
        facts.append(f"{sample.completion_tokens} tokens")
    if sample.finish_reason == "length":
        facts.append("cut at the token limit")
    problem = "" if sample.prompt is None else f"<pre><b>{escape(sample.prompt.strip())}</b></pre>"
    scores = sample.step_scores or (None,) * len(sample.steps)
    steps = "".join(_step_html(text, score) for text, score in zip(sample.steps, scores, strict=True))
    head = f'<div class="head">{escape(sample.problem_id)} · {" · ".join(facts)}</div>'
    return f'<div class="ttc-sample">{head}{problem}{steps}</div>'


def _step_html(text: str, score: float | None) -> str:
    color = "" if score is None else f' style="background:{_over_paper(score)}"'
    number = "" if score is None else f"{score:.2f}"
    shown = escape(text.rstrip("\n")) or " "
    return f'<div class="step"><span class="score">{number}</span><pre{color}>{shown}</pre></div>'
