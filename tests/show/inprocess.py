"""papermill without a kernel: the cells run in this process, which starts nothing and imports nothing twice."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import nbformat
import papermill
from altair.vegalite.v6.schema.core import Root
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from papermill.engines import Engine, papermill_engines

from ttclib.show.theme import VEGALITE_MIME

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("*.ipynb"))


class InProcess(Engine):
    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> None:
        shell = InteractiveShell.instance()
        with mock.patch.object(gc, "collect"):  # of all that this process has imported, for one notebook's variables
            shell.reset(new_session=True)
        for index, cell in enumerate(nb_man.nb.cells):
            if cell.cell_type != "code":
                continue
            nb_man.cell_start(cell, index)
            with capture_output() as captured:
                result = shell.run_cell(cell.source)
            cell.outputs = [
                *(
                    nbformat.v4.new_output("display_data", data=dict(shown.data), metadata=dict(shown.metadata or {}))
                    for shown in captured.outputs
                ),
                *(
                    nbformat.v4.new_output("stream", name=name, text=text)
                    for name, text in (("stdout", captured.stdout), ("stderr", captured.stderr))
                    if text
                ),
            ]
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                raise AssertionError(f"cell {index}: {type(error).__name__}: {error}\n{cell.source}") from error
            nb_man.cell_complete(cell, index)


papermill_engines.register("inprocess", InProcess)


def run(notebook: Path, target: Path, **parameters: Any) -> Any:
    """Execute a notebook with parameters; gives it back with its outputs."""
    main = sys.modules["__main__"]  # which the shell takes the place of, and which spawning a process reads
    try:
        InteractiveShell.instance().history_manager.enabled = False  # type: ignore[union-attr]
        ran = papermill.execute_notebook(
            *(str(notebook), str(target)),
            parameters=parameters,
            engine_name="inprocess",
            progress_bar=False,
            request_save_on_cell_execute=False,  # the whole of it, twice a cell
        )
    finally:
        sys.modules["__main__"] = main
    for spec in outputs_of(ran, VEGALITE_MIME):  # which are displayed without
        Root.validate({key: value for key, value in spec.items() if key != "$schema"})
    return ran


def outputs_of(notebook: Any, mime: str) -> list[Any]:
    """All outputs of one kind."""
    return [
        output.data[mime]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if mime in output.get("data", {})
    ]


def html_of(notebook: Any) -> str:
    return "\n".join("".join(html) for html in outputs_of(notebook, "text/html"))
