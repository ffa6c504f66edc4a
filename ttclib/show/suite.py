"""Several reports at once: the whole suite, or one notebook over a grid of parameters.

Each of some processes has a kernel, in which it runs one notebook after the other; all read the one store, which
readers share.
Beside the pages stands an index that shows and links them.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import multiprocessing.util
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ttclib.errors import RequestError, TTCError, one_of
from ttclib.shipped import shipped_files
from ttclib.show.kernel import SharedKernel
from ttclib.show.page import SAMPLES, SUITE
from ttclib.show.report import check_parameters, make_folder, parameters_of, render_report
from ttclib.show.theme import SVG_MIME


@dataclass(frozen=True)
class Job:
    """One report to make: `varied` are the parameters that tell it from others of its notebook.

    `related` are its neighbours in the suite and the index: what each is to it, and its file name.
    """

    notebook: Path
    target: Path
    parameters: dict[str, Any]
    varied: dict[str, Any] = field(default_factory=dict)
    related: tuple[tuple[str, str], ...] = ()


class _Page(HTMLParser):
    """Title, description, stores and first chart picture of a page; text as it reads, not as HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self._in_title = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take what the tag says, the first time."""
        given = {name: value or "" for name, value in attrs}
        self._in_title = tag == "title"
        if tag == "meta" and given.get("name", "") in _META:
            self.found.setdefault(_META[given["name"]], given.get("content", ""))
        if tag == "img" and given.get("src", "").startswith(_PICTURE):
            self.found.setdefault("picture", given["src"])

    def handle_data(self, data: str) -> None:
        """Take the title."""
        if self._in_title:
            self.found.setdefault("title", data.strip())


_META = {"description": "summary", "ttclib-stores": "stores", "ttc-findings": "findings", "ttc-lacks": "lacks"}
N_FINDINGS = 3  # on a card, which stands beside others; the page has all
_PICTURE = f"data:{SVG_MIME};base64,"


def index_html(jobs: Sequence[Job]) -> str:
    """A card a report: its title, what was found and is lacking, its first picture; made from the pages themselves.

    Parameters
    ----------
    jobs : sequence of Job
        Whose pages stand in one folder, where the index goes too.
    """
    from jinja2 import Environment

    cards = []
    for job in jobs:
        html = job.target.read_text("utf-8")
        found = _Page(html).found
        cards.append(
            {
                **dict.fromkeys(("title", "summary", "stores", "picture"), ""),
                **found,
                "findings": json.loads(found.get("findings") or "[]")[:N_FINDINGS],
                "lacks": json.loads(found.get("lacks") or "[]"),
                "link": quote(job.target.name) + SUITE,
                "varied": ", ".join(f"{name} = {value}" for name, value in job.varied.items()),
                "megabytes": f"{len(html.encode()) / 1e6:.1f} MB",
            }
        )
    stores = sorted({one for card in cards for one in card["stores"].split(", ") if one})
    template = files("ttclib.show").joinpath("index.html.j2").read_text("utf-8")
    return Environment(autoescape=True).from_string(template).render(cards=cards, stores=stores)


INDEX = "index.html"
BROWSED_IN = "08_samples"  # the notebook whose page other pages lead to for samples


def notebooks_in(folder: str | Path | None = None) -> list[Path]:
    """The notebooks of a folder by name; a relative one is looked for here and in the folders above.

    Parameters
    ----------
    folder : path, optional
        None: ``notebooks``, and where there is none those that ship.

    Raises
    ------
    RequestError
        No such folder, or no notebook in it.
    """
    for parent in (Path.cwd(), *Path.cwd().parents):
        if found := sorted((parent / (folder or "notebooks")).glob("[!.]*.ipynb")):
            return found
    if folder is None:
        return shipped_files("notebooks", "*.ipynb")
    raise RequestError(f"no notebooks in '{folder}' here or in a folder above: name them, or go to the project")


def find_notebook(name: str | Path) -> Path:
    """A notebook by its path, or one that ships by its name alone: ``01_replay``.

    Raises
    ------
    RequestError
        Neither.
    """
    path = Path(name)
    if path.exists() or path.parent != Path():
        return path
    known = {one.stem: one for one in shipped_files("notebooks", "*.ipynb")}
    return known.get(path.stem, path) if path.suffix in ("", ".ipynb") else path


def plan(
    notebooks: Sequence[str | Path],
    folder: str | Path,
    parameters: Mapping[str, Any],
    grid: Mapping[str, Sequence[Any]],
) -> list[Job]:
    """The reports to make, each with a page of its own; everything is checked before any is run.

    A parameter goes to those notebooks that have it, and at least one must.

    Parameters
    ----------
    folder : path
        Where the pages go.
    parameters : mapping of str to value
        The same for all reports.
    grid : mapping of str to sequence of values
        One report for each combination.

    Raises
    ------
    RequestError
        No such notebook, a parameter that none has, or a value of a wrong kind.
    """
    known = {path: parameters_of(path) for path in map(find_notebook, notebooks)}
    every = {name for names in known.values() for name in names}
    for name in (*parameters, *grid):
        one_of(name, sorted(every), "parameter")
    jobs = []
    for notebook, defaults in known.items():
        same = {name: value for name, value in parameters.items() if name in defaults}
        axes = {name: values for name, values in grid.items() if name in defaults}
        for values in itertools.product(*axes.values()):
            varied = dict(zip(axes, values, strict=True))
            check_parameters({**same, **varied}, defaults)
            name = "__".join([notebook.stem, *(f"{key}={_in_a_name(value)}" for key, value in varied.items())])
            jobs.append(Job(notebook, Path(folder) / f"{name}.html", {**same, **varied}, varied))
    if len({job.target for job in jobs}) < len(jobs):
        raise RequestError("two reports would have the same name: give each notebook and each grid value once")
    return jobs


def render_suite(jobs: Sequence[Job], *, processes: int | None = None, notify: Callable[[str], None] = print) -> Path:
    """Make several reports in parallel, and an index page of them.

    Parameters
    ----------
    jobs : sequence of Job
        At least one, all into one folder.
    processes : int, optional
        Reports made at a time; None: as many as there are processors, at most 8.
    notify : callable
        Told when a report is done. Progress within one goes to standard error, a line a cell.

    Returns
    -------
    pathlib.Path
        The index page.

    Raises
    ------
    TTCError
        A cell failed: those that run are finished, no other is begun, and no index is written. Or a
        process was killed.
    """
    jobs = _linked(jobs)
    folder = jobs[0].target.parent
    make_folder(folder)
    at_once = min(len(jobs), processes or min(8, os.cpu_count() or 1))
    waiting = iter(jobs)
    failed: BaseException | None = None
    # Fresh processes: a fork would copy the event loops and the threads of whoever calls.
    with ProcessPoolExecutor(at_once, mp_context=multiprocessing.get_context("spawn"), initializer=_begin) as pool:
        running = {pool.submit(_render, job) for job in itertools.islice(waiting, at_once)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            failed = failed or next((error for task in done if (error := task.exception())), None)
            # One begun for one done, as the pool would take some beforehand and could not give them back.
            running |= {pool.submit(_render, job) for job in itertools.islice(waiting, 0 if failed else len(done))}
    if isinstance(failed, BrokenProcessPool):
        raise TTCError(
            "a process that made a report was ended from outside, as the system does when memory runs out: make fewer "
            "at a time with --processes 1"
        ) from failed
    if failed:
        raise failed
    index = folder / INDEX
    index.write_text(index_html(jobs), encoding="utf-8")
    notify(f"report: {index}, {len(jobs)} pages")
    return index


def _linked(jobs: Sequence[Job]) -> list[Job]:
    """The jobs, each with the index, what stands before and after it, and the page where its samples are browsed."""
    names = [job.target.name for job in jobs]
    browsed = [job for job in jobs if job.notebook.stem == BROWSED_IN]
    linked = []
    for at, job in enumerate(jobs):
        sides = [("← previous", names[at - 1])] if at else []
        sides += [("next →", names[at + 1])] if at + 1 < len(names) else []
        alike = [one for one in browsed if one.varied.items() <= job.varied.items()] or browsed
        if alike and job.notebook.stem != BROWSED_IN:
            sides.append((SAMPLES, alike[0].target.name))
        linked.append(replace(job, related=(("all reports", INDEX), *sides)))
    return linked


_KERNEL = SharedKernel()  # of this process, for the reports that it makes one after the other


def _render(job: Job) -> Path:
    return render_report(
        job.notebook, job.target, job.parameters, related=job.related, kernel=_KERNEL, notify=_tell(job)
    )


def _begin() -> None:
    """A process that makes reports ends its kernel when it ends."""
    multiprocessing.util.Finalize(None, _KERNEL.close, exitpriority=1)


def _tell(job: Job) -> Callable[[str], None]:
    variant = "".join(f" {key}={value}" for key, value in job.varied.items())

    def tell(text: str) -> None:
        # One write a line, so that lines of several processes do not mix.
        sys.stderr.write(text.replace(f"report: {job.notebook.stem}:", f"report: {job.notebook.stem}{variant}:") + "\n")
        sys.stderr.flush()

    return tell


def _in_a_name(value: Any) -> str:
    """A parameter's value as part of a file name."""
    kept: Iterable[str] = (letter if letter.isalnum() or letter in "._-" else "-" for letter in str(value))
    return "".join(kept)[:60] or "empty"
