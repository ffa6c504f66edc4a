"""The formulas of the papers on their own figures, and the ledger against them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.strategies_made import made
from ttclib.analysis.cost import flops_matched_multiplier, flops_per_token, kinetics_eflops, pretrain_flops
from ttclib.analysis.ledger import LEDGERS, SWITCHES, Ledger, MissingFact, ledger
from ttclib.analysis.ledger import priced as priced_of_several
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Source
from ttclib.samples import ModelFacts

LLAMA = {"n_layers": 32, "n_kv_heads": 8, "head_dim": 128, "n_heads": 32}
PRICES = {"usd_per_mtok_input": 2.0, "usd_per_mtok_output": 8.0}
POLICY = ModelFacts("llama", n_parameters=8_030_000_000, hidden_size=4096, **LLAMA, **PRICES)
PRM = ModelFacts("prm", n_parameters=1000, usd_per_mtok_input=0.5)
ONCE = {
    "generations": 4.0,
    "completion_tokens": 100.0,
    "pruned_tokens": 30.0,
    "rollout_tokens": 20.0,
    "prefill_tokens": 50.0,
    "cached_prefill_tokens": 12.0,
    "context_tokens": 2000.0,
    "kv_tokens": 700.0,
    "prm_tokens": 60.0,
    "serial_tokens": 40.0,
    "serial_prm_tokens": 16.0,
}


def priced(preset="snell", policy=POLICY, prm=PRM, variant="beam_search (M=4)", costs=ONCE, **switches):
    return float(ledger(preset, **switches).price(strategy(policy, prm, variant, costs))[0, 0])


def strategy(policy=POLICY, prm=PRM, variant="beam_search (M=4)", costs=ONCE):
    source = Source(
        policy="" if policy is None else policy.model,
        policy_model=policy,
        verifier="prm",
        verifier_model=prm,
    )
    return made([[0.5]], variant=variant, budgets=[4], costs=costs, source=source)


@pytest.mark.parametrize(
    ("n_parameters", "training_tokens", "expected"), [(3e9, 9e12, 1.62e23), (405e9, 15e12, 3.645e25)]
)
def test_pretraining_as_liu_et_al_tabulate_it(n_parameters, training_tokens, expected):
    assert pretrain_flops(n_parameters, training_tokens) == pytest.approx(expected, rel=1e-12)


def test_kinetics_term_by_term():
    n, p, l_in, l_out, intensity = 16, 8.03e9, 300, 2000, 562.5
    d, r = 2 * 32 * 8 * 128, 4
    expected = (
        2 * n * p * l_out
        + 2 * r * n * l_in * d * l_out
        + r * n * d * l_out**2
        + 2 * intensity * l_in * d * l_out
        + intensity * n * d * l_out**2
    )
    assert kinetics_eflops(n, p, l_in, l_out, **LLAMA) == pytest.approx(expected, rel=1e-12)
    by_name = kinetics_eflops(
        n_trials=n, n_parameters=p, prompt_tokens=l_in, completion_tokens=l_out, intensity=intensity, **LLAMA
    )
    assert by_name == pytest.approx(expected, rel=1e-12)


@given(st.integers(1, 64), st.integers(0, 500), st.integers(1, 500))
def test_the_kinetics_ledger_is_the_kinetics_formula(n, l_in, l_out):
    # N trials of one length on one prompt: what they attend to in sum, and what is read with the prompt shared.
    costs = {
        "completion_tokens": n * l_out,
        "context_tokens": n * (l_in * l_out + l_out**2 / 2),
        "kv_tokens": l_in * l_out + n * l_out**2 / 2,
    }
    expected = kinetics_eflops(n, POLICY.n_parameters, l_in, l_out, **LLAMA)
    assert priced("kinetics", costs=costs) == pytest.approx(expected, rel=1e-12)


def test_attention_is_that_of_flops_per_token():
    per_token = flops_per_token(8.03e9, n_layers=32, hidden_size=4096, context_tokens=20)
    assert priced(unit="flops", attention=True) == pytest.approx(100 * per_token)


P2, KV = 2 * POLICY.n_parameters, 65536


@pytest.mark.parametrize(
    ("preset", "switches", "expected"),
    [
        ("snell", {}, 4),
        ("snell", {"unit": "tokens"}, 100),
        ("snell", {"unit": "tokens", "pruned": False}, 70),
        ("snell", {"unit": "tokens", "rollouts": False, "pruned": False}, 50),
        ("snell", {"unit": "tokens", "prefill": True}, 112),
        ("snell", {"unit": "tokens", "prefill": True, "prefix_cache": False}, 150),
        ("snell", {"unit": "tokens", "verifier": True}, 160),
        ("snell", {"unit": "flops"}, P2 * 100),
        ("snell", {"unit": "flops", "pruned": False}, P2 * 70),
        ("snell", {"unit": "flops", "prefill": True}, P2 * 112),
        ("snell", {"unit": "flops", "verifier": True}, P2 * 100 + 2000 * 60),
        ("snell", {"unit": "flops", "kv_traffic": True}, P2 * 100 + 562.5 * 2 * KV * 700),
        ("snell", {"unit": "flops", "kv_traffic": True, "prefix_cache": False}, P2 * 100 + 562.5 * 2 * KV * 2000),
        ("snell", {"unit": "flops", "kv_traffic": True, "intensity": 1}, P2 * 100 + 2 * KV * 700),
        ("kinetics", {}, P2 * 100 + 2 * 4 * KV * 2000 + 562.5 * 2 * KV * 700),
        ("all-in", {}, P2 * 112 + 2 * 4 * KV * 2000 + 562.5 * 2 * KV * 700 + 2000 * 60),
        ("all-in", {"kv_traffic": False, "verifier": False}, P2 * 112 + 2 * 4 * KV * 2000),
        # Every sample pays its prompt, unless the price list says cached.
        ("dollars", {}, (8 * 100 + 2 * 50) / 1e6),
        ("dollars", {"prefix_cache": True}, (8 * 100 + 2 * 12) / 1e6),
        ("dollars", {"prefill": False}, 8 * 100 / 1e6),
        ("dollars", {"verifier": True}, (8 * 100 + 2 * 50 + 0.5 * 60) / 1e6),
        ("dollars", {"pruned": False}, (8 * 70 + 2 * 50) / 1e6),
        ("waiting", {}, 40),
        ("waiting", {"serial_reading": 0.5}, 48),
    ],
)
def test_every_item_is_a_switch(preset, switches, expected):
    assert priced(preset, **switches) == pytest.approx(expected, rel=1e-12)


def test_a_strategy_that_reads_no_verifier_needs_none():
    vote = ONCE | {"prm_tokens": 0.0}
    assert priced("all-in", prm=None, costs=vote) == priced("all-in") - 2000 * 60


def test_labels_tell_what_is_charged():
    assert {name: item.label for name, item in LEDGERS.items()} == {
        "snell": "generations a problem",
        "kinetics": "eFLOPs a problem (attention, kv_traffic)",
        "all-in": "eFLOPs a problem (attention, prefill, verifier, kv_traffic, difficulty)",
        "dollars": "US dollars a problem",
        "waiting": "tokens one after the other a problem",
    }
    assert (
        ledger("dollars", prefix_cache=True, verifier=True).label == "US dollars a problem (verifier, cached prompts)"
    )
    read = ledger("waiting", serial_reading=0.1).label
    assert read == "tokens one after the other a problem (a token read by the verifier as 0.1)"
    assert ledger(difficulty=True).label == "generations a problem (difficulty)"
    assert (
        ledger("kinetics", kv_traffic=False, attention=False, pruned=False).label == "FLOPs a problem (without pruned)"
    )


@pytest.mark.parametrize("fact", ["n_parameters", "n_layers", "n_heads", "n_kv_heads", "head_dim"])
def test_an_unknown_fact_is_named(fact):
    unknown = replace(POLICY, **{fact: None})
    with pytest.raises(RequestError, match=f"does not know {fact} of the policy 'llama'"):
        priced("kinetics", policy=unknown)


def test_an_unknown_model_or_cost_is_named():
    with pytest.raises(RequestError, match="does not know n_parameters of the policy"):
        priced(unit="flops", policy=None)
    with pytest.raises(MissingFact, match="n_parameters of the verifier 'prm': give it with `ttc models`"):
        priced(unit="flops", verifier=True, prm=None)
    with pytest.raises(MissingFact, match="usd_per_mtok_output of the policy 'llama'"):
        priced("dollars", policy=replace(POLICY, usd_per_mtok_output=None))
    with pytest.raises(RequestError, match="prm tokens of best-of-N of policy 'llama' are not known"):
        priced("all-in", variant="best_of_n", costs={name: ONCE[name] for name in ONCE if name != "prm_tokens"})
    with pytest.raises(RequestError, match="what those tokens attended to is not recorded"):
        priced("kinetics", pruned=False)


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"verfier": True}, "unknown ledger item 'verfier': did you mean 'verifier'"),
        ({"verifier": 1}, "ledger item verifier = 1: allowed true or false"),
        ({"unit": "euro"}, "ledger item unit = 'euro': allowed generations, tokens, flops, dollars, serial_tokens"),
        ({"serial_reading": -1.0}, "ledger item serial_reading = -1.0: allowed a number from 0 up"),
        ({"prefill": None}, "ledger item prefill = None: allowed true or false"),
        ({"unit": 3}, "ledger item unit = 3: allowed generations, tokens, flops"),
        ({"intensity": True}, "ledger item intensity = True: allowed a number"),
    ],
)
def test_wrong_switches_are_refused(switches, message):
    with pytest.raises(RequestError, match=message):
        Ledger().with_switches(switches)
    with pytest.raises(RequestError, match="unknown preset 'liu'"):
        ledger("liu")
    assert set(SWITCHES) >= {"attention", "prefix_cache", "verifier", "pruned", "rollouts", "difficulty"}


def test_of_several_policies_who_lacks_a_fact_is_left_out_and_named():
    known, other = strategy(), strategy(policy=replace(POLICY, model="nameless", n_parameters=None))
    vote = strategy(policy=other.source.policy_model, variant="majority_vote")
    kept, prices, notes = priced_of_several([known, other, vote], ledger(unit="flops"))
    assert kept == [known] and prices[0][0, 0] == P2 * 100
    assert len(notes) == 1 and "policy 'nameless' is left out" in notes[0] and "n_parameters" in notes[0]
    with pytest.raises(MissingFact, match="n_parameters of the policy 'nameless'"):
        priced_of_several([other, vote], ledger(unit="flops"))


def test_the_price_is_of_the_strategy_s_own_models():
    small = replace(POLICY, model="small", n_parameters=10)
    assert priced(unit="flops", policy=small) == 2 * 10 * 100


def test_kinetics_refuses_the_impossible():
    with pytest.raises(ValueError, match="multiple of n_kv_heads"):
        kinetics_eflops(1, 1, 1, 1, n_layers=1, n_kv_heads=3, head_dim=1, n_heads=4)
    with pytest.raises(ValueError, match="negative"):
        kinetics_eflops(-1, 1, 1, 1, n_layers=1, n_kv_heads=1, head_dim=1, n_heads=4)


@given(st.floats(1, 1e3), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2), st.floats(1, 256))
def test_the_general_multiplier_solves_its_equation(m, r, t, large_budget):
    c = flops_matched_multiplier(m, r, training_tokens_ratio=t, large_budget=large_budget)
    pretrain, inference = 6.0, 2.0 * r  # of the small model, a parameter and training token
    assert pretrain + c * inference == pytest.approx(m * (t * pretrain + large_budget * inference), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("switches", [{"training_tokens_ratio": 0}, {"large_budget": 0.5}])
def test_the_general_multiplier_refuses_the_impossible(switches):
    with pytest.raises(ValueError, match="must be"):
        flops_matched_multiplier(2, 1, **switches)
