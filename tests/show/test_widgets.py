"""The explorers without a browser: state, what is recomputed, and errors that can be seen."""

import shlex
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import ttclib
from tests.show.stores import make_counts
from ttclib.cli.common import assignment
from ttclib.errors import RequestError
from ttclib.replay.strategies.best_of_n import BestOfN
from ttclib.study.study import Study

pytest.importorskip("anywidget", reason="anywidget is not installed")
pytest.importorskip("ipywidgets", reason="ipywidgets is not installed")

from ttclib.show import widgets
from ttclib.show.notebook import SAMPLING
from ttclib.show.widgets import ViewState, controls
from ttclib.show.widgets.state import number_between


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The settings of every replay of best-of-N."""
    made: list[dict[str, Any]] = []
    replay = BestOfN.replay

    def counted(self: BestOfN, samples: Any, budgets: Any, **settings: Any) -> Any:
        made.append(settings)
        return replay(self, samples, budgets, **settings)

    monkeypatch.setattr(BestOfN, "replay", counted)
    return made


@pytest.fixture
def explorer(demo_like_store: Path, calls: list[dict[str, Any]]) -> Any:
    return widgets.ReplayExplorer(ttclib.open(demo_like_store), strategies=SAMPLING)


def control(explorer: Any, description: str) -> Any:
    """A control by the name a reader sees."""

    def walk(widget: Any) -> Any:
        if getattr(widget, "description", None) == description:
            return widget
        return next((found for child in getattr(widget, "children", ()) if (found := walk(child)) is not None), None)

    return walk(explorer.widget)


def shown(explorer: Any) -> str:
    return "".join(
        child.value for child in explorer.widget.children if hasattr(child, "value") and isinstance(child.value, str)
    )


def test_a_budget_step_computes_and_redraws_nothing(explorer: Any, calls: list[dict[str, Any]]) -> None:
    view = explorer._chart.children[0]
    spec = view.spec
    control(explorer, "Budget N").value = 4
    assert len(calls) == 1
    assert view.spec is spec
    assert view.signals == {"budget_now": 4, "intervals": True}
    assert view.rows == spec["datasets"]["rows"]
    assert explorer.table["budget"].unique().to_list() == [4]
    assert "N = 4" in shown(explorer)
    control(explorer, "intervals").value = False
    assert view.spec is spec and view.signals == {"budget_now": 4, "intervals": False}


def test_each_setting_is_computed_once(explorer: Any, calls: list[dict[str, Any]]) -> None:
    for aggregation in ("min", "last", "min"):
        control(explorer, "PRM score").value = aggregation
    assert [call["aggregation"] for call in calls] == ["last", "min"]


def test_a_budget_between_the_steps_adds_its_row(explorer: Any, calls: list[dict[str, Any]], study: Study) -> None:
    view = explorer._chart.children[0]
    spec = view.spec
    control(explorer, "any N").value = True
    control(explorer, "Budget N").value = 11
    assert explorer.state.budget == 11 and explorer.table["budget"].unique().to_list() == [11]
    assert view.spec is spec and view.signals["budget_now"] == 11 and len(calls) == 1
    alone = study.replay(strategies="best_of_n", budgets=11).frame["accuracy"][0]
    assert explorer.table.filter(pl.col("strategy") == "best_of_n")["accuracy"][0] == pytest.approx(alone)
    drawn = {(row["strategy"], row["budget"]): row["accuracy"] for row in view.rows}
    assert {budget for _, budget in drawn} == {1, 2, 4, 8, 11, 16}
    assert drawn["best_of_n", 11] == pytest.approx(alone, abs=1e-5)
    control(explorer, "any N").value = False
    assert explorer.state.budget == 8  # the step below
    assert control(explorer, "Budget N").value == 8 and view.rows == spec["datasets"]["rows"]
    explorer.state.budget = 5
    assert control(explorer, "any N").value is True and control(explorer, "Budget N").value == 5


WANTED = {
    "policy": "small",
    "strategies": ["pass_at_k", "best_of_n"],
    "budget": 2,
    "verifier": "logprob",
    "aggregation": "mean",
    "bins": 3,
    "difficulty": "predicted",
    "intervals": False,
}


def test_a_budget_beyond_those_that_are_kept_is_replayed_when_it_is_asked_for(
    demo_like_store: Path, calls: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ttclib.show.widgets.replay.EVERY", 4)
    explorer = widgets.ReplayExplorer(ttclib.open(demo_like_store), strategies=SAMPLING)
    explorer.state.aggregation = "min"
    for budget in (3, 8, 11, 11):
        explorer.state.budget = budget
        assert explorer.table["budget"].unique().to_list() == [budget]
    # Up to 4 and the slider's steps at first, the same for another score, and 11.
    assert [call["aggregation"] for call in calls] == ["last", "min", "min"]


def test_state_is_plain_and_can_be_set(explorer: Any, calls: list[dict[str, Any]]) -> None:
    explorer.state.set(**WANTED)
    assert explorer.state.values() == WANTED
    whole = [call for call in calls if call["verifier"].name == "logprob"]
    assert len(whole) in (1, 3)  # once; and where difficulty is told on other samples, each half once
    explorer.state.budget = 4
    assert [call for call in calls if call["verifier"].name == "logprob"] == whole
    explorer.state.budget = 2
    labels = {"budget": "Budget N", "verifier": "Verifier", "aggregation": "PRM score", "bins": "Difficulty"}
    assert {name: control(explorer, label).value for name, label in labels.items()} == {
        name: WANTED[name] for name in labels
    }
    assert sorted(explorer.table["strategy"].unique()) == ["best_of_n", "pass_at_k"]
    assert set(explorer.table["bin"].to_list()) == {None, 1, 2, 3}


def test_no_bins_is_a_choice_that_the_list_shows(explorer: Any) -> None:
    difficulty = control(explorer, "Difficulty")
    for bins, label in ((None, "off"), (3, "3 bins"), (None, "off")):
        explorer.state.bins = bins
        assert difficulty.label == label
    difficulty.label = "3 bins"
    assert explorer.state.bins == 3
    difficulty.label = "off"
    assert explorer.state.bins is None and difficulty.label == "off"


def test_a_view_is_rerun_from_its_parameters(explorer: Any, demo_like_store: Path) -> None:
    explorer.state.set(**WANTED)
    written: dict[str, Any] = {}
    exec(explorer.parameters(), written)
    assert {key: written[key] for key in WANTED} == WANTED
    words = shlex.split(explorer.command())
    assert words[:3] == ["ttc", "report", "notebooks/01_replay.ipynb"] and set(words[3::2]) == {"-p"}
    assert dict(map(assignment, words[4::2])) == {"store": str(demo_like_store), **WANTED}
    assert "best_of_n" in explorer._rerun.value


def test_one_state_can_move_two_explorers_controls(explorer: Any) -> None:
    again = controls.budget(explorer.state, explorer.budgets)
    again.children[0].value = 2
    assert control(explorer, "Budget N").value == 2 and explorer.table["budget"][0] == 2


def test_wrong_state_is_refused_and_changes_nothing(explorer: Any) -> None:
    before = explorer.state.values()
    wrong: dict[str, Any]
    for wrong in (
        {"budgett": 2},
        {"budget": 300},
        {"budget": 2.5},
        {"strategies": ["best"]},
        {"bins": 4},
        {"verifier": "orm"},
        {"intervals": 1},
        {"budget": 2, "bins": 4},
    ):
        with pytest.raises(RequestError):
            explorer.state.set(**wrong)
    with pytest.raises(RequestError, match="did you mean 'budget'"):
        explorer.state.budgte = 3
    assert explorer.state.values() == before


def test_an_exception_in_a_callback_is_shown(demo_like_store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replay = BestOfN.replay

    def fails_later(self: BestOfN, *arguments: Any, **settings: Any) -> Any:
        if settings["aggregation"] == "min":
            raise ZeroDivisionError("by <zero>")
        return replay(self, *arguments, **settings)

    monkeypatch.setattr(BestOfN, "replay", fails_later)
    explorer = widgets.ReplayExplorer(ttclib.open(demo_like_store), strategies=SAMPLING)
    control(explorer, "PRM score").value = "min"
    assert 'role="alert"' in shown(explorer) and "ZeroDivisionError: by &lt;zero&gt;" in shown(explorer)
    control(explorer, "PRM score").value = "last"
    assert 'role="alert"' not in shown(explorer)


def test_no_strategy_chosen_is_said(explorer: Any) -> None:
    explorer.state.strategies = []
    assert "no strategy is chosen" in shown(explorer)


def test_a_store_without_scores_can_be_explored(unscored_store: Path) -> None:
    explorer = widgets.ReplayExplorer(ttclib.open(unscored_store), strategies=SAMPLING)
    assert 'role="alert"' not in shown(explorer)
    assert set(explorer.table["strategy"]) == {"pass_at_k", "majority_vote"}
    assert "left out: best-of-N, best-of-N weighted (no such scores)" in shown(explorer)


def test_a_store_of_counts_can_be_explored(tmp_path: Path) -> None:
    study = ttclib.open(make_counts(tmp_path / "s.duckdb"))
    explorer = widgets.ReplayExplorer(study, strategies=SAMPLING)
    assert explorer.state.strategies == ["pass_at_k"] and 'role="alert"' not in shown(explorer)
    explorer.state.budget = 1
    n, c = study.pool.counts or (0, 0)
    assert explorer.table["accuracy"].to_list() == pytest.approx([(c / n).mean()])


def test_strategies_are_switched_without_a_replay(explorer: Any, calls: list[dict[str, Any]]) -> None:
    explorer.state.strategies = ["best_of_n"]
    assert explorer.table["strategy"].to_list() == ["best_of_n"]
    explorer.state.strategies = ["pass_at_k", "best_of_n"]
    assert explorer.table["strategy"].to_list() == ["pass_at_k", "best_of_n"] and len(calls) == 1


def test_a_log_slider_moves_the_exchange_rate() -> None:
    state = ViewState({"exchange_rate": number_between(0.01, 1000, "exchange rate")}, exchange_rate=1.0)
    slider = controls.exchange_rate(state)
    slider.value = 22.0
    assert state.exchange_rate == 22.0
    state.exchange_rate = 0.16
    assert slider.value == pytest.approx(0.16)
