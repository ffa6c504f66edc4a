"""A notebook with given parameters, run and made into one HTML page.

Parameters are checked before a kernel starts, because papermill only warns of a name it does not
know and a value of the wrong kind would fail somewhere inside the notebook.
"""

from __future__ import annotations

import ast
import datetime
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import ttclib
from ttclib.errors import RequestError, TTCError, needing, one_of
from ttclib.fresh_names import unfinished
from ttclib.show.kernel import SharedKernel
from ttclib.show.page import NOTEBOOK_ONLY, PageFacts, page_html
from ttclib.store.credit import store_credits
from ttclib.store.fingerprint import fingerprint
from ttclib.study.opening import find_store

Notify = Callable[[str], None]
_ENGINE = "ttclib"
# A kernel is given long to start, as several start at once; what it logs of its sockets is not the reader's.
_START_S = 300
_QUIET = ["--IPKernelApp.log_level=40"]
# Packages whose version can change a number or a picture.
_VERSIONS = ("numpy", "scipy", "polars", "duckdb", "altair", "papermill")


def render_report(
    notebook: str | Path,
    output_html: str | Path,
    parameters: dict[str, Any] | None = None,
    *,
    keep_ipynb: str | Path | None = None,
    related: Sequence[tuple[str, str]] = (),
    kernel: SharedKernel | None = None,
    notify: Notify = print,
) -> Path:
    """Run a notebook and write it as a page that opens with no network.

    Parameters
    ----------
    notebook : str or pathlib.Path
        Has a cell tagged ``parameters``. It runs in the current folder, so relative paths in
        parameters mean what they mean to the caller.
    output_html : str or pathlib.Path
        Written only when the whole notebook has run.
    parameters : dict, optional
        Values that replace those of the parameters cell.
    keep_ipynb : str or pathlib.Path, optional
        Where the executed notebook is kept, without the cells that are for a person at a kernel; None: it is thrown
        away. One that failed is kept in any case, as ``NAME.failed.ipynb`` beside the page that was not made.
    related : sequence of (str, str)
        Pages of the same suite: what each is to this one, such as ``previous``, and its file name.
    kernel : SharedKernel, optional
        Where the notebook runs, and others after it; None: in a kernel of its own.
    notify : callable
        Is told the progress, one line at a time.

    Returns
    -------
    pathlib.Path
        The page.

    Raises
    ------
    RequestError
        No such notebook, an unknown parameter, a value of another kind than the notebook's own, an
        output folder that cannot be made, or a package that is not installed.
    TTCError
        A cell failed; the line names the notebook, the cell, the exception and its value.
    """
    with needing("a report", "notebooks"):
        import nbformat
        import papermill  # noqa: F401
    source, target = Path(notebook), Path(output_html)
    given = dict(parameters or {})
    defaults = parameters_of(source)
    check_parameters(given, defaults)
    for path in (target, *([Path(keep_ipynb)] if keep_ipynb else [])):
        make_folder(path.parent)
    started = time.monotonic()
    failed = target.with_suffix(".failed.ipynb")
    facts = PageFacts(
        notebook=source.name,
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        stores=stores_of({**defaults, **given}),
        credits=credits_of({**defaults, **given}),
        versions=versions(),
        parameters={**defaults, **given},
        changed=tuple(given),
        paths=paths_of({**defaults, **given}),
        related=tuple(related),
    )
    with tempfile.TemporaryDirectory() as folder:
        shown = Path(folder) / "shown" / source.name
        shown.parent.mkdir()
        nbformat.write(_without_controls(nbformat.read(source, as_version=4)), shown)
        executed = Path(keep_ipynb) if keep_ipynb else Path(folder) / source.name
        _execute(shown, executed, failed, given, notify, kernel)
        ran = nbformat.read(executed, as_version=4)
    notify(f"report: {source.stem}: making the page")
    html = page_html(ran, facts)
    fresh = unfinished(target, hidden=True)
    try:
        fresh.write_text(html, encoding="utf-8")
        fresh.replace(target)
        failed.unlink(missing_ok=True)
    except OSError as error:
        raise RequestError(f"cannot write '{target}': {error.strerror or error}") from error
    finally:
        with suppress(OSError):  # on a read-only file system not even what is not there can be removed
            fresh.unlink()
    notify(f"report: {target}, {len(html) / 1e6:.1f} MB, {time.monotonic() - started:.0f} s")
    return target


def parameters_of(notebook: str | Path) -> dict[str, Any]:
    """Names and default values in a notebook's parameters cell.

    Raises
    ------
    RequestError
        papermill is not installed, there is no such file, or it is no notebook.
    """
    with needing("a report", "notebooks"):
        import papermill
    if not Path(notebook).is_file():
        raise RequestError(f"notebook '{notebook}' does not exist: name an .ipynb file")
    try:
        found = papermill.inspect_notebook(str(notebook))
    except Exception as error:
        raise RequestError(f"'{notebook}' cannot be read as a notebook: {error}") from error
    defaults = {}
    for name, facts in found.items():
        try:
            defaults[name] = ast.literal_eval(facts["default"])
        except (ValueError, SyntaxError):
            defaults[name] = facts["default"]
    return defaults


def check_parameters(given: dict[str, Any], defaults: dict[str, Any]) -> None:
    """Refuse a parameter that the notebook does not have, or of another kind than its default.

    Raises
    ------
    RequestError
        Names the parameter, the nearest one, or the kind that is wanted.
    """
    for name, value in given.items():
        default = defaults[one_of(name, defaults, "parameter")]
        if default is None or value is None:
            continue
        alike = (int, float) if isinstance(default, float) else type(default)
        if isinstance(value, bool) != isinstance(default, bool) or not isinstance(value, alike):
            raise RequestError(
                f"parameter {name} = {value!r} is {type(value).__name__}, wanted {type(default).__name__}, "
                f"like the notebook's own {default!r}"
            )


def stores_of(parameters: dict[str, Any]) -> dict[str, str]:
    """File and fingerprint of every store that parameters name: ``store`` and what ends in ``_store``."""
    found = {}
    for name, value in parameters.items():
        if isinstance(value, str) and (name == "store" or name.endswith("_store")):
            path = find_store(value)
            try:
                found[path.name] = f"SHA-256 {fingerprint(path)}"
            except RequestError:
                found[path.name] = "not found"
    return found


def credits_of(parameters: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """Whose samples they are, and on what terms, of every store that parameters name and that says so."""
    found = {}
    for name, value in parameters.items():
        if isinstance(value, str) and (name == "store" or name.endswith("_store")):
            path = find_store(value)
            with suppress(RequestError):  # not found, which `stores_of` says
                if stated := store_credits(path):
                    found[path.name] = tuple(one.line for one in stated)
    return found


def paths_of(parameters: dict[str, Any]) -> dict[str, str]:
    """Absolute paths of the stores that parameters name, and the file names that a page says instead."""
    found = {}
    for name, value in parameters.items():
        if isinstance(value, str) and (name == "store" or name.endswith("_store")):
            path = find_store(value)
            for one in (Path(value), path, path.absolute(), path.resolve()):
                if one.is_absolute():
                    found[str(one)] = one.name
    return found


def versions() -> dict[str, str]:
    """Versions of ttclib, Python and the packages that can change a number or a picture."""
    known = {"ttclib": ttclib.__version__, "Python": platform.python_version()}
    for package in _VERSIONS:
        with suppress(PackageNotFoundError):
            known[package] = version(package)
    return known


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises
    ------
    RequestError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RequestError(f"cannot make the folder '{folder}': {error.strerror}") from error


def _without_controls(notebook: Any) -> Any:
    """A notebook without the cells that a page leaves out: controls take as long to make as charts."""
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.cell_type != "code" or NOTEBOOK_ONLY not in cell.metadata.get("tags", [])
    ]
    return notebook


def _execute(
    source: Path, executed: Path, failed: Path, parameters: dict[str, Any], notify: Notify, kernel: SharedKernel | None
) -> None:
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    _register_engine(kernel)
    try:
        papermill.execute_notebook(
            *(str(source), str(executed)),
            parameters=parameters,
            engine_name=_ENGINE,
            progress_bar=False,
            request_save_on_cell_execute=False,  # the whole of it, twice a cell; one that fails is written in any case
            notify=lambda text: notify(f"report: {source.stem}: {text}"),
        )
    except DeadKernelError as error:
        raise TTCError(
            f"{source.name}: its kernel was ended from outside, as the system does when memory runs out"
        ) from error
    except PapermillExecutionError as error:
        shutil.copyfile(executed, failed)
        where = f"cell {error.exec_count}" if error.exec_count is not None else f"cell {error.cell_index + 1}"
        value = " ".join(str(error.evalue).split())
        raise TTCError(
            f"{source.name}: {where} failed with {error.ename}: {value} (as far as it ran: {failed})"
        ) from error


def _register_engine(kernel: SharedKernel | None) -> None:
    """An engine that says which cell it runs, in a kernel of its own or in one that others had before it."""
    from papermill.clientwrap import PapermillNotebookClient
    from papermill.engines import Engine, papermill_engines
    from papermill.log import logger

    class ToldEngine(Engine):
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
            notify: Notify = kwargs.get("notify", print)
            code = [cell for cell in nb_man.nb.cells if cell.cell_type == "code"]
            begin = nb_man.cell_start

            def told(cell: Any, *args: Any, **more: Any) -> Any:
                if cell.cell_type == "code":
                    at = next(place for place, other in enumerate(code, 1) if other is cell)
                    notify(f"cell {at} of {len(code)}")
                return begin(cell, *args, **more)

            nb_man.cell_start = told
            client = PapermillNotebookClient(
                nb_man,
                km=None if kernel is None else kernel.manager(kernel_name),
                kernel_name=kernel_name,
                startup_timeout=_START_S,
                extra_arguments=_QUIET,
                log=logger,
            )
            try:
                return client.execute()
            finally:
                if kernel is not None:
                    kernel.forget(client)

    papermill_engines.register(_ENGINE, ToldEngine)
