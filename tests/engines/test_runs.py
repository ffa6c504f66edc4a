"""Sampling, searching and revising on every engine: what a run promises does not depend on what serves the model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.collect.test_run import rows
from tests.models import save_tiny_prm
from ttclib.analysis.ledger import Ledger
from ttclib.analysis.plan import Plan
from ttclib.analysis.plan_step import Step
from ttclib.collect import keeper, revise, run, search, stepping
from ttclib.collect.engines.types import Unfinished
from ttclib.collect.grade_nodes import grade_nodes
from ttclib.collect.solve import solve
from ttclib.config import RunConfig
from ttclib.problems import load_problems
from ttclib.revision_format import revision_prefix
from ttclib.store import load_pool

SEPARATOR = "\n\n"


@pytest.fixture(scope="session")
def prm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_prm(tmp_path_factory.mktemp("prm"))


@pytest.fixture
def config(engine: Any, path: Path, prm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """3 problems x 4 samples, searches at two budgets, 2 chains of 5 answers, all by the engine that is loaded."""
    for module in (run, stepping, revise):
        monkeypatch.setattr(module, "load_engine", lambda *_: engine)
        monkeypatch.setattr(module, "close_engine", lambda _: None)
    return RunConfig.model_validate(
        {
            "store": str(tmp_path / "run.duckdb"),
            "problems": {"source": "lab:test", "limit": 3},
            "policy": {"name": "tiny", "path": str(path), "batch_size": 5},
            "sampling": {"n_samples": 4, "max_tokens": 24},
            "prm": {"name": "prm", "path": str(prm)},
            "search": {
                "budgets": [4],
                "algorithms": [
                    {"strategy": "beam_search", "beam_width": 2},
                    {"strategy": "lookahead_search", "beam_width": 2, "lookahead_steps": 1},
                    {"strategy": "rebase"},
                ],
            },
            "revision": {
                "n_chains": 2,
                "n_steps": 5,
                "n_context": 2,
                "separator": SEPARATOR,
                "verifier": {"name": "orm", "path": str(prm)},
            },
            "grading": {"grader": "exact"},
        }
    )


def decoded(engine: Any, token_ids: Sequence[int]) -> str:
    return "".join(engine.token_texts(token_ids))


def test_a_pool_is_sampled_scored_and_graded_once(engine: Any, config: RunConfig) -> None:
    assert run.sample(config) == 12
    assert run.score(config) == 12
    assert run.grade(config.store, "exact") == 12
    assert run.sample(config) == 0
    keeper.take_in(config.store)
    assert load_pool(config.store).present.all()
    found = rows(
        config.store,
        "SELECT completion, completion_ids, completion_tokens, list_sum(step_tokens), prompt, prompt_tokens "
        "FROM samples JOIN problems USING (problem_id)",
    )
    for text, ids, n_tokens, in_steps, prompt, prompt_tokens in found:
        assert text == decoded(engine, ids)
        assert len(ids) == n_tokens == in_steps and n_tokens <= 24
        assert prompt_tokens == len(engine.encode(prompt))


def test_searches_grow_one_tree_and_are_not_drawn_again(engine: Any, config: RunConfig) -> None:
    run.sample(config)
    run.score(config)
    report = search.search(config)
    assert report.n_searches == 9 and report.n_steps > 0 and report.greedy_tokens > 0
    again = search.search(config)
    assert (again.n_rounds, again.tokens) == (0, 0)
    grade_nodes(config.store, "exact")
    steps = rows(config.store, "SELECT problem_id, path, token_ids, text, finish_reason, logprob FROM nodes")
    assert len(steps) == report.n_steps and sum(len(step[2]) for step in steps) == report.tokens
    for *_, ids, text, reason, logprob in steps:
        assert text == decoded(engine, ids) and len(ids) <= 24
        assert "\n" not in text.strip("\n")  # one line, blank ones before it apart
        assert reason in (None, "stop", "length") and logprob <= 0
        assert (reason is not None) or text.endswith("\n")


@pytest.mark.parametrize("deep", [("best_of_n", {}), ("beam_search", {"beam_width": 2})])
def test_new_questions_are_answered_as_a_plan_says(engine: Any, config: RunConfig, deep: tuple[str, Any]) -> None:
    reads = {"verifier": "prm", "aggregation": "last"}
    stopping = Step("tiny", "adaptive_consistency", "adaptive_consistency", 3, parameters={"threshold": 0.9}, **reads)
    other = Step("tiny", deep[0], deep[0], 4, parameters=deep[1], **reads)
    asked = load_problems("lab:validation", limit=3)

    def under(threshold: float) -> Plan:
        told = {"source": "predicted", "thresholds": (threshold,), "tied_shares": (None,), "reuse_probes": True}
        return Plan((9.0,), (((stopping,),), ((other,),)), Ledger(unit="generations"), probes=2, **told, **reads)

    first = solve(under(0.0), config, asked, window=2)  # all easy
    scores = load_pool(config.store).verifier("prm").by("last")
    assert [one.ease for one in first] == pytest.approx(list(scores[:, :2].mean(axis=1)))
    assert {one.strategy for one in first} == {"adaptive_consistency"} and {one.bin for one in first} == {1}
    assert all(2 <= one.n_samples <= 3 for one in first)
    # Placed anew, their probes stand already, whatever engine drew them.
    second = solve(under(1.0), config, asked)
    assert [one.ease for one in second] == [one.ease for one in first]
    assert {one.strategy for one in second} == {deep[0]} and {one.bin for one in second} == {2}
    assert [one.cost for one in second] == [2 + 4 if deep[1] else 4] * 3  # a search cannot use its probes again
    assert solve(under(1.0), config, asked) == second


def test_a_chain_sees_its_latest_answers(engine: Any, config: RunConfig) -> None:
    assert revise.revise(config) == 30
    assert revise.score_revisions(config) == 30
    assert revise.revise(config) == 0
    separator = engine.tokenizer(SEPARATOR, add_special_tokens=False)["input_ids"]
    prompts = dict(rows(config.store, "SELECT problem_id, prompt FROM problems"))
    order = "problem_id, chain, position"
    earlier: list[list[int]] = []
    for problem_id, _, position, ids, text, prompt_tokens in rows(
        config.store, f"SELECT {order}, completion_ids, completion, prompt_tokens FROM revisions ORDER BY {order}"
    ):
        earlier = earlier if position else []
        prompt = engine.encode(prompts[problem_id])
        prefix = revision_prefix(prompt, earlier, separator, end_ids={engine.tokenizer.eos_token_id}, n_context=2)
        assert (prompt_tokens, text) == (len(prefix), decoded(engine, ids))
        earlier.append(ids)


class Breaking:
    """An engine that ends after half of a batch, once."""

    def __init__(self, engine: Any) -> None:
        self.__dict__.update(engine=engine, broke=0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)

    def generate(self, draws: Any, sampling: Any) -> Any:
        drawn = self.engine.generate(draws, sampling)
        if self.broke or len(draws) < 2:
            return drawn
        self.__dict__["broke"] = 1
        raise Unfinished(
            "it ended", [*drawn[: len(drawn) // 2], *[None] * (len(drawn) - len(drawn) // 2)], goes_on=False
        )


@pytest.mark.parametrize("engine", ["transformers"], indirect=True)
def test_what_came_of_a_batch_is_kept_whatever_was_being_drawn(engine, config, monkeypatch, tmp_path) -> None:
    whole = config.model_copy(update={"store": tmp_path / "whole.duckdb"})
    for use, table, key in (
        (run.sample, "samples", "completion"),
        (search.search, "nodes", "text"),
        (revise.revise, "revisions", "completion"),
    ):
        breaking = Breaking(engine)
        for module in (run, stepping, revise):
            monkeypatch.setattr(module, "load_engine", lambda *_, one=breaking: one)
        with pytest.raises(Unfinished, match="it ended"):
            use(config)
        (n,) = (n for (n,) in rows(config.store, f"SELECT count(*) FROM {table}"))
        assert n > 0
        use(config)
        use(whole)
        query = f"SELECT problem_id, {key} FROM {table} ORDER BY ALL"
        assert n < len(rows(config.store, query)) and rows(config.store, query) == rows(whole.store, query)
        if use is run.sample:
            run.score(config)
            run.score(whole)
