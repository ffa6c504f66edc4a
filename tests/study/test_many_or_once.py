"""Which model how often, think longer or sample more: asked of stores of known shape, and of the one that ships."""

from __future__ import annotations

import csv
import gzip
import re
from collections import defaultdict
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ttclib
from tests.builders import REAL_DATA
from tests.study.efforts import make_efforts
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.many_or_once import MANY_OR_ONCE_SCHEMA
from ttclib.errors import RequestError
from ttclib.samples import Setting
from ttclib.study.captions import side_labels
from ttclib.study.many_or_once import ask_many_or_once
from ttclib.study.many_or_once_findings import of_many_or_once
from ttclib.study.question import question

STORE = Path(__file__).resolve().parents[2] / "store" / "frontier.duckdb"
GPT5 = ["openai/gpt-5-nano-2025-08-07", "openai/gpt-5-mini-2025-08-07", "openai/gpt-5-2025-08-07"]
CLAUDE = "anthropic/claude-opus-4-5-20251101"
TOKENS = Ledger(unit="tokens")


def efforts(tmp_path: Path, low: float, high: float, **more: Any) -> Any:
    """Eight answers at low effort with 100 tokens each, and eight at high effort with 410."""
    store = make_efforts(tmp_path / "e.duckdb", {"low": (low, 100), "high": (high, 410)}, **more)
    return ask_many_or_once(ttclib.open(store, setting="*"), question(), ledger=TOKENS)


@pytest.mark.parametrize(
    ("low", "high", "lead", "verdict"),
    [
        (0.9, 0.3, "several shorter ones are ahead in the one comparison", "low effort is ahead by"),
        (0.2, 0.9, "several shorter ones are behind in the one comparison", "high effort is ahead by"),
        (0.6, 0.68, "several shorter ones and the one cannot be told apart in the one comparison", "too close to call"),
    ],
)
def test_sentences_say_who_is_ahead_and_no_more(tmp_path, low, high, lead, verdict):
    found = efforts(tmp_path, low, high)
    said, *more = found.findings
    assert all(sentence.startswith("To settle it") for sentence in more) and len(more) == (
        verdict == "too close to call"
    )
    row = found.result.frame.row(0, named=True)
    assert said.startswith(f"m on toy, at the tokens of one longer answer: {lead}. Low effort × 4 reaches")
    assert verdict in said and "on 60 problems" in said
    numbers = {
        f"{abs(row[name]) * 100:.1f}" for name in ("accuracy_many", "accuracy_once", "difference", "ci_low", "ci_high")
    }
    assert numbers <= set(re.findall(r"\d+\.\d", said))
    if low < high - 0.3:  # what is all of the pool at twice the cost, and is still behind
        assert "All 8, at 2 times the cost of the one" in said and said.endswith("still behind.")


def test_what_has_no_two_answers_for_the_cost_of_one_says_so(tmp_path):
    store = make_efforts(tmp_path / "e.duckdb", {"low": (0.5, 100), "high": (0.6, 150)})
    found = ask_many_or_once(ttclib.open(store, setting="*"), question(), ledger=TOKENS)
    assert found.findings == ("m on toy, at the tokens of one longer answer no shorter side has two.",)


def test_without_answers_a_perfect_verifier_is_compared_and_said(tmp_path):
    found = efforts(tmp_path, 0.5, 0.6, answers=False)
    assert (
        "Low effort × 4 reaches" in found.findings[0] and "with a perfect verifier for 400 tokens" in found.findings[0]
    )
    assert found.result.frame["strategy"].unique().to_list() == ["pass_at_k"]


def test_what_cannot_be_compared_is_refused(tmp_path):
    store = make_efforts(tmp_path / "e.duckdb", {"low": (0.5, 100), "high": (0.6, 410)})
    with pytest.raises(RequestError, match="one side, m: name two policies or settings"):
        ask_many_or_once(ttclib.open(store, setting={"reasoning_effort": "low"}), question(), ledger=TOKENS)
    with pytest.raises(RequestError, match="usd_per_mtok_output of the policy 'm'"):
        ask_many_or_once(ttclib.open(store, setting="*"), question())


def test_samples_without_a_token_count_are_charged_the_mean_of_the_others(tmp_path):
    found = efforts(tmp_path, 0.2, 0.9, uncounted=3)
    assert found.result.frame["cost"].to_list() == [400.0, 800.0]
    said = "m on toy: 3 of 480 samples of low effort have no token count: in what they cost they count as the mean"
    assert [note for note in found.notes if note.startswith(said)]


def test_pools_of_unequal_size_are_each_taken_in_full(tmp_path):
    found = efforts(tmp_path, 0.2, 0.9, sizes={"high": 4})
    assert found.result.frame["budget"].to_list() == [4, 8]
    assert found.notes == ("m on toy: left out: high effort: N = 5–8 (more samples than some problems have)",)


def test_sides_are_named_by_what_they_differ_in():
    def member(policy, **keys):
        pool = type("Pool", (), {"policy": policy, "setting": Setting(str(keys), keys)})()
        return type("Member", (), {"pool": pool})()

    both = [member("a/m-2025-01-01", reasoning_effort=how) for how in ("low", "high")]
    assert side_labels(both) == ["low effort", "high effort"]
    assert side_labels([member("a/m-20250101", t=1), member("b/n", t=2)]) == ["m", "n"]
    mixed = [*both, member("a/n", reasoning_effort="low")]
    assert side_labels(mixed) == ["m (low effort)", "m (high effort)", "n (low effort)"]
    thinking = [member("m"), member("m", reasoning_tokens=16000), member("m", reasoning_tokens=1500)]
    assert side_labels(thinking) == ["no thinking", "16k thinking", "1500 tokens of thinking"]
    assert side_labels([member("x/m-20250101")]) == ["m"]


def compared(*winners: str, **more: Any) -> pl.DataFrame:
    """Pairs of sides with these winners, the later the nearer in cost; a lead is of 10 points."""
    rows = [
        {
            "many": "low effort", "once": f"model {number}", "strategy": "majority_vote", "budget": 4,
            "cost": 300.0 + 10 * number, "at_most": 400.0, "cost_once": 400.0, "accuracy_many": 0.5,
            "accuracy_once": 0.5 - lead, "coverage": 0.9, "difference": lead, "ci_low": lead - 0.05,
            "ci_high": lead + 0.05, "winner": winner, "pool_ends_at": None, "n_problems": 60,
        }
        | more
        for number, winner in enumerate(winners)
        for lead in [{"many": 0.1, "once": -0.1}.get(winner, 0.02)]
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides=MANY_OR_ONCE_SCHEMA)


@pytest.mark.parametrize(
    ("winners", "said"),
    [
        (
            ("many", "once", "too close"),
            "ahead in 1 of 3 comparisons and behind in 1 of 3 comparisons, 1 too close to call",
        ),
        (("many", "many", "many"), "ahead in all 3 comparisons. "),
        (("once", "once"), "behind in both comparisons. "),
        (("once", "too close"), "behind in 1 of 2 comparisons, 1 too close to call. "),
        (("too close", "too close"), "and the one cannot be told apart in both comparisons. "),
        (("too close",) * 3, "and the one cannot be told apart in any of 3 comparisons. "),
    ],
)
def test_who_is_ahead_how_often(winners, said):
    first, *more = of_many_or_once(compared(*winners), "tokens", "m on toy")
    assert first.startswith("m on toy, at the tokens of one longer answer: several shorter ones ")
    assert said in first
    assert len([one for one in more if one.startswith("Low effort × 4 reaches 50.0% by majority vote")]) == len(winners)
    # The pair that is told first is decided, where one is, and of those the one whose costs are nearest.
    at = max((place for place, one in enumerate(winners) if one != "too close"), default=len(winners) - 1)
    assert f"model {at} once" in first and first.count("once ") == 1
    assert (more[-1].startswith("To settle it")) == ("too close" in winners)


def test_what_else_there_is_to_a_comparison_is_said():
    (said,) = of_many_or_once(compared("once", coverage=0.55, pool_ends_at=310.0), "dollars")
    assert said.startswith("at the price of one dearer answer: several cheaper ones are behind in the one comparison. ")
    assert "for $300, all that is held, model 0 once 60.0% for $400: model 0 is ahead by 10.0 points [5.0" in said
    assert said.endswith("on 60 problems. A perfect verifier among the 4 would reach 55.0%.")
    (said,) = of_many_or_once(compared("once", coverage=0.6, n_problems=1), "flops")
    assert "perfect verifier" not in said and said.endswith("on 1 problem.") and "at the cost of one dearer" in said
    said, *_ = of_many_or_once(compared("too close", ci_low=0.01, ci_high=0.03), "tokens")
    assert "too close to call after correction for 1 comparisons, +2.0 points [+1.0, +3.0]" in said


# The store that ships, against the public file that it is made of --------------------------------------------------


@cache
def public_rows() -> dict[tuple[str, str, str], dict[str, list[tuple[str, bool]]]]:
    """Answer and grade of each sample, by benchmark, model and setting, by problem."""
    found: Any = defaultdict(lambda: defaultdict(list))
    with gzip.open(REAL_DATA / "epoch_samples.csv.gz", "rt", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            key = (row["benchmark"], row["model"], row["config"])
            found[key][row["problem"]].append((row["answer"], row["correct"].lower() in ("1", "true", "1.0")))
    return dict(found)


def voted(samples: list[tuple[str, bool]], k: int) -> float:
    """Chance that a majority of k is right, by listing every subset; ties are split, no answer has no vote."""
    right = dict(samples)
    total, subsets = 0.0, list(combinations([answer for answer, _ in samples], k))
    for chosen in subsets:
        counts = {answer: chosen.count(answer) for answer in set(chosen) if answer}
        best = [answer for answer, count in counts.items() if count == max(counts.values())]
        total += np.mean([right[answer] for answer in best]) if best else 0.0
    return total / len(subsets)


def of_shipped(policy: Any, benchmark: str, unit: str, setting: Any = "*") -> tuple[pl.DataFrame, Any]:
    study = ttclib.open(STORE, policy, benchmark=benchmark, setting=setting)
    found = ask_many_or_once(study, question(), ledger=Ledger(unit=unit))
    frame = found.result.frontier.frame.filter(pl.col("strategy") == "majority_vote")
    return frame, found


@pytest.mark.skipif(not REAL_DATA.exists(), reason="the public samples are not there")
@pytest.mark.parametrize(
    ("benchmark", "model", "config", "side", "policy"),
    [
        ("otis_mock_aime", "openai/gpt-5.1", "low", "low effort", "openai/gpt-5.1"),
        ("otis_mock_aime", CLAUDE, "16000", "16k thinking", CLAUDE),
        ("gpqa_diamond", "openai/gpt-5-mini-2025-08-07", "high", "gpt-5-mini", GPT5),
    ],
)  # fmt: skip
def test_the_shipped_store_says_what_the_public_file_says(benchmark, model, config, side, policy):
    (problems,) = [
        value for key, value in public_rows().items()
        if key[:2] == (benchmark, model) and config in re.split(r"[^\w.]+", key[2])
    ]  # fmt: skip
    setting = {"reasoning_effort": "high"} if policy is GPT5 else "*"
    frame, _ = of_shipped(policy, benchmark, "tokens", setting)
    for k in (1, 4, 5, 8):
        expected = np.mean([voted(samples, k) for samples in problems.values()])
        row = frame.filter((pl.col("side") == side) & (pl.col("budget") == k))
        assert row["accuracy"].to_list() == pytest.approx([expected], abs=1e-9)


# Exact over all subsets of eight samples, and mean output tokens a sample, as published with the data.
FACTS = {
    ("openai/gpt-5.1", "low effort"): (0.6389, 0.7096, 0.7587, 4_328),
    ("openai/gpt-5.1", "medium effort"): (0.8556, 0.8950, 0.8889, 11_280),
    ("openai/gpt-5.1", "high effort"): (0.8861, 0.9139, 0.9222, 21_847),
    (CLAUDE, "no thinking"): (0.4806, None, 0.5361, 1_194),
    (CLAUDE, "16k thinking"): (0.8167, None, 0.8694, 11_179),
    (CLAUDE, "32k thinking"): (0.8611, None, 0.9333, 17_523),
}


@pytest.mark.parametrize("policy", ["openai/gpt-5.1", CLAUDE])
def test_efforts_come_to_the_published_figures(policy):
    frame, found = of_shipped(policy, "otis_mock_aime", "tokens")
    for (model, side), facts in FACTS.items():
        if model != policy:
            continue
        rows = {row["budget"]: row for row in frame.filter(pl.col("side") == side).iter_rows(named=True)}
        for budget, accuracy in zip((1, 4, 8), facts[:3], strict=True):
            assert accuracy is None or rows[budget]["accuracy"] == pytest.approx(accuracy, abs=5e-5)
        assert rows[1]["cost"] == pytest.approx(facts[3], abs=1)
    if "claude" in policy:  # eight without thinking, at about the tokens of one with 16,000
        row = found.result.frame.filter((pl.col("many") == "no thinking") & (pl.col("once") == "16k thinking"))
        assert row.select("budget", "winner").row(0) == (8, "once") and row["cost"][0] < row["cost_once"][0]
        assert (row["accuracy_many"][0], row["accuracy_once"][0]) == pytest.approx((0.5361, 0.8167), abs=5e-5)


def test_models_come_to_the_published_figures():
    frame, found = of_shipped(GPT5, "gpqa_diamond", "dollars", {"reasoning_effort": "high"})
    facts = {"gpt-5-nano": (0.6944, 0.7247), "gpt-5-mini": (0.7500, 0.8119), "gpt-5": (0.8617, 0.8763)}
    for side, (one, eight) in facts.items():
        rows = {row["budget"]: row["accuracy"] for row in frame.filter(pl.col("side") == side).iter_rows(named=True)}
        assert (rows[1], rows[8]) == pytest.approx((one, eight), abs=5e-5)
    assert found.result.sides == ("gpt-5-nano", "gpt-5-mini", "gpt-5")
    assert found.result.title == "GPQA Diamond"
    otis = of_shipped(GPT5, "otis_mock_aime", "dollars", {"reasoning_effort": "high"})[1]
    assert set(otis.result.frame["winner"]) == {"too close"}
    assert "cannot be told apart in any of 3 comparisons" in otis.findings[0]
