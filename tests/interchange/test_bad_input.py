"""Files of every format, damaged: a line that says where, and nothing written."""

from __future__ import annotations

import copy
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ttclib.errors import RequestError
from ttclib.interchange import import_samples, importing, readers, writing_parts

ODD = [
    None, True, 0, -1, 1, 2**31, 2**63, 10**30, 0.5, 1e308, float("nan"), float("inf"), "", " ", "x", "\ud800", "\0",
    "a\nb", [], [[]], [None], {}, {"": None}, [1, "x"], {"a": {"b": [1]}}, "C", "1", "NaN",
]  # fmt: skip
BODY = {
    "model": "m",
    "choices": [
        {
            "message": {"content": "2", "reasoning_content": "1 + 1"},
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "2", "logprob": -0.5}]},
        }
    ],
    "usage": {"completion_tokens": 3},
}
SEEDS: dict[str, list[dict[str, Any]]] = {
    "rows": [
        {"problem_id": "p", "policy": "m", "sample_index": i, "answer": "1", "correct": True, "step_scores": [0.5, 1.0],
         "completion": "so 1", "reference_answer": "1", "completion_tokens": 3, "logprob": -0.5,
         "setting": {"temperature": 1}, "reasoning": "hm", "token_logprobs": [-0.5, None, -1.0], "step_tokens": [3],
         "prompt_hidden": [0.5, -1.0], "prompt_layer": 2, "greedy": "1", "greedy_tokens": 1, "greedy_logprob": -0.1,
         "step_logprobs": [-1.5], "completion_ids": [1, 2, 3], "token_entropies": [0.5], "token_top20": [1.0],
         "readings": [{"verifier": "judge", "reading": 1, "step_scores": [0.5], "prm_tokens": 3,
                       "generated_tokens": 2, "said": "good"}]}
        for i in range(3)
    ],
    "counts": [{"problem_id": f"p{i}", "policy": "m", "n": 10, "c": i} for i in range(3)],
    "lists": [{"unique_id": "u", "model": "m", "problem": "1 + 1", "answer": "2", "completions": ["2", "3"],
               "scores": [[0.5], [0.25]], "completion_tokens": [1, 2]}],
    "monkeys": [{"question": "1+1", "samples": ["2", "3"], "gt_answer": "2", "is_corrects": [True, False],
                 "model": "m"}],
    "openai-batch": [{"custom_id": "q#0", "response": {"status_code": 200, "body": BODY}, "error": None}],
    "nemo-skills": [{"problem": "1+1", "expected_answer": "2", "generation": "2", "predicted_answer": "2",
                     "model": "m"}],
    "lighteval": [{"doc": {"id": "0", "query": "1+1", "choices": ["2", "3"], "gold_index": [0]},
                   "model_response": {"text": ["2"], "output_tokens": [[5, 6]], "input_tokens": [1, 2]},
                   "metric": {"em": 1.0}},
                  {"doc": {"id": "1", "query": "1+2", "choices": ["3"], "gold_index": 0},
                   "model_response": {"text": ["3", "4"], "output_tokens": [], "input_tokens": None}, "metric": {}}],
    "lm-eval": [{"doc_id": 0, "target": "2", "arguments": {"gen_args_0": {"arg_0": "1+1", "arg_1": {"temperature": 1}}},
                 "resps": [["2", "3"]], "filtered_resps": [["2", "3"]], "filter": "f", "metrics": ["exact_match"],
                 "exact_match": 1.0}],
    "inspect": [{"status": "success", "eval": {"task": "t", "model": "m", "eval_id": "e"},
                 "plan": {"config": {"top_p": 1}},
                 "samples": [{"id": 1, "epoch": 1, "input": "q", "target": "A", "choices": ["x", "y"],
                              "scores": {"s": {"value": "C", "answer": "A"}}, "output": {"completion": "A"},
                              "model_usage": {"m": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}}}]}],
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def nothing_written() -> Iterator[None]:
    """All of an import but its writing, which `test_importing` looks at."""
    with pytest.MonkeyPatch.context() as patch:
        for place, name in ((writing_parts, "write_part"), (importing, "absorb")):
            patch.setattr(place, name, lambda *_, **__: None)
        patch.setattr(importing, "_count", lambda store: 0)
        yield


def attempt(path: Path, **options: Any) -> str | None:
    """What the import says against a file; None: it was taken."""
    try:
        import_samples(path, path.with_name("s.duckdb"), policy="m", grader="exact", **options)
    except RequestError as error:
        text = str(error)
        assert "\n" not in text and len(text) < 600, text
        text.encode()
        return text
    return None


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from places(one, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return value


OLDER_LIGHTEVAL = [{"example": "1+1", "predictions": "['2', '3']", "gold": "['2']", "metrics": {"em": 1}}]


def test_every_reader_has_a_seed():
    assert set(SEEDS) == set(readers())


@pytest.mark.parametrize("name", SEEDS)
def test_what_the_seeds_say_is_taken(tmp_path, name):
    path = tmp_path / ("in.json" if name == "inspect" else "in.jsonl")
    path.write_text("\n".join(map(json.dumps, SEEDS[name])))
    assert attempt(path, file_format=name) is None


@pytest.mark.parametrize("name", SEEDS)
def test_every_value_replaced_by_odd_ones(tmp_path, name):
    refused = 0
    path = tmp_path / ("in.json" if name == "inspect" else "in.jsonl")
    for number, place in enumerate(places(SEEDS[name][0])):
        for odd in ODD[number % 2 :: 2]:
            rows = [replaced(SEEDS[name][0], place, odd), *SEEDS[name][1:]]
            path.write_text("\n".join(map(json.dumps, rows)))
            refused += attempt(path, file_format=name) is not None
    assert refused > 3


@pytest.mark.parametrize("text", ["[" * 100_000, "(" * 300 + ")" * 300, "{}", "[1, [2]]", "None", "x", "['\\ud800']"])
def test_a_list_written_as_text_that_is_none(tmp_path, text):
    path = tmp_path / "in.jsonl"
    for name in ("predictions", "gold"):
        path.write_text(json.dumps({**OLDER_LIGHTEVAL[0], name: text}))
        said = attempt(path, file_format="lighteval")
        assert said is None or "line 1" in said or "holds no sample" in said


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), name=st.sampled_from(sorted(SEEDS)))
def test_bytes_changed(tmp_path_factory, data, name):
    folder = tmp_path_factory.mktemp("bytes")
    content = bytearray("\n".join(map(json.dumps, SEEDS[name])).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["flip", "cut", "insert"])):
            case "flip":
                content[at] = data.draw(st.integers(0, 255))
            case "cut":
                del content[at : at + data.draw(st.integers(1, 30))]
                content += b" "
            case _:
                content[at:at] = data.draw(
                    st.sampled_from([b"\xff", b"\\ud800", b"NaN", b'"a":1,"a":2,', b"[" * 2000, b"9" * 400])
                )
    path = folder / ("in.json" if name == "inspect" else "in.jsonl")
    path.write_bytes(bytes(content))
    attempt(path, file_format=name)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(),
    kind=st.sampled_from(["a.jsonl.gz", "a.jsonl.zst", "a.parquet", "a.csv", "a.arrow", "a.eval", "a.yaml"]),
)
def test_containers_damaged(tmp_path_factory, data, kind):
    folder = tmp_path_factory.mktemp("containers")
    content = bytearray(packed(kind))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 5))):
            content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = folder / kind
    path.write_bytes(bytes(content))
    attempt(path)


def packed(kind: str) -> bytes:
    rows = [{name: value for name, value in row.items() if name != "setting"} for row in SEEDS["rows"]]
    lines = "\n".join(map(json.dumps, rows)).encode()
    frame = pl.DataFrame(rows)
    buffer = io.BytesIO()
    if kind.endswith(".gz"):
        return gzip.compress(lines)
    if kind.endswith(".zst"):
        return bytes(pa.compress(lines, "zstd", asbytes=True))
    if kind.endswith(".parquet"):
        frame.write_parquet(buffer)
    elif kind.endswith(".csv"):
        frame.select(pl.exclude(pl.List)).write_csv(buffer)
    elif kind.endswith(".arrow"):
        with pa.ipc.new_stream(buffer, frame.to_arrow().schema) as writer:
            writer.write_table(frame.to_arrow())
    elif kind.endswith(".eval"):
        return (Path(__file__).parent / "peers" / "letters.eval").read_bytes()
    else:
        return b"question: 1+1\nsamples:\n- '2'\n- '3'\ngt_answer: '2'\nis_corrects: [true, false]\n"
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b'{"problem_id": "p", "policy": "m", "completion": "\\ud800"}',
            r"line 1: completion = \"\\ud800\": half a surrogate",
        ),
        (b'{"problem_id": "p", "policy": "m", "logprob": NaN}', "line 1: logprob = NaN: give a finite number"),
        (
            b'{"problem_id": "p", "policy": "m", "completion_tokens": 99999999999999999999}',
            "line 1: completion_tokens = 9999",
        ),
        (
            b'{"problem_id": "p", "policy": "m", "problem_id": "q"}',
            "line 1 cannot be read: the key 'problem_id' stands there twice",
        ),
        (b'{"problem_id": ["p"], "policy": "m"}', r'line 1: problem_id = \["p"\]: give a text'),
        (b'{"problem_id": "p", "policy": "m", "answer": "\xff"}', "line 1 is not UTF-8: byte 47 is 0xff"),
        (
            b'\n\n{"problem_id": "p", "policy": "m"}\n{"problem_id": ',
            "line 4 is not JSON: Expecting value at column 16",
        ),
        (b"[" * 100_000, "cannot be read"),
        (b"", "holds no sample"),
    ],
)
def test_the_place_is_named(tmp_path, content, message):
    (tmp_path / "in.jsonl").write_bytes(content)
    with pytest.raises(RequestError, match=message):
        import_samples(tmp_path / "in.jsonl", tmp_path / "s.duckdb")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_a_late_line_is_named_by_its_own_number(tmp_path):
    good = json.dumps({"problem_id": "p", "policy": "m", "completion": "x" * 1000})
    lines = [good] * 40_000
    lines[33_333] = good.replace('"p"', "[]")
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    with pytest.raises(RequestError, match="line 33334: problem_id = "):
        import_samples(tmp_path / "in.jsonl", tmp_path / "s.duckdb")


def test_an_archive_that_lies_about_its_size(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("header.json", '{"eval": {}}')
    content = bytearray(buffer.getvalue())
    at = content.rfind(b"PK\x01\x02") + 24
    content[at : at + 4] = (2**31 + 5).to_bytes(4, "little")
    (tmp_path / "a.eval").write_bytes(bytes(content))
    assert "it says that it has" in (attempt(tmp_path / "a.eval") or "")
