"""What is asked of the small stores, question by question, for `tests.study.kept`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

import ttclib
from tests.builders import make_pool
from tests.study import stores
from ttclib.analysis.ledger import LEDGERS, Ledger, ledger
from ttclib.analysis.plan import Plan
from ttclib.store.fingerprint import fingerprint
from ttclib.study import coverage, difficulty, lengths
from ttclib.study.account import ask_account
from ttclib.study.answers import (
    ask_allocation,
    ask_compare,
    ask_crossover,
    ask_efficiency,
    ask_export,
    ask_frontier,
    ask_frontiers,
    ask_matched,
    ask_plan,
    ask_probed,
    ask_savings,
)
from ttclib.study.browsing import browse
from ttclib.study.chains import open_chains
from ttclib.study.checkpoints import ask_held_out, ask_training, open_checkpoints
from ttclib.study.flywheel import ask_flywheel, open_flywheel
from ttclib.study.forecasting import ask_forecast, runs_of_plan, shadow
from ttclib.study.gain import ask_gain
from ttclib.study.graders import ask_graders
from ttclib.study.inside import ask_inside, open_inside
from ttclib.study.inside_findings import of_models
from ttclib.study.inside_training import ask_inside_training
from ttclib.study.larger import larger_side
from ttclib.study.many_or_once import ask_many_or_once
from ttclib.study.one_problem import tell_one
from ttclib.study.pairs import ask_beyond, ask_pairs, pairs_of
from ttclib.study.paper import along_and_across, optimal, optimal_revisions
from ttclib.study.question import question
from ttclib.study.rehearsal import ask_rehearsal
from ttclib.study.searches import open_searches
from ttclib.study.sides import Side, compare_sides, open_larger, other_side, references
from ttclib.study.study import Study

TOKENS, PAID = ledger("snell", unit="tokens"), ledger("snell", unit="tokens", difficulty=True)
FEW = {"n_resamples": 40}
VOTES = ("majority_vote", "best_of_n", "weighted_best_of_n")
RATES = (0.1, 1.0, 10.0)


def full(**more: Any) -> Study:
    return ttclib.open(stores.full(), "small", **more)


def wide(policy: str = "small") -> Study:
    return ttclib.open(stores.wide(), policy)


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


def frontier_of_tokens() -> Any:
    asked = question(strategies=[*VOTES, "pass_at_k"], bins=2, difficulty="predicted", verifier="orm", seed=1)
    return ask_frontier(wide(), asked, ledger=PAID, probes=3, queries=10, reused=True, per="average", **FEW)


def exported(**more: Any) -> Any:
    asked = question(strategies=VOTES, bins=3, budgets=[1, 4, 16], **more)
    found = ask_frontier(wide(), asked, limits=[4, 16], n_resamples=20)
    return ask_export(wide(), asked, found.result.plan)


def exports() -> dict[str, Any]:
    asked = question(strategies=VOTES, bins=2, budgets=[1, 4, 16], difficulty="predicted")
    found = ask_frontier(wide(), asked, limits=[4, 16], n_resamples=20).result.plan
    return {
        "plan": as_written(ask_export(wide(), asked, found)),
        "told by two, used again": as_written(ask_export(wide(), asked, found, 2, True)),
        "by the question": as_written(exported(difficulty="question:text")),
    }


def as_written(plan: Plan) -> dict[str, Any]:
    """A plan's lines and its JSON, but for what changes with the version of the store or of the library."""
    whole = json.loads(plan.to_json())
    told_by, choices, made_by = whole.pop("predictor"), whole.pop("choices"), whole.pop("versions")
    return {
        "lines": plan.lines(),
        "steps": [step for row in choices for steps in row for step in steps],
        "predictor": sorted(told_by or ()),
        "made by": sorted(made_by),
        "made from": whole.pop("store") == fingerprint(stores.wide()),
        **whole,
    }


def plans() -> dict[str, Any]:
    by_samples, by_text, study = exported(), exported(difficulty="question:text"), ttclib.open(stores.again())
    return {
        "as exported": ask_plan(study, by_samples, question()),
        "few probes": ask_plan(study, by_samples, question(seed=1), probes=2, draws=3, queries=4, reused=True),
        "by the question": ask_plan(study, by_text, question()),
        "where it was made": ask_plan(wide(), by_text, question()),
    }


def forecasts() -> dict[str, Any]:
    plan, study = exported(difficulty="predicted"), wide("small")
    plan = replace(plan, probes=2)
    found = ask_forecast(study, plan, 20)
    return {
        "whole": found,
        "at four": ask_forecast(study, plan, 5, 4.0, seed=1, n_runs=4, window=2),
        "by the question": ask_forecast(study, exported(difficulty="question:text"), 20, n_runs=2),
        "runs": runs_of_plan(study, plan, n_runs=2),
        "by what is known": ask_forecast(ttclib.open(stores.known()), of_known("question:hidden"), 20, n_runs=2),
        "of searches": ask_forecast(full(), of_searches(), 5),
        "shadow": shadow(found.result, [True, False, None, True], [4.0, 16.0, 9.0, 4.0]),
        "shadow of none": shadow(found.result, [None], [400.0]),
    }


def of_known(told_by: str) -> Plan:
    study = ttclib.open(stores.known())
    asked = question(strategies="majority_vote", bins=2, difficulty=told_by, budgets=[1, 4])
    return ask_export(
        study, asked, ask_frontier(study, asked, ledger=PAID, limits=[80, 200], n_resamples=20).result.plan
    )


def of_searches() -> Plan:
    """A plan of searches, which other problems lack."""
    asked = question(strategies="beam_search", beam_width=2, bins=1)
    return ask_frontier(full(), asked, limits=[2.0], n_resamples=20).result.plan


def crossovers() -> dict[str, Any]:
    study, store = wide(), str(stores.wide())
    sampled = larger_side(store, "large", allow_sampled=True)
    voting = larger_side(store, "large", asked=question(strategies="majority_vote", budgets=[4]))
    asked = question(strategies=VOTES, bins=2, told="halves", seed=1)
    return {
        "once": ask_crossover(study, sampled, asked, RATES, **FEW),
        "many rates": ask_crossover(study, sampled, question(strategies="pass_at_k"), seven(), **FEW),
        "voting": ask_crossover(study, voting, asked.but(told="same"), (1.0,), probes=1, large_budget=4, **FEW),
        "few problems": ask_crossover(
            ttclib.open(stores.plain()), sampled, question(strategies="majority_vote"), (1.0,), **FEW
        ),
        "small pools": ask_crossover(full(), open_larger(full()), question(strategies=VOTES), RATES, **FEW),
    }


def seven() -> list[float]:
    return [10.0 ** (power / 2) for power in range(-3, 4)]


def sides() -> dict[str, Any]:
    study = wide()
    first, second = (ttclib.open(stores.settings(), setting={"temperature": t}) for t in (0.8, 1.2))
    asked = question(strategies=["majority_vote", "best_of_n"], budgets=[1, 4])
    return {
        "policies": compare_sides(study, Side(stores.wide(), "large"), asked),
        "verifiers": compare_sides(study, Side(stores.wide(), "small", None, "orm"), asked),
        "settings": compare_sides(
            first, Side(stores.settings(), "small", {"temperature": 1.2}), question(strategies="best_of_n")
        ),
        "aggregations": ask_compare(first, second, ("one", "two"), asked, asked.but(aggregation="min")),
        "the same revisions": ask_compare(
            full(), ttclib.open(stores.full(), "large"), ("a", "b"),
            question(strategies=["pass_at_k", "revisions"], ratio=1, problems="revised"),
        ),
    }  # fmt: skip


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


def accounts() -> dict[str, Any]:
    study, few = wide(), {"draws": 1, "n_resamples": 40}
    asked = question(strategies=["majority_vote", "best_of_n"], bins=2)
    voting = question(
        strategies=["majority_vote", "adaptive_consistency"], difficulty="predicted", threshold=0.9, seed=1
    )
    known, votes = ttclib.open(stores.known()), question(strategies="majority_vote", bins=2)
    found = ask_account(study, asked, probes=(2048, 4, 1), limits=[2, 4, 8], **few)
    return {
        "graded": found,
        "differences": found.result.wide("difference")[0],
        "break even": found.result.wide("break_even_queries")[0],
        "of what is known": ask_account(known, votes, probes=(2,), limits=[2, 4], **few),
        "by all": ask_account(ttclib.open(stores.plain()), votes, probes=(2048,), limits=[2, 4], **few),
        "as it is asked": ask_account(ttclib.open(stores.plain()), question(strategies="majority_vote"), limits=[4]),
        "scored": ask_account(study, voting.but(verifier="orm"), probes=(2,), ledger=TOKENS, limits=[100, 300], **few),
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


def rehearsal() -> Any:
    asked = question(strategies=VOTES, bins=2, budgets=[1, 4], difficulty="predicted")
    return ask_rehearsal(wide(), asked, at_most=4.0, limits=[2, 4], probes=1, reused=True, n_problems=12,
                         n_resamples=10)  # fmt: skip


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
    "account": accounts,
    "allocation": lambda: {
        "of few": ask_allocation(
            ttclib.open(stores.plain()), question(strategies="majority_vote"), limits=[2, 8], **FEW
        ),
        "plain": ask_allocation(wide(), question(strategies=VOTES, bins=3), **FEW),
        "paid": ask_allocation(
            wide(),
            question(strategies=VOTES, bins=2, told="same", seed=1),
            ledger=PAID,
            probes=2,
            queries=3,
            reused=True,
            limits=[100, 400],
            **FEW,
        ),
    },
    "beside": beside,
    "browsing": browsed,
    "chains": chains,
    "compare": sides,
    "coverage": coverages,
    "crossover": crossovers,
    "difficulty": difficulties,
    "efficiency": lambda: {
        "plain": ask_efficiency(wide(), question(strategies=VOTES, bins=3), **FEW),
        "paid": ask_efficiency(
            wide(),
            question(strategies=VOTES, bins=2, told="same", seed=1),
            "majority_vote",
            ledger=PAID,
            probes=4,
            queries=2,
            reused=True,
            **FEW,
        ),
        "perfect": ask_efficiency(ttclib.open(stores.counts()), question(), "pass_at_k", **FEW),
    },
    "export": exports,
    "flywheel": lambda: {
        "whole": ask_flywheel(open_flywheel(stores.flywheel())),
        "asked": ask_flywheel(open_flywheel(stores.flywheel()), 3, 1e6, 4, seed=1),
    },
    "forecast": forecasts,
    "frontier": lambda: ask_frontier(full(), question(), **FEW),
    "frontier_by_question": lambda: ask_frontier(
        wide(), question(strategies=VOTES, difficulty="question", bins=2), limits=[1, 8], **FEW
    ),
    "frontier_by_tokens": frontier_of_tokens,
    "frontiers": lambda: ask_frontiers(ttclib.open(stores.plain()), question(bins=2), probes=2),
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
    "matched": lambda: {
        "many": ask_matched(wide(), question(strategies=VOTES, bins=2), ledger=LEDGERS["snell"], limits=[2, 16], **FEW),
        "few": ask_matched(
            ttclib.open(stores.settings(), setting="t"),
            question(strategies=VOTES, seed=1),
            ledger=TOKENS,
            limits=[80, 320],
            **FEW,
        ),
    },
    "one_problem": problems,
    "optimal": lambda: optimal(wide(), question(strategies=VOTES, bins=2), "best_of_n"),
    "optimal_revisions": lambda: optimal_revisions(open_chains(full(), question(bins=2))),
    "pairs": pairs,
    "plan": plans,
    "probed": lambda: ask_probed(
        wide(),
        question(strategies=VOTES, verifier="orm", aggregation="mean", bins=2, seed=1),
        [1, 4],
        "majority_vote",
        n_draws=2,
        **FEW,
    ),
    "rehearsal": rehearsal,
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
    "savings": lambda: ask_savings(wide(), question(strategies=VOTES, bins=2), "best_of_n", 4, n_resamples=40),
    "searches": searched,
    "training": training,
}
