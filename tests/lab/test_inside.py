"""Both families at a size of a few exercises: trained, drawn, graded, shipped; and what the direct one learns from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import duckdb
import pytest

pytest.importorskip("torch")

import ttclib
from ttclib.lab import inside as making
from ttclib.lab import recipe as recipe_module
from ttclib.lab import train_policy as train_policy_module
from ttclib.lab.fit import Pace
from ttclib.lab.inside import InsideRecipe, collect_inside
from ttclib.lab.recipe import POLICIES, POLICY
from ttclib.lab.tokenizer import build_tokenizer
from ttclib.lab.train_policy import IGNORED, encode
from ttclib.problems.arithmetic import Exercise
from ttclib.study.inside import ask_inside, open_inside
from ttclib.study.inside_training import ask_inside_training
from ttclib.study.question import question

TIMES = {"policy": (0.5,), "policy-direct": (0.5, 2.0)}
TINY = InsideRecipe(TIMES, n_problems=3, n_samples=4, n_samples_direct=8, n_samples_checkpoint=2, n_examples=2)


def test_the_direct_policy_learns_from_the_answer_alone():
    tokenizer = build_tokenizer()
    exercise = Exercise("(3+4)*(9-2)", 3, 49, "7*(9-2)\n7*7\n49\n#49")
    (direct,), (worked,) = (encode(tokenizer, [exercise], steps=steps) for steps in (False, True))
    prompt = tokenizer(exercise.prompt)["input_ids"]
    answer = [*tokenizer("#49", add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    assert direct.ids == prompt + answer and direct.targets == [IGNORED] * len(prompt) + answer
    assert worked.ids[: len(prompt)] == prompt and worked.ids[-4:] == answer and len(worked.ids) > len(direct.ids)


def test_the_twins_differ_in_steps_and_number_of_exercises_alone():
    direct = POLICIES["policy-direct"]
    assert dataclasses.replace(direct, steps=True, n_exercises=POLICY.n_exercises) == POLICY


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("inside")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_policy_module, "EXERCISES_A_CHUNK", 100)
        pace = Pace(tokens_per_batch=1000, warmup_steps=5)
        for name, one in POLICIES.items():
            patch.setitem(recipe_module.POLICIES, name, dataclasses.replace(one, n_exercises=200, pace=pace))
        store, shipped = folder / "all.duckdb", folder / "inside.duckdb"
        said: list[str] = []
        collect_inside(store, folder / "trained", recipe=TINY, most=1, ship=shipped, notify=said.append)
        assert not any("2x" in line for line in said), "what is above the most is left out"
        said.clear()
        collect_inside(store, folder / "trained", recipe=TINY, most=1, notify=said.append)
        assert not any("exercises into" in line or "to draw" in line for line in said), "what is there stays"
    return shipped


def test_what_ships_has_no_texts_and_every_part(collected):
    with duckdb.connect(str(collected), read_only=True) as con:
        rows = con.execute(
            "SELECT policy, count(*), count(completion), count(completion_ids), count(logprob), "
            "count(completion_tokens) FROM samples GROUP BY 1 ORDER BY 1"
        ).fetchall()
        graded = con.execute("SELECT count(*) FROM grades").fetchone()
        scored = con.execute("SELECT policy, count(*) FROM scores GROUP BY 1").fetchall()
    n = {policy: count for policy, count, *_ in rows}
    assert n == {
        "lab-policy": 12, "lab-policy@0.5x": 6, "lab-policy-direct": 24, "lab-policy-direct@0.5x": 6,
        "lab-policy-direct-few-shot": 6,
    }  # fmt: skip
    assert all(texts == ids == 0 and logprobs == lengths == count for _, count, texts, ids, logprobs, lengths in rows)
    assert graded == (sum(n.values()),) and scored == [("lab-policy-direct", 24)]
    assert collected.with_name("inside.duckdb.xz").is_file()


def test_it_answers_what_it_is_made_for(collected):
    found = ask_inside(open_inside(collected, ["lab-policy-direct", "lab-policy"]), question())
    assert {"pass_at_k", "majority_vote", "best_of_n"} <= set(found.result.frame["strategy"])
    assert set(found.result.frame["unit"]) == {"tokens", "flops"} and "blind" in set(found.result.curves["strategy"])
    told = ask_inside_training(collected, "lab-policy-direct", "lab-policy", few_shot="lab-policy-direct-few-shot")
    assert set(told.result.frame["policy"]) == {
        "lab-policy@0.5x", "lab-policy", "lab-policy-direct@0.5x", "lab-policy-direct",
    }  # fmt: skip
    few = ttclib.open(collected, "lab-policy-direct-few-shot").pool
    plain = ttclib.open(collected, "lab-policy-direct").pool
    assert (few.prompt_tokens > plain.prompt_tokens + 20).all(), "the examples stand in the prompt"


def test_a_recipe_names_parts_of_the_lab():
    assert set(making.RECIPE.times) <= set(POLICIES)
