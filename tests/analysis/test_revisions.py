"""What revising does, counted again by hand, and the tables that say it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from tests.builders import add_chains, build_store
from tests.replay.chains import made_chains, random_chains
from ttclib.analysis.resampling import interval
from ttclib.analysis.revisions import (
    CHANGE_SCHEMA,
    POSITION_SCHEMA,
    SWEEP_SCHEMA,
    chain_pass_at_1,
    correct_to_wrong,
    ratio_sweep,
)
from ttclib.replay.revisions import select_from_chains
from ttclib.store.chains import load_chains

NAN = np.nan


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """20 problems sampled, of which 8 have 4 chains of 4 answers."""
    return add_chains(build_store(tmp_path_factory.mktemp("chains") / "s.duckdb"))


@pytest.fixture
def chains(store):
    return load_chains(store)


def test_right_at_each_position():
    correct = [[[1, 0, NAN], [0, 1, 1]], [[1, 1, 1], [1, NAN, NAN]]]
    found = chain_pass_at_1(made_chains(np.zeros((2, 2, 3), int), correct))
    assert found.schema == POSITION_SCHEMA
    assert found["position"].to_list() == [0, 1, 2]
    assert found["accuracy"].to_list() == [0.75, 0.75, 1.0]
    assert found["n_answers"].to_list() == [4, 3, 2] and found["n_problems"].to_list() == [2, 2, 2]
    ends = interval([[0.5, 0.5, 1.0], [1.0, 1.0, 1.0]])
    assert found["ci_low"].to_list() == ends.low.tolist() and found["ci_high"].to_list() == ends.high.tolist()


def test_positions_behind_a_chains_end_do_not_count():
    chains = made_chains(np.zeros((1, 2, 3), int), np.ones((1, 2, 3)), lengths=[[1, 2]])
    found = chain_pass_at_1(chains)
    assert found["position"].to_list() == [0, 1] and found["n_answers"].to_list() == [2, 1]


@pytest.mark.parametrize("seed", range(3))
def test_what_the_next_answer_changes(seed):
    lengths = np.random.default_rng(seed).integers(1, 5, (6, 5))
    chains = random_chains(np.random.default_rng(seed), (6, 5, 4))
    chains = replace(chains, present=np.arange(4) < lengths[..., None])
    pairs = [
        (row, first, second)
        for row in range(6)
        for chain in range(5)
        for first, second in pairwise(chains.correct[row, chain, : chains.lengths[row, chain]].tolist())
        if not np.isnan([first, second]).any()
    ]
    found = {row["change"]: row for row in correct_to_wrong(chains).to_dicts()}
    for change, start in (("correct_to_wrong", 1.0), ("wrong_to_correct", 0.0)):
        exposed = [(row, second) for row, first, second in pairs if first == start]
        changed = [row for row, second in exposed if second != start]
        assert (found[change]["n_pairs"], found[change]["n_changed"]) == (len(exposed), len(changed))
        assert found[change]["share"] == pytest.approx(len(changed) / len(exposed))
        assert found[change]["n_problems"] == len({row for row, _ in exposed})
        assert found[change]["ci_low"] <= found[change]["share"] <= found[change]["ci_high"]
    assert correct_to_wrong(chains).schema == CHANGE_SCHEMA


def test_where_nothing_can_change_the_share_is_unknown():
    found = correct_to_wrong(made_chains(np.zeros((2, 1, 3), int), np.ones((2, 1, 3)))).to_dicts()
    assert (found[0]["share"], found[0]["ci_low"], found[0]["n_changed"], found[0]["n_pairs"]) == (0, 0, 0, 4)
    assert 0.5 < found[0]["ci_high"] < 1  # two problems without a change say little of the next
    assert (found[1]["share"], found[1]["ci_low"], found[1]["n_pairs"]) == (None, None, 0)
    alone = correct_to_wrong(made_chains(np.zeros((1, 1, 1), int), np.ones((1, 1, 1)))).to_dicts()
    assert [row["share"] for row in alone] == [None, None]


def test_the_interval_of_a_share_covers_as_it_says():
    # 200 times: 40 problems with a share of their own around .38, 0 to 30 pairs each.
    rng = np.random.default_rng(0)
    covered, widths, found = 0, [], []
    for seed in range(200):
        n = rng.integers(0, 31, 40)
        ends = interval((rng.binomial(n, rng.beta(3.8, 6.2, 40)), n), "ratio", n_resamples=400, seed=seed)
        covered += ends.low <= 0.38 <= ends.high
        widths.append(ends.high - ends.low)
        found.append(ends.estimate)
    assert covered / 200 >= 0.91 and np.mean(widths) < 1.3 * 3.92 * np.std(found)


def test_the_sweep_holds_every_split_of_every_budget(chains):
    found = ratio_sweep(chains, [4, 1])
    assert found.schema == SWEEP_SCHEMA
    assert found.select("budget", "sequential", "parallel").rows() == [(1, 1, 1), (4, 1, 4), (4, 2, 2), (4, 4, 1)]
    splits = [(1, 1), (1, 4), (2, 2), (4, 1)]
    scores = chains.verifier().by("last")
    expected = select_from_chains(chains.answer_ids, scores, chains.correct, chains.lengths, splits).accuracy
    assert found["accuracy"].to_list() == pytest.approx(expected.mean(axis=0).tolist())
    assert (found["ci_low"] <= found["accuracy"]).all() and (found["accuracy"] <= found["ci_high"]).all()
    assert found["n_problems"].to_list() == [8] * 4
    assert found["tokens"].to_list()[0] == pytest.approx(chains.completion_tokens[:, :, 0].mean())


def test_the_sweep_by_bin(chains):
    bins = {problem_id: 1 + number // 4 for number, problem_id in enumerate(chains.problem_ids)} | {"p001": 0, "zz": 3}
    found = ratio_sweep(chains, [4], bins_of_problems=bins, n_bins=2)
    assert found["bin"].to_list() == [None, 1, 2] * 3
    assert found["n_problems"].to_list() == [8, 3, 4] * 3
    whole = found.filter(found["bin"].is_null())
    assert whole.equals(ratio_sweep(chains, [4]))


def test_selection_and_verifier_reach_the_sweep(chains):
    by_verifier, by_heads = (ratio_sweep(chains, [4], selection=name) for name in ("hierarchical", "majority"))
    assert not by_verifier["accuracy"].equals(by_heads["accuracy"])
    # The log-probability is the same everywhere: a vote by heads inside chains, then across.
    assert not ratio_sweep(chains, [4], verifier=chains.verifier("logprob"))["accuracy"].equals(by_verifier["accuracy"])
    assert ratio_sweep(chains, [4], verifier=chains.verifier("orm")).equals(by_verifier)
