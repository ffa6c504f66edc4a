"""Benchmarks become problems; a bad line is named by its number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.builders import REAL_DATA
from ttclib.errors import RequestError
from ttclib.problems import load_problems

GOOD = {"problem_id": "a", "prompt": "1+1=", "reference_answer": "2"}


@pytest.fixture
def file(tmp_path):
    """Write lines, given as text or as objects, to a file."""

    def write(*lines: object) -> str:
        path = tmp_path / "set.jsonl"
        path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
        return str(path)

    return write


def test_a_file_of_problems(file):
    source = file(GOOD, "", {**GOOD, "problem_id": 7, "reference_answer": None, "level": 3})
    first, second = load_problems(source)
    assert (first.problem_id, first.prompt, first.reference_answer, first.benchmark) == ("a", "1+1=", "2", "set")
    assert (second.problem_id, second.reference_answer, second.metadata) == ("7", None, {"level": 3})
    assert json.loads(second.row()["metadata"]) == {"level": 3}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{oops", "line 2 is not JSON: Expecting property name"),
        ('{"a": ' + "9" * 5000 + "}", "line 2 cannot be read: Exceeds the limit"),
        ("[" * 100_000, "line 2 (is not JSON|cannot be read)"),
        ("[1]", "line 2 is no JSON object but list"),
        ({"problem_id": "b", "prompt": "x"}, "line 2 lacks the field 'reference_answer': it has problem_id, prompt"),
        ({"prompt": "x", "reference_answer": "1"}, "lacks the field 'problem_id'.*\"line\" to number the lines"),
        ({}, "line 2 lacks the field 'problem_id': it has none"),
        ({**GOOD, "prompt": ""}, "line 2: 'prompt' is empty"),
        ({**GOOD, "problem_id": None}, "line 2: 'problem_id' is empty"),
        ({**GOOD, "prompt": ["x"]}, "line 2: 'prompt' is no text but a JSON list"),
        (GOOD, "line 2: problem_id 'a' stands there twice"),
    ],
)
def test_a_bad_line_is_named(file, line, message):
    with pytest.raises(RequestError, match=message) as raised:
        load_problems(file(GOOD, line))
    assert "\n" not in str(raised.value)


def test_a_bad_file_is_named(file, tmp_path):
    with pytest.raises(RequestError, match=r"no problem file 'none.jsonl'.*lab:test"):
        load_problems("none.jsonl")
    with pytest.raises(RequestError, match="no problem file"):
        load_problems(str(tmp_path))
    with pytest.raises(RequestError, match="holds no problem"):
        load_problems(file("", "  "))
    (tmp_path / "set.jsonl").write_bytes(b"\xff\xfe{}")
    with pytest.raises(RequestError, match="cannot read"):
        load_problems(str(tmp_path / "set.jsonl"))


def test_fields_are_mapped_and_the_limit_stops_before_a_bad_line(file):
    source = file({"id": "a", "question": "?", "gold": 4, "level": 1}, "{oops")
    fields = {"problem_id": "id", "prompt": "question", "reference_answer": "gold"}
    (problem,) = load_problems(source, limit=1, benchmark="named", fields=fields)
    assert (problem.problem_id, problem.prompt, problem.reference_answer) == ("a", "?", "4")
    assert problem.benchmark == "named" and problem.metadata == {"level": 1}


def test_a_byte_order_mark_and_unicode_are_read(tmp_path):
    path = tmp_path / "set.jsonl"
    path.write_text(json.dumps({**GOOD, "prompt": "√2 — 二"}, ensure_ascii=False), encoding="utf-8-sig")
    assert load_problems(str(path))[0].prompt == "√2 — 二"


def test_lines_are_numbered_and_a_rationale_is_kept_apart(file):
    line = {"question": "?", "answer": "Two and two.\n#### 4"}
    fields = {"problem_id": "line", "prompt": "question", "reference_answer": "answer"}
    (problem,) = load_problems(file(line), fields=fields)
    assert problem.problem_id == "set-00001" and problem.reference_answer == "4"
    assert problem.metadata == {"rationale": line["answer"]}


def test_problems_of_the_lab():
    tests, validation = load_problems("lab:test"), load_problems("lab:validation", limit=20)
    assert (len(tests), len(validation)) == (100, 20)
    assert load_problems("lab:test", limit=7) == tests[:7]
    assert len({problem.problem_id for problem in tests + validation}) == 120
    assert not {problem.prompt for problem in tests} & {problem.prompt for problem in validation}
    for problem in tests:
        expression = problem.prompt.strip().removesuffix("=")
        assert set(expression) <= set("0123456789+-*()")
        assert eval(expression) == int(problem.reference_answer or "")
    with pytest.raises(RequestError, match="unknown lab split 'tset': did you mean 'test'"):
        load_problems("lab:tset")


@pytest.mark.parametrize(
    ("name", "fields", "n_problems", "first"),
    [
        ("math500", {"problem_id": "unique_id", "prompt": "problem", "reference_answer": "answer"}, 500, None),
        ("gsm8k_test", {"problem_id": "line", "prompt": "question", "reference_answer": "answer"}, 1319, "18"),
    ],
)
def test_real_benchmarks(name, fields, n_problems, first):
    path: Path = REAL_DATA / f"{name}.jsonl"
    if not path.exists():
        pytest.skip(f"{name} is not there")
    problems = load_problems(str(path), fields=fields)
    assert len(problems) == len({problem.problem_id for problem in problems}) == n_problems
    assert all(problem.reference_answer and "####" not in problem.reference_answer for problem in problems)
    assert first is None or problems[0].reference_answer == first
