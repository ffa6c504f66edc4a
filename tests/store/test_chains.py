"""Chains as arrays: the right cell for every row, and NaN where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.builders import add_chains, build_store
from ttclib.errors import NotInStore, RequestError
from ttclib.samples import Chains
from ttclib.store import connect, load_chains, write_part

KEY = {"policy": "m", "setting": "s"}


def write(store: Path, table: str, *rows: dict[str, Any]) -> None:
    write_part(store, table, [KEY | row for row in rows])


def test_every_row_is_in_its_cell(tmp_path):
    path = add_chains(build_store(tmp_path / "s.duckdb"), n_problems=3, n_chains=2, n_steps=3)
    chains = load_chains(path)
    assert (chains.policy, chains.setting.name) == ("reviser", "chains")
    orm, own = chains.verifier("orm"), chains.verifier("logprob")
    assert orm is chains.verifier() is chains.verifiers["orm"] and orm.kind == "orm"
    assert chains.problem_ids == ["p000", "p001", "p002"] and chains.present.shape == (3, 2, 3)
    assert chains.present.all() and chains.lengths.tolist() == [[3, 3]] * 3
    assert chains.policy_model is not None and chains.policy_model.n_parameters == 200_000
    with connect(path) as con:
        rows = con.execute(
            "SELECT problem_id, chain, position, correct, answer_class, completion_tokens, prompt_tokens, "
            "prm_tokens, step_scores FROM revisions JOIN revision_grades USING (problem_id, chain, position) "
            "JOIN revision_scores USING (problem_id, chain, position)"
        ).fetchall()
    assert len(rows) == 18
    for problem_id, chain, position, correct, number, completion, prompt, prm, scores in rows:
        cell = int(problem_id[1:]), chain, position
        assert chains.correct[cell] == correct and chains.answer_ids[cell] == number
        assert (chains.completion_tokens[cell], chains.prompt_tokens[cell]) == (completion, prompt)
        assert orm.prm_tokens[cell] == prm
        assert {orm.by(name)[cell] for name in ("last", "min", "prod", "mean")} == {scores[0]}
        assert own.by()[cell] == pytest.approx(np.exp(-0.2))


def test_what_is_missing_is_unknown(tmp_path):
    store = tmp_path / "s.duckdb"
    cells = [("a", 0, 0), ("a", 0, 1), ("a", 0, 3), ("b", 3, 0), ("b", 5, 0), ("b", 5, 1)]
    rows = [{"problem_id": p, "chain": c, "position": j, "completion_tokens": 7} for p, c, j in cells]
    write(store, "revisions", *rows)
    grade = {"grader": "exact-1", "answer": "1", "answer_class": 4, "correct": True}
    write(store, "revision_grades", {"problem_id": "b", "chain": 5, "position": 1} | grade)
    none = {"problem_id": "b", "chain": 3, "position": 0, "answer": None, "answer_class": None, "correct": False}
    write(store, "revision_grades", grade | none)
    score = {"problem_id": "a", "chain": 0, "position": 1, "verifier": "orm"}
    write(store, "revision_scores", score | {"step_scores": [0.5, 0.25], "prm_tokens": 9})
    write(store, "revision_scores", score | {"position": 0, "step_scores": None, "prm_tokens": 0})
    chains = load_chains(store)
    assert chains.present.tolist() == [
        [[True, True, False, True], [False] * 4],
        [[True, False, False, False], [True, True, False, False]],  # chains 3 and 5, numbered anew
    ]
    assert chains.lengths.tolist() == [[2, 0], [1, 2]]  # up to the hole
    assert np.argwhere(~np.isnan(chains.correct)).tolist() == [[1, 0, 0], [1, 1, 1]]
    assert chains.correct[1, 0, 0] == 0 and chains.answer_ids[1, 0, 0] == -1 and chains.answer_ids[1, 1, 1] == 4
    assert np.argwhere(~np.isnan(chains.verifier("orm").by("last"))).tolist() == [[0, 0, 1]]
    found = {name: chains.verifier().by(name)[0, 0, 1] for name in ("last", "min", "prod", "mean")}
    assert found == {"last": 0.25, "min": 0.25, "prod": 0.125, "mean": 0.375}
    assert np.isnan(chains.completion_tokens).tolist() == (~chains.present).tolist()
    assert np.isnan(chains.prompt_tokens).all() and not chains.has_scores("logprob")
    assert chains.policy_model is None


def test_a_newer_grader_does_not_mix_with_an_older_one(tmp_path):
    store = tmp_path / "s.duckdb"
    rows = [{"problem_id": "a", "chain": 0, "position": j} for j in range(3)]
    write(store, "revisions", *rows)
    old = {"grader": "math-1", "answer": "1", "correct": True}
    write(store, "revision_grades", *(row | old | {"answer_class": 1} for row in rows))
    write(store, "revision_grades", *(row | old | {"grader": "math-2", "answer_class": 2} for row in rows[:2]))
    assert load_chains(store).answer_ids.tolist() == [[[1, 1, 1]]]


def test_which_chains_are_meant(tmp_path):
    path = build_store(tmp_path / "s.duckdb", n_problems=3)
    with pytest.raises(NotInStore, match="holds no revision chains: collect them with `ttc revise CONFIG`"):
        load_chains(path)
    add_chains(path, n_problems=2)
    add_chains(path, n_problems=3, policy="other", scored=False)
    with pytest.raises(RequestError, match="several models: name one. Allowed: other, reviser"):
        load_chains(path)
    with pytest.raises(RequestError, match="unknown revision model 'revisr': did you mean 'reviser'"):
        load_chains(path, "revisr")
    with pytest.raises(RequestError, match="unknown setting 'x'"):
        load_chains(path, "other", setting="x")
    other = load_chains(path, "other")
    assert isinstance(other, Chains) and len(other.problem_ids) == 3 and list(other.verifiers) == ["logprob"]
    with pytest.raises(RequestError, match="holds no orm scores for policy 'other'"):
        other.verifier("orm")


def test_status_counts_chains_and_nodes(tmp_path):
    from ttclib.store.status import store_status

    path = add_chains(build_store(tmp_path / "s.duckdb"), n_problems=3, n_chains=2, n_steps=5, scored=False)
    node = {"problem_id": "p000", "token_ids": [1, 2, 3]}
    write(path, "nodes", node | {"path": "0"}, node | {"path": "0.1", "finish_reason": "stop"})
    write(path, "node_scores", {"problem_id": "p000", "path": "0.1", "verifier": "prm", "step_score": 0.5})
    write(path, "node_grades", {"problem_id": "p000", "path": "0.1", "grader": "exact-1", "correct": True})
    found = store_status(path)
    (chains,) = found["chains"]
    assert chains.pop("tokens") > 0
    assert chains == {
        **{"policy": "reviser", "setting": "chains", "n_problems": 3, "n_chains": 6, "n_answers": 30},
        **{"n_scored": 0, "n_graded": 30, "keys": {}, "differs": {}},
    }
    assert found["trees"] == [
        {
            **{"policy": "m", "setting": "s", "n_problems": 1, "n_nodes": 2, "n_leaves": 1},
            **{"n_scored": 1, "n_graded": 1, "tokens": 6, "keys": {}, "differs": {}},
        }
    ]
