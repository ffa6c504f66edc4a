"""Every notebook on every kind of store: it runs, or it says what is missing. papermill gives the parameters."""

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
for package in ("papermill", "IPython", "ipywidgets", "anywidget"):
    pytest.importorskip(package, reason=f"{package} is not installed")

from tests.show.inprocess import NOTEBOOKS, html_of, outputs_of, run  # noqa: E402
from tests.show.stores import make_store  # noqa: E402
from ttclib.show.notebook import QUESTIONS  # noqa: E402
from ttclib.show.page import NOTEBOOK_ONLY  # noqa: E402
from ttclib.show.report import parameters_of  # noqa: E402
from ttclib.show.theme import VEGALITE_MIME  # noqa: E402

NAMES = [path.stem for path in NOTEBOOKS]
MAX_BYTES = 3_000_000
EVIL = "<script>window.__ran = 1</script><img src=x onerror='window.__ran = 2'>\n"
# Parameters other than the defaults, for each notebook those that it has.
OTHERS: dict[str, Any] = {
    "bins": 3,
    "verifier": "logprob",
    "aggregation": "min",
    "budget": 4,
    "difficulty": "predicted",
    "intervals": False,
    "preset": "all-in",
    "exchange_rate": 22.0,
    "kind": "disagreement",
    "bin_shown": 1,
    "tree_strategy": "dvts",
    "selection": "majority",
    "n_probes": 4,
    "largest_k": 100,
    "strategies": ["best_of_n", "majority_vote"],
    "models": ["beta_binomial"],
    "n_resamples": 3,
    "shared_problems": False,
}
# Fits are repeated for the bands, which takes its time and tells a test nothing.
QUICK: dict[str, dict[str, Any]] = {"07_scaling_fits": {"n_resamples": 3, "n_splits": 1}}


@pytest.fixture(scope="module")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    return make_store(folder / "full.duckdb", n_samples=8, search=True, revisions=True, larger=True, text=EVIL)


@pytest.fixture(scope="module")
def poor_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One policy, three problems, no scores, no search, no revisions."""
    return make_store(tmp_path_factory.mktemp("poor") / "poor.duckdb", n_problems=3, n_samples=4, scored=False)


def notebook_of(name: str) -> Path:
    return NOTEBOOKS[NAMES.index(name)]


def alerts() -> list[str]:
    """What explorers said of exceptions, which would not fail a cell."""
    from ipywidgets.widgets.widget import Widget, _instances

    said = [widget.value for widget in _instances.values() if isinstance(getattr(widget, "value", None), str)]
    Widget.close_all()
    return [text for text in said if 'role="alert"' in text]


def run_checked(name: str, folder: Path, **parameters: Any) -> Any:
    target = folder / f"{name}.ipynb"
    ran = run(notebook_of(name), target, **parameters)
    assert alerts() == []
    assert target.stat().st_size < MAX_BYTES
    assert [
        output.text for cell in ran.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    ] == []
    return ran


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_answers_on_a_full_store(name: str, full_store: Path, tmp_path: Path) -> None:
    ran = run_checked(name, tmp_path, store=str(full_store), **QUICK.get(name, {}))
    html = html_of(ran)
    assert "Not in this store" not in html
    n_charts = len(outputs_of(ran, VEGALITE_MIME))
    assert n_charts >= 1 or name == "08_samples"
    assert "<script>window" not in html and "<img src=x" not in html
    if name == "08_samples":
        assert "&lt;script&gt;window.__ran = 1&lt;/script&gt;" in html
    if name == "05_frontier":  # at first the chart charges what the parameter says
        params = outputs_of(ran, VEGALITE_MIME)[0]["params"]
        assert next(one["value"] for one in params if one["name"] == "cost_now") == "snell"
    run_checked(name, tmp_path, store=str(full_store), **_others(name))


def test_a_pool_too_small_for_the_larger_model_is_said(full_store: Path, tmp_path: Path) -> None:
    html = html_of(run_checked("06_crossover", tmp_path, store=str(full_store), param_ratio=14.0))
    assert "pool is too small for every exchange rate" in html
    # In the table of crossings too, which is drawn all the same.
    assert "not defined: the pool is too small" in html


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_a_poor_store_lacks(name: str, poor_store: Path, tmp_path: Path) -> None:
    ran = run_checked(name, tmp_path, store=str(poor_store), **QUICK.get(name, {}))
    html = html_of(ran)
    says = {
        "00_start": "lacks scores and tree steps",
        "01_replay": "no PRM scores",
        "02_difficulty": "no PRM scores",
        "03_search": "no step scores",
        "04_revisions": "no revision chains",
        "05_frontier": "not hold it",
        "06_crossover": "no policy larger than",
        "07_scaling_fits": "",
        "08_samples": "no prm scores",
        "09_compare_stores": "left out",
    }
    assert says[name] in html


def _others(name: str) -> dict[str, Any]:
    defaults = parameters_of(notebook_of(name))
    own = {"03_search": {"strategies": ["dvts"]}}.get(name, {})
    return {key: value for key, value in {**OTHERS, **own}.items() if key in defaults}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_stored_clean(name: str) -> None:
    notebook = nbformat.read(notebook_of(name), as_version=4)
    nbformat.validate(notebook)
    tags = [tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])]
    assert tags.count("parameters") == 1 and set(tags) <= {"parameters", NOTEBOOK_ONLY}
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    assert notebook.metadata["title"] == notebook.cells[0].source.splitlines()[0].removeprefix("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == [] and cell.execution_count is None
            assert len(cell.source.splitlines()) <= 15


def test_the_first_notebook_names_the_others() -> None:
    assert ["00_start", *QUESTIONS] == NAMES
