"""Controls, a picture and a table that follow one `ViewState`.

How it stays quick and honest
-----------------------------
- A view says what its drawing depends on (`View.key`). As long as that stays, only signals and rows are
  set in the drawing that stands; nothing is drawn anew.
- While the kernel is busy the browser keeps only a control's latest value, and the chart view only
  the latest drawing (`chart_view`): what was passed over is never computed.
- An exception in a callback would vanish: it is caught and shown, and the last good picture stays.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import polars as pl
from altair.utils.schemapi import debug_mode

from ttclib.errors import RequestError
from ttclib.show.chart_view import chart_view
from ttclib.show.widgets.controls import ipywidgets
from ttclib.show.widgets.state import ViewState


@dataclass(frozen=True)
class View:
    """What an explorer shows for one state."""

    key: object  # what the drawing depends on, comparable; equal to the last one: it is not drawn again
    chart: Callable[[], Any] | None = None  # makes the chart; None: there is none
    signals: dict[str, Any] = field(default_factory=dict)  # values to set in the drawing
    rows: list[dict[str, Any]] | None = None  # what the drawing's data shall be; None: what it was made with
    table: pl.DataFrame = field(default_factory=pl.DataFrame)  # the rows shown
    html: str = ""  # the table for reading
    note: str = ""  # what is missing, in a sentence; empty: nothing


class Explorer:
    """Displaying the object shows controls, picture and table.

    Parameters
    ----------
    controls : sequence of widget
        Bound to the state already, one a row.
    view_of : callable
        Takes the state and gives the `View` of it.
    notebook : str
        Path of the notebook whose parameters the state's names are.
    store : str
        Named in the command that reruns the view.

    Attributes
    ----------
    state : ViewState
        Read it, set it (``explorer.state.budget = 8``), print it.
    widget : ipywidgets.VBox
    table : polars.DataFrame
        The rows shown.
    """

    def __init__(
        self,
        state: ViewState,
        controls: Sequence[Any],
        view_of: Callable[[ViewState], View],
        *,
        notebook: str,
        store: str,
    ) -> None:
        w = ipywidgets()
        self.state = state
        self.table = pl.DataFrame()
        self._view_of = view_of
        self._notebook, self._store = notebook, store
        self._drawn: object = None
        self._message, self._rerun, self._table, self._chart = (
            w.HTML(),
            w.HTML(),
            w.HTML(),
            w.VBox(layout=w.Layout(overflow="visible")),
        )
        self.widget = w.VBox([*controls, self._message, self._chart, self._rerun, self._table])
        self.widget.add_class("ttclib-explorer")
        state.observe(lambda changed: self.refresh())
        self.refresh()

    def parameters(self) -> str:
        """The state as lines of Python, to paste into a notebook's parameters cell."""
        return self.state.parameters()

    def command(self) -> str:
        """The command that makes a report of this view."""
        return self.state.command(self._notebook, store=self._store)

    def refresh(self) -> None:
        """Show what the state says; an exception is shown instead of being lost."""
        try:
            self._show(self._view_of(self.state))
        except Exception as error:  # shown to the user, whatever it is
            detail = "" if isinstance(error, RequestError) else escape(traceback.format_exc())
            self._message.value = (
                '<div role="alert" style="color:#a40000;border-left:4px solid;padding:2px 10px;line-height:1.5">'
                f"{escape(type(error).__name__)}: {escape(str(error))}"
                + (f"<details><summary>where</summary><pre>{detail}</pre></details>" if detail else "")
                + "</div>"
            )

    def _show(self, view: View) -> None:
        if view.chart is None:
            self._chart.children = ()
            self._drawn = None
        elif view.key != self._drawn:
            with debug_mode(False):  # Altair's check of each part takes as long as all the rest; tests do it
                spec = view.chart().to_dict(validate=False)
            if self._chart.children:
                drawing = self._chart.children[0]
                with drawing.hold_sync():
                    drawing.signals, drawing.rows, drawing.spec = view.signals, view.rows, spec
            else:
                self._chart.children = (chart_view(spec, view.signals, view.rows),)
            self._drawn = view.key
        elif self._chart.children:
            drawing = self._chart.children[0]
            with drawing.hold_sync():
                drawing.signals, drawing.rows = view.signals, view.rows
        self.table = view.table
        self._table.value = view.html
        self._message.value = f'<div style="color:#5a5a5a">{escape(view.note)}</div>' if view.note else ""
        self._rerun.value = (
            "<details><summary>Rerun this view</summary>as a report:"
            f'<pre class="ttclib-command">{escape(self.command())}</pre>'
            f"or in the parameters cell:<pre>{escape(self.parameters())}</pre></details>"
        )

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        return self.widget._repr_mimebundle_(**kwargs)
