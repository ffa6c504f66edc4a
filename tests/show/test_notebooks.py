"""Every notebook on every kind of store: it answers with the study's numbers, or says once what is missing."""

import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ttclib

nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
for package in ("papermill", "IPython", "ipywidgets", "anywidget"):
    pytest.importorskip(package, reason=f"{package} is not installed")

from tests.show.chart_rules import faults  # noqa: E402
from tests.show.inprocess import NOTEBOOKS, html_of, outputs_of, run  # noqa: E402
from tests.show.stores import make_counts, make_store  # noqa: E402
from tests.study.test_flywheel import FIRST, SECOND, made  # noqa: E402
from ttclib.analysis.verifier import verifier_quality  # noqa: E402
from ttclib.replay.strategy import strategies  # noqa: E402
from ttclib.show.notebook import NAMED, QUESTIONS, SAMPLING, open_larger, open_study, questions_html  # noqa: E402
from ttclib.show.page import NOTEBOOK_ONLY, findings_of  # noqa: E402
from ttclib.show.report import parameters_of  # noqa: E402
from ttclib.show.theme import VEGALITE_MIME  # noqa: E402
from ttclib.study.account import ask_account  # noqa: E402
from ttclib.study.answers import ask_crossover, ask_frontier  # noqa: E402
from ttclib.study.chains import open_chains  # noqa: E402
from ttclib.study.checkpoints import ask_training, open_checkpoints  # noqa: E402
from ttclib.study.coverage import ask_beyond_pool, predict  # noqa: E402
from ttclib.study.difficulty import answer as ask_difficulty  # noqa: E402
from ttclib.study.findings import of_selection  # noqa: E402
from ttclib.study.graders import ask_graders  # noqa: E402
from ttclib.study.pairs import ask_pairs, pairs_of  # noqa: E402
from ttclib.study.question import question  # noqa: E402
from ttclib.study.rehearsal import ask_rehearsal  # noqa: E402
from ttclib.study.searches import open_searches  # noqa: E402
from ttclib.study.sides import compare_sides, other_side  # noqa: E402

EVERY = [path.stem for path in NOTEBOOKS]
# Those that ask any store of one or two policies; those about many settings of real models: test_real_notebooks.py.
NAMES = [
    path.stem for path in NOTEBOOKS if Path(parameters_of(path)["store"]).stem not in ("frontier", "flywheel", "inside")
]
MAX_BYTES = 3_000_000
EVIL = "<script>window.__ran = 1</script><img src=x onerror='window.__ran = 2'>\n"
# Parameters other than the defaults, for each notebook those that it has.
OTHERS: dict[str, Any] = {
    "bins": 2,
    "verifier": "tiny-orm",
    "aggregation": "min",
    "budget": 4,
    "difficulty": "predicted",
    "intervals": False,
    "preset": "all-in",
    "exchange_rate": 22.0,
    "kind": "disagreement",
    "bin_shown": 1,
    "tree_strategy": "dvts",
    "tree_budget": 4,
    "selection": "majority",
    "n_probes": 4,
    "n_listed": 2,
    "largest_k": 100,
    "models": ["beta_binomial"],
    "n_resamples": 3,
    "strategies": ["best_of_n", "majority_vote"],
    "problems": "searched",
}
OWN: dict[str, dict[str, Any]] = {
    "00_start": {"verifier": "logprob"},
    "02_difficulty": {"verifier": "orm"},
    "03_search": {"strategies": ["dvts"], "verifier": "tiny-prm", "beam_width": 2, "lookahead_steps": 2},
    "04_revisions": {"verifier": "tiny-orm", "reviser": "reviser", "budget": 8},
    "05_frontier": {"verifier": "logprob", "baseline": "majority_vote", "strategies": ["best_of_n", "majority_vote"]},
    "06_crossover": {"verifier": "logprob", "param_ratio": 8.0, "lowest": 0.1, "highest": 10.0, "exchange_rate": 1.0},
    "08_samples": {"verifier": "tiny-prm"},
    "09_compare_stores": {"verifier": "prm", "other_verifier": "tiny-orm", "other_policy": "small", "budgets": [1, 8]},
    "14_graders": {"graders": ["stored", "exact"]},
    "15_does_knowing_pay": {"verifier": "tiny-prm", "probes": [4, 1], "difficulty": "predicted"},
    "17_from_replay_to_live": {"verifier": "tiny-prm", "probes": 2, "preset": "snell"},
}
# Fits are repeated for the bands, which takes its time and tells a test nothing.
QUICK: dict[str, dict[str, Any]] = {
    "07_scaling_fits": {"n_resamples": 3, "n_splits": 1},
    "12_open_models": {"n_resamples": 20},
    "13_train_or_sample": {"n_resamples": 20},
    "15_does_knowing_pay": {"n_resamples": 20},
    "17_from_replay_to_live": {"n_problems": 3, "n_splits": 2, "at_most": 4.0, "bins": 1},
}
LACK = "Not in this store"
FEW_CHECKPOINTS = "predicting a checkpoint from the others needs 12"


@pytest.fixture(scope="module")
def full_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("full")
    return make_store(
        folder / "full.duckdb", n_samples=8, search=True, revisions=True, larger=True, orm=True, text=EVIL
    )


@pytest.fixture(scope="module")
def poor_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One policy, three problems, no scores, no search, no revisions."""
    return make_store(tmp_path_factory.mktemp("poor") / "poor.duckdb", n_problems=3, n_samples=4, scored=False)


@pytest.fixture(scope="module")
def counts_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_counts(tmp_path_factory.mktemp("counts") / "counts.duckdb")


def notebook_of(name: str) -> Path:
    return NOTEBOOKS[EVERY.index(name)]


def alerts() -> list[str]:
    """What explorers said of exceptions, which would not fail a cell; all widgets are closed."""
    from ipywidgets.widgets.widget import Widget, _instances

    said = [widget.value for widget in _instances.values() if isinstance(getattr(widget, "value", None), str)]
    Widget.close_all()
    return [text for text in said if 'role="alert"' in text]


def read(ran: Any) -> str:
    """What a notebook's tables and sentences say, as they read."""
    html = re.sub(r"<(style|script)\b.*?</\1>", "", html_of(ran), flags=re.DOTALL)
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


def run_checked(name: str, folder: Path, **parameters: Any) -> Any:
    target = folder / f"{name}.ipynb"
    alerts()  # what other tests of this process left open is not this notebook's
    ran = run(notebook_of(name), target, **parameters)
    assert alerts() == []
    assert target.stat().st_size < MAX_BYTES
    assert [
        output.text for cell in ran.cells for output in cell.get("outputs", []) if output.get("name") == "stderr"
    ] == []
    # A lack is said once, not in every cell that it stops.
    lacks = re.findall(rf"{LACK}\. (.*?)(?= {LACK}|$)", read(ran))
    n_stores = sum(name.endswith("store") for name in parameters)
    assert len(set(lacks)) == len(lacks) <= max(2, n_stores)
    titles = [spec.get("title") for spec in outputs_of(ran, VEGALITE_MIME)]
    said = re.sub(
        r"'[^']*'|\(verifiers:.*?\)|Allowed: (\w+, )*\w+", "", read(ran)
    )  # what a parameter may be is no prose
    said += " ".join(str(part) for title in titles for part in (title or {}).values())
    raw = [one for one in strategies() if "_" in one and re.search(rf"\b{one}\b", said)]
    assert raw == [], "a reader sees names, not what the code calls a strategy"
    return ran


def expected_findings(name: str, store: Path) -> tuple[str, ...]:
    """What a notebook must have found with its default parameters, asked of the study."""
    study = open_study(store)
    if name in ("00_start", "01_replay"):
        return study.replay(strategies=SAMPLING, bins=5).findings
    if name == "02_difficulty":
        return ask_difficulty(study.pool, question(bins=5)).findings
    if name == "03_search":
        asked = question(strategies=["beam_search", "lookahead_search", "dvts", "rebase"], lacking="leave out")
        return open_searches(study, asked.but(parameters={"beam_width": (4,), "lookahead_steps": (1,)})).curves.findings
    if name == "04_revisions":
        return open_chains(study, question(selection="hierarchical", lacking="leave out")).findings()
    if name == "05_frontier":
        return ask_frontier(study, question(lacking="leave out"), probes=16).findings
    if name == "06_crossover":
        found = ask_crossover(study, open_larger(study), question(), [0.16, 0.79, 22.0])
        return tuple(line.partition(":")[0] for line in found.findings)
    if name == "07_scaling_fits":
        return ask_beyond_pool(study, **QUICK[name]).findings
    if name == "08_samples":
        curves = study.replay(strategies=["pass_at_k", "best_of_n"])
        return of_selection(curves.frame, verifier_quality(study.pool), study.pool.verifier("prm").label)
    if name == "14_graders":
        return ask_graders(study, ["math", "math-verify", "exact"]).findings
    if name == "15_does_knowing_pay":
        return ask_account(
            study,
            question(strategies=["majority_vote", "best_of_n", "weighted_best_of_n"], lacking="leave out"),
            n_resamples=20,
        ).findings
    if name == "17_from_replay_to_live":
        names = ["majority_vote", "best_of_n", "weighted_best_of_n", "adaptive_consistency"]
        asked = question(strategies=names, lacking="leave out", difficulty="predicted", bins=1)
        sets = {"probes": 4, "reused": True, "n_problems": 3, "n_splits": 2}
        return ask_rehearsal(study, asked, at_most=4.0, **sets).findings
    if name == "12_open_models":
        rates = np.geomspace(0.01, 1000.0, 41).tolist()
        return ask_pairs(store, pairs_of(store), rates, n_resamples=20).findings
    if name == "13_train_or_sample":
        return ask_training(open_checkpoints(store), 0.5, n_resamples=20).findings
    asked = question(strategies=SAMPLING)
    return compare_sides(study, other_side(study, asked)[0], asked).findings


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_answers_on_a_full_store(name: str, full_store: Path, tmp_path: Path) -> None:
    ran = run_checked(name, tmp_path, store=str(full_store), **QUICK.get(name, {}))
    html = html_of(ran)
    assert html.count(LACK) == html.count(FEW_CHECKPOINTS) == (name == "13_train_or_sample")
    charts = outputs_of(ran, VEGALITE_MIME)
    assert [fault for spec in charts for fault in faults(spec)] == []
    n_charts = len(charts)
    assert n_charts >= 1 or name == "08_samples"
    assert "<script>window" not in html and "<img src=x" not in html
    found, expected = findings_of(ran), expected_findings(name, full_store)
    assert len(expected) > 0
    if name == "06_crossover":
        found = [line.partition(":")[0] for line in found]
    assert found[: len(expected)] == list(expected)
    if name == "01_replay":
        curves = open_study(full_store).replay(strategies=SAMPLING).frame
        for row in curves.to_dicts():
            assert f" {row['budget']} {row['accuracy'] * 100:.1f}% [" in read(ran)
    if name == "07_scaling_fits":
        fit = predict(open_study(full_store).pool, ["power_law"], 10, 2).fits["power_law"]
        assert f"power law exp(a·k^b) a = {fit.a:.4g}, b = {fit.b:.4g}" in read(ran)
    if name == "08_samples":
        assert "&lt;script&gt;window.__ran = 1&lt;/script&gt;" in html
    if name == "05_frontier":  # at first the chart charges what the parameter says
        params = outputs_of(ran, VEGALITE_MIME)[0]["params"]
        assert next(one["value"] for one in params if one["name"] == "cost_now") == "snell"


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_does_as_its_parameters_say(name: str, full_store: Path, tmp_path: Path) -> None:
    given = _others(name)
    ran = run_checked(name, tmp_path, store=str(full_store), **{**given, **QUICK.get(name, {})})
    said, found = read(ran), findings_of(ran)
    assert said.count(LACK) == said.count(FEW_CHECKPOINTS)
    study = open_study(full_store)
    if name == "00_start":
        assert found == list(study.replay(strategies=SAMPLING, verifier="logprob", bins=2).findings)
    if name == "01_replay":
        asked = {name: given[name] for name in ("strategies", "verifier", "aggregation", "bins", "difficulty")}
        curves = study.replay(**asked)
        assert found == list(curves.findings) and curves.n_bins == 2
        assert "pass@k" not in said and any("tiny-orm" in line for line in curves.caption)
        assert any("2 bins of 6 problems" in line for line in curves.caption)
    if name == "02_difficulty":
        asked = question(verifier="tiny-orm", aggregation="min", bins=2)
        assert found == list(ask_difficulty(study.pool, asked).findings)
        assert said.count("Bin 1: ") == 1
    if name == "03_search":
        assert "DVTS (M=2)" in said and "beam search" not in said
    if name == "05_frontier":
        assert "majority vote" in said and "beam search" not in said and "revisions" not in said
    if name == "08_samples":
        assert said.count("· sample") == 2 * 3 + 2  # pairs, where strategies disagree
    if name == "09_compare_stores":
        ours, theirs = (
            study.replay(strategies="best_of_n", budgets=8, verifier=name).frame["accuracy"][0]
            for name in ("tiny-prm", "tiny-orm")
        )
        row = f"best-of-N 8 {ours * 100:.1f}% {theirs * 100:.1f}% "
        assert row in said


def test_a_pool_too_small_for_the_larger_model_is_said(full_store: Path, tmp_path: Path) -> None:
    text = read(run_checked("06_crossover", tmp_path, store=str(full_store), param_ratio=400.0, bins=1))
    assert "at every R the pool ends below what is affordable" in text


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_says_once_what_a_poor_store_lacks(name: str, poor_store: Path, tmp_path: Path) -> None:
    text = read(run_checked(name, tmp_path, store=str(poor_store), **QUICK.get(name, {})))
    says = {
        "00_start": "lacks scores and tree steps",
        "01_replay": "left out: best-of-N, best-of-N weighted (no such scores)",
        "02_difficulty": "predicted difficulty is left out: ",
        "03_search": "collect one with `ttc search CONFIG",
        "04_revisions": "collect them with `ttc revise CONFIG`",
        "05_frontier": "'weighted_best_of_n' is not among what is compared. Allowed: pass_at_k, majority_vote",
        "06_crossover": "sample one with `ttc sample`",
        "07_scaling_fits": "At k = 4 a right answer is among the samples of 100.0%",
        "08_samples": "score it with `ttc score`",
        "09_compare_stores": "score the samples with `ttc score`",
        "12_open_models": "no two policies with known parameters on one task",
        "13_train_or_sample": "holds one policy of known parameters and training tokens",
        "14_graders": "math, math-verify, exact grade all 12 answers alike.",
        "15_does_knowing_pay": "No gain survives its own bill at any budget held",
        "17_from_replay_to_live": "sets of 3 problems: half of what is held is 1, give 1 to 1",
    }
    assert says[name].replace("`", "") in text  # which is set as code
    answered = ("00_start", "01_replay", "02_difficulty", "07_scaling_fits", "14_graders", "15_does_knowing_pay")
    assert text.count(LACK) == (0 if name in answered else 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["00_start", "01_replay", "02_difficulty", "07_scaling_fits", "08_samples"])
def test_counts_alone_answer_coverage(name: str, counts_store: Path, tmp_path: Path) -> None:
    ran = run_checked(name, tmp_path, store=str(counts_store), **QUICK.get(name, {}))
    study = ttclib.open(counts_store)
    if name == "07_scaling_fits":
        found = ask_beyond_pool(study, **QUICK[name])
        assert findings_of(ran) == list(found.findings) and "times the pool" in found.findings[1]
        assert found.result.voting is None
    if name in ("00_start", "01_replay"):
        whole = study.replay(strategies="pass_at_k")
        assert findings_of(ran) == list(whole.findings) and "right answer is among" in whole.findings[0]
    if name == "01_replay":
        for row in whole.frame.filter(pl.col("bin").is_null()).to_dicts():
            assert f"pass@k {row['budget']} {row['accuracy'] * 100:.1f}% [" in read(ran)
    assert len(outputs_of(ran, VEGALITE_MIME)) >= 1 or name == "08_samples"


def test_one_of_two_settings_is_asked_for(tmp_path: Path) -> None:
    store = make_store(tmp_path / "two.duckdb", n_problems=6, n_samples=4, second_temperature=0.3)
    ran = run_checked("00_start", tmp_path, store=str(store), setting={"temperature": 0.3})
    study = ttclib.open(store, setting={"temperature": 0.3})
    assert findings_of(ran) == list(study.replay(strategies=SAMPLING, bins=5).findings)
    other = ttclib.open(store, setting={"temperature": 0.8}).replay(strategies=SAMPLING, bins=5)
    assert findings_of(ran) != list(other.findings)


def _others(name: str) -> dict[str, Any]:
    defaults = parameters_of(notebook_of(name))
    return {key: value for key, value in {**OTHERS, **OWN.get(name, {})}.items() if key in defaults}


@pytest.mark.parametrize("name", EVERY)
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
    # Parameters and imports are folded, so that what was found is on the first screen.
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.metadata.get("jupyter", {}).get("source_hidden") for cell in code[:2]] == [True, True]


def test_the_first_notebook_names_the_others() -> None:
    assert ["00_start", *QUESTIONS] == EVERY


def test_the_first_notebook_says_what_a_store_lacks_for_the_others(tmp_path: Path) -> None:
    def told(store: Path) -> dict[str, str]:
        rows = questions_html(store).split("<tr>")[2:]
        return {re.sub("<[^>]+>", " ", row).split()[0]: re.findall(r">([^<]*)</td></tr>", row)[0] for row in rows}

    plain = told(make_store(tmp_path / "plain.duckdb", n_problems=6, n_samples=8))
    assert list(plain) == list(QUESTIONS) and plain["01_replay"] == "✓"
    assert plain["18_the_flywheel"] == "lacks training rounds" and plain["06_crossover"] == "lacks two policies"
    turned = told(made(tmp_path / "turned.duckdb", FIRST, SECOND))
    assert turned["18_the_flywheel"] == "✓" and turned["12_open_models"] == "✓, once its policies are named"
    # A notebook's parameters name policies exactly where the list says so.
    for path in NOTEBOOKS:
        given = parameters_of(path)
        assert any(given.get(name) for name in ("policies", "families", "direct")) == (path.stem in NAMED), path.stem
