"""Every result column is registered, and a value is written in one way."""

import importlib
import pkgutil
from types import SimpleNamespace

import polars as pl
import pytest

import ttclib.analysis
import ttclib.plugins
from ttclib.analysis.columns import (
    KINDS,
    Column,
    column,
    columns,
    ends_of,
    prefixed,
    schema,
    shown,
    shown_interval,
    strategy_label,
)
from ttclib.analysis.result_columns import OWN
from ttclib.errors import RequestError

# A search's steps have whole tokens, a problem's are an expectation.
OTHER_TYPE = {("TRACE_SCHEMA", "tokens")}


def schemas() -> list[tuple[str, dict[str, object]]]:
    found = []
    for one in pkgutil.iter_modules(ttclib.analysis.__path__):
        try:
            loaded = importlib.import_module(f"ttclib.analysis.{one.name}")
        except ImportError:  # of a room that is being rebuilt; its own tests fail
            continue
        found += [(name, value) for name, value in vars(loaded).items() if name.endswith("SCHEMA")]
    return found


def test_every_schema_is_made_of_registered_columns() -> None:
    found = schemas()
    assert found
    for name, types in found:
        for one, dtype in types.items():
            assert one in columns(), f"{name}: {one} is not registered"
            assert columns()[one].dtype == dtype or (name, one) in OTHER_TYPE, f"{name}: {one} is {dtype}"


def test_columns_are_complete() -> None:
    for name, one in columns().items():
        assert one.name == name and one.kind in KINDS and one.meaning and one.null
        assert "_" not in one.heading
        for end in one.ends or ():
            assert end in columns(), f"{name}: {end}"


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 0.79649, "79.6%"),
        ("accuracy", 1.0, "100.0%"),
        ("accuracy", None, "–"),
        ("accuracy", float("nan"), "–"),
        ("accuracy", -1e-9, "0.0%"),
        ("bin", None, "all"),
        ("bin", 4, "4"),
        ("bin", 0, "not graded"),
        ("difference", -0.12, "−12.0"),
        ("difference", 0.034, "+3.4"),
        ("difference", -0.0004, "0.0"),
        ("difference", 0.0004, "0.0"),
        ("relative_gain", 0.0391, "+3.9%"),
        ("flops", 3.7e13, "37.0 T"),
        ("tokens", 1862.4, "1,862"),
        ("cost", 16.0, "16"),
        ("cost", 0.0, "0"),
        ("baseline_cost", None, "never reaches it"),
        ("break_even_queries", 8194675.3, "8.19 M"),
        ("break_even_queries", None, "never"),
        ("factor", 1.0732, "1.07 ×"),
        ("factor", float("inf"), "∞"),
        ("n_samples", 12345, "12,345"),
        ("pareto", True, "yes"),
        ("pareto", False, "no"),
        ("correct", 1.0, "✓"),
        ("correct", 0.0, "✗"),
        ("correct", 0.25, "0.25"),
        ("score", 0.8349, "0.83"),
        ("winner", None, "not answerable"),
        ("strategy", "weighted_best_of_n", "best-of-N weighted"),
        ("chosen", "lookahead_search (M=4, k=1)", "lookahead search (M=4, k=1)"),
        ("chosen", "compute_optimal", "compute-optimal"),
        ("strategy", "of_a_stranger", "of a stranger"),
        ("exchange_rate", 0.749894, "0.75"),
    ],
)
def test_a_value_is_written_by_its_column(name: str, value: object, text: str) -> None:
    assert shown(value, name) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.001234, "0.00123"),
        (999.4, "999"),
        (999.6, "1,000"),
        (99_999.4, "99,999"),
        (99_999.6, "100 k"),
        (123_456.0, "123 k"),
        (999_600.0, "1.00 M"),
        (-2.5e9, "−2.50 G"),
        (1.2e26, "120 Y"),
        (-0.0, "0"),
    ],
)
def test_a_quantity_has_three_digits_and_a_prefix(value: float, text: str) -> None:
    assert prefixed(value) == text


def test_a_unit_is_one_word_with_its_prefix() -> None:
    assert shown(3.7e13, "flops", unit=True) == "37.0 TFLOPs"
    assert shown(512.0, "flops", unit=True) == "512 FLOPs"
    assert shown(-0.12, "difference", unit=True) == "−12.0 points"
    assert shown(None, "flops", unit=True) == "–"


def test_an_end_that_is_not_there_is_open() -> None:
    assert shown_interval(0.741, 0.83, "accuracy") == "[74.1, 83.0]"
    assert shown_interval(-0.02, 0.03, "difference") == "[−2.0, +3.0]"
    assert shown_interval(1.05, None, "factor") == "[1.05, ∞)"
    assert shown_interval(1.05, float("inf"), "factor") == "[1.05, ∞)"
    assert shown_interval(None, 0.2458, "crossing") == "(0, 0.246]"
    assert shown_interval(float("nan"), None, "factor") == "–"


def test_an_interval_belongs_to_its_column() -> None:
    assert ends_of("accuracy", ["accuracy", "ci_low", "ci_high"]) == ("ci_low", "ci_high")
    assert ends_of("difference", ["ci_low", "ci_high", "difference_low", "difference_high"]) == (
        "difference_low",
        "difference_high",
    )
    assert ends_of("billed_factor", ["ci_low", "ci_high", "billed_low", "billed_high"]) == ("billed_low", "billed_high")
    assert ends_of("billed_factor", ["ci_low", "ci_high"]) is None
    assert ends_of("cost", ["ci_low", "ci_high"]) is None


def test_no_name_stands_for_two_columns() -> None:
    names = [one.name for one in OWN]
    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize(("name", "types"), schemas(), ids=[name for name, _ in schemas()])
def test_an_interval_has_one_owner_in_every_table(name: str, types: dict[str, object]) -> None:
    owners: dict[tuple[str, str], list[str]] = {}
    for one in types:
        if ends := ends_of(one, types):
            owners.setdefault(ends, []).append(one)
    assert all(len(each) == 1 for each in owners.values()), owners
    for end in ("ci_low", "ci_high"):
        assert end not in types or any(end in ends for ends in owners), "an interval of nothing"


def test_schema_and_changes() -> None:
    assert schema("bin", "accuracy") == {"bin": pl.Int64, "accuracy": pl.Float64}
    changed = column("difference", null="beyond the pool")
    assert shown(None, changed) == "beyond the pool" and column("difference").null == "–"
    with pytest.raises(RequestError, match="did you mean 'accuracy'"):
        column("acuracy")


def test_labels_keep_their_parameters() -> None:
    assert strategy_label("beam_search (M=√N)") == "beam search (M=√N)"
    assert strategy_label("revisions") == "revisions"
    assert strategy_label("large_model: best_of_n") == "large_model: best-of-N"


def test_another_package_adds_a_column(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Column("regret", pl.Float64, "what choosing lost", "points")
    taken = Column("accuracy", pl.String, "someone else's")
    points = [SimpleNamespace(name="regret", load=lambda: alone), SimpleNamespace(name="taken", load=lambda: [taken])]
    monkeypatch.setattr(ttclib.plugins, "entry_points", lambda group: points if group == "ttclib.columns" else [])
    columns.cache_clear()
    try:
        assert shown(0.01, "regret") == "+1.0"
        assert columns()["accuracy"].dtype == pl.Float64
    finally:
        columns.cache_clear()


def test_texts_stand_left_whatever_their_kind_and_numbers_right() -> None:
    """A kind whose values are texts is no number's, so that a column of names never stands at the right."""
    for one in columns().values():
        texts = one.dtype == pl.String
        assert not (texts and one.numeric), one.name
    assert shown("question:metadata", "difficulty") == "question: metadata"
    assert (shown(4.333, "mean_steps_wrong"), shown(10, "mean_steps_wrong")) == ("4.3", "10.0")


@pytest.mark.parametrize(
    ("variant", "label"),
    [
        ("revisions (ratio 0.0625)", "revisions (ratio 1:16)"),
        ("revisions (ratio 4, majority)", "revisions (ratio 4:1, majority)"),
        ("revisions (ratio best)", "revisions (ratio best)"),
        ("small: revisions (ratio 1)", "small: revisions (ratio 1:1)"),
    ],
)
def test_a_ratio_is_told_as_its_axis_tells_it(variant: str, label: str) -> None:
    assert strategy_label(variant) == label
