"""The figures of Snell et al. 2024 by their numbers, drawn from a store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ttclib.show import charts
from ttclib.show.charts import paper as drawing
from ttclib.show.charts.crossover import PAPER_RATES
from ttclib.study.answers import ask_crossover
from ttclib.study.chains import open_chains
from ttclib.study.findings import of_crossover
from ttclib.study.larger import Larger
from ttclib.study.paper import along_and_across, optimal, optimal_revisions
from ttclib.study.question import Question
from ttclib.study.searches import open_searches
from ttclib.study.study import Study

BASELINE = "weighted_best_of_n"


@dataclass(frozen=True)
class Asked:
    """What a figure is drawn from."""

    study: Study
    question: Question
    larger: Callable[[], Larger]  # gives the larger side, where a figure needs one
    baseline: str = BASELINE
    bins: int = 5


@dataclass(frozen=True)
class Drawn:
    """A figure with what must be said of it."""

    chart: Any
    findings: Sequence[str]
    notes: Sequence[str] = ()


def _leads(asked: Asked) -> Drawn:
    found = ask_crossover(asked.study, asked.larger(), asked.question, PAPER_RATES)
    return Drawn(drawing.leads_chart(found.result.frame, caption=found.caption), found.findings, found.notes)


def _searches(asked: Asked) -> Drawn:
    parameters = {"beam_width": (4,), "lookahead_steps": (1,), **asked.question.parameters}
    found = open_searches(asked.study, asked.question.but(parameters=parameters), bins=asked.bins).curves
    title = "Search against picking, by difficulty"
    look: dict[str, Any] = {"caption": found.caption, "unit": "generations", "n_bins": found.n_bins}
    return Drawn(charts.bins_chart(found.frame, title=title, intervals=False, **look), found.findings, found.notes)


def _optimal(asked: Asked) -> Drawn:
    found = optimal(asked.study, asked.question, asked.baseline)
    title = "The compute-optimal choice against one strategy for all"
    return _of_optimal(found, asked.baseline, title)


def _of_optimal(found: Any, baseline: str, title: str) -> Drawn:
    result = found.result
    look = {"title": title, "caption": found.caption}
    chart = drawing.optimal_chart(result.frame, result.unit, baseline, result.saving, **look)
    return Drawn(chart, found.findings, found.notes)


def _revisions(asked: Asked) -> Drawn:
    chains = open_chains(asked.study, asked.question, bins=asked.bins)
    return Drawn(drawing.sequential_chart(along_and_across(chains), caption=chains.caption), chains.findings())


def _ratio(asked: Asked) -> Drawn:
    chains = open_chains(asked.study, asked.question, bins=asked.bins)
    chart = charts.sweep_chart(chains.sweep(), caption=chains.caption_by_bin, n_bins=chains.n_bins)
    return Drawn(chart, chains.findings())


def _optimal_revisions(asked: Asked) -> Drawn:
    found = optimal_revisions(open_chains(asked.study, asked.question, bins=asked.bins))
    return _of_optimal(found, "revisions", "The compute-optimal split into chains against parallel answers")


def _stars(asked: Asked) -> Drawn:
    rates = sorted({*np.geomspace(0.1, 30, 33).tolist(), *PAPER_RATES})
    found = ask_crossover(asked.study, asked.larger(), asked.question, rates, main_ratios=PAPER_RATES)
    chart = drawing.stars_chart(found.result.frame, caption=found.caption)
    return Drawn(chart, of_crossover(found.result.only(PAPER_RATES)), found.notes)


FIGURES: dict[str, Callable[[Asked], Drawn]] = {
    "snell-1": _leads,
    "snell-3": _searches,
    "snell-4": _optimal,
    "snell-6": _revisions,
    "snell-7": _ratio,
    "snell-8": _optimal_revisions,
    "snell-9": _stars,
}
