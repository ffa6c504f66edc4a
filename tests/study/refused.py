"""What a study refuses, and in which words, for `tests.study.kept`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

import ttclib
from tests.builders import make_pool
from tests.study import stores
from tests.study.asked import exported, full, of_searches, wide
from ttclib.errors import TTCError
from ttclib.study import coverage, difficulty, lengths
from ttclib.study.account import ask_account
from ttclib.study.answers import ask_compare, ask_crossover, ask_frontier, ask_frontiers, ask_plan, ask_probed
from ttclib.study.browsing import browse
from ttclib.study.chains import open_chains
from ttclib.study.checkpoints import open_checkpoints
from ttclib.study.flywheel import ask_flywheel, open_flywheel
from ttclib.study.forecasting import ask_forecast
from ttclib.study.gain import ask_gain
from ttclib.study.graders import ask_graders
from ttclib.study.inside import open_inside
from ttclib.study.inside_training import ask_inside_training
from ttclib.study.larger import larger_side
from ttclib.study.one_problem import tell_one
from ttclib.study.opening import only
from ttclib.study.pairs import ask_pairs, pairs_of
from ttclib.study.question import question
from ttclib.study.rehearsal import ask_rehearsal
from ttclib.study.searches import open_searches
from ttclib.study.sides import open_larger, other_side
from ttclib.study.study import Study


def counts() -> Study:
    return ttclib.open(stores.counts())


def memory(**more: Any) -> Study:
    """Four problems with two samples each, one of them right."""
    return ttclib.open(make_pool([[1, 0]] * 4, **more))


def ungraded() -> Study:
    return ttclib.open(make_pool([[None, None]] * 4))


def in_store(name: str, policy: Any = None, **more: Any) -> Study:
    return ttclib.open(getattr(stores, name)(), policy, **more)


ASKED: dict[str, Callable[[], Any]] = {
    "no such store": lambda: ttclib.open("nowhere.duckdb"),
    "no such policy": lambda: wide("huge"),
    "several policies": lambda: in_store("wide"),
    "several settings": lambda: in_store("settings"),
    "no such setting": lambda: in_store("settings", setting={"temperature": 9}),
    "no such benchmark": lambda: in_store("wide", "small", benchmark="b"),
    "aggregation": lambda: question(aggregation="median"),
    "difficulty": lambda: question(difficulty="felt"),
    "told": lambda: question(told="twice"),
    "problems": lambda: question(problems="few"),
    "lacking": lambda: question(lacking="ignore"),
    "no strategy": lambda: question(strategies=[]),
    "no such strategy": lambda: question(strategies="guess"),
    "bins and thresholds": lambda: question(bins=2, thresholds=[0.5]),
    "no bin": lambda: question(bins=0),
    "more bins than problems": lambda: full().told(question(bins=13)),
    "a cap of nothing": lambda: question(length_cap=0),
    "a budget of nothing": lambda: question(budgets=[1, 0]),
    "no such part": lambda: question(beams=4),
    "no such parameter": lambda: question(parameters={"beams": [4]}),
    "interval": lambda: counts().replay(interval="wide"),
    "a budget not shown": lambda: counts().replay(at=[3]),
    "a budget beyond": lambda: wide().replay(strategies="majority_vote", budgets=[64]),
    "no such verifier": lambda: wide().replay(strategies="best_of_n", verifier="oracle"),
    "nothing held": lambda: in_store("plain").replay(strategies=["best_of_n", "rebase"], lacking="leave out"),
    "no scores": lambda: in_store("plain").replay(strategies="best_of_n"),
    "no answers": lambda: in_store("alike", setting="*").replay(strategies="majority_vote"),
    "no grades": lambda: ungraded().replay(strategies="pass_at_k"),
    "no grades to tell by": lambda: ungraded().told(question(strategies="pass_at_k")),
    "no search": lambda: wide().replay(strategies="beam_search"),
    "no chains": lambda: wide().replay(strategies="revisions", ratio="all"),
    "halves of one": lambda: ttclib.open(make_pool([[1], [0]])).told(question(strategies="pass_at_k", told="halves")),
    "halves of own": lambda: full().told(question(strategies="pass_at_k", told="halves", problems="own")),
    "half a budget": lambda: wide().told(question(strategies="majority_vote", budgets=[16], told="halves")),
    "predicted by counts": lambda: counts().told(question(strategies="pass_at_k", difficulty="predicted")),
    "a question in memory": lambda: memory().told(question(strategies="pass_at_k", difficulty="question")),
    "no hidden state": lambda: wide().told(question(strategies="pass_at_k", difficulty="question:hidden")),
    "predicted without scores": lambda: difficulty.answer(in_store("plain").pool, question(difficulty="predicted")),
    "probes of a question": lambda: ask_frontier(
        wide(), question(strategies="majority_vote", difficulty="question"), probes=4
    ),
    "no frontier": lambda: ask_frontiers(in_store("plain"), question(strategies="best_of_n")),
    "probed by a question": lambda: ask_probed(wide(), question(difficulty="question"), [1]),
    "probed without samples": lambda: ask_probed(full(), question(strategies="beam_search", beam_width=2), [1]),
    "no greedy sample": lambda: larger_side(str(stores.wide()), "large"),
    "no problem with the larger": lambda: ask_crossover(
        wide(), larger_side(str(stores.written()), "m", allow_sampled=True), question(strategies="majority_vote")
    ),
    "no larger": lambda: open_larger(wide("large")),
    "no baseline": lambda: wide().compared(question(strategies="majority_vote")).named("best_of_n"),
    "sides apart": lambda: ask_compare(wide(), in_store("written"), ("a", "b"), question()),
    "no second side": lambda: other_side(in_store("plain"), question()),
    "a plan of other problems": lambda: ask_plan(wide(), of_searches(), question()),
    "a plan by the question with probes": lambda: ask_plan(
        wide(), exported(difficulty="question:text"), question(), probes=2
    ),
    "a plan of another policy": lambda: ask_forecast(wide("large"), exported(difficulty="predicted"), 5),
    "a plan of searches forecast": lambda: ask_forecast(wide(), of_searches(), 5),
    "a limit below": lambda: ask_forecast(wide(), exported(difficulty="predicted"), 5, 1.0),
    "sets too large": lambda: ask_rehearsal(wide(), question(), at_most=4.0),
    "sets of none": lambda: ask_rehearsal(wide(), question(), at_most=4.0, n_problems=0),
    "account by the question": lambda: ask_account(wide(), question(difficulty="question")),
    "account of no probe": lambda: ask_account(wide(), question(), probes=[4, 0]),
    "account of counts": lambda: ask_account(counts(), question()),
    "account of stopping alone": lambda: ask_account(wide(), question(strategies="adaptive_consistency")),
    "account of a bound": lambda: ask_account(wide(), question(strategies="pass_at_k")),
    "account without grades": lambda: ask_account(ungraded(), question(strategies="majority_vote")),
    "account of a rule without scores": lambda: ask_account(
        in_store("plain"), question(strategies=["majority_vote", "first_above"])
    ),
    "account of one grade": lambda: ask_account(
        ttclib.open(make_pool([[1, None]] * 4)), question(strategies="majority_vote")
    ),
    "coverage without grades": lambda: coverage.predict(ungraded().pool),
    "coverage of no model": lambda: coverage.predict(wide().pool, ["line"]),
    "coverage of nothing right": lambda: coverage.predict(make_pool([[0, 0]] * 4)),
    "misses of nothing right": lambda: coverage.misses(make_pool([[0, 0]] * 4)),
    "votes of counts": lambda: coverage.voting_limit(counts().pool),
    "one problem of counts": lambda: tell_one(counts(), question()),
    "one problem without answers": lambda: tell_one(memory(answer_ids=np.full((4, 2), -1)), question()),
    "one sample a problem": lambda: tell_one(ttclib.open(make_pool([[1], [0]])), question()),
    "no such problem": lambda: tell_one(in_store("plain"), question(), "p99"),
    "no problem graded": lambda: tell_one(ungraded(), question()),
    "browsing nothing": lambda: browse(wide(), limit=0),
    "browsing counts": lambda: browse(counts()),
    "browsing memory": lambda: browse(memory()),
    "browsing no such problem": lambda: browse(wide(), problem="p99"),
    "no tree search": lambda: open_searches(full(), question()).search("best_of_n"),
    "a search not compared": lambda: open_searches(full(), question(strategies="dvts", beam_width=2)).largest("rebase"),
    "a search that is lacking": lambda: open_searches(full(), question(beam_width=2)).failures("beam_search", 8),
    "searches of nothing scored": lambda: open_searches(in_store("plain"), question()),
    "searches by nobody": lambda: open_searches(wide(), question(verifier="oracle")),
    "a search at a budget that is lacking": lambda: full().replay(
        strategies="beam_search", beam_width=2, budgets=[16], problems="searched"
    ),
    "searches of none": lambda: open_searches(wide(), question()),
    "searches by another's scores": lambda: open_searches(full(), question(verifier="orm")),
    "chains of none": lambda: open_chains(wide(), question()),
    "chains of no such model": lambda: open_chains(full(), question(reviser="nobody")),
    "one checkpoint": lambda: open_checkpoints(stores.efforts()),
    "no flywheel": lambda: open_flywheel(stores.wide()),
    "no queries": lambda: ask_flywheel(open_flywheel(stores.flywheel()), queries=0),
    "gain of one side": lambda: ask_gain(wide()),
    "gain of strangers": lambda: ask_gain(Study((*wide().members, *in_store("written").members), stores.wide())),
    "one grader": lambda: ask_graders(in_store("written"), ["math", "math"]),
    "no such grader": lambda: ask_graders(in_store("written"), ["math", "taste"]),
    "graders of two settings": lambda: ask_graders(in_store("settings", setting="*"), ["math", "exact"]),
    "graders without references": lambda: ask_graders(
        in_store("efforts", setting={"reasoning_effort": "low"}), ["math", "exact"]
    ),
    "inside of one side": lambda: open_inside(stores.wide(), "small"),
    "no such family": lambda: ask_inside_training(stores.trained(), "direct", "leaps"),
    "a family untold": lambda: ask_inside_training(stores.wide(), "small", "reviser"),
    "a family without facts": lambda: ask_inside_training(stores.flywheel(), "base", "base-r1"),
    "lengths of counts": lambda: lengths.answer(counts().pool),
    "lengths without grades": lambda: lengths.answer(ungraded().pool),
    "no pairs": lambda: pairs_of(stores.plain()),
    "pairs that cannot be asked": lambda: ask_pairs(
        stores.family(), [replace(pairs_of(stores.family())[0], small_policy="nobody")], [0.1, 1.0]
    ),
    "several of what is one": lambda: only({"a": 1, "b": 2}, "models", "--model"),
    "a frame without problems": lambda: ttclib.from_frame(pl.DataFrame({"x": [1]})),
}


def refusals() -> dict[str, list[str]]:
    """Each by its name: the error's kind and words."""
    found = {}
    for name, ask in ASKED.items():
        try:
            ask()
        except TTCError as error:
            found[name] = [f"{type(error).__name__}: {error}"]
        else:
            found[name] = ["is answered"]
    return found
