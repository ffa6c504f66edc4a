"""The explorer without a browser: state, what is recomputed, and errors that can be seen."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ttclib.analysis.curves import SAMPLING, accuracy_curves
from ttclib.errors import RequestError
from ttclib.store import SamplePool, load_pool

pytest.importorskip("anywidget", reason="anywidget is not installed")
widgets = pytest.importorskip("ttclib.show.widgets", reason="ipywidgets is not installed")


@pytest.fixture
def calls() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def explorer(pool: SamplePool, calls: list[dict[str, Any]]) -> Any:
    def counted(*arguments: Any, **settings: Any) -> pl.DataFrame:
        calls.append(settings)
        return accuracy_curves(*arguments, **settings)

    return widgets.ReplayExplorer(pool, curves_of=counted)


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
    assert view.signals == {"budget_step": 2}
    assert explorer.table["budget"].unique().to_list() == [4]
    assert "N = 4" in shown(explorer)


def test_each_setting_is_computed_once(explorer: Any, calls: list[dict[str, Any]]) -> None:
    for aggregation in ("min", "last", "min"):
        control(explorer, "PRM score").value = aggregation
    assert [call["aggregation"] for call in calls] == ["last", "min"]


def test_state_is_plain_and_can_be_set(explorer: Any, calls: list[dict[str, Any]]) -> None:
    wanted = {
        "strategies": ["pass_at_k", "best_of_n"],
        "budget": 2,
        "verifier": "logprob",
        "aggregation": "mean",
        "bins": 3,
        "difficulty": "predicted",
    }
    explorer.state = wanted
    assert explorer.state == wanted
    assert len(calls) == 2  # one refresh for all settings together
    written: dict[str, Any] = {}
    exec(explorer.parameters(), written)
    assert {key: written[key] for key in wanted} == wanted
    assert sorted(explorer.table["strategy"].unique()) == ["best_of_n", "pass_at_k"]
    assert set(explorer.table["bin"].to_list()) == {None, 1, 2, 3}


def test_wrong_state_is_refused_and_changes_nothing(explorer: Any) -> None:
    before = explorer.state
    for wrong in ({"budgett": 2}, {"budget": 3}, {"strategies": ["best"]}, {"bins": 4}, {"verifier": "orm"}):
        with pytest.raises(RequestError):
            explorer.state = wrong
    assert explorer.state == before


def test_an_exception_in_a_callback_is_shown(pool: SamplePool) -> None:
    def fails_later(*arguments: Any, **settings: Any) -> pl.DataFrame:
        if settings["bins"]:
            raise ZeroDivisionError("by <zero>")
        return accuracy_curves(*arguments, **settings)

    explorer = widgets.ReplayExplorer(pool, curves_of=fails_later)
    control(explorer, "Difficulty").value = 3
    assert 'role="alert"' in shown(explorer) and "ZeroDivisionError: by &lt;zero&gt;" in shown(explorer)
    control(explorer, "Difficulty").value = None
    assert 'role="alert"' not in shown(explorer)


def test_no_strategy_chosen_is_said(explorer: Any) -> None:
    explorer.state = {"strategies": []}
    assert "no strategy is chosen" in shown(explorer)


def test_a_store_without_scores_can_be_explored(unscored_store: Path) -> None:
    explorer = widgets.ReplayExplorer(load_pool(unscored_store), strategies=SAMPLING)
    assert explorer.state["strategies"] == ["pass_at_k", "majority_vote"]
    assert 'role="alert"' not in shown(explorer)
    assert set(explorer.table["strategy"]) == {"pass_at_k", "majority_vote"}
