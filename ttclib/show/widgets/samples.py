"""The reader of single samples: a filter, and one sample at a time."""

from __future__ import annotations

from typing import Any

from ttclib.analysis.selection import KINDS, samples_to_read
from ttclib.show.captions import AGGREGATION_LABELS
from ttclib.show.choices import VERIFIER_LABELS, verifiers_of
from ttclib.show.samples import samples_html
from ttclib.show.widgets import controls
from ttclib.show.widgets.explorer import Explorer, View
from ttclib.show.widgets.state import ViewState, choice_of, number_between
from ttclib.store.pool import SamplePool
from ttclib.store.texts import load_texts

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
    pool : SamplePool
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
        pool: SamplePool,
        *,
        kind: str = "high_scored_wrong",
        verifier: str = "prm",
        aggregation: str = "last",
        limit: int = 100,
    ) -> None:
        self._pool, self._limit = pool, limit
        held = verifiers_of(pool)
        # Without scores nothing tells which samples are worth reading.
        kinds = KINDS if held else ("any",)
        self._lacks = "" if held else "The store holds no scores, so samples are shown at random: "
        self._cells: dict[tuple[str, str, str], list[tuple[int, int]]] = {}
        state = ViewState(
            {
                "kind": choice_of(kinds, "kind of samples"),
                "verifier": choice_of(VERIFIER_LABELS, "verifier"),
                "aggregation": choice_of(AGGREGATION_LABELS, "aggregation"),
                "place": number_between(1, limit, "place", whole=True),
            },
            kind=kind if held else "any",
            verifier=verifier if verifier in held or not held else held[0],
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
            controls.choose(state, "verifier", "Verifier", {VERIFIER_LABELS[name]: name for name in held or ["prm"]}),
            controls.aggregation(state),
        ]
        rows = [w.HBox(choices, layout=w.Layout(flex_flow="row wrap", grid_gap="4px 18px")), self._slider]
        super().__init__(state, rows, self._view, notebook="notebooks/08_samples.ipynb", store=pool.store)

    def command(self) -> str:
        """The command that makes a report of this view, which shows the first samples and not one place."""
        values: dict[str, Any] = self.state.values()
        checks = {name: lambda value: value for name in values if name != "place"}
        return ViewState(checks, **{name: values[name] for name in checks}).command(
            self._notebook, store=self._store, policy=self._pool.policy
        )

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
        return View(key=(key, place), html=samples_html(load_texts(self._pool, [cells[place - 1]])), note=note)
