"""A pool in blocks, in another order or in shards comes to the same."""

from __future__ import annotations

import gc
import weakref
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ttclib.replay.strategy import strategies, variants
from ttclib.samples import AGGREGATIONS, LOGPROB, Pool, Setting, Verifier, own_logprob
from ttclib.samples import blocks as sizes
from ttclib.samples.blocks import constant, row_blocks

BUDGETS = [1, 2, 3, 16, 30, 40]
FROM_POOLS = [name for name, one in strategies().items() if one.reads == "pool"]


def some_pool(rng: np.random.Generator, n_problems: int = 23, n_samples: int = 40) -> Pool:
    """Pools of unequal size, in which grades, answers, scores and lengths are missing here and there."""
    shape = (n_problems, n_samples)
    drawn = rng.integers(n_samples - 9, n_samples + 1, n_problems)
    drawn[0] = n_samples
    present = np.arange(n_samples) < drawn[:, None]

    def holed(values: np.ndarray, missing: float, share: float) -> np.ndarray:
        return np.where(present & (rng.random(shape) >= share), values, missing)

    answers = rng.integers(0, 9, shape)
    right = (answers == 0) | (rng.random(shape) < 0.05)
    scores = rng.random(shape).round(2)
    tables = {how: holed(scores**power, np.nan, 0.03) for power, how in enumerate(AGGREGATIONS, start=1)}
    orm = Verifier("orm", "orm", tables, holed(rng.integers(9, 99, shape), np.nan, 0.0))
    return Pool(
        store="made",
        policy="policy",
        setting=Setting("abc"),
        problem_ids=[f"p{number:03d}" for number in range(n_problems)],
        present=present,
        correct=holed(right, np.nan, 0.05),
        answer_ids=holed(answers, -1, 0.05).astype(np.int64),
        completion_tokens=holed(rng.integers(5, 400, shape), np.nan, 0.04),
        prompt_tokens=np.where(rng.random(n_problems) < 0.05, np.nan, rng.integers(9, 99, n_problems)),
        verifiers={"orm": orm, LOGPROB: own_logprob(holed(-rng.random(shape), np.nan, 0.0))},
    )


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def pool(rng: np.random.Generator) -> Pool:
    return some_pool(rng)


def every_variant(name: str) -> list[Any]:
    asked = {"transform": ("none", "rank", "softmax")} if name == "weighted_best_of_n" else {}
    return variants(name, asked)


def assert_same(found: Any, wanted: Any, rows: Any = slice(None)) -> None:
    for name in ("accuracy", "mc_error", "ungraded"):
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name)[rows], rtol=0, atol=1e-12)
    assert found.costs.keys() == wanted.costs.keys()
    for name, table in found.costs.items():
        np.testing.assert_allclose(table, wanted.costs[name][rows], rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", FROM_POOLS)
def test_every_strategy_in_blocks(pool, name, monkeypatch):
    for one in every_variant(name):
        whole = one.replay(pool, BUDGETS)
        for cells in (1, 130):
            monkeypatch.setattr(sizes, "BLOCK", cells)
            assert_same(one.replay(pool, BUDGETS), whole)
            monkeypatch.undo()


@pytest.mark.parametrize("name", FROM_POOLS)
def test_the_order_of_problems_moves_nothing(pool, name, rng):
    order = rng.permutation(len(pool.problem_ids))
    for one in every_variant(name):
        assert_same(one.replay(pool.of_problems(order), BUDGETS), one.replay(pool, BUDGETS), order)


def test_shards_draw_the_same_subsets(pool):
    one = variants("weighted_best_of_n", {"subsets": (150,)})[0]
    whole = one.replay(replace(pool, completion_tokens=pool.lengths, prompt_tokens=pool.prompt_lengths), BUDGETS)
    assert (whole.mc_error > 0).any()  # some are drawn
    for rows in (slice(0, 7), slice(7, 8), slice(8, None)):
        shard = one.replay(pool.of_problems(np.arange(23)[rows]), [1, 2, 3, 16, 30])
        np.testing.assert_allclose(shard.accuracy, whole.accuracy[rows, :5], rtol=0, atol=1e-12)


def test_another_seed_draws_others(pool):
    one = variants("weighted_best_of_n")[0]
    first, second = (one.replay(pool, [16], seed=seed).accuracy for seed in (0, 1))
    assert 0 < np.nanmax(np.abs(first - second)) < 0.05


def test_narrow_columns_are_replayed_in_full_precision(pool, monkeypatch):
    narrow = replace(
        pool,
        correct=pool.correct.astype(np.float32),
        answer_ids=pool.answer_ids.astype(np.int32),
        completion_tokens=pool.completion_tokens.astype(np.float32),
    )
    monkeypatch.setattr(sizes, "BLOCK", 130)
    for name in FROM_POOLS:
        assert_same(variants(name)[0].replay(narrow, BUDGETS), variants(name)[0].replay(pool, BUDGETS))
    np.testing.assert_array_equal(narrow.n_correct, pool.n_correct)


def test_lengths_in_blocks_are_those_of_the_whole(pool):
    parts = list(pool.blocks(100))
    assert len(parts) > 5
    np.testing.assert_allclose(np.concatenate([part.lengths for _, part in parts]), pool.lengths)
    np.testing.assert_allclose(np.concatenate([part.prompt_lengths for _, part in parts]), pool.prompt_lengths)
    many = replace(pool, completion_tokens=np.where(pool.answer_ids > 6, np.nan, pool.completion_tokens))
    np.testing.assert_array_equal(np.concatenate([part.lengths for _, part in many.blocks(100)]), many.lengths)


def test_a_block_goes_when_it_is_done_with(pool):
    """Without waiting for a collection of cycles, which may not come before memory is full."""
    seen = []
    gc.disable()
    try:
        for _, part in pool.blocks(100):
            seen.append(weakref.ref(part.correct))
        del part
        assert len(seen) > 5 and not any(one() is not None for one in seen)
    finally:
        gc.enable()


def test_one_value_throughout_takes_no_memory(pool):
    nothing = replace(pool, completion_tokens=constant(np.nan, pool.present.shape))
    halved = nothing.of_samples(np.tile(np.arange(0, 40, 2), (23, 1)))
    assert halved.completion_tokens.shape == (23, 20) and not any(halved.completion_tokens.strides)
    assert not any(own_logprob(nothing.completion_tokens).by().strides)


def test_rows_in_runs():
    assert row_blocks((0, 4)) == [slice(0, 0)]
    assert row_blocks((3, 0)) == [slice(0, 3)]
    assert row_blocks((3, 100), 10) == [slice(0, 1), slice(1, 2), slice(2, 3)]
