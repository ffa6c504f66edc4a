"""Tree searches as they are collected: with a fake policy in Python, and with untrained models."""

from __future__ import annotations

import dataclasses
import math
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import ttclib.collect.verifiers
from tests.collect.test_run import rows, with_
from ttclib.collect import keeper, run, stepping
from ttclib.collect import search as searching
from ttclib.collect.engines.loading import load_engine
from ttclib.collect.engines.types import Completion, Draw, draw_seed
from ttclib.collect.grade_nodes import grade_nodes
from ttclib.collect.search import guided
from ttclib.collect.steps import count_step_tokens
from ttclib.collect.verifiers import StepScores
from ttclib.config import RunConfig, SamplingConfig
from ttclib.errors import NotInStore, RequestError
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.replay.strategies import BeamSearch, Rebase
from ttclib.replay.tree import SampleTree, replay
from ttclib.samples import Setting, Tree
from ttclib.store import load_pool, write_part
from ttclib.store.tree import load_tree

TOKENIZER = build_tokenizer()
NEWLINE, END = TOKENIZER("\n", add_special_tokens=False)["input_ids"][0], TOKENIZER.eos_token_id
TEXTS = [TOKENIZER.decode([token], skip_special_tokens=True) for token in range(len(TOKENIZER))]


class FakeEngine:
    """Draws short lines, blank ones now and then, and "#" answers, from each draw's seed or greedily."""

    tokenizer = TOKENIZER
    window = None

    def __init__(self, stop_at: int | None = None) -> None:
        self.calls: list[tuple[int, float]] = []  # draws, temperature
        self.limits: list[tuple[int, int]] = []  # prefix, most tokens
        self._stop_at = stop_at

    def encode(self, prompt: str) -> list[int]:
        return [1, *map(TEXTS.index, prompt)]

    def token_texts(self, token_ids: Sequence[int]) -> list[str]:
        return [TEXTS[token] for token in token_ids]

    def model_facts(self) -> dict[str, Any]:
        return {"n_parameters": 1}

    def generate(self, draws: Sequence[Draw], sampling: SamplingConfig) -> list[Completion]:
        if len(self.calls) == self._stop_at:
            raise KeyboardInterrupt
        self.calls.append((len(draws), sampling.temperature))
        return [self._draw(draw, sampling) for draw in draws]

    def _draw(self, draw: Draw, sampling: SamplingConfig) -> Completion:
        rng = random.Random(draw.seed if sampling.temperature else str(draw.prefix_ids))
        limit = draw.max_tokens or sampling.max_tokens
        self.limits.append((len(draw.prefix_ids), limit))
        assert limit > 0
        ids: list[int] = []
        text = ""
        while len(ids) < limit:
            token = rng.choices([NEWLINE, END, *range(3, 13)], [3, 1, *[1] * 10])[0]
            ids.append(token)
            text += TEXTS[token]
            if token == END or any(stop in text for stop in sampling.stop):
                return Completion(ids, text, "stop", -float(len(ids)))
        return Completion(ids, text, "length", -float(len(ids)))


class FakePrm:
    """A score a step, from its text and place; `outcome`: one a solution."""

    def __init__(self, outcome: bool = False) -> None:
        self.outcome = outcome
        self.read = 0

    def encoded(self, prompt: str, steps: Sequence[str]) -> tuple[list[int], list[int]]:
        assert all(step.strip() for step in steps[1:])
        ids, positions = [1, *map(TEXTS.index, prompt)], []
        for step in steps:
            ids += map(TEXTS.index, step)
            positions.append(len(ids) - 1)
        return ids, positions

    def score(self, solutions: Sequence[tuple[list[int], list[int]]]) -> list[StepScores]:
        self.read += len(solutions)
        found = []
        for ids, positions in solutions:
            scores = [random.Random(str(ids[: position + 1])).random() for position in positions]
            found.append(StepScores(scores[-1:] if self.outcome else scores, len(ids)))
        return found

    def model_facts(self) -> dict[str, Any]:
        return {"n_parameters": 1}


@pytest.fixture
def faked(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """3 problems x 6 samples of the fake policy; searches at budgets 4 and 9, of which 6 first steps are there."""
    use(monkeypatch, FakeEngine(), FakePrm())
    config = with_(config, problems={"limit": 3})
    config = RunConfig.model_validate(config.model_dump() | {"search": {"budgets": (4, 9)}})
    run.sample(config)
    run.score(config)
    return config


def use(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine, prm: FakePrm) -> tuple[FakeEngine, FakePrm]:
    monkeypatch.setattr(run, "load_engine", lambda *_: engine)
    monkeypatch.setattr(stepping, "load_engine", lambda *_: engine)
    monkeypatch.setattr(ttclib.collect.verifiers, "load_prm", lambda *_: prm)
    return engine, prm


def asking(config: RunConfig, **search: Any) -> RunConfig:
    content = config.model_dump()
    return RunConfig.model_validate(content | {"search": content["search"] | search})


def collect(config: RunConfig) -> tuple[searching.SearchReport, list[Any]]:
    """Run the searches; what each of them ended with, in the order of `_start`."""
    kept: list[Any] = []

    def keep(running: Any, *rest: Any) -> None:
        kept.extend(running)
        sum_up(running, *rest)

    sum_up = searching._sum_up
    searching._sum_up = keep
    try:
        report = searching.search(config)
    finally:
        searching._sum_up = sum_up
    run.grade(config.store, "exact")
    grade_nodes(config.store, "exact")
    return report, [running.finals for running in kept]


def trees_of(config: RunConfig) -> Tree:
    pool = load_pool(config.store)
    return load_tree(config.store, policy=pool.policy, setting=pool.setting, verifier=pool.verifier().name)


def replayed(config: RunConfig) -> list[Any]:
    """What the same searches end with when the store alone answers, in the same order."""
    trees = trees_of(config)
    found = []
    for problem in range(len(trees.problem_ids)):
        tree = SampleTree(trees.prompt_tokens[problem], lambda path, problem=problem: trees.step(problem, path))
        for asked in config.search.algorithms:
            for budget in sorted(set(config.search.budgets)):
                for replicate in range(config.search.replicates):
                    search, how = guided(asked)
                    found.append(replay(search.start(budget, aggregation=how, first=replicate * budget), tree))
    return found


def tokens_of(config: RunConfig) -> dict[tuple[str, str], list[int]]:
    """Token ids of every step in the store, the pool's among them."""
    found = {(p, path): ids for p, path, ids in rows(config.store, "SELECT problem_id, path, token_ids FROM nodes")}
    for problem_id, index, ids, steps in rows(
        config.store, "SELECT problem_id, sample_index, completion_ids, step_tokens FROM samples"
    ):
        for number, n_tokens in enumerate(steps):
            begin = sum(steps[:number])
            found.setdefault((problem_id, str(index) + ".0" * number), ids[begin : begin + n_tokens])
    return found


def same(collected: list[Any], again: list[Any]) -> None:
    assert len(collected) == len(again) > 0
    for mine, theirs in zip(collected, again, strict=True):
        assert [final.node.path for final in mine] == [final.node.path for final in theirs]
        np.testing.assert_array_equal([final.score for final in mine], [final.score for final in theirs])
        facts = ("n_tokens", "prefix_tokens", "finished")
        for one, other in zip(mine, theirs, strict=True):
            assert [getattr(one.node, name) for name in facts] == [getattr(other.node, name) for name in facts]


def test_both_drivers_end_with_the_same_solutions(faked: RunConfig) -> None:
    config = asking(faked, replicates=2)
    report, collected = collect(config)
    assert report.n_searches == 3 * 8 * 2 * 2
    same(collected, replayed(config))
    trees = trees_of(config)
    for asked in config.search.algorithms:
        search, how = guided(asked)
        outcomes = dataclasses.replace(search, replicates=2).replay(trees, [4, 9], aggregation=how)
        assert not np.isnan(outcomes.accuracy).any()
        assert not any(np.isnan(table).any() for table in outcomes.costs.values())


def test_with_models_token_for_token(config: RunConfig) -> None:
    mine = RunConfig.model_validate(config.model_dump() | {"search": {"budgets": (9,)}})
    run.sample(mine)
    run.score(mine)
    report, collected = collect(mine)
    assert report.n_steps > 20 and report.greedy_tokens > 0
    same(collected, replayed(mine))
    # Every step is what the policy draws from its exact prefix and its own seed, and is greedy where it says so.
    engine = load_engine(mine.policy, mine.prompt)
    found = tokens_of(mine)
    prompts = dict(rows(mine.store, "SELECT problem_id, prompt FROM problems"))
    checked = 0
    for problem_id, path, ids, text, reason in rows(
        mine.store, "SELECT problem_id, path, token_ids, text, finish_reason FROM nodes"
    ):
        prefix: list[int] = []
        for depth in range(1, path.count(".") + 1):
            prefix += found[problem_id, ".".join(path.split(".")[:depth])]
        assert engine.tokenizer.decode(ids, skip_special_tokens=True) == text
        assert len(prefix) + len(ids) <= 24
        assert (reason is not None) == (ids[-1] == END or len(prefix) + len(ids) == 24)
        if text.strip() and not text.startswith("\n"):  # drawn in one piece
            draw = Draw(
                (*engine.encode(prompts[problem_id]), *prefix), draw_seed(0, problem_id, path), 24 - len(prefix)
            )
            temperature = 0.0 if path.endswith("g") else 1.0
            decoding = SamplingConfig(max_tokens=24, stop=("\n",), temperature=temperature)
            assert engine.generate([draw], decoding)[0].token_ids == ids
            checked += 1
    assert checked > 20


def test_the_pool_is_the_first_expansion(faked: RunConfig) -> None:
    collect(faked)
    drawn = {path for (path,) in rows(faked.store, "SELECT DISTINCT path FROM nodes WHERE NOT contains(path, '.')")}
    assert drawn == {"6", "7", "8"}  # of 9; the pool holds 6
    chains = rows(faked.store, "SELECT path FROM nodes WHERE regexp_full_match(path, '[0-5](\\.0)*')")
    assert chains == []


def test_a_pool_that_grows_goes_on_from_the_same_seeds_and_orphans_nothing(faked: RunConfig) -> None:
    _, before = collect(faked)
    run.sample(with_(faked, sampling={"n_samples": 9}))
    run.score(faked)
    run.grade(faked.store, "exact")
    same(before, replayed(faked))
    first: dict[str, list[int]] = dict(rows(faked.store, "SELECT problem_id, token_ids FROM nodes WHERE path = '7'"))
    for problem_id, ids in rows(faked.store, "SELECT problem_id, completion_ids FROM samples WHERE sample_index = 7"):
        line = first[problem_id]
        assert line[0] == NEWLINE or ids[: len(line)] == line  # behind a blank line it goes on from another seed
    report, after = collect(faked)
    assert report.n_steps == 0
    same(before, after)


def test_one_call_a_round_and_no_step_twice(faked: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, prm = use(monkeypatch, FakeEngine(), FakePrm())
    config = with_(faked, policy={"batch_size": 10_000})
    report, _ = collect(config)
    keys = rows(config.store, "SELECT count(*), count(DISTINCT (problem_id, path)) FROM nodes")[0]
    assert keys[0] == keys[1] == report.n_steps == sum(report.batches)
    sampled = [n for n, temperature in engine.calls if temperature > 0]
    assert len(engine.calls) < 4 * report.n_rounds  # one, one more for greedy steps, few behind blank lines
    assert max(sampled) > 3 * 9 / 2
    assert prm.read < 2 * report.n_steps
    assert all(prefix + limit <= 24 + 60 for prefix, limit in engine.limits)
    assert report.tokens == rows(config.store, "SELECT sum(len(token_ids)) FROM nodes")[0][0]
    assert 0 < report.pruned_tokens < report.shared_tokens < report.apart_tokens


def test_blank_lines_belong_to_the_draw_that_made_them(faked: RunConfig) -> None:
    collect(faked)
    steps = rows(faked.store, "SELECT text, finish_reason, token_ids FROM nodes")
    assert any(text.startswith("\n") and text.strip() for text, *_ in steps)
    for text, reason, ids in steps:
        if reason is None:
            assert text.strip() and text.endswith("\n") and text.strip("\n").count("\n") == 0
            assert len(count_step_tokens([TOKENIZER.decode([token]) for token in ids])) <= 2
        else:
            assert reason == "length" or ids[-1] == END
    blank = (
        "SELECT count(*) FROM nodes JOIN node_scores USING (policy, problem_id, setting, path) WHERE trim(text) = ''"
    )
    assert rows(faked.store, blank)[0][0] > 0


@pytest.mark.parametrize("stop_at", [0, 4, 9])
def test_a_stopped_run_goes_on(faked: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int) -> None:
    query = "SELECT problem_id, path, token_ids, finish_reason FROM nodes ORDER BY ALL"
    scores = "SELECT problem_id, path, step_score FROM node_scores ORDER BY ALL"
    whole = faked.model_copy(update={"store": tmp_path / "whole.duckdb"})
    run.sample(whole)
    run.score(whole)
    report, finals = collect(whole)
    use(monkeypatch, FakeEngine(stop_at), FakePrm())
    with pytest.raises(KeyboardInterrupt):
        searching.search(faked)
    keeper.take_in(faked.store)
    kept = rows(faked.store, "SELECT count(*) FROM nodes")[0][0]
    assert (kept > 0) == (stop_at > 0)
    use(monkeypatch, FakeEngine(), FakePrm())
    rest, again = collect(faked)
    assert kept + rest.n_steps == report.n_steps
    same(finals, again)
    assert rows(faked.store, query) == rows(whole.store, query)
    assert rows(faked.store, scores) == rows(whole.store, scores)


def test_another_budget_draws_only_what_is_new(faked: RunConfig) -> None:
    first, _ = collect(asking(faked, budgets=(9,)))
    second, finals = collect(asking(faked, budgets=(4, 9)))
    both, _ = collect(asking(faked, budgets=(4, 9)))
    assert 0 < second.n_steps < first.n_steps and both.n_steps == both.n_rounds == 0
    same(finals, replayed(asking(faked, budgets=(4, 9))))


def test_it_says_beforehand_what_is_there_and_what_is_not(faked: RunConfig) -> None:
    said: list[str] = []
    searching.search(asking(faked, budgets=(9,), limit=2), notify=said.append)
    assert "16 searches (8 algorithms, 1 budgets, 2 problems)" in said[0]
    assert "of the steps they ask for the store holds 0" in said[0]  # no search has its whole first round
    assert "6 expansions and 0 scores" in said[0]  # 3 first steps of 2 problems
    assert said[2].startswith("search: round 1: 6 steps drawn")
    said.clear()
    searching.search(asking(faked, budgets=(9,), limit=2), notify=said.append)
    assert len(said) == 1 and "0 expansions and 0 scores are to be made" in said[0]


def test_what_an_engine_did_not_tell_rightly_is_said(faked: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = use(monkeypatch, FakeEngine(), FakePrm())
    engine.remarks = Counter({"came without a text": 3})  # type: ignore[attr-defined]
    said: list[str] = []
    searching.search(asking(faked, budgets=(4,), limit=1), notify=said.append)
    assert said[-1] == "search: 3 steps came without a text" and not engine.remarks  # type: ignore[attr-defined]


def test_leaves_are_graded_again_when_asked(faked: RunConfig) -> None:
    collect(faked)
    query = "SELECT problem_id, path, answer, answer_class, correct FROM node_grades ORDER BY ALL"
    before = rows(faked.store, query)
    assert before and grade_nodes(faked.store, "exact") == 0
    keeper.take_in(faked.store)
    assert grade_nodes(faked.store, "exact", again=True) == len(before)
    assert rows(faked.store, query) == before


def test_problems_in_groups_give_the_same_trees(faked: RunConfig, tmp_path: Path) -> None:
    whole = faked.model_copy(update={"store": tmp_path / "whole.duckdb"})
    run.sample(whole)
    run.score(whole)
    one, finals = collect(whole)
    three, again = collect(asking(faked, problems_at_once=1))
    same(finals, again)
    query = "SELECT problem_id, path, token_ids FROM nodes ORDER BY ALL"
    assert rows(faked.store, query) == rows(whole.store, query)
    totals = ("n_searches", "n_steps", "tokens", "greedy_tokens", "prm_tokens", "pruned_tokens", "apart_tokens")
    assert [getattr(one, name) for name in totals] == [getattr(three, name) for name in totals]
    assert three.n_rounds > one.n_rounds
    assert rows(faked.store, "SELECT count(*) FROM runs WHERE command = 'search'") == [(1,)]


def test_replay_of_what_was_not_collected_counts_it(faked: RunConfig) -> None:
    collect(asking(faked, budgets=(4,), algorithms=[{"strategy": "beam_search"}]))
    trees = trees_of(faked)
    BeamSearch().replay(trees, [4])
    with pytest.raises(
        NotInStore, match=r"beam_search \(M=4\) needs at budgets 9 on 3 of 3 problems: at least 9 expan"
    ):
        BeamSearch().replay(trees, [9])


def test_an_outcome_verifier_guides_a_search_by_partial_solutions(
    faked: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, FakeEngine(), FakePrm(outcome=True))
    config = asking(with_(faked, prm={"name": "orm"}), algorithms=[{"strategy": "rebase", "aggregation": "min"}])
    run.score(config)
    _, finals = collect(config)
    trees = load_tree(config.store, policy="tiny", setting=Setting(config.setting_row()["setting"]), verifier="orm")
    tree = SampleTree(trees.prompt_tokens[0], lambda path: trees.step(0, path))
    again = [replay(Rebase().start(budget, aggregation="min"), tree) for budget in (4, 9)]
    same(finals[:2], again)


def test_a_step_that_cannot_be_scored_ranks_last(faked: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    class Narrow(FakePrm):
        def score(self, solutions: Sequence[tuple[list[int], list[int]]]) -> list[StepScores]:
            return [
                StepScores(None, 0) if len(pair[0]) > 20 else super(Narrow, self).score([pair])[0] for pair in solutions
            ]

    use(monkeypatch, FakeEngine(), Narrow())
    config = asking(with_(faked, prm={"name": "narrow"}))
    run.score(config)
    _, finals = collect(config)
    assert rows(config.store, "SELECT count(*) FROM node_scores WHERE step_score IS NULL")[0][0] > 0
    assert any(math.isnan(final.score) for found in finals for final in found)
    same(finals, replayed_with(config, "narrow"))


def replayed_with(config: RunConfig, verifier: str) -> list[Any]:
    trees = load_tree(config.store, policy="tiny", setting=Setting(config.setting_row()["setting"]), verifier=verifier)
    views = [
        SampleTree(trees.prompt_tokens[problem], lambda path, problem=problem: trees.step(problem, path))
        for problem in range(len(trees.problem_ids))
    ]
    return [
        replay(search.start(budget, aggregation=how), view)
        for view in views
        for search, how in map(guided, config.search.algorithms)
        for budget in config.search.budgets
    ]


@pytest.mark.parametrize(
    ("text", "last", "whole"),
    [
        ("7\n", "\n", "7\n"),
        ("7\n", "\n+", "7\n+"),
        ("7", "7", "7"),
        ("7\n", "7\n", "7\n"),
        ("", "", ""),
        ("a;", "; b", "a; b"),
    ],
)
def test_a_text_that_was_cut_behind_its_delimiter_is_made_whole(text: str, last: str, whole: str) -> None:
    class Telling(FakeEngine):
        def token_texts(self, token_ids: Sequence[int]) -> list[str]:
            assert list(token_ids) == [4]
            return [last] if last else []

    drawn = Completion([3, 4], text, "stop", -1.0)
    assert stepping._whole_text(drawn, Telling(), ";" if ";" in text else "\n") == whole


def test_stop_strings_end_a_solution(faked: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    engine, _ = use(monkeypatch, FakeEngine(), FakePrm())
    config = with_(faked, sampling={"stop": ("7", "\n\n")})
    run.sample(config)
    run.score(config)
    collect(config)
    found = rows(
        config.store, f"SELECT text, finish_reason FROM nodes WHERE setting = '{config.setting_row()['setting']}'"
    )
    assert any(text.endswith("7") for text, _ in found)
    assert all((reason == "stop") for text, reason in found if "7" in text or "\n\n" in text)
    assert engine.calls


def test_requests_that_cannot_be_met(faked: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(config: RunConfig) -> str:
        with pytest.raises(RequestError) as caught:
            searching.search(config)
        return str(caught.value)

    assert "beam width 4 at budget 3: allowed 1 to 3" in refused(asking(faked, budgets=(3, 9)))
    assert "needs a PRM: add a section [prm]" in refused(faked.model_copy(update={"prm": None}))
    assert "'lab-test-0003' has no samples of 'tiny'" in refused(with_(faked, problems={"limit": 4}))
    bare = faked.model_copy(update={"store": tmp_path / "bare.duckdb"})
    key = {"policy": "tiny", "setting": faked.setting_row()["setting"], "sample_index": 0}
    write_part(
        bare.store, "samples", [{**key, "problem_id": f"lab-test-{n:04d}", "completion": "#1"} for n in range(5)]
    )
    assert "sample 0 of problem 'lab-test-0000'" in refused(bare) and "has no token ids" in refused(bare)

    class Other(FakeEngine):
        def encode(self, prompt: str) -> list[int]:
            return [*super().encode(prompt), 5]

    use(monkeypatch, Other(), FakePrm())
    assert "was not written by the tokenizer of" in refused(faked)
    with pytest.raises(ValueError, match="budgets"):
        asking(faked, budgets=(0,))
