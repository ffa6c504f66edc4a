"""A few samples without a token count: the others of their problem stand for them, and that is said."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

import ttclib
from ttclib.analysis.ledger import MissingFact, ledger
from ttclib.replay.strategy import strategy
from ttclib.study.answers import ask_frontier
from ttclib.study.question import question

STOPPING = ["adaptive_consistency", "early_stopping_consistency"]


def study_of(missing=(), *, n_problems=10, n_samples=10, prompts=50):
    """100 samples of 10 problems, of lengths 100 to 199, those at `missing` unknown."""
    rows = [
        {"problem_id": f"p{i // n_samples}", "sample_index": i % n_samples, "policy": "openai/gpt-5.1",
         "correct": i % 3 == 0, "answer": str(i % 3), "reference_answer": "0",
         "prompt_tokens": prompts if i // n_samples or prompts == 50 else None,
         "completion_tokens": None if i in missing else 100 + i}
        for i in range(n_problems * n_samples)
    ]  # fmt: skip
    return ttclib.open(ttclib.from_frame(pl.DataFrame(rows)))


def test_three_of_a_hundred_are_counted_as_the_rest_of_their_problem():
    whole, lacking = study_of(), study_of((3, 44, 77))
    assert lacking.pool.n_unknown_lengths == 3 and np.isnan(lacking.pool.completion_tokens).sum() == 3
    frame = lacking.replay(strategies="majority_vote", budgets=[1, 4, 10]).frame
    # Problem by problem the mean of those that are known.
    means = [
        np.mean([100 + i for i in range(10 * problem, 10 * problem + 10) if i not in (3, 44, 77)])
        for problem in range(10)
    ]
    assert frame["tokens"].to_list() == pytest.approx([n * np.mean(means) for n in (1, 4, 10)])
    assert frame["accuracy"].to_list() == whole.replay(strategies="majority_vote", budgets=[1, 4, 10]).frame["accuracy"].to_list()  # fmt: skip # noqa: E501


@pytest.mark.parametrize("preset", ["dollars", "waiting"])
def test_a_policy_with_a_few_gaps_stands_on_the_frontier(preset):
    asked = question(strategies="majority_vote", bins=1)
    found = ask_frontier(study_of((3, 44, 77)), asked, ledger=ledger(preset))
    whole = ask_frontier(study_of(), asked, ledger=ledger(preset))
    assert found.result.frame["cost"].to_list() == pytest.approx(whole.result.frame["cost"].to_list(), rel=0.01)
    said = "3 of 100 samples of openai/gpt-5.1 have no token count: in what they cost they count as the mean of their"
    assert any(line.startswith(said) for line in found.notes) and not any("token count" in line for line in whole.notes)


@pytest.mark.parametrize("name", STOPPING)
def test_stopping_rules_take_them_alike(name):
    costs = [
        strategy(name)().replay(study_of(missing).pool, [4, 10]).cost("completion_tokens")
        for missing in ((), (3, 44, 77))
    ]
    assert not np.isnan(costs[1]).any() and costs[1] == pytest.approx(costs[0], rel=0.03)


def test_a_problem_without_any_counts_as_the_mean_of_the_others():
    lengths = study_of(range(10)).pool.lengths
    assert lengths[0].tolist() == pytest.approx([np.mean(range(110, 200))] * 10)


def test_more_than_a_tenth_stay_unknown():
    few, many = study_of(range(10)).pool, study_of(range(11)).pool
    assert not np.isnan(few.lengths).any() and np.isnan(many.lengths).sum() == 11
    notes = study_of(range(11)).replay(strategies="majority_vote", budgets=[1]).notes
    assert any("too many for the others to stand for them" in line for line in notes)
    none = study_of(range(100))
    assert np.isnan(none.pool.lengths).all() and none.replay(strategies="majority_vote", budgets=[1]).notes == ()
    with pytest.raises(MissingFact, match="completion tokens"):
        ask_frontier(none, question(strategies="majority_vote", bins=1), ledger=ledger("dollars"))


def test_one_prompt_of_unknown_length():
    pool = study_of(prompts=20).pool
    assert np.isnan(pool.prompt_tokens).sum() == 1 and pool.prompt_lengths.tolist() == [20.0] * 10
