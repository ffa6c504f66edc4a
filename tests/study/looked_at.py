"""What is asked of the small stores about what is there: curves, searches, families; for `tests.study.kept`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import ttclib
from tests.builders import make_pool
from tests.study import stores
from tests.study.asked import FEW, RATES, VOTES, full, wide
from ttclib.analysis.ledger import Ledger
from ttclib.study import coverage, difficulty, lengths
from ttclib.study.answers import (
    ask_crossover,
)
from ttclib.study.browsing import browse
from ttclib.study.chains import open_chains
from ttclib.study.checkpoints import ask_held_out, ask_training, open_checkpoints
from ttclib.study.flywheel import ask_flywheel, open_flywheel
from ttclib.study.gain import ask_gain
from ttclib.study.graders import ask_graders
from ttclib.study.inside import ask_inside, open_inside
from ttclib.study.inside_findings import of_models
from ttclib.study.inside_training import ask_inside_training
from ttclib.study.larger import larger_side
from ttclib.study.many_or_once import ask_many_or_once
from ttclib.study.one_problem import tell_one
from ttclib.study.pairs import ask_beyond, ask_pairs, pairs_of
from ttclib.study.paper import along_and_across
from ttclib.study.question import question
from ttclib.study.searches import open_searches
from ttclib.study.sides import open_larger, other_side, references
from ttclib.study.study import Study


def beside() -> dict[str, Any]:
    """What a store has to be asked about."""
    study, two = wide(), ttclib.open(stores.settings(), setting="*")
    return {
        "verifiers": study.verifiers(),
        "choices": study.verifier_choices(),
        "choices of none": ttclib.open(stores.counts()).verifier_choices("orm"),
        "difficulties": study.difficulties(),
        "difficulties of counts": ttclib.open(stores.counts()).difficulties(),
        "able": full().able(question(strategies=["pass_at_k"])),
        "members": [one.name for one in two.members],
        "two policies": [one.name for one in wide(["small", "large"]).members],
        "references": references(study),
        "references of the largest": references(wide("large")),
        "larger": open_larger(study),
        "larger of another store": open_larger(study, str(stores.full())),
        "other policy": other_side(study, question())[0].policy,
        "other verifier": other_side(wide("large"), question()),
        "other store": other_side(study, question(), str(stores.full()))[0].policy,
    }


def problems() -> dict[str, Any]:
    return {
        "chosen": tell_one(full(), question()),
        "named": tell_one(full(), question(verifier="orm", beam_width=2), "p00"),
        "not scored": tell_one(ttclib.open(stores.plain()), question()),
    }


def browsed() -> dict[str, Any]:
    found = browse(full())
    return {
        "all": found,
        "tree": found.problems[5].tree,
        "endings": found.samples[5].endings,
        "first wrong": [one.first_wrong_step for one in found.samples],
        "some": browse(wide(), verifier="orm", aggregation="mean", limit=60, seed=3),
        "one": browse(full(), problem="p05", max_bytes=6000),
        "of another's scores": browse(full(), verifier="orm", limit=3),
        "not scored": browse(ttclib.open(stores.plain()), limit=50),
    }


def searched() -> dict[str, Any]:
    found = open_searches(full(), question(beam_width=2, lookahead_steps=1), bins=3)
    name = "beam_search"
    return {
        "curves": found.curves,
        "gains": found.gains(),
        "bins": found.bins,
        "largest": [found.largest(name), found.largest(name, 4), found.largest(name, 0)],
        "trace": found.trace(name, "p05", 4),
        "failures": found.failures(name, n_plain=4),
        "failures of four": found.failures("rebase", 4),
        "middling": found.middling_problem(),
        "prompt": found.prompt_of("p05"),
        "named": open_searches(full(), question(strategies="dvts", budgets=[4], beam_width=2, bins=2, seed=1)).curves,
    }


def chains() -> dict[str, Any]:
    found = open_chains(full(), question(), bins=2)
    voting = open_chains(full(), question(selection="majority", bins=2, told="same", seed=1))
    return {
        "said": found.findings(),
        "caption": found.caption,
        "bins": found.bins,
        "along": found.along(),
        "changes": found.changes(),
        "sweep": found.sweep(),
        "beside sampling": found.beside_sampling(),
        "references": found.references(),
        "caption by majority": voting.caption,
        "sweep by majority": voting.sweep(),
        "along and across": along_and_across(found),
    }


def inside_of(store: str, **more: Any) -> Any:
    return ask_inside(open_inside(getattr(stores, store)(), setting="*"), question(), **more)


def inside() -> dict[str, Any]:
    found, alike = inside_of("efforts"), inside_of("alike", ledgers=[Ledger(unit="tokens")])
    return {
        "efforts": found,
        "alike": alike,
        "of models": of_models([found.result, alike.result]),
        "benchmarks": ask_inside(
            open_inside(stores.twice(), benchmark=["execution", "execution_cot"]), question(strategies="pass_at_k")
        ),
        "policies": ask_inside(
            open_inside(stores.wide(), ["small", "large"]),
            question(strategies=["best_of_n", "pass_at_k"], budgets=[1, 4, 16]),
        ),
    }


def many_or_once(store: str, **more: Any) -> Any:
    return ask_many_or_once(
        ttclib.open(getattr(stores, store)(), setting="*"), question(), ledger=Ledger(unit="tokens"), **more
    )


def pairs() -> dict[str, Any]:
    store = stores.family()
    found = pairs_of(store, {"A": {"small": "s", "middle": "m", "large": "l"}}, {"sums": "additions"})
    study, large = ttclib.open(store, "s", benchmark="sums"), larger_side(str(store), "m", benchmark="sums",
                                                                          allow_sampled=True)  # fmt: skip
    once = ask_crossover(study, large, question(strategies="pass_at_k", bins=1), RATES, **FEW)
    return {
        "pairs": found,
        "answer": ask_pairs(store, found, RATES, **FEW),
        "one": ask_pairs(store, pairs_of(store, benchmarks=["proofs"])[:1], RATES, bins=1, **FEW),
        "beyond": ask_beyond(study.pool, large, RATES, once.result),
    }


def training() -> dict[str, Any]:
    found = open_checkpoints(stores.family(), benchmark="sums")
    return {
        "checkpoints": found,
        "half": ask_training(found, **FEW),
        "of long answers": ask_training(found, 0.3, answer_tokens=4000, also=(5.0,), **FEW),
        "never": ask_training(found, 0.999, **FEW),
    }


def coverages() -> dict[str, Any]:
    study = wide()
    found = coverage.ask_beyond_pool(study, largest_k=512, n_resamples=20, n_splits=2)
    counted = coverage.ask_beyond_pool(ttclib.open(stores.counts()), ["beta_binomial"])
    return {"samples": found, "fitted": found.result.fitted.fitted(), "counts": counted}


def difficulties() -> dict[str, Any]:
    found = difficulty.answer(wide().pool, question(bins=3))
    by_text = question(difficulty="question:text", bins=3, verifier="orm", aggregation="min", seed=1)
    return {
        "wide": found,
        "cheap": found.cheap(),
        "agreed": found.agreed(),
        "confusion": found.confusion,
        "known": (known := difficulty.answer(ttclib.open(stores.known()).pool, question(bins=2), probes=(1,))),
        "as json": {name: len(rows) for name, rows in known.as_json().items()},
        "by text": difficulty.answer(wide().pool, by_text, probes=(1, 99)),
        "counts": difficulty.answer(ttclib.open(stores.counts()).pool, question()),
    }


def replays(*, of: Callable[[], Study] = full, **values: Any) -> Callable[[], Any]:
    interval = {name: values.pop(name) for name in ("level", "interval", "at") if name in values}
    return lambda: of().replay(question(**values), **interval)


def odd() -> Study:
    """Seven samples a problem, so that one half has three."""
    rng = np.random.default_rng(2)
    right = rng.random((12, 7)) < np.linspace(0.1, 0.9, 12)[:, None]
    return ttclib.open(make_pool(right.tolist(), answer_ids=np.where(right, 0, rng.integers(1, 4, right.shape))))


def of_store(name: str, **more: Any) -> Callable[[], Study]:
    return lambda: ttclib.open(getattr(stores, name)(), **more)


ASKED: dict[str, Callable[[], Any]] = {
    "beside": beside,
    "browsing": browsed,
    "chains": chains,
    "coverage": coverages,
    "difficulty": difficulties,
    "flywheel": lambda: {
        "whole": ask_flywheel(open_flywheel(stores.flywheel())),
        "asked": ask_flywheel(open_flywheel(stores.flywheel()), 3, 1e6, 4, seed=1),
    },
    "gain": lambda: {
        "efforts": ask_gain(ttclib.open(stores.efforts(), setting="*")),
        "two": ask_gain(wide(["small", "large"]), 4, seed=1),
    },
    "graders": lambda: {
        "two": (found := ask_graders(ttclib.open(stores.written()), ["math", "exact", "stored"])),
        "pairs": found.result.pairs(4),
    },
    "held_out": lambda: ask_held_out(open_checkpoints(stores.checkpoints()), (1, 4)),
    "inside": inside,
    "inside_training": lambda: {
        "whole": (found := ask_inside_training(stores.trained(), "direct", "steps", few_shot="direct-shown")),
        "few routes": found.result.few_routes,
        "two rates": ask_inside_training(stores.trained(), "direct", "direct-shown", exchange_rates=[0.1, 10], seed=1),
    },
    "lengths": lambda: {
        "whole": lengths.answer(wide().pool),
        "two caps": lengths.answer(full().pool, [30, 60]),
        "counts": lengths.within(ttclib.open(stores.counts()).pool),
    },
    "many_or_once": lambda: {
        "efforts": many_or_once("efforts"),
        "alike": many_or_once("alike"),
    },
    "one_problem": problems,
    "pairs": pairs,
    "replay": replays(),
    "replay_budgets": replays(budgets=[2, 4, 8, 64], problems="searched"),
    "replay_counts": replays(of=of_store("counts"), bins=3),
    "replay_cut": replays(
        of=wide, strategies=[*VOTES, "pass_at_k"], budgets=[4, 1, 64], lacking="leave out", length_cap=40, at=[4, 1]
    ),
    "replay_halves": replays(
        strategies=[*VOTES, "beam_search", "revisions"],
        verifier="orm",
        aggregation="mean",
        bins=2,
        told="halves",
        lacking="leave out",
        ratio="all",
        interval="simultaneous",
        level=0.9,
    ),
    "replay_lost": replays(strategies="beam_search", beam_width=2, budgets=[2, 8, 16]),
    "replay_odd": replays(of=odd, strategies=["pass_at_k", "majority_vote"], bins=2, told="halves"),
    "replay_own": replays(
        strategies=["pass_at_k", "beam_search"],
        beam_width=2,
        problems="own",
        thresholds=[0.7, 0.3],
        lacking="leave out",
    ),
    "replay_policies": replays(of=partial(wide, ["small", "large"]), strategies=["majority_vote"], budgets=[1, 16]),
    "replay_revised": replays(
        strategies=["majority_vote", "revisions"], ratio="best", problems="revised", verifier="orm", lacking="leave out"
    ),
    "replay_searched": replays(problems="searched", seed=2, bins=2, told="same"),
    "replay_settings": replays(of=of_store("settings", setting="*"), strategies="best_of_n", bins=2),
    "searches": searched,
    "training": training,
}
