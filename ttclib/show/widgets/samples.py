"""The reader of single samples: a filter, and one sample at a time."""

from __future__ import annotations

from typing import Any

from ttclib.analysis.worth_reading import KINDS, samples_to_read
from ttclib.samples import Verifier
from ttclib.show.samples import samples_html
from ttclib.show.widgets import controls
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.state import ViewState, choice_of, number_between
from ttclib.store.texts import load_texts
from ttclib.study.captions import AGGREGATION_LABELS
from ttclib.study.study import Study

KIND_LABELS = {
    "high_scored_wrong": "wrong, but scored high",
    "low_scored_right": "right, but scored low",
    "disagreement": "best-of-N against majority vote",
    "any": "any sample",
}


class SampleReader(Explorer):
    """Choose what to read; the slider goes through the samples, the most telling first.

    Parameters
    ----------
    study : Study
    kind : str
        Of `KINDS`; without scores always ``any``.
    verifier, aggregation : str
        What scores a sample.
    limit : int
        How far the slider goes.

    Raises
    ------
    RequestError
        An unknown name; ipywidgets missing.
    """

    def __init__(
        self,
        study: Study,
        *,
        kind: str = "high_scored_wrong",
        verifier: str = "prm",
        aggregation: str = "last",
        limit: int = 100,
    ) -> None:
        pool = study.pool
        self._pool, self._limit = pool, limit
        scored = study.verifier_choices(verifier)
        held = bool(study.verifiers())
        if held and not pool.has_scores(verifier):
            verifier = next(iter(scored.values()))
        # Without scores nothing tells which samples are worth reading.
        kinds = KINDS if held else ("any",)
        self._lacks = "" if held else "The store holds no scores, so samples are shown at random: "
        self._cells: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        state = ViewState(
            {
                "kind": choice_of(kinds, "kind of samples"),
                "verifier": choice_of({*scored.values(), *study.verifiers(), verifier}, "verifier"),
                "aggregation": choice_of(AGGREGATION_LABELS, "aggregation"),
                "place": number_between(1, limit, "place", whole=True),
            },
            kind=kind if held else "any",
            verifier=verifier,
            aggregation=aggregation,
            place=1,
        )
        w = controls.ipywidgets()
        slider = w.IntSlider(
            min=1,
            max=limit,
            description="Sample",
            style={"description_width": "initial"},
            layout=w.Layout(width="420px"),
        )
        self._slider = controls.bind(slider, state, "place")
        choices = [
            controls.choose(state, "kind", "Read", {KIND_LABELS[name]: name for name in kinds}),
            controls.choose(state, "verifier", "Verifier", scored),
            controls.aggregation(state),
        ]
        rows = [w.HBox(choices, layout=w.Layout(flex_flow="row wrap", grid_gap="4px 18px")), self._slider]
        super().__init__(state, rows, self._view, notebook="notebooks/08_samples.ipynb", store=str(study.store))

    def command(self) -> str:
        """The command that makes a report of this view, which shows the first samples and not one place."""
        values: dict[str, Any] = self.state.values()
        checks = {name: lambda value: value for name in values if name != "place"}
        return ViewState(checks, **{name: values[name] for name in checks}).command(
            self._notebook, store=self._store, policy=self._pool.policy
        )

    def _reads(self, state: ViewState) -> Verifier | None:
        """Whose step scores colour the text; the log-probability has none."""
        return self._pool.verifier(state.verifier) if self._pool.has_scores(state.verifier) else None

    def _view(self, state: ViewState) -> View:
        key = (state.kind, state.verifier, state.aggregation)
        if key not in self._cells:
            self._cells[key] = samples_to_read(
                self._pool, state.kind, verifier=state.verifier, aggregation=state.aggregation, limit=self._limit
            )
        cells = self._cells[key]
        if not cells:
            return View(key=key, note="No sample is of this kind.")
        place = min(state.place, len(cells))
        note = f"{self._lacks}{place} of {len(cells)}" + (" (there are no more)" if state.place > len(cells) else "")
        return View(
            key=(key, place),
            html=samples_html(load_texts(self._pool, [cells[place - 1]], self._reads(state))),
            note=note,
        )
