"""Difficulty from the question, against what out of fold means, and against a known truth."""

from __future__ import annotations

import builtins

import numpy as np
import pytest
from scipy.stats import spearmanr

from ttclib.analysis.agreement import difficulty_agreement
from ttclib.analysis.candidates import candidates_of
from ttclib.analysis.difficulty import difficulty_of_questions
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.ledger import ledger
from ttclib.analysis.predicting import (
    FEWEST,
    PREDICTORS,
    features_of,
    levels_of,
    metadata_columns,
    predicted_ease,
    read_columns,
)
from ttclib.errors import RequestError
from ttclib.replay.outcomes import Outcomes, Source
from ttclib.samples import ModelFacts, Questions

N = 120


def questions(n: int = N, seed: int = 0, **more) -> tuple[Questions, np.ndarray]:
    """Problems whose pass@1 depends on a level, on a word of the text and on one direction of the hidden state."""
    rng = np.random.default_rng(seed)
    level, hard, state = rng.integers(0, 4, n), rng.integers(0, 2, n), rng.normal(size=(n, 16))
    ease = np.clip(0.9 - 0.15 * level - 0.25 * hard + 0.05 * state[:, 3], 0, 1)
    fields = {
        "problem_ids": [f"p{i}" for i in range(n)],
        "prompts": [f"{i * 7919 % 1000} {'integral' if one else 'sum'} {i}" for i, one in enumerate(hard)],
        "metadata": [{"level": int(one)} for one in level],
        "hidden": state,
        "greedy_logprob": ease + 0.05 * rng.normal(size=n),
    }
    return Questions(**(fields | more)), ease


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_no_problem_tells_its_own_difficulty(predictor):
    asked, ease = questions(60)
    features = features_of(asked, predictor)
    before = predicted_ease(features, 0.3 + 0.2 * ease)
    for i in (0, 59):
        other = 0.3 + 0.2 * ease
        other[i] += 0.1
        # Only the mean of all knows of it, and that is the same for every problem.
        assert predicted_ease(features, other)[i] - before[i] == pytest.approx(0.1 / 60, abs=1e-9)


def test_predictors_find_what_was_put_in():
    asked, ease = questions(300)
    found = {name: spearmanr(predicted_ease(features_of(asked, name), ease), ease)[0] for name in PREDICTORS}
    assert found["question"] > 0.97 and found["question:greedy"] > 0.95
    assert found["question:metadata"] < found["question:text"] - 0.1 < found["question"]
    assert 0.1 < found["question:hidden"] < 0.5  # a direction of sixteen, with a small part in it


def test_what_says_nothing_is_told_to_say_nothing():
    rng = np.random.default_rng(1)
    told = []
    for seed in range(10):
        asked, _ = questions(60, seed, metadata=[{"index": int(i)} for i in rng.permutation(60)])
        ease = rng.beta(2, 2, 60)
        told.append(spearmanr(predicted_ease(features_of(asked, "question:metadata"), ease), ease)[0])
    assert abs(np.nanmean(told)) < 0.2  # out of fold, from each fold's own mean, it would be far below 0


def test_questions_in_the_same_words_share_a_fold():
    asked, _ = questions(100)
    twice = [text for text in asked.prompts[:50] for _ in range(2)]
    ease = np.repeat(np.random.default_rng(0).random(50), 2)  # noise that the other one of a pair would give away
    asked = Questions(asked.problem_ids, twice, [{}] * 100, np.zeros((100, 0)), np.full(100, np.nan))
    assert abs(spearmanr(predicted_ease(features_of(asked, "question:text"), ease), ease)[0]) < 0.35


def test_a_problem_without_a_pass_at_1_is_predicted_and_teaches_nothing():
    asked, ease = questions()
    some = np.where(np.arange(N) % 3 == 0, np.nan, ease)
    found = predicted_ease(features_of(asked, "question:text"), some)
    unknown = np.isnan(some)
    assert not np.isnan(found).any() and spearmanr(found[unknown], ease[unknown])[0] > 0.9


@pytest.mark.parametrize(
    ("change", "predictor", "said"),
    [
        ({"hidden": np.zeros((N, 0))}, "question:hidden", "no hidden state of any problem"),
        ({"hidden": np.where(np.arange(N)[:, None] < 3, np.nan, 1.0) * np.ones(4)}, "question:hidden",
         "hidden state of 3 of 120 problems is missing, of 'p0' first"),
        ({"greedy_logprob": np.full(N, np.nan)}, "question:greedy", "no greedy answer's log-probability of any"),
        ({"greedy_logprob": np.where(np.arange(N) == 7, np.nan, -1.0)}, "question:greedy", "1 of 120 .* of 'p7' first"),
        ({"metadata": [{}] * N}, "question:metadata", "no metadata that tells two apart"),
        ({"metadata": [{"only": 1}] * N, "prompts": [None] * N}, "question:text", "neither text nor metadata"),
        ({}, "question:texts", "did you mean 'question:text'"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(change, predictor, said):
    with pytest.raises(RequestError, match=said):
        features_of(questions(**change)[0], predictor)


def test_too_few_problems_say_how_many_are_wanted():
    asked, ease = questions()
    features = features_of(asked, "question:text")
    few = np.where(np.arange(N) < FEWEST - 1, ease, np.nan)
    with pytest.raises(RequestError, match=f"39 problems have a pass@1, a predictor wants {FEWEST}"):
        predicted_ease(features, few)
    same = features_of(questions(prompts=["same"] * N)[0], "question:text")
    with pytest.raises(RequestError, match="1 different questions, a predictor wants 10"):
        predicted_ease(same, ease)


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *rest, **more):
        if name.startswith("sklearn"):
            raise ImportError("none", name="sklearn")
        return real(name, *rest, **more)

    asked, ease = questions()
    features = features_of(asked, "question:hidden")
    monkeypatch.setattr(builtins, "__import__", without)
    for ask in (lambda: predicted_ease(features, ease), lambda: features_of(asked, "question:text")):
        with pytest.raises(RequestError, match=r"pip install 'ttclib\[difficulty\]'"):
            ask()


def test_metadata_of_every_kind_become_numbers():
    told = [{"a": i, "deep": {"flag": i % 2 == 0}, "word": "xy"[i % 2], "name": f"n{i}", "same": 1} for i in range(10)]
    told[3].pop("a")
    nothing = np.full(10, np.nan)
    asked = Questions([], [None] * 10, told, nothing[:, None], nothing)
    found = read_columns(metadata_columns(told), asked)
    assert found.shape == (10, 5)  # a, that it is missing once, flag, and a column for each of two words
    assert found[3, 0] == pytest.approx(np.mean([i for i in range(10) if i != 3])) and found[3, 1] == 1
    odd = [{"x": float("nan")}, {"x": [1]}, {"x": None}, {"x": 1e400}]
    assert metadata_columns(odd) == () == metadata_columns([{}])


def test_the_level_is_what_tells_pass_at_1_best():
    asked, ease = questions(metadata=[{"level": i // 30, "day": i % 5, "id": i} for i in range(N)])
    name, levels = levels_of(asked.metadata, np.arange(N) / N)
    assert name == "level" and levels.tolist() == [i // 30 for i in range(N)]
    assert levels_of([{"id": i} for i in range(N)], ease) is None and levels_of([], np.zeros(0)) is None


def test_only_what_differs_inside_a_level_tells_within_it():
    asked, ease = questions()
    _, levels = levels_of(asked.metadata, ease)
    assert not features_of(asked, "question:metadata").tell_within(levels)
    assert features_of(asked, "question:text").tell_within(levels)


def test_agreement_within_levels_and_calibration_against_plain_ways():
    rng = np.random.default_rng(3)
    levels = rng.integers(0, 3, 90)
    truth = rng.random(90) + levels
    told = truth + rng.normal(size=90)
    found = difficulty_agreement(truth, told, strata=levels, n_resamples=300)
    tables = [[], []]
    for level in range(3):  # ranks in (0, 1) of each level, pooled
        for table, values in zip(tables, (truth, told), strict=True):
            own = values[levels == level].argsort().argsort() / (levels == level).sum()
            table.append(own - own.mean())
    first, second = (np.concatenate(table) for table in tables)
    assert found.within_level == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert found.within_level < found.spearman
    assert found.slope == pytest.approx(np.polyfit(told, truth, 1)[0])
    assert found.offset == pytest.approx((told - truth).mean())
    for name in ("within_level", "slope", "offset", "same_bin"):
        assert getattr(found, f"{name}_low") < getattr(found, name) < getattr(found, f"{name}_high")
    nothing = difficulty_agreement(truth, np.ones(90), n_resamples=50)
    assert np.isnan([nothing.slope, nothing.within_level, nothing.spearman]).all()


def outcomes(name: str = "best_of_n") -> Outcomes:
    n = 20
    prompt, costs = np.linspace(10, 29, n), {}
    for column, size in enumerate((1, 2)):
        made = {"completion_tokens": 100.0 * size, "prefill_tokens": prompt * size, "cached_prefill_tokens": prompt}
        for key, value in made.items():
            costs.setdefault(key, np.zeros((n, 2)))[:, column] = value
    costs |= {key: np.zeros((n, 2)) for key in ("pruned_tokens", "rollout_tokens", "prm_tokens")}
    model = ModelFacts("m", n_parameters=1000, usd_per_mtok_input=2.0, usd_per_mtok_output=8.0)
    accuracy = np.random.default_rng(0).random((n, 2))
    return Outcomes(
        name, name, (1, 2), tuple(map(str, range(n))), accuracy, costs, source=Source("m", policy_model=model)
    )


@pytest.mark.parametrize(
    ("unit", "reads", "a_pass"),
    [("generations", {}, 0.0), ("tokens", {}, 1.0), ("flops", {}, 2000.0), ("dollars", {"prefill": False}, 2e-6)],
)
def test_a_hidden_state_is_billed_as_one_pass_over_the_prompt(unit, reads, a_pass):
    one = outcomes()
    told = difficulty_of_questions(np.linspace(0, 1, 20), 2, predictor="question:hidden", reads_hidden=True)
    preset = {"generations": "snell", "dollars": "dollars"}.get(unit, "all-in")
    switches = {} if preset != "all-in" else {"unit": unit, "attention": False, "kv_traffic": False, "verifier": False}
    charged, free = (
        candidates_of([one], told, ledger=ledger(preset, difficulty=paid, **switches, **reads))
        for paid in (True, False)
    )
    assert charged.cost - free.cost == pytest.approx(np.repeat(a_pass * np.linspace(10, 29, 20)[:, None], 2, axis=1))
    free_of_it = ledger(preset, difficulty=False, **switches, **reads)
    saved = efficiency([one], one, told, ledger=free_of_it, bill=told.bill, n_resamples=20)
    row = saved.frame.row(0, named=True)
    assert row["billed_cost"] - row["cost"] == pytest.approx(a_pass * 19.5, rel=1e-9, abs=1e-12)


def test_the_text_is_free_and_a_greedy_answer_costs_a_sample():
    one, ease = outcomes(), np.linspace(0, 1, 20)
    for predictor, extra in (("question:text", 0.0), ("question:greedy", 1.0)):
        told = difficulty_of_questions(ease, 2, predictor=predictor, reads_hidden=False)
        cost = candidates_of([one], told, ledger=ledger("snell", difficulty=True)).cost
        assert cost[0].tolist() == [1.0 + extra, 2.0 + extra]
