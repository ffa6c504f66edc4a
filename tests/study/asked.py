"""What is asked of the small stores about choosing: frontiers, savings, plans, two sides; for `tests.study.kept`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import ttclib
from tests.study import stores
from ttclib.analysis.ledger import LEDGERS, ledger
from ttclib.analysis.plan import Plan
from ttclib.store.fingerprint import fingerprint
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
from ttclib.study.chains import open_chains
from ttclib.study.forecasting import ask_forecast, runs_of_plan, shadow
from ttclib.study.larger import larger_side
from ttclib.study.paper import optimal, optimal_revisions
from ttclib.study.question import question
from ttclib.study.rehearsal import ask_rehearsal
from ttclib.study.sides import Side, compare_sides, open_larger
from ttclib.study.study import Study

TOKENS, PAID = ledger("snell", unit="tokens"), ledger("snell", unit="tokens", difficulty=True)
FEW = {"n_resamples": 40}
VOTES = ("majority_vote", "best_of_n", "weighted_best_of_n")
RATES = (0.1, 1.0, 10.0)


def full(**more: Any) -> Study:
    return ttclib.open(stores.full(), "small", **more)


def wide(policy: str = "small") -> Study:
    return ttclib.open(stores.wide(), policy)


def frontier_of_tokens() -> Any:
    asked = question(strategies=[*VOTES, "pass_at_k"], bins=2, difficulty="predicted", verifier="orm", seed=1)
    return ask_frontier(wide(), asked, ledger=PAID, probes=3, queries=10, reused=True, per="average", level=0.9, **FEW)


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
        "by mean scores": ask_plan(study, exported(difficulty="predicted", aggregation="mean"), question()),
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
        "scored": ask_account(
            study, voting.but(verifier="orm"), probes=(2,), ledger=TOKENS, limits=[100, 300], level=0.8, **few
        ),
    }


def rehearsal() -> Any:
    asked = question(strategies=VOTES, bins=2, budgets=[1, 4], difficulty="predicted")
    return ask_rehearsal(wide(), asked, at_most=4.0, limits=[2, 4], probes=1, reused=True, n_problems=12,
                         n_resamples=10)  # fmt: skip


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
    "compare": sides,
    "crossover": crossovers,
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
    "forecast": forecasts,
    "frontier": lambda: ask_frontier(full(), question(), **FEW),
    "frontier_by_question": lambda: ask_frontier(
        wide(), question(strategies=VOTES, difficulty="question", bins=2), limits=[1, 8], **FEW
    ),
    "frontier_by_tokens": frontier_of_tokens,
    "frontiers": lambda: ask_frontiers(ttclib.open(stores.plain()), question(bins=2), probes=2),
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
    "optimal": lambda: optimal(wide(), question(strategies=VOTES, bins=2), "best_of_n"),
    "optimal_revisions": lambda: optimal_revisions(open_chains(full(), question(bins=2))),
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
    "savings": lambda: ask_savings(wide(), question(strategies=VOTES, bins=2), "best_of_n", 4, n_resamples=40),
}
