"""What the choice saves, with the bill and without."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.analysis.strategies_made import made
from ttclib.analysis.bill import DifficultyBill, billed_ratio, break_even_queries
from ttclib.analysis.compute_optimal import compute_optimal
from ttclib.analysis.efficiency import efficiency
from ttclib.analysis.ledger import ledger
from ttclib.errors import RequestError
from ttclib.store.models import ModelFacts

SLOW = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]  # N = 1 … 256: .1 more for every doubling
FAST = [0.1, 0.2, 0.5, 0.6, 0.7, 0.8, 0.9, 0.9, 0.95]  # from N = 4 on, what the slow one does with four times as many


def chosen_and_baseline(n_problems=12, spread=0.0):
    noise = np.random.default_rng(0).normal(0, spread, size=(n_problems, 1))
    slow, fast = (made(np.clip(np.tile(curve, (n_problems, 1)) + noise, 0, 1)) for curve in (SLOW, FAST))
    fast = made(fast.accuracy, variant="beam_search (M=4)")
    return compute_optimal([slow, fast], np.repeat([1, 2], n_problems // 2), n_assignments=4), slow


def test_the_papers_bill():
    assert billed_ratio(16, 64, 2048) == 32.25 and billed_ratio(64, 256, 2048) == 8.25
    assert billed_ratio(16, 64, 2048, queries=2048) == pytest.approx(17 / 64)


@given(st.floats(1, 1e3), st.floats(1.01, 100), st.floats(1, 1e4))
def test_break_even_is_where_the_billed_ratio_is_1(budget, times, n_probes):
    queries = break_even_queries(budget, budget * times, n_probes)
    at = billed_ratio(budget, budget * times, n_probes, queries)
    assert at == pytest.approx(1) if queries > 1 else at <= 1 + 1e-9


def test_break_even_at_the_edges():
    assert break_even_queries(16, 8, 10) == np.inf == break_even_queries(16, 16, 10)
    assert break_even_queries(8, 16, 0) == 1 == break_even_queries(8, 8, 0)
    assert break_even_queries(8, 4, 0) == np.inf
    assert np.isnan(break_even_queries(8, np.nan, 10))


def test_four_times_fewer_and_what_the_bill_makes_of_it():
    chosen, slow = chosen_and_baseline()
    table = efficiency(chosen, slow, bill=DifficultyBill(2048), n_resamples=20)
    row = table.filter(table["bin"].is_null() & (table["budget"] == 16))
    found = row.to_dicts()[0]
    assert found["baseline_cost"] == pytest.approx(64) and found["factor"] == pytest.approx(4)
    assert found["ci_low"] == pytest.approx(4) and found["ci_high"] == pytest.approx(4)  # all problems alike
    assert found["billed_cost"] == 16 + 2048 and 1 / found["billed_factor"] == pytest.approx(32.25)
    assert found["break_even_queries"] == pytest.approx(2048 / 48)
    assert found["n_problems"] == 12 and found["unreached"] == 0
    assert table["bin"].unique().sort().to_list() == [None, 1, 2]


def test_what_the_baseline_never_reaches_is_null_and_said_so():
    chosen, slow = chosen_and_baseline()
    last = efficiency(chosen, slow, n_resamples=5).row(8, named=True)
    assert last["budget"] == 256 and last["accuracy"] == pytest.approx(0.95)
    assert last["baseline_cost"] is last["factor"] is last["ci_high"] is None and last["unreached"] == 1
    assert last["billed_cost"] is last["break_even_queries"] is None  # no bill was asked for


def test_amortised_and_reused():
    chosen, slow = chosen_and_baseline()
    at = [f for f in range(9) if chosen.aligned.budgets[f] in (1, 16)]
    assert DifficultyBill(2048, queries=8).samples(chosen)[0, at].tolist() == [256, 256]
    # At N = 1 and 2 both are equal and the sampling strategy, listed first, is taken: its sample is one of the 8.
    # At 16 the tree search draws its own.
    assert DifficultyBill(8, reused=True).samples(chosen)[0, at].tolist() == [7, 8]
    only = compute_optimal([slow], [1] * 12)
    assert DifficultyBill(8, reused=True).samples(only)[0].tolist() == [7, 6, 4, 0, 0, 0, 0, 0, 0]
    total = np.asarray(only.aligned.budgets) + DifficultyBill(8, reused=True).samples(only)[0]
    assert total.tolist() == [max(8, n) for n in only.aligned.budgets]


def test_the_bill_in_flops_reads_the_verifier_where_difficulty_is_predicted():
    costs = {"generations": [1.0, 2.0], "completion_tokens": [10.0, 20.0]}
    vote = made([[0.5, 0.5]] * 4, variant="majority_vote", costs=costs | {"prm_tokens": 0.0})
    best = made([[0.5, 0.5]] * 4, costs=costs | {"prm_tokens": [5.0, 10.0]})
    book = ledger(unit="flops", verifier=True)
    models = (ModelFacts("p", n_parameters=100), ModelFacts("v", n_parameters=1000))
    for difficulty, a_sample in (("oracle", 2 * 100 * 10), ("predicted", 2 * 100 * 10 + 2 * 1000 * 5)):
        chosen = compute_optimal([vote, best], [1] * 4, difficulty=difficulty)
        assert DifficultyBill(3).price(chosen, book, *models)[0].tolist() == [3 * a_sample] * 2


def test_interval_widens_with_the_spread_of_problems_and_covers_the_point():
    chosen, slow = chosen_and_baseline(40, spread=0.1)
    table = efficiency(chosen, slow, n_resamples=100).filter(budget=16)
    assert (table["ci_low"] <= table["factor"]).all() and (table["factor"] <= table["ci_high"]).all()
    again = efficiency(chosen, slow, n_resamples=100).filter(budget=16)
    assert table.equals(again)
    assert not table.equals(efficiency(chosen, slow, n_resamples=100, seed=1).filter(budget=16))


def test_refusals():
    chosen, _ = chosen_and_baseline()
    with pytest.raises(RequestError, match="baseline 'best_of_n' lacks 12 problems, such as 'p0'"):
        efficiency(chosen, made([[0.1]], problem_ids=("x",)))
    with pytest.raises(RequestError, match="-1 difficulty samples"):
        DifficultyBill(-1)
    with pytest.raises(RequestError, match="0 queries share"):
        DifficultyBill(8, queries=0)
    beam = compute_optimal([made([[0.1]] * 4, variant="beam_search", budgets=[4])], [1] * 4)
    with pytest.raises(RequestError, match="compare a sampling strategy at budget 1 too"):
        efficiency(beam, made([[0.1]] * 4), bill=DifficultyBill(8))
