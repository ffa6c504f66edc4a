"""The keys of settings: one name for equal ones, what tells them apart, and how they are asked for."""

from __future__ import annotations

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.errors import RequestError
from ttclib.setting_keys import canonical_json, clean_keys, differing_keys, matches, option, setting_name

values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("abc.", max_size=2), inner, max_size=2),
    max_leaves=4,
)
keys = st.dictionaries(st.sampled_from(["temperature", "top_p", "effort", "stop"]), values, max_size=4)


@given(keys, keys)
def test_equal_settings_have_one_name_and_others_another(one, other):
    same = canonical_json(one) == canonical_json(other)
    assert (setting_name(one) == setting_name(other)) == same
    assert setting_name(json.loads(canonical_json(one))) == setting_name(one)
    assert (differing_keys([clean_keys(one), clean_keys(other)]) == ()) == same


@given(keys)
def test_a_setting_is_found_by_its_own_options(one):
    clean = clean_keys(one)
    asked = {}
    for word in shlex.split(option(clean, sorted(clean)))[1::2]:
        name, _, text = word.partition("=")
        try:
            asked[name] = json.loads(text)
        except ValueError:
            asked[name] = text
    assert matches(clean, asked)
    for name, value in clean.items():
        assert not matches(clean, {name: None}) and not matches(clean, {name: [value]})


def test_an_absent_key_is_a_value():
    assert matches({"temperature": 1.0}, {"effort": None, "temperature": "*"})
    assert not matches({"effort": "low"}, {"effort": None})
    assert setting_name({"effort": None}) == setting_name({}) == "imported"
    assert differing_keys([{"a": 1}, {"a": 1, "b": False}]) == ("b",)


def test_true_is_not_one_and_a_whole_number_is_itself_however_written():
    assert setting_name({"chat": True}) != setting_name({"chat": 1}) == setting_name({"chat": 1.0})
    assert not matches({"chat": True}, {"chat": 1})


def test_keys_inside_objects():
    one, other = ({"prompt_format": {"chat": chat, "system": None}} for chat in (True, False))
    assert differing_keys([one, other]) == ("prompt_format.chat",)
    assert matches(one, {"prompt_format.chat": True, "prompt_format.system": None})
    assert option(one, ["prompt_format.chat"]) == "--setting prompt_format.chat=true"


def test_what_json_cannot_hold():
    for value in (float("nan"), float("inf"), {1, 2}, b"x"):
        with pytest.raises(RequestError, match="give numbers, texts"):
            setting_name({"temperature": value})
