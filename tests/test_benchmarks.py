"""Named benchmarks, data sets of the hub and tasks made to order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import REAL_DATA
from ttclib.errors import RequestError, TTCError
from ttclib.problems import BENCHMARKS, load_problems, prompt_id

GSM8K = [
    {"question": "Two and two?", "answer": "2+2=<<2+2=4>>4\n#### 4"},
    {"question": "A thousand and one?", "answer": "#### 1,001"},
]


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def test_a_benchmarks_file_needs_no_mapping(tmp_path):
    first, second = load_problems(write(tmp_path / "x.jsonl", GSM8K), benchmark="gsm8k")
    assert (first.prompt, first.reference_answer, first.benchmark) == ("Two and two?", "4", "gsm8k")
    assert first.problem_id == prompt_id("Two and two?")
    assert second.reference_answer == "1,001"
    assert load_problems(write(tmp_path / "gsm8k.jsonl", GSM8K))[0].reference_answer == "4"  # told by the file's name


def test_the_configuration_and_the_files_own_names_go_before_the_benchmarks(tmp_path):
    rows = [{**row, "problem_id": f"mine-{number}", "other": "7"} for number, row in enumerate(GSM8K)]
    source = write(tmp_path / "x.jsonl", rows)
    (first, _) = load_problems(source, benchmark="gsm8k", fields={"reference_answer": "other"})
    assert (first.problem_id, first.reference_answer) == ("mine-0", "7")


def test_whole_numbers_read_as_floats_stay_whole(tmp_path):
    (problem,) = load_problems(write(tmp_path / "x.jsonl", [{"question": "?", "answer": 27.0}]), benchmark="amc23")
    assert problem.reference_answer == "27"


def test_ids_are_the_same_from_every_source(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "set").mkdir()
    file = write(tmp_path / "set" / "test.jsonl", GSM8K)
    spaced = write(tmp_path / "spaced.jsonl", [{**row, "question": f" {row['question']}\n"} for row in GSM8K])
    fields = {"problem_id": "hash", "prompt": "question", "reference_answer": "answer"}
    from_hub = load_problems(f"hub:{tmp_path / 'set'}", fields=fields)
    from_file = load_problems(file, fields=fields)
    assert [problem.problem_id for problem in from_hub] == [problem.problem_id for problem in from_file]
    assert [p.problem_id for p in load_problems(spaced, fields=fields)] == [p.problem_id for p in from_file]
    assert [problem.reference_answer for problem in from_hub] == ["4", "1,001"]


def test_a_data_set_of_the_hub_is_read_as_configured(tmp_path):
    pytest.importorskip("datasets")
    write(tmp_path / "train.jsonl", [{"problem_id": "a", "prompt": "1?", "reference_answer": "1"}])
    write(tmp_path / "test.jsonl", [{"problem_id": "b", "prompt": "2?", "reference_answer": "2"}])
    assert [p.problem_id for p in load_problems(f"hub:{tmp_path}", split="train")] == ["a"]
    assert [p.problem_id for p in load_problems(f"hub:{tmp_path}")] == ["b"]
    with pytest.raises(RequestError, match=r"cannot load the data set .*split dev") as raised:
        load_problems(f"hub:{tmp_path}", split="dev")
    assert "\n" not in str(raised.value)


def test_every_benchmark_is_pinned_and_maps_every_field():
    for name, benchmark in BENCHMARKS.items():
        assert benchmark.revision is not None and len(benchmark.revision) == 40, name
        assert set(benchmark.fields) == {"problem_id", "prompt", "reference_answer"}


def test_a_benchmark_loads_what_it_pins_unless_told_otherwise(monkeypatch):
    datasets = pytest.importorskip("datasets")
    asked = []

    def load_dataset(*where: Any, **how: Any) -> list[dict[str, Any]]:
        asked.append((*where, how["split"], how["revision"]))
        return GSM8K

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    problems = load_problems("gsm8k", limit=1)
    load_problems("gsm8k", revision="abc", split="train")
    assert [problem.benchmark for problem in problems] == ["gsm8k"]
    pinned = BENCHMARKS["gsm8k"].revision
    assert asked == [("openai/gsm8k", "main", "test", pinned), ("openai/gsm8k", "main", "train", "abc")]


@pytest.mark.parametrize(("name", "file", "n_problems"), [("math500", "math500", 500), ("gsm8k", "gsm8k_test", 1319)])
def test_the_real_ones(name, file, n_problems):
    path = REAL_DATA / f"{file}.jsonl"
    if not path.exists():
        pytest.skip(f"{file} is not there")
    problems = load_problems(str(path), benchmark=name)
    assert len({problem.problem_id for problem in problems}) == n_problems
    assert all(problem.reference_answer and "####" not in problem.reference_answer for problem in problems)
    if name == "math500":
        assert problems[0].problem_id == "test/precalculus/807.json"


class TestReasoningGym:
    @pytest.fixture(autouse=True)
    def needs_it(self):
        pytest.importorskip("reasoning_gym")

    def test_problems_are_the_tasks(self):
        problems = load_problems("reasoning-gym:chain_sum", limit=30, seed=3, parameters={"max_terms": 3})
        assert len({problem.problem_id for problem in problems}) == 30
        for problem in problems:
            expression = problem.prompt.rsplit(":", 1)[1].strip().removesuffix("=")
            assert eval(expression) == int(problem.reference_answer or "")
            assert expression.count("+") + expression.count("-") <= 3
            json.loads(problem.row()["metadata"])

    def test_more_problems_only_add_some(self):
        few, many = (load_problems("reasoning-gym:gcd", limit=limit) for limit in (5, 20))
        assert [p.row() for p in many[:5]] == [p.row() for p in few]
        assert len(load_problems("reasoning-gym:gcd")) == 100

    def test_other_recipes_have_other_ids(self):
        recipes: list[dict[str, Any]] = [{}, {"seed": 1}, {"parameters": {"max_terms": 3}}]
        ids = {load_problems("reasoning-gym:chain_sum", limit=1, **recipe)[0].problem_id for recipe in recipes}
        assert len(ids) == 3

    @pytest.mark.parametrize("task", ["chain_sum", "simple_equations", "letter_counting", "countdown"])
    def test_the_tasks_own_scorer_is_asked(self, task):
        from ttclib.problems.benchmarks import gym_score

        for problem in load_problems(f"reasoning-gym:{task}", limit=5):
            metadata = json.loads(problem.row()["metadata"])
            assert gym_score(metadata, problem.prompt, problem.reference_answer or "") == 1.0
            assert gym_score(metadata, problem.prompt, "junk") < 0.5

    def test_another_problem_than_was_made_is_not_scored(self):
        from ttclib.problems.benchmarks import gym_score

        (problem,) = load_problems("reasoning-gym:gcd", limit=1)
        with pytest.raises(TTCError, match="makes another problem 0 of gcd than version"):
            gym_score(problem.metadata, "another", "1")

    @pytest.mark.parametrize(
        ("source", "parameters", "message"),
        [
            ("reasoning-gym:chain_summ", {}, "unknown reasoning-gym task 'chain_summ': did you mean 'chain_sum'"),
            ("reasoning-gym:chain_sum", {"min_terms": -1}, 'parameters {"min_terms": -1} .*must be positive'),
            ("reasoning-gym:chain_sum", {"terms": 1}, "unexpected keyword argument 'terms'"),
        ],
    )
    def test_a_bad_recipe_is_one_line(self, source, parameters, message):
        with pytest.raises(RequestError, match=message) as raised:
            load_problems(source, parameters=parameters)
        assert "\n" not in str(raised.value)
