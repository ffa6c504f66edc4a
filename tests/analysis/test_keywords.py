"""No keyword without an effect, and intervals that widen with their level, of questions that are asked by keyword."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.analysis.strategies_made import made, sampled
from tests.builders import make_pool
from ttclib.analysis import resampling
from ttclib.analysis.agreement import cheap_difficulty, difficulty_agreement
from ttclib.analysis.allocation import allocation
from ttclib.analysis.beyond_pool import beyond_pool
from ttclib.analysis.binning import difficulty_bins
from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.catching_up import catch_up
from ttclib.analysis.compare import compare, matched_compute
from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.analysis.crossover import crossover
from ttclib.analysis.curves import accuracy_curve
from ttclib.analysis.difficulty import Bill, Difficulty, tell_difficulty
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.extrapolation import extrapolate_pass_at_k, extrapolation_miss, fit_coverage
from ttclib.analysis.frontier import frontier
from ttclib.analysis.held_out import predict_held_out
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.lengths import within_lengths
from ttclib.analysis.many_or_once import many_or_once
from ttclib.analysis.optimise import optimise
from ttclib.analysis.probing import probed_choice
from ttclib.analysis.training import train_or_sample
from ttclib.analysis.verifier import verifier_quality
from ttclib.analysis.winners import leads
from ttclib.replay.outcomes import Source

N, SIZES = 40, (1, 2, 4, 8)
RNG = np.random.default_rng(5)
KIND = np.arange(N) % 5 >= 3
EASE = RNG.permutation(np.linspace(0.05, 0.95, N))


def strategy(name: str, lead: float, policy: str = "p", parameters: str = "") -> Any:
    """More answers help; on three problems of five by `lead` more than on others; an answer costs 10 tokens or so."""
    table = 0.5 * EASE[:, None] + 0.05 * np.log2(SIZES) + lead * ((name == "best_of_n") == KIND)[:, None]
    noisy = np.clip(table + 0.15 * RNG.normal(size=table.shape), 0, 1)
    tokens = np.array(SIZES) * RNG.uniform(5, 15, (N, 1))
    spent = {"generations": np.tile(SIZES, (N, 1)).astype(float), "completion_tokens": tokens}
    return made(noisy, variant=f"{name}{parameters}", budgets=SIZES, costs=spent, source=Source(policy))


VOTE, BEST = strategy("majority_vote", 0.2), strategy("best_of_n", 0.2)
BEAM, LARGE = strategy("beam_search", 0.1, parameters=" (M=4)"), strategy("majority_vote", 0.5, "large")
STEADY = sampled(EASE, 6)
QUICKER = sampled(np.clip(EASE + 0.1 * RNG.normal(size=N), 0.01, 0.99), 6, variant="dvts (M=4)", gain=3.0)
TOLD = Difficulty(EASE, difficulty_bins(EASE, 2), n_probes=2.0)
PLACES = np.arange(1.0, 200.0)
TOKENS, CHARGED = Ledger(unit="tokens"), Ledger(unit="generations", difficulty=True)
QUICK = {"n_resamples": 200}
CORRECT = (RNG.random((N, 16)) < EASE[:, None]).astype(float)
SCORES = np.clip(0.3 * CORRECT + RNG.normal(0.4, 0.2, CORRECT.shape), 0.01, 0.99)
POOL = make_pool(
    CORRECT.tolist(),
    scores=SCORES,
    completion_tokens=RNG.integers(5, 90, CORRECT.shape),
)
COUNTS = np.full(N, 16), CORRECT.sum(axis=1).astype(int)
TRAINED = (["s", "m", "l"], [1e6, 3e6, 1e7], [1e8, 3e8, 1e9], np.full((3, N), 64),
           np.stack([RNG.binomial(64, EASE**power) for power in (4, 2, 1)]))  # fmt: skip
MANY = [f"c{number}" for number in range(12)]
SURFACE = (MANY, np.repeat([1e6, 1e7, 1e8], 4), np.tile([1e8, 1e9, 1e10, 1e11], 3), np.full((12, N), 64),
           np.stack([RNG.binomial(64, np.clip(EASE * (number + 1) / 12, 0, 1)) for number in range(12)]))  # fmt: skip
WHOLE = {"n_resamples": 200, "partitions": 2, "ledger": CHARGED}

# What is asked, the keywords that it is asked with, and a value of each keyword that changes what it answers.
ASKED: dict[str, tuple[Callable[..., Any], dict[str, Any], dict[str, Any]]] = {
    "frontier": (
        lambda **more: frontier([VOTE, BEST], TOLD, **more),
        WHOLE,
        {"ledger": TOKENS, "limits": [1.0, 3.0], "bill": Bill(4.0), "per": "mixed", "folds": 2, "partitions": 3,
         "level": 0.5, "n_resamples": 300, "family": "simultaneous", "seed": 1},
    ),
    "allocation": (
        lambda **more: allocation([VOTE, BEST], TOLD, **more),
        WHOLE,
        {"ledger": TOKENS, "limits": [1.0, 3.0], "bill": Bill(4.0), "folds": 2, "partitions": 3, "level": 0.5,
         "n_resamples": 300, "seed": 1},
    ),
    "efficiency": (
        lambda **more: efficiency([STEADY, QUICKER], STEADY, TOLD, **more),
        WHOLE,
        {"ledger": Ledger(unit="generations"), "limits": [1.0, 3.0], "bill": Bill(4.0), "per": "mixed",
         "folds": 2, "partitions": 3, "level": 0.5, "n_resamples": 300, "seed": 1},
    ),
    "matched_compute": (
        lambda **more: matched_compute([VOTE, BEST, BEAM, LARGE], TOLD, **more),
        WHOLE,
        {"by": "policy", "ledger": TOKENS, "limits": [1.0, 3.0], "level": 0.5, "n_resamples": 300, "seed": 1},
    ),
    "compare": (
        lambda **more: compare([VOTE], [LARGE], TOLD, **more),
        {},
        {"names": ("one", "other"), "level": 0.5, "family": "simultaneous", "seed": 1},
    ),
    "crossover": (
        lambda **more: crossover([VOTE, BEST], LARGE, [0.1, 1.0, 10.0], TOLD, **more),
        {**WHOLE, "param_ratio": 4.0},
        {"main_ratios": [1.0], "ledger": TOKENS, "param_ratio": 2.0, "training_tokens_ratio": 3.0, "large_budget": 2,
         "bill": Bill(1.0), "folds": 2, "partitions": 3, "level": 0.5, "n_resamples": 300, "seed": 1},
    ),
    "accuracy_curve": (
        lambda **more: accuracy_curve(VOTE, **more),
        {"bins": TOLD.bins, "n_bins": 2},
        {"bins": None, "n_bins": 3, "n_samples": np.arange(N), "level": 0.5, "family": "simultaneous", "seed": 1},
    ),
    "optimise": (
        lambda **more: optimise(candidates_of([VOTE, BEST, BEAM], TOLD, ledger=CHARGED), [1.0, 4.0], **more),
        {"n_resamples": 200, "partitions": 2},
        {"per": "mixed", "folds": 2, "partitions": 20, "n_resamples": 300, "seed": 1},
    ),
    "candidates_of": (
        lambda **more: candidates_of([VOTE, BEST], TOLD, **more),
        {"ledger": CHARGED},
        {"ledger": TOKENS, "bill": Bill(4.0)},
    ),
    "many_or_once": (
        lambda **more: many_or_once([VOTE, LARGE], ["p", "large"], **more)[0],
        {"ledger": TOKENS},
        {"ledger": Ledger(unit="generations"), "many": "large", "level": 0.5, "seed": 1},
    ),
    "probed_choice": (
        lambda **more: probed_choice(POOL, [4], [1, 8], **more),
        {"n_draws": 2, **QUICK},
        {"chosen_from": ("best_of_n",), "baseline": "majority_vote", "difficulty": "predicted", "n_bins": 2,
         "n_draws": 3, "level": 0.5, "n_resamples": 300, "seed": 1},
    ),
    "difficulty_agreement": (
        lambda **more: difficulty_agreement(EASE, CORRECT.mean(axis=1), 4, **more),
        QUICK,
        {"strata": KIND.astype(int), "level": 0.5, "n_resamples": 300, "seed": 1},
    ),
    "cheap_difficulty": (
        lambda **more: cheap_difficulty(CORRECT, 4, **more), {"n_draws": 2}, {"n_draws": 3, "seed": 1}
    ),
    "difficulty_bins": (
        lambda **more: difficulty_bins(np.round(EASE, 1), 3, **more), {}, {"ties": "together", "seed": 1}
    ),
    "tell_difficulty": (
        lambda **more: tell_difficulty(SCORES, 4, **more),
        {},
        {"source": "predicted", "correct": CORRECT, "ties": "together", "told_on": "halves", "bill": Bill(2.0),
         "verifier": "orm", "aggregation": "min", "seed": 1},
    ),
    "catch_up": (
        lambda **more: catch_up(1 - (1 - 0.2 * EASE[:, None]) ** PLACES, 0.1 + 0.85 * EASE[::-1], PLACES, **more),
        QUICK,
        {"level": 0.5, "n_resamples": 2000, "seed": 1},
    ),
    "beyond_pool": (
        lambda **more: beyond_pool(*COUNTS, np.clip(EASE + 0.2, 0, 1), [0.1, 1.0, 10.0], **more),
        {"param_ratio": 4.0, **QUICK},
        {"param_ratio": 2.0, "training_tokens_ratio": 3.0, "n_resamples": 300, "seed": 1},
    ),
    "fit_coverage": (
        lambda **more: fit_coverage(*COUNTS, "beta_binomial", **more), {}, {"weights": np.arange(N) / N}
    ),
    "extrapolate_pass_at_k": (
        lambda **more: extrapolate_pass_at_k(*COUNTS, [1, 100], **more),
        QUICK,
        {"model": "power_law", "n_resamples": 300},
    ),
    "extrapolation_miss": (
        lambda **more: extrapolation_miss(*COUNTS, **more),
        {"n_splits": 2, "models": ["beta_binomial"]},
        {"models": ["power_law"], "n_splits": 3, "seed": 1},
    ),
    "predict_held_out": (lambda **more: predict_held_out(*SURFACE, (1, 16), **more), {}, {"level": 0.5}),
    "train_or_sample": (
        lambda **more: train_or_sample(*TRAINED, **more),
        {"answer_tokens": 100.0, "targets": [0.5], "queries": [1e2, 1e8], **QUICK},
        {"answer_tokens": 10.0, "targets": [0.3], "queries": [1e3, 1e7], "level": 0.5, "n_resamples": 300, "seed": 1},
    ),
    "verifier_quality": (lambda **more: verifier_quality(POOL, TOLD, **more), {}, {"seed": 1}),
    "within_lengths": (
        lambda **more: within_lengths(CORRECT, POOL.completion_tokens, 2, **more), {}, {"seed": 1}
    ),
    "flops_matched_multiplier": (
        lambda **more: flops_matched_multiplier(4.0, 1.0, **more),
        {},
        {"training_tokens_ratio": 2.0, "large_budget": 3},
    ),
    "leads": (
        lambda **more: leads(list((LARGE.accuracy - VOTE.accuracy).T), np.full(4, 0.01), np.ones(4), **more),
        {},
        {"clusters": [np.arange(N) // 20] * 4, "names": ("one", "other"), "margin": 0.9, "alpha": 1e-12},
    ),
    "interval": (
        lambda **more: resampling.interval(VOTE.accuracy, **more),
        QUICK,
        {"groups": KIND + 1, "clusters": np.arange(N) // 2, "bounds": (0.0, 2.0), "level": 0.5,
         "family": "simultaneous", "n_resamples": 300, "seed": 1},
    ),
}  # fmt: skip


def plain(found: Any) -> Any:
    """All that a result holds, in a form that can be compared."""
    if isinstance(found, pl.DataFrame):
        return found.columns, found.rows()
    if isinstance(found, np.ndarray):
        return found.tolist()
    if is_dataclass(found) and not isinstance(found, type):
        return [plain(getattr(found, one.name)) for one in fields(found)]
    if isinstance(found, tuple | list):
        return [plain(one) for one in found]
    if isinstance(found, dict):
        return [(name, plain(one)) for name, one in found.items()]
    return found


@pytest.mark.parametrize("name", ASKED)
def test_no_keyword_is_without_effect(name: str) -> None:
    ask, usual, others = ASKED[name]
    base = repr(plain(ask(**usual)))
    assert base == repr(plain(ask(**usual)))
    assert [key for key, value in others.items() if repr(plain(ask(**{**usual, key: value}))) == base] == []


APART = {  # said why: asked by others of the table, or no more than a bound that this data does not reach
    "frontier": {"simplicity"},  # between candidates that are exactly as good
    "interval": {"n_groups"},  # how many there would be, where none is in the last
    "optimise": {"difficulty", "beside"},  # ties that are cut anew; what is averaged beside, in `matched_compute`
    "matched_compute": {"folds", "partitions"},  # handed on to `optimise`
    "many_or_once": {"bounds"},  # strategies that need the truth, of which there is none here
    "fit_coverage": {"near"},  # where a search begins
    "probed_choice": {"verifier", "aggregation"},  # the pool has one, of one step
    "verifier_quality": {"verifier", "aggregation"},
}


@pytest.mark.parametrize("name", ASKED)
def test_every_keyword_is_in_the_table(name: str) -> None:
    function = resampling.interval if name == "interval" else globals()[name]
    keywords = {one.name for one in inspect.signature(function).parameters.values() if one.kind is one.KEYWORD_ONLY}
    assert keywords - APART.get(name, set()) <= set(ASKED[name][2])


# Ends of intervals, by the name of the question above.
LEVELS = {
    **dict.fromkeys(("frontier", "allocation", "compare", "accuracy_curve", "probed_choice", "crossover",
                     "matched_compute", "many_or_once", "predict_held_out"), ("ci_low", "ci_high")),
    "efficiency": ("factor_low", "factor_high"),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVELS)
def test_a_wider_level_is_a_wider_interval_around_the_same(name: str) -> None:
    ask, usual, _ = ASKED[name]
    frames = [getattr(found, "frame", found) for found in (ask(**{**usual, "level": level}) for level in (0.5, 0.99))]
    ends = [frame.select(LEVELS[name]).fill_null(np.nan).to_numpy() for frame in frames]
    known = ~np.isnan(ends).any(axis=(0, 2))
    (low, high), (lower, higher) = (part[known].T for part in ends)
    assert known.sum() > 0 and (lower <= low + 1e-12).all() and (high <= higher + 1e-12).all()
    assert (higher - lower > high - low).mean() > 0.8
