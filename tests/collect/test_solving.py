"""Solving with a policy in Python: everything it does says so, and what it was asked for is what is done."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from tests.collect.stages import faked
from tests.collect.test_search import FakeEngine
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.analysis.predictor import Predictor
from ttclib.collect import features, run
from ttclib.collect import solve as solving
from ttclib.collect.solve import Solved, check_solve, seed_of, solve
from ttclib.config import RunConfig
from ttclib.errors import RequestError, TTCError
from ttclib.problems import load_problems
from ttclib.store import load_chains, load_pool

READS = {"verifier": "prm", "aggregation": "last"}


class Knowing(FakeEngine):
    """Ends every answer with one of few numbers, and tells hidden states."""

    def _draw(self, draw: Any, sampling: Any) -> Any:
        drawn = super()._draw(draw, sampling)
        answer = [self.encode("#")[1], self.encode("123"[draw.seed % 3])[1], 2]
        ids = [*[one for one in drawn.token_ids if one != 2][: max(0, (draw.max_tokens or 24) - 3)], *answer]
        if "\n" in sampling.stop:
            return drawn
        return replace(drawn, token_ids=ids, text="".join(self.token_texts(ids)), finish_reason="stop")

    def hidden_states(self, prefixes: Any) -> tuple[np.ndarray, int]:
        return np.ones((len(prefixes), 4)), 2


@pytest.fixture
def config(config: RunConfig, tiny_prm: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    faked(monkeypatch)
    for module in ("run", "stepping", "revise", "features"):
        monkeypatch.setattr(f"ttclib.collect.{module}.load_engine", lambda *_: Knowing())
    content = config.model_dump()
    verifier = {"name": "orm", "path": str(tiny_prm)}
    return RunConfig.model_validate(content | {"revision": {"n_chains": 9, "n_steps": 9, "verifier": verifier}})


def step(strategy: str, budget: int, verifier: str | None = "prm", **parameters: Any) -> Step:
    return Step("tiny", strategy, strategy, budget, parameters=parameters, verifier=verifier, aggregation="last")


def plan_of(*steps: Step, **more: Any) -> Plan:
    cuts = (0.8,) * (len(steps) - 1)
    more = {"thresholds": cuts, "tied_shares": (None,) * len(cuts)} | more
    return Plan((99.0,), tuple(((one,),) for one in steps), Ledger(unit="generations"), **more)


def questions(n: int = 3) -> list[Any]:
    return load_problems("lab:validation", limit=n)


TOLD = {
    "best_of_n": {"sample": "loading", "score": "to score", "grade": "samples by exact"},
    "beam_search": {"sample": "loading", "search": "round 1", "grade": "leaves of searches"},
    "revisions": {"revise": "to draw", "score": "answers of chains to score", "grade": "revisions by exact"},
}


@pytest.mark.parametrize("name", TOLD)
def test_everything_that_is_done_says_so(config: RunConfig, name: str) -> None:
    own = {"best_of_n": step(name, 3), "beam_search": step(name, 4, beam_width=2)}
    own["revisions"] = step(name, 4, "orm", ratio=1.0, selection="hierarchical")
    said: list[str] = []
    found = solve(plan_of(own[name]), config, questions(), notify=said.append)
    for what, words in TOLD[name].items():
        assert any(line.startswith(f"{what}: ") and words in line for line in said), (what, said)
    assert len(found) == 3 and {one.bin for one in found} == {1} and {one.budget for one in found} == {own[name].budget}
    assert {one.policy for one in found} == {"tiny"} and all(one.ease is None for one in found)


def test_rounds_say_how_many_are_settled(config: RunConfig) -> None:
    said: list[str] = []
    stopping = step("adaptive_consistency", 4, None, threshold=0.99, prior="beta")
    found = solve(plan_of(stopping), config, questions(2), window=1, notify=said.append)
    told = [line for line in said if line.startswith("solve: ")]
    settled = [int(line.split()[1]) for line in told]
    assert (
        settled == sorted(settled)
        and settled[0] == 0
        and all(line.endswith("of 2 questions are settled") for line in told)
    )
    per_question = Counter(one.n_samples for one in found)
    assert sum(n * times for n, times in per_question.items()) == load_pool(config.store).present.sum()
    assert len(told) == max(per_question)  # a sample a round


def test_hidden_states_are_asked_for_and_said(config: RunConfig) -> None:
    predictor = Predictor("question:hidden", 0.9, hidden=(0.0,) * 4)
    plan = plan_of(
        step("majority_vote", 1, None), step("majority_vote", 3, None), source="question:hidden", predictor=predictor
    )
    said: list[str] = []
    found = solve(plan, config, questions(), notify=said.append)
    assert any(line.startswith("features: 3 of 3 to take") for line in said) and {one.ease for one in found} == {0.9}
    assert {one.bin for one in found} == {1} and {one.n_samples for one in found} == {1}


def test_a_search_answers_with_what_it_cost_and_a_row_holds_it_all(config: RunConfig) -> None:
    found = solve(plan_of(step("beam_search", 4, beam_width=2)), config, questions())
    assert {one.cost for one in found} == {4.0} and {one.n_samples for one in found} == {0}
    for one in found:
        assert one.row() == {name: getattr(one, name) for name in Solved.__dataclass_fields__}
        assert one.score is not None and 0 <= one.score <= 1 and 0 <= one.share <= 1


def test_chains_are_as_many_and_as_long_as_the_budget_says(config: RunConfig) -> None:
    shapes = {}
    for ratio, budget in ((1.0, 4), (4.0, 4), (0.25, 4)):
        own = config.model_copy(update={"store": config.store.with_name(f"r{ratio}.duckdb")})
        how = step("revisions", budget, "orm", ratio=ratio, selection="hierarchical")
        found = solve(plan_of(how), own, questions(2))
        chains = load_chains(own.store, "tiny")
        shapes[ratio] = chains.present.shape[1:]
        assert chains.present.all() and {one.cost for one in found} == {4.0} and {one.n_samples for one in found} == {0}
        answers = {one.problem_id: one for one in found}
        for row, name in enumerate(chains.problem_ids):  # what is handed on is one of the answers, with its own score
            scores = chains.verifier("orm").by("last")[row]
            assert answers[name].score in [pytest.approx(score) for score in scores.ravel()]
    assert shapes == {1.0: (2, 2), 4.0: (1, 4), 0.25: (4, 1)}


def test_seeds_are_the_questions_own() -> None:
    assert seed_of("a") == seed_of("a") != seed_of("b") and 0 <= seed_of("a") < 2**32


WRONG = step("revisions", 4, "other", ratio=1.0)


@pytest.mark.parametrize(
    ("plan", "more", "told"),
    [
        (plan_of(WRONG), {}, "the plan's revisions N=4 reads 'other', and [revision.verifier] is 'orm'"),
        (plan_of(step("best_of_n", 2)), {"window": 0}, "window 0: give at least 1 sample"),
        (plan_of(step("best_of_n", 2), **READS), {}, ""),
    ],
)
def test_what_a_plan_and_a_configuration_say_must_fit(config: RunConfig, plan: Plan, more: Any, told: str) -> None:
    if not told:
        assert solve(plan, config, questions(1), **more)
        return
    with pytest.raises(RequestError) as raised:
        solve(plan, config, questions(1), **more)
    assert str(raised.value) == told and not config.store.exists()


def test_without_a_verifier_what_lacks_is_named(config: RunConfig) -> None:
    bare = config.model_copy(update={"prm": None})
    for plan in (plan_of(step("best_of_n", 2), **READS), plan_of(step("beam_search", 4, beam_width=2))):
        with pytest.raises(RequestError, match=r"\[prm\](?: of the configuration)? names none$"):
            check_solve(plan, bare, questions(1), 99.0)


def test_long_values_are_cut_where_they_differ(config: RunConfig) -> None:
    asked = replace(step("majority_vote", 2, None), setting={"stop": ["x" * 100]})
    with pytest.raises(RequestError, match=r"made with stop = \['x{55}…, the configuration draws with \[\]: what one"):
        check_solve(plan_of(asked), config, questions(1), 99.0)


def test_samples_that_do_not_come_are_said_and_the_command_goes_on(config: RunConfig, monkeypatch: Any) -> None:
    sample = run.sample
    plan = plan_of(step("majority_vote", 3, None))

    def fewer(given: RunConfig, **more: Any) -> int:
        less = given.sampling.model_copy(update={"n_samples": 2})
        return sample(given.model_copy(update={"sampling": less}), **more)

    def none(given: RunConfig, *, problems: Any, **more: Any) -> int:
        return sample(given, problems=problems[1:], **more)

    names = [one.problem_id for one in questions(2)]
    monkeypatch.setattr(run, "sample", none)
    with pytest.raises(TTCError, match=f"question '{names[0]}' has no sample: the same command goes on"):
        solve(plan, config, questions(2))
    monkeypatch.setattr(run, "sample", fewer)
    with pytest.raises(TTCError, match=f"question '{names[0]}' has 2 of 3 samples: the same command goes on"):
        solve(plan, config, questions(2))
    monkeypatch.setattr(run, "sample", sample)
    assert [one.n_samples for one in solve(plan, config, questions(2))] == [3, 3]
    assert solving.features is features.features
