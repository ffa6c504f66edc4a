"""The notebooks about real models: on the store that ships, on stores of known shape, and on one that lacks them."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("nbformat", reason="nbformat is not installed")
for package in ("papermill", "IPython", "ipywidgets", "anywidget"):
    pytest.importorskip(package, reason=f"{package} is not installed")

import ttclib  # noqa: E402
from tests.show.chart_rules import faults  # noqa: E402
from tests.show.inprocess import outputs_of  # noqa: E402
from tests.show.stores import make_store  # noqa: E402
from tests.show.test_notebooks import LACK, notebook_of, read, run_checked  # noqa: E402
from tests.study.efforts import make_efforts  # noqa: E402
from ttclib.analysis.columns import shown, strategy_label  # noqa: E402
from ttclib.analysis.ledger import Ledger  # noqa: E402
from ttclib.show.page import findings_of  # noqa: E402
from ttclib.show.report import parameters_of  # noqa: E402
from ttclib.show.theme import VEGALITE_MIME  # noqa: E402
from ttclib.study.answers import Answer  # noqa: E402
from ttclib.study.flywheel import ask_flywheel, open_flywheel  # noqa: E402
from ttclib.study.gain import ask_gain  # noqa: E402
from ttclib.study.inside import ask_inside, open_inside  # noqa: E402
from ttclib.study.inside_findings import of_models  # noqa: E402
from ttclib.study.inside_training import ask_inside_training  # noqa: E402
from ttclib.study.many_or_once import ManyOrOnce, ask_many_or_once  # noqa: E402
from ttclib.study.question import question  # noqa: E402

STORE = Path(__file__).resolve().parents[2] / "store" / "frontier.duckdb"


def expected(name: str, store: Path, **given: Any) -> list[Answer[ManyOrOnce]]:
    """What a notebook must have found, asked of the study."""
    told = {**parameters_of(notebook_of(name)), **given}
    ledger = Ledger(unit=told["charge"])
    if name == "10_which_model":
        pairs = [(told["policies"], benchmark, told["setting"]) for benchmark in told["benchmarks"]]
    else:
        pairs = [(policy, told["benchmark"], told["setting"] or "*") for policy in told["policies"]]
    return [
        ask_many_or_once(ttclib.open(store, policy, benchmark=benchmark, setting=setting), question(), ledger=ledger)
        for policy, benchmark, setting in pairs
    ]


def check(ran: Any, answers: list[Answer[ManyOrOnce]]) -> None:
    """The sentences, the table's numbers and the charts' are the study's."""
    said = read(ran)
    assert LACK not in said
    assert findings_of(ran) == [one.findings[0] for one in answers]
    for one in answers:
        for sentence in one.findings[1:]:
            assert sentence in said
        for row in one.result.frame.iter_rows(named=True):
            shown = f"{row['accuracy_many'] * 100:.1f}% {row['once']} "
            many = f"{row['many']} × {row['budget']}"
            assert (f"{many} " in said or f"{many}, {strategy_label(row['strategy'])} " in said) and shown in said
    specs = outputs_of(ran, VEGALITE_MIME)
    assert len(specs) == 1 + len(answers)
    drawn = [
        (row["many"], row["budget"], round(row["difference"], 4))
        for row in specs[0]["datasets"]["rows"]
        if not row["heading"]
    ]
    equal = [
        (row["many"], row["budget"], round(row["difference"], 4))
        for one in answers
        for row in one.result.frame.iter_rows(named=True)
        if row["budget"] > 1 and row["at_most"] is not None
    ]
    assert [drawn_one[:2] for drawn_one in drawn] == [one[:2] for one in equal]
    assert [one[2] for one in drawn] == pytest.approx([one[2] for one in equal], abs=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["10_which_model", "11_think_longer"])
def test_on_the_store_that_ships(name: str, tmp_path: Path) -> None:
    ran = run_checked(name, tmp_path)
    check(ran, expected(name, STORE))
    assert [fault for spec in outputs_of(ran, VEGALITE_MIME) for fault in faults(spec)] == []
    said = read(ran)
    assert 'Epoch AI, "AI Benchmarking Hub", epoch.ai, 2026, CC BY 4.0' in ran.cells[-1].source
    assert "openai/" not in said and "reasoning_" not in said and "otis_mock" not in said, "a raw id"
    if name == "11_think_longer":
        assert "No thinking × 8 reaches 53.6% by majority vote for 9,551 tokens, all that is held" in said
    else:
        assert "OTIS Mock AIME, at the price of one dearer answer: several cheaper ones and the one cannot be" in said


@pytest.mark.slow
def test_what_the_gain_of_thinking_is_made_of(tmp_path: Path) -> None:
    ran = run_checked("16_coverage_or_reasoning", tmp_path)
    found = ask_gain(ttclib.open(STORE, "openai/gpt-5.1", benchmark="otis_mock_aime", setting="*"))
    said = read(ran)
    assert findings_of(ran) == list(found.findings) and LACK not in said
    assert "openai/" not in said and "reasoning_" not in said and "otis_mock" not in said, "a raw id"
    for row in found.result.frame.iter_rows(named=True):
        assert f"{shown(row['first'], 'first')} {shown(row['second'], 'second')}" in said
    gains, lengths = (spec["datasets"]["rows"] for spec in outputs_of(ran, VEGALITE_MIME))
    assert [row["difference"] for row in gains] == pytest.approx(found.result.frame["difference"].to_list(), abs=1e-5)
    assert [row["deviation"] for row in lengths] == pytest.approx(found.result.lengths["deviation"].to_list(), abs=1e-5)


@pytest.mark.slow
def test_a_gain_on_a_store_that_lacks_it_is_said_once(tmp_path: Path) -> None:
    store = make_store(tmp_path / "poor.duckdb", n_problems=3, n_samples=4, scored=False)
    one = {"policies": ["small"], "benchmark": None}
    said = read(run_checked("16_coverage_or_reasoning", tmp_path, store=str(store), **one))
    assert said.count(LACK) == 1 and "one side, small: name two policies" in said


@pytest.mark.slow
def test_inside_or_outside(tmp_path: Path) -> None:
    ran = run_checked("19_inside_or_outside", tmp_path)
    told = parameters_of(notebook_of("19_inside_or_outside"))
    store, code = (STORE.with_name(Path(told[name]).name) for name in ("store", "code_store"))
    sides = [told["direct"], told["steps"]]
    lab = ask_inside(open_inside(store, sides), question(verifier=told["verifier"]))
    trained = ask_inside_training(store, *sides, few_shot=told["few_shot"])
    (policy,) = told["thinking"]
    efforts = open_inside(STORE, policy, benchmark=told["thinking_benchmark"], setting="*")
    thinking = ask_inside(efforts, question(strategies=["pass_at_k", "majority_vote"], lacking="leave out"))
    asked = question(strategies="pass_at_k")
    models = [
        ask_inside(open_inside(code, one, benchmark=told["code_benchmarks"]), asked) for one in told["code_models"]
    ]
    sentences = [*lab.findings, *trained.findings, *thinking.findings, *of_models([one.result for one in models])]
    assert findings_of(ran) == sentences and LACK not in read(ran)
    caught, data, routes, _ = specs = outputs_of(ran, VEGALITE_MIME)
    assert [fault for spec in specs for fault in faults(spec)] == []
    for spec, frame, name in (
        (caught, lab.result.curves, "accuracy"),
        (data, trained.result.frame, "accuracy"),
        (routes, trained.result.routes.drop_nulls("cost"), "cost"),
    ):
        drawn = [row[name] for row in spec["datasets"]["rows"]]
        assert drawn == pytest.approx(frame[name].to_list(), rel=1e-4)


@pytest.mark.slow
def test_inside_or_outside_on_a_store_that_lacks_it_is_said_once_a_question(tmp_path: Path) -> None:
    poor = str(make_store(tmp_path / "poor.duckdb", n_problems=3, n_samples=4, scored=False))
    stores = {"store": poor, "thinking_store": poor}
    said = read(run_checked("19_inside_or_outside", tmp_path, **stores))
    assert said.count(LACK) == 2 and "unknown policy 'lab-policy-direct'" in said and "Of 5 models" in said


def test_what_the_flywheel_did(tmp_path: Path) -> None:
    ran = run_checked("18_the_flywheel", tmp_path)
    found = ask_flywheel(open_flywheel(STORE.with_name("flywheel.duckdb")))
    said = read(ran)
    assert findings_of(ran) == list(found.findings) and LACK not in said
    charts = outputs_of(ran, VEGALITE_MIME)
    assert [fault for spec in charts for fault in faults(spec)] == []
    moved, flow = (spec["datasets"]["rows"] for spec in charts)
    wanted = found.result.moved.filter(found.result.moved["measure"].is_in(["accuracy", "coverage"]))
    assert [row["difference"] for row in moved] == pytest.approx(wanted["difference"].to_list(), abs=1e-5)
    assert [row["share"] for row in flow] == pytest.approx(found.result.flow["share"].to_list(), abs=1e-5)
    for row in found.result.rounds.iter_rows(named=True):
        assert f"{row['policy']} {shown(row['accuracy'], 'accuracy')}" in said


@pytest.mark.slow
def test_a_store_without_a_flywheel_is_said_once(tmp_path: Path) -> None:
    store = make_store(tmp_path / "poor.duckdb", n_problems=3, n_samples=4, scored=False)
    said = read(run_checked("18_the_flywheel", tmp_path, store=str(store)))
    assert said.count(LACK) == 1 and "turn one with ttc lab flywheel" in said.replace("`", "")


@pytest.mark.slow
def test_other_models_and_costs_by_parameters(tmp_path: Path) -> None:
    store = make_store(tmp_path / "two.duckdb", n_samples=8, larger=True)
    given = {"policies": ["small", "large"], "benchmarks": [None], "setting": None, "charge": "flops"}
    ran = run_checked("10_which_model", tmp_path, store=str(store), **given)
    answers = expected("10_which_model", store, **given)
    check(ran, answers)
    assert answers[0].result.sides == ("small", "large") and "small × 4" in read(ran)
    efforts = make_efforts(tmp_path / "e.duckdb", {"low": (0.3, 100), "high": (0.9, 410), "max": (0.9, 900)})
    given = {"policies": ["m"], "benchmark": None}
    check(
        run_checked("11_think_longer", tmp_path, store=str(efforts), **given),
        expected("11_think_longer", efforts, **given),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["10_which_model", "11_think_longer"])
def test_a_store_without_them_says_so_once(name: str, tmp_path: Path) -> None:
    store = make_store(tmp_path / "poor.duckdb", n_problems=3, n_samples=4, scored=False)
    said = read(run_checked(name, tmp_path, store=str(store)))
    assert said.count(LACK) == 1 and "unknown policy 'openai/gpt-5" in said
    if name == "11_think_longer":
        one = {"policies": ["small"], "benchmark": None}
        said = read(run_checked(name, tmp_path, store=str(store), **one))
        assert said.count(LACK) == 1 and "one side, small: name two policies or settings to compare" in said
