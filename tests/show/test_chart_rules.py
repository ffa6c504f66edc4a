"""The rules that all charts are held to find what breaks them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.show import frames
from tests.show.chart_rules import faults
from ttclib.show.charts import accuracy_chart

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def sound() -> Spec:
    spec: Spec = accuracy_chart(frames.curves(), slider=True, by_bin=True).to_dict()
    assert faults(spec) == []
    return spec


def layers(spec: Spec, kind: str) -> list[Spec]:
    return [one for one in spec["layer"] if one["mark"]["type"] == kind]


def an_id(spec: Spec) -> None:
    spec["title"]["text"] = "best_of_n against budget"


def a_null(spec: Spec) -> None:
    spec["datasets"]["rows"][0]["flops_text"] = None


def no_such_row(spec: Spec) -> None:
    layers(spec, "point")[0]["encoding"]["tooltip"][0]["field"] = "nothing"


def a_bare_slider(spec: Spec) -> None:
    next(one for one in spec["params"] if one["name"] == "budget_now")["bind"] = {"input": "range", "name": "N"}


def a_choice_that_is_none(spec: Spec) -> None:
    next(one for one in spec["params"] if one["name"] == "budget_now")["value"] = 3


def one_look(spec: Spec) -> None:
    for one in spec["layer"]:
        for channel in ("strokeDash", "shape"):
            scale = one["encoding"].get(channel, {}).get("scale")
            if scale and one["encoding"][channel].get("field") == "name":
                scale["range"] = [scale["range"][0]] * len(scale["domain"])


def two_lines_in_one(spec: Spec) -> None:
    rows = spec["datasets"]["rows"]
    first, second, *_ = dict.fromkeys(row["name"] for row in rows)
    values = {(row["bin"], row["budget"]): row["accuracy"] for row in rows if row["name"] == first}
    for row in rows:
        if row["name"] == second:
            row["accuracy"] = values[row["bin"], row["budget"]]


def a_value_of_elsewhere(spec: Spec) -> None:
    row = next(row for row in spec["datasets"]["rows"] if row.get("end_label"))
    row["end_label"] = f"1.2%  {row['name']}"


def small_text(spec: Spec) -> None:
    spec["config"]["axis"]["labelFontSize"] = 9


def pale_lines(spec: Spec) -> None:
    for one in spec["layer"]:  # whose scales are one
        if scale := one["encoding"].get("color", {}).get("scale"):
            scale["range"] = ["#dddddd"] * len(scale["domain"])


def pale_text(spec: Spec) -> None:
    spec["config"]["axis"]["labelColor"] = "#999999"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (an_id, "ids: 'best_of_n'"),
        (a_null, "tooltips: flops_text"),
        (no_such_row, "tooltips: nothing"),
        (a_bare_slider, "lists: budget_now is a slider"),
        (a_choice_that_is_none, "lists: budget_now stands at 3"),
        (one_look, "differ by colour alone"),
        (two_lines_in_one, "are one line, which is not said"),
        (a_value_of_elsewhere, "is not what its row holds"),
        (small_text, "has 9.0 px"),
        (pale_lines, "legible: line in #dddddd"),
        (pale_text, "legible: text in #999999"),
    ],
)
def test_what_breaks_a_rule_is_named(harm: Callable[[Spec], None], said: str, sound: Spec) -> None:
    spec = copy.deepcopy(sound)
    harm(spec)
    assert any(said in fault for fault in faults(spec)), faults(spec)
