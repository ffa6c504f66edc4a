"""The stores of real models that ship say what their sources publish: exact over all subsets, ties split."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import ttclib
from ttclib.store.models import list_models
from ttclib.study.answers import ask_crossover
from ttclib.study.larger import larger_side
from ttclib.study.question import question

STORE = Path(__file__).resolve().parents[2] / "store"
FRONTIER, CODE, PYTHIA = (STORE / f"{name}.duckdb" for name in ("frontier", "livecodebench", "pythia"))


@pytest.mark.parametrize(
    ("policy", "setting", "pass_at_1", "at_8", "tokens"),
    [
        ("openai/gpt-5.1", {"reasoning_effort": "low"}, 0.6389, 0.7587, 4_328),
        ("openai/gpt-5.1", {"reasoning_effort": "medium"}, 0.8556, 0.8889, 11_280),
        ("openai/gpt-5.1", {"reasoning_effort": "high"}, 0.8861, 0.9222, 21_847),
        ("anthropic/claude-opus-4-5-20251101", {"reasoning_tokens": None}, 0.4806, 0.5361, 1_194),
        ("anthropic/claude-opus-4-5-20251101", {"reasoning_tokens": 16_000}, 0.8167, 0.8694, 11_179),
        ("anthropic/claude-opus-4-5-20251101", {"reasoning_tokens": 32_000}, 0.8611, 0.9333, 17_523),
    ],
)
def test_frontier_models_on_otis(policy, setting, pass_at_1, at_8, tokens):
    study = ttclib.open(FRONTIER, policy, benchmark="otis_mock_aime", setting=setting)
    rows = study.replay(strategies="majority_vote", budgets=[1, 8]).frame
    assert rows["accuracy"].to_list() == pytest.approx([pass_at_1, at_8], abs=6e-4)
    assert rows["tokens"][0] == pytest.approx(tokens, rel=1e-3)


@pytest.mark.parametrize(
    ("policy", "benchmark", "pass_at_1", "pass_at_10"),
    [
        ("LLama3-8b-Ins", "execution", 0.193, 0.255),
        ("LLama3-70b-Ins", "execution", 0.417, 0.445),
        ("LLama3-8b-Ins", "execution_cot", 0.356, 0.708),
        ("LLama3-70b-Ins", "execution_cot", 0.586, 0.833),
    ],
)
def test_code_in_ten_attempts(policy, benchmark, pass_at_1, pass_at_10):
    study = ttclib.open(CODE, policy, benchmark=benchmark)
    rows = study.replay(strategies="pass_at_k", budgets=[1, 10]).frame
    assert rows["accuracy"].to_list() == pytest.approx([pass_at_1, pass_at_10], abs=6e-4)


@pytest.mark.parametrize(("benchmark", "winner"), [("execution_cot", "small"), ("execution", "large")])
def test_the_verdict_depends_on_the_task(benchmark, winner):
    small = ttclib.open(CODE, "LLama3-8b-Ins", benchmark=benchmark)
    larger = larger_side(str(CODE), "LLama3-70b-Ins", benchmark=benchmark, allow_sampled=True)
    asked = question(strategies="pass_at_k", budgets=range(1, 11), bins=1)
    found = ask_crossover(small, larger, asked, [19.4])
    assert found.result.frame["winner"][0] == winner
    assert found.findings[0].endswith("(the small one checked by a perfect verifier).")


def test_pythia_is_kept_as_counts_and_its_names_say_its_size():
    facts = {row["model"]: row for row in list_models(PYTHIA)}
    assert len(facts) == 81
    assert facts["Pythia_1.4B_300B"]["n_parameters"] == 1.4e9 and facts["Pythia_1.4B_300B"]["training_tokens"] == 3e11
    pool = ttclib.open(PYTHIA, "Pythia_160M_2M", benchmark="gsm8k").pool
    assert pool.counts is not None and (np.min(pool.counts[0]), np.max(pool.counts[0])) == (10_112, 110_976)
