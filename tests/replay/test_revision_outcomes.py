"""Revisions at budgets: which split is used, what it costs, and what a store that lacks it says."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import combinations

import numpy as np
import pytest

from tests.replay.chains import made_chains, random_chains, scores_of
from ttclib.errors import NotInStore, RequestError
from ttclib.replay.estimate import grades_by_answer
from ttclib.replay.outcomes import COSTS
from ttclib.replay.revision_outcomes import revision_outcomes, revision_splits, splits_collected
from ttclib.replay.revisions import select_from_chains


@pytest.fixture
def chains():
    """3 problems x 4 chains x 8 answers, whose tokens are as a context of 2 answers would make them."""
    rng = np.random.default_rng(0)
    made = random_chains(rng, (3, 4, 8))
    own = rng.integers(3, 20, made.answer_ids.shape).astype(float)
    seen = own - 1 + 2  # an end token less, a separator of two more
    before = np.full(made.answer_ids.shape, 10.0) + np.arange(3)[:, None, None]
    before[:, :, 1] += seen[:, :, 0]
    before[:, :, 2:] += seen[:, :, 1:-1] + seen[:, :, :-2]
    return made_chains(
        made.answer_ids,
        made.correct,
        scores_of(made),
        completion_tokens=own,
        prompt_tokens=before,
        prm_tokens=before + own + 1,
    )


def by_orm(chains, call=revision_outcomes):
    return partial(call, chains, verifier=chains.verifiers["orm"])


def read(chains):
    return chains.verifiers["orm"].prm_tokens


@pytest.mark.parametrize("ratio", ["sequential", "parallel", 1.0, 0.25])
def test_every_ratio_is_one_split_a_budget(chains, ratio):
    budgets = [1, 2, 4] if ratio != "sequential" else [1, 2, 4, 8]
    found = by_orm(chains)(budgets[::-1], ratio=ratio)
    splits = dict(by_orm(chains, revision_splits)(budgets))
    assert (found.strategy, found.budgets) == ("revisions", tuple(budgets))
    for column, budget in enumerate(budgets):
        split = {"sequential": (budget, 1), "parallel": (1, budget)}.get(ratio)
        nearest = {1.0: {1: (1, 1), 2: (2, 1), 4: (2, 2)}, 0.25: {1: (1, 1), 2: (1, 2), 4: (1, 4)}}
        one = splits[split or nearest[ratio][budget]]
        assert (found.accuracy[:, column] == one.accuracy[:, column]).all()
        for name in COSTS:
            np.testing.assert_array_equal(found.cost(name)[:, column], one.cost(name)[:, column])


def test_splits_are_variants_that_say_what_they_are(chains):
    ids, flat = chains.answer_ids, (3, 32)
    told = grades_by_answer(ids.reshape(flat), chains.correct.reshape(flat)).reshape(ids.shape)
    assert (np.isnan(told) < np.isnan(chains.correct)).any()  # an answer has one grade
    found = by_orm(chains, revision_splits)([4, 16])
    assert [split for split, _ in found] == [(1, 4), (2, 2), (4, 1), (4, 4), (8, 2)]
    assert found[0][1].variant == "revisions (1 sequential x 4 parallel)"
    for (sequential, parallel), one in found:
        column = one.budgets.index(sequential * parallel)
        expected = select_from_chains(ids, scores_of(chains), told, chains.lengths, [(sequential, parallel)])
        for part, values in expected._asdict().items():
            assert (getattr(one, part)[:, column] == values[:, 0]).all()
            assert np.isnan(np.delete(getattr(one, part), column, axis=1)).all()
        assert set(one.costs) == set(COSTS)


def test_costs_against_every_subset(chains):
    for (sequential, parallel), one in by_orm(chains, revision_splits)([1, 4, 8, 16]):
        column = one.budgets.index(sequential * parallel)
        for row in range(3):
            before, own = chains.prompt_tokens[row], chains.completion_tokens[row]
            prompt = before[0, 0]
            expected = {name: [] for name in COSTS}
            for subset in combinations(range(4), parallel):
                cells = [(chain, j) for chain in subset for j in range(sequential)]
                # Each token of an answer attends to all before it.
                attended = {c: sum(before[c] + token for token in range(int(own[c]))) for c in cells}
                private = {c: sum(before[c] - prompt + token for token in range(int(own[c]))) for c in cells}
                steps = max(sum(own[chain, :sequential]) for chain in subset)
                # A view of two answers: up to the third answer it only grows.
                new = {
                    (c, j): 0 if j == 0 else own[c, j - 1] + 1 if j <= 2 else before[c, j] - prompt for c, j in cells
                }
                values = {
                    "generations": len(cells),
                    "completion_tokens": sum(own[c] for c in cells),
                    "pruned_tokens": 0,
                    "rollout_tokens": 0,
                    "prefill_tokens": sum(before[c] for c in cells),
                    "cached_prefill_tokens": prompt + sum(new.values()),
                    "context_tokens": sum(attended.values()),
                    "kv_tokens": prompt * steps + sum(private.values()),
                    "prm_tokens": sum(read(chains)[row][c] for c in cells),
                    "serial_tokens": steps,
                    "serial_prm_tokens": max(read(chains)[row][c] for c in cells),
                }
                for name, value in values.items():
                    expected[name].append(value)
            for name in COSTS:
                assert one.cost(name)[row, column] == pytest.approx(np.mean(expected[name])), (name, sequential)


def test_only_a_verifier_that_is_asked_costs_tokens(chains):
    assert (by_orm(chains)([4], selection="majority").cost("prm_tokens") == 0).all()
    assert (by_orm(chains)([4]).cost("prm_tokens") > 0).all()


def test_an_unknown_count_is_unknown_and_what_could_not_be_read_cost_nothing(chains):
    chains.completion_tokens[0, 0, 1] = np.nan
    scores_of(chains)[1, 0, 0] = read(chains)[1, 0, 0] = np.nan
    found = by_orm(chains)([1, 2], ratio="sequential")
    assert np.isnan(found.cost("completion_tokens")).tolist() == [[False, True], [False, False], [False, False]]
    assert found.cost("prm_tokens")[1, 0] == pytest.approx(np.nansum(read(chains)[1, :, 0]) / 4)


def test_problems_that_hold_less_are_not_counted(chains):
    lengths = np.array([[8, 8, 8, 8], [8, 2, 2, 0], [1, 1, 1, 1]])
    chains = replace(chains, present=np.arange(8) < lengths[..., None])
    found = dict(by_orm(chains, revision_splits)([4]))
    assert [np.isnan(found[split].accuracy[:, 0]).tolist() for split in ((1, 4), (2, 2), (4, 1))] == [
        [False, True, False],
        [False, False, True],
        [False, False, True],
    ]
    assert np.isnan(found[2, 2].cost("generations")[:, 0]).tolist() == [False, False, True]
    alone = found[4, 1].cost("completion_tokens")[1, 0]
    assert alone == chains.completion_tokens[1, 0, :4].sum()  # of the one chain that is long enough


def test_what_no_problem_holds_is_said_with_the_command_that_collects_it(chains):
    message = (
        r"'memory' holds at most 4 chains of 8 answers a problem of 'reviser', too few for budget "
        r"16 \(16 sequential x 1 parallel\), 32 \(32 sequential x 1 parallel\): collect them with "
        r"`ttc revise CONFIG --n-chains 4 --n-steps 32`"
    )
    with pytest.raises(NotInStore, match=message):
        by_orm(chains)([16, 32], ratio="sequential")
    assert np.isnan(by_orm(chains)([8, 16], ratio="sequential").accuracy).tolist() == [[False, True]] * 3
    assert splits_collected(chains, 32) == [(8, 4)]
    for whatever in (
        lambda: by_orm(chains)([64]),
        lambda: by_orm(chains, revision_splits)([64]),
    ):
        with pytest.raises(NotInStore, match=r"64 \(8 sequential x 8 parallel\).*--n-chains 8 --n-steps 8"):
            whatever()
    with pytest.raises(RequestError, match="unknown ratio 'paralel': did you mean 'parallel'"):
        by_orm(chains)([4], ratio="paralel")
    with pytest.raises(ValueError, match="at least 1"):
        by_orm(chains)([0])


def test_the_name_says_the_ratio(chains):
    found = by_orm(chains)([4, 8], ratio=0.5)
    assert found.variant == "revisions (ratio 0.5)" and found.problem_ids == ("p0", "p1", "p2")
    assert found.cost("generations").tolist() == [[4, 8]] * 3


@pytest.mark.parametrize("aggregation", ["last", "min"])
def test_what_was_selected_before_is_what_is_selected_anew(chains, aggregation):
    before = by_orm(chains)([1, 2], ratio=1.0, aggregation="last")
    again = by_orm(chains)([1, 2, 4], ratio=1.0, aggregation=aggregation)
    anew = by_orm(replace(chains))([1, 2, 4], ratio=1.0, aggregation=aggregation)
    for part in ("accuracy", "mc_error", "ungraded"):
        np.testing.assert_array_equal(getattr(again, part), getattr(anew, part))
    assert aggregation == "min" or (again.accuracy[:, :2] == before.accuracy)[~np.isnan(before.accuracy)].all()
