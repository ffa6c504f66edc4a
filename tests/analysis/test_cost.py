"""FLOPs a token and the FLOPs-matched multiplier, against the papers' figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ttclib.analysis.cost import flops_matched_multiplier, flops_per_token


@pytest.mark.parametrize(("context_tokens", "expected"), [(0, 1.606e10), (1000, 1.6584288e10)])
def test_flops_of_llama_3_8b(context_tokens, expected):
    value = flops_per_token(8.03e9, n_layers=32, hidden_size=4096, context_tokens=context_tokens)
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("param_ratio", "exchange_rate", "expected"),
    [(14, 0.16, 257.75), (14, 0.79, 63.3671), (14, 22, 15.7727), (2, 1, 5), (1, 0.3, 1), (1, 50, 1)],
)
def test_multiplier_reference_values(param_ratio, exchange_rate, expected):
    assert flops_matched_multiplier(param_ratio, exchange_rate) == pytest.approx(expected, abs=5e-5)


@given(st.floats(1, 1e4), st.floats(1e-3, 1e3))
def test_multiplier_solves_its_equation(param_ratio, exchange_rate):
    # X + cY = M (X + Y), with X = 6 N D_pretrain, Y = 2 N D_inference and D_inference = R D_pretrain.
    c = flops_matched_multiplier(param_ratio, exchange_rate)
    pretrain, inference = 6.0, 2.0 * exchange_rate
    assert pretrain + c * inference == pytest.approx(param_ratio * (pretrain + inference), rel=1e-9)
    assert c >= 1


@pytest.mark.parametrize(("param_ratio", "exchange_rate"), [(0.5, 1), (14, 0), (14, -1)])
def test_multiplier_refuses_the_impossible(param_ratio, exchange_rate):
    with pytest.raises(ValueError, match="must be"):
        flops_matched_multiplier(param_ratio, exchange_rate)
