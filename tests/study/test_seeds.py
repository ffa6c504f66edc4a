"""A seed decides every interval of an answer: the same one gives the same numbers, another one others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.builders import make_pool
from ttclib.analysis.ledger import Ledger
from ttclib.samples import Setting
from ttclib.store.rounds import Round
from ttclib.study import answers, lengths
from ttclib.study.flywheel import Wheel, ask_flywheel
from ttclib.study.gain import ask_gain
from ttclib.study.many_or_once import ask_many_or_once
from ttclib.study.question import Question, question
from ttclib.study.study import Member, Study

ENDS = ("ci_low", "factor_low", "low")


def study_of(*shares: float) -> Study:
    """Policies in memory, of 40 problems x 8 samples with unequal lengths, problems spread about an accuracy."""
    rng, members = np.random.default_rng(1), []
    for number, share in enumerate(shares):
        ease = np.clip(share + np.linspace(-0.25, 0.25, 40), 0, 1)[:, None]
        right = rng.random((40, 8)) < ease
        ids = np.where(right, 0, rng.integers(1, 4, right.shape))
        scores = np.clip(0.3 * right + rng.random(right.shape) * 0.7, 0, 1)
        tokens = rng.integers(10 * (1 + 9 * number), 20 * (1 + 9 * number), right.shape).astype(float)
        setting = Setting(f"s{number}", {"effort": f"{number}"})
        pool = make_pool(right.tolist(), answer_ids=ids, scores=scores, policy=f"p{number}", setting=setting,
                         completion_tokens=tokens)  # fmt: skip
        members.append(Member(pool, f"p{number}", print))
    return Study(tuple(members), Path("memory"))


ONE, TWO, THREE = study_of(0.5), study_of(0.3, 0.6), study_of(0.3, 0.5, 0.7)
ROUNDS = tuple(Round(f"p{n}", f"p{n - 1}", "verified", n, n_problems=9, n_kept=6, training_flops=1e9) for n in (1, 2))
PICKING = question(strategies=("majority_vote", "best_of_n"), bins=2)


def asked(ask: Callable[[Question], Any]) -> Callable[[int], Any]:
    return lambda seed: ask(PICKING.but(seed=seed))


ASKED: dict[str, Callable[[int], Any]] = {
    "replay": asked(ONE.replay),
    "frontier": asked(lambda one: answers.ask_frontier(ONE, one).result),
    "efficiency": asked(lambda one: answers.ask_efficiency(ONE, one, "majority_vote").result),
    "allocation": asked(lambda one: answers.ask_allocation(ONE, one).result),
    "probed": asked(lambda one: answers.ask_probed(ONE, one, [2]).result),
    "compare": asked(lambda one: answers.ask_compare(study_of(0.3), study_of(0.6), ("a", "b"), one).result.frame),
    "gain": lambda seed: ask_gain(TWO, seed=seed).result,
    "within lengths": lambda seed: lengths.within(ONE.pool, seed=seed),
    "flywheel": lambda seed: ask_flywheel(Wheel(THREE, ROUNDS), bins=2, seed=seed).result,
    "many or once": asked(lambda one: ask_many_or_once(TWO, one, ledger=Ledger(unit="tokens")).result),
}


def intervals(result: Any) -> dict[str, list[Any]]:
    """Lower ends, by the frame of the answer that holds them."""
    if isinstance(result, pl.DataFrame):
        named = {"": result}
    else:
        every = {field.name: getattr(result, field.name) for field in fields(result)}
        named = {name: one for name, one in every.items() if isinstance(one, pl.DataFrame)}
    found = {name: one.select(end for end in ENDS if end in one.columns) for name, one in named.items()}
    return {name: one.rows() for name, one in found.items() if one.width}


@pytest.mark.parametrize("name", ASKED)
def test_a_seed_decides_every_interval(name: str) -> None:
    first, again, other = (intervals(ASKED[name](seed)) for seed in (0, 0, 1))
    assert first and first == again
    assert [frame for frame in first if first[frame] == other[frame]] == []
