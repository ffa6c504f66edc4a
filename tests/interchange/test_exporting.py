"""Stores written in every form: what comes back is what went in, and nothing is written by halves."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.builders import build_store
from ttclib.errors import RequestError
from ttclib.interchange import KEYS, export_samples, export_store, import_samples
from ttclib.interchange.columns import SAMPLE_COLUMNS
from ttclib.interchange.exporting import choose_format
from ttclib.store import connect, set_model_facts
from ttclib.store.cells import halves_of_lists, lists_of_halves
from ttclib.store.sample_rows import Selection

TABLES = {  # all that a sample is, without what names the file that it came from
    "samples": "SELECT * EXCLUDE (run_id) FROM samples ORDER BY ALL",
    "scores": "SELECT * EXCLUDE (run_id) FROM scores ORDER BY ALL",
    "problems": "SELECT * FROM problems ORDER BY ALL",
    "settings": "SELECT * FROM settings ORDER BY ALL",
    "features": "SELECT * EXCLUDE (run_id, prompt_tokens) FROM features ORDER BY ALL",
    "counts": "SELECT * EXCLUDE (run_id) FROM counts ORDER BY ALL",
    # Another file's grade is given where it was made here; classes are the same ones, numbered in another order.
    "grades": """SELECT * EXCLUDE (grader, answer_class), answer_class IS NULL AS unclassed,
        min((policy, setting, sample_index)) OVER (PARTITION BY problem_id, answer_class) AS first_of_class
        FROM grades ORDER BY ALL""",
}
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=8)
NAME = st.sampled_from(["a", "é|b", "x/1"])
REAL = st.floats(allow_nan=False, allow_infinity=False, width=64)
COUNT = st.integers(0, 2**31 - 1)
HALF = st.floats(-1000, 1000, width=16)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


READING = st.fixed_dictionaries(
    {
        "step_scores": maybe(st.lists(REAL, max_size=3)),
        "prm_tokens": maybe(COUNT),
        "generated_tokens": maybe(COUNT),
        "said": maybe(TEXT),
    }
)
SAMPLE = st.fixed_dictionaries(
    {
        "completion": maybe(TEXT),
        "answer": maybe(st.sampled_from(["1", "2", "1/2"])),
        "correct": maybe(st.booleans()),
        "prompt_tokens": maybe(COUNT),
        "completion_tokens": maybe(st.integers(1000, 2000)),
        "reasoning": maybe(TEXT),
        "reasoning_tokens": maybe(st.integers(0, 999)),
        "logprob": maybe(REAL),
        "elapsed_s": maybe(st.floats(0, 1e6)),
        "finish_reason": maybe(st.sampled_from(["stop", "length"])),
        "completion_ids": maybe(st.lists(COUNT, max_size=3)),
        "step_tokens": maybe(st.lists(COUNT, max_size=3)),
        "step_logprobs": maybe(st.lists(REAL, max_size=3)),
        "token_logprobs": maybe(st.lists(maybe(HALF), max_size=3)),
        "token_entropies": maybe(st.lists(HALF, max_size=3)),
        "token_top20": maybe(st.lists(HALF, max_size=3)),
        "step_scores": maybe(st.lists(REAL, min_size=1, max_size=3)),
        "prompt_hidden": maybe(st.lists(maybe(HALF), max_size=3)),
        "prompt_layer": maybe(COUNT),
        "greedy": maybe(TEXT),
        "greedy_tokens": maybe(COUNT),
        "greedy_logprob": maybe(REAL),
        "readings": maybe(
            st.dictionaries(st.tuples(st.sampled_from(["judge", "prm"]), st.integers(0, 2)), READING, max_size=3)
        ),
    }
)
SETTING = maybe(st.dictionaries(st.sampled_from(["temperature", "effort"]), st.sampled_from([1, 0.5, "low"])))
PROBLEM = st.fixed_dictionaries({"prompt": maybe(TEXT), "reference_answer": maybe(st.sampled_from(["1", "0.5"]))})


@st.composite
def lines(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Interchange lines that no rule of an import contradicts."""
    keys = draw(st.lists(st.tuples(NAME, NAME, SETTING, st.integers(0, 5)), min_size=2, max_size=12))
    problems = {name: draw(PROBLEM) for name in sorted({problem for _, problem, _, _ in keys})}
    found = {}
    for policy, problem_id, setting, index in keys:
        row = {"problem_id": problem_id, "policy": policy, "sample_index": index, "setting": setting, "benchmark": "b"}
        row |= problems[problem_id] | draw(SAMPLE)
        if row["readings"] is not None:
            row["readings"] = [{"verifier": v, "reading": r, **one} for (v, r), one in row["readings"].items()]
        found[policy, problem_id, json.dumps({} if setting is None else setting, sort_keys=True), index] = row
    return list(found.values())


def contents(store: Path) -> dict[str, list[tuple[Any, ...]]]:
    with connect(store) as con:
        return {name: con.execute(query).fetchall() for name, query in TABLES.items()}


def fill(path: Path, *rows: dict[str, Any], **options: Any) -> Path:
    file = path.with_suffix(".jsonl")
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    import_samples(file, path, grader="exact", **options)
    return path


@settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)  # each example makes two stores: to shrink one takes minutes
@given(rows=lines(), ending=st.sampled_from(["jsonl", "jsonl.gz", "jsonl.zst", "parquet"]))
def test_a_store_exported_and_imported_is_the_same_store(tmp_path_factory, rows, ending):
    folder = tmp_path_factory.mktemp("round")
    first = fill(folder / "a.duckdb", *rows)
    export_store(first, folder / f"out.{ending}")
    import_samples(folder / f"out.{ending}", folder / "b.duckdb", grader="exact")
    assert contents(folder / "b.duckdb") == contents(first)


def test_every_column_of_the_import_is_written(tmp_path):
    reading = {"verifier": "judge", "reading": 0, "step_scores": [0.5], "prm_tokens": 3, "generated_tokens": 2, "said": "ok"}  # fmt: skip # noqa: E501
    row = {
        "problem_id": "p", "policy": "m", "sample_index": 0, "reference_answer": "1", "prompt": "q", "completion": "c",
        "answer": "1", "correct": True, "step_scores": [0.25], "prompt_tokens": 1, "completion_tokens": 9,
        "benchmark": "b", "setting": {"temperature": 1}, "reasoning": "r", "reasoning_tokens": 4, "logprob": -1.5,
        "elapsed_s": 0.5, "finish_reason": "stop", "completion_ids": [1, 2], "step_tokens": [9],
        "step_logprobs": [-1.5], "token_logprobs": [-0.0015, None], "token_entropies": [0.1], "token_top20": [1.0],
        "readings": [reading, {**reading, "reading": 1, "step_scores": None}],
        "prompt_hidden": [1.5, None], "prompt_layer": 2, "greedy": "g", "greedy_tokens": 3, "greedy_logprob": -0.25,
    }  # fmt: skip
    assert {*row, "run"} == set(SAMPLE_COLUMNS)  # a run only numbers samples
    (line,) = export_samples(fill(tmp_path / "a.duckdb", row), verifier="prm")
    found = json.loads(line)
    prm = dict.fromkeys(reading) | {"verifier": "prm", "reading": 0, "step_scores": [0.25]}
    assert {**found, "readings": row["readings"]} == row | {"token_entropies": [0.099976], "token_logprobs": [-0.0015001, None]}  # fmt: skip # noqa: E501
    assert [dict(sorted(one.items())) for one in found["readings"]] == [
        dict(sorted(one.items())) for one in (*row["readings"], prm)
    ]


def test_halves_come_back_as_they_were():
    column = pa.array([b"\x00\xb8\x01\x00", None, b"", b"\x00~"])
    lists = lists_of_halves(column)
    assert lists.to_pylist() == [[-0.5, 5.960464477539063e-08], None, [], [None]]
    assert halves_of_lists(pl.from_arrow(lists)).to_list() == column.to_pylist()
    assert lists_of_halves(column.slice(1)).to_pylist() == lists.to_pylist()[1:]


def test_counts_come_back_too(tmp_path):
    rows = [{"problem_id": f"p{i}", "policy": "m", "benchmark": "b", "difficulty": "hard", "n": 10, "c": i} for i in range(3)]  # fmt: skip # noqa: E501
    first = fill(tmp_path / "a.duckdb", *rows)
    for name in ("out.jsonl", "out.parquet"):
        assert export_store(first, tmp_path / name).rows == {"counts": 3}
        import_samples(tmp_path / name, tmp_path / f"{name}.duckdb")
        assert contents(tmp_path / f"{name}.duckdb") == contents(first)
    fill(first, {"problem_id": "p9", "policy": "n", "sample_index": 0, "correct": True})
    told: list[str] = []
    assert export_store(first, tmp_path / "more.jsonl", notify=told.append).rows == {"samples": 1}
    assert told[0].startswith("left out: 3 counts")


def test_every_setting_is_written_or_those_that_are_asked_for(tmp_path):
    row = {"problem_id": "p", "policy": "m", "sample_index": 0}
    efforts = [{"reasoning_effort": effort} for effort in ("low", "high")]
    store = fill(tmp_path / "a.duckdb", *({**row, "setting": one} for one in efforts), row)
    found = [json.loads(line).get("setting") for line in export_samples(store)]
    assert sorted(map(str, found)) == sorted(map(str, [*efforts, None]))
    only = Selection(setting={"reasoning_effort": "low"})
    assert [json.loads(line)["setting"] for line in export_samples(store, selection=only)] == [efforts[0]]
    with pytest.raises(RequestError, match="holds no sample of setting"):
        list(export_samples(store, selection=Selection(setting={"reasoning_effort": "none"})))


@pytest.mark.parametrize(
    ("target", "file_format", "only", "chosen"),
    [
        ("a.jsonl", None, None, "interchange"),
        ("a.JSONL.GZ", None, None, "interchange"),
        ("v1.2.ndjson.zst", None, None, "interchange"),
        ("a.parquet", None, None, "parquet"),
        ("a.jsonl", None, "chosen", "training"),
        ("a.parquet", "training", None, "training"),
        ("a.txt", "interchange", None, "interchange"),
        ("folder", "huggingface", None, "huggingface"),
        (None, None, None, "interchange"),
        (None, "training", "shortest", "training"),
    ],
)
def test_the_form_is_named_or_plain(target, file_format, only, chosen):
    assert choose_format(target and Path(target), file_format, only)[0] == chosen


@pytest.mark.parametrize(
    ("target", "file_format", "only", "message"),
    [
        ("a", None, None, "does not say what to write: give --format interchange|parquet|huggingface|training, or"),
        ("a.json", None, None, "does not say what to write"),
        ("a.csv", None, None, "does not say what to write"),
        ("a.gz", None, None, "does not say what to write"),
        ("a.jsonl", "jsonl", None, "unknown format 'jsonl'"),
        ("a.jsonl", "parquet", None, "ends as another form than --format parquet"),
        ("a.parquet", "interchange", None, "ends as another form"),
        ("a.parquet.gz", None, None, "ends as another form"),
        ("a.parquet", "huggingface", None, "ends as another form"),
        ("a.jsonl", "interchange", "correct", "--only correct belongs to a training set"),
        ("a.jsonl", None, "right", "unknown kind of training set 'right'"),
        (None, "parquet", None, "is not written to standard output"),
    ],
)
def test_what_is_not_plain_is_refused(target, file_format, only, message):
    with pytest.raises(RequestError) as raised:
        choose_format(target and Path(target), file_format, only)
    assert message in str(raised.value) and "\n" not in str(raised.value)


def test_what_is_there_stays_unless_forced(tmp_path):
    store, target = build_store(tmp_path / "a.duckdb", n_problems=2, n_samples=2), tmp_path / "out.jsonl"
    target.write_text("mine")
    with pytest.raises(RequestError, match="is there already: name another, or give --force"):
        export_store(store, target)
    assert target.read_text() == "mine"
    export_store(store, target, force=True)
    assert len(target.read_text().splitlines()) == 4
    before = store.read_bytes()
    with pytest.raises(RequestError, match="is the store itself"):
        export_store(store, store, file_format="interchange", force=True)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(RequestError, match=r"holds other things \('notes.txt'\)"):
        export_store(store, folder, file_format="huggingface", force=True)
    with pytest.raises(RequestError, match="is a folder"):
        export_store(store, folder, file_format="interchange", force=True)
    assert store.read_bytes() == before and (folder / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(("name", "form"), [("out.jsonl", None), ("out.parquet", None), ("out", "huggingface")])
def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch, name, form):
    store = build_store(tmp_path / "a.duckdb", n_problems=2, n_samples=2)
    left = sorted(path.name for path in tmp_path.iterdir())

    def full(*args: Any, **more: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(json if name.endswith("jsonl") else pq.ParquetWriter, "dumps" if name.endswith("jsonl") else "write_table", full)  # fmt: skip # noqa: E501
    with pytest.raises(RequestError, match="cannot write '.*out.*': No space left on device"):
        export_store(store, tmp_path / name, file_format=form)
    assert sorted(path.name for path in tmp_path.iterdir()) == left


def test_the_same_samples_are_the_same_file(tmp_path):
    store = build_store(tmp_path / "a.duckdb", n_problems=2, n_samples=2)
    for name in ("one", "two"):
        export_store(store, tmp_path / f"{name}.jsonl.gz")
    assert (tmp_path / "one.jsonl.gz").read_bytes() == (tmp_path / "two.jsonl.gz").read_bytes()
    assert len(gzip.decompress((tmp_path / "one.jsonl.gz").read_bytes()).splitlines()) == 4


class TestFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        store = build_store(tmp_path / "mine.duckdb", n_problems=3, n_samples=4)
        row = {"problem_id": "x", "policy": "a|b <i>", "benchmark": "other", "n": 10, "c": 3}
        fill(store, row, credit='Ada, "Sums", 2026', license="CC BY 4.0")
        set_model_facts(store, "policy", usd_per_mtok_input=1.25, usd_per_mtok_output=10, price_date="2026-03")
        export_store(store, tmp_path / "out", file_format="huggingface")
        return tmp_path / "out"

    def test_it_reads_as_a_frame_and_as_a_store(self, tmp_path, folder):
        frame = pl.read_parquet(folder / "data" / "samples.parquet")
        assert frame.columns[: len(KEYS)] == list(KEYS) and len(frame) == 12
        assert len(pq.read_table(folder / "data" / "samples.parquet").to_pandas()) == 12
        import_samples(folder, tmp_path / "again.duckdb")
        first, again = contents(tmp_path / "mine.duckdb"), contents(tmp_path / "again.duckdb")
        assert len(again["samples"]) == 12 and again["counts"] == [(*first["counts"][0],)]

    def test_the_datasets_library_reads_it(self, tmp_path, folder, monkeypatch):
        datasets = pytest.importorskip("datasets")
        for name, rows in (("samples", 12), ("counts", 1)):
            found = datasets.load_dataset(str(folder), name, split="train", cache_dir=str(tmp_path / "cache"))
            assert found.num_rows == rows
        assert found[0]["c"] == 3

    def test_the_card_says_what_it_is(self, folder):
        yaml = pytest.importorskip("yaml")
        text = (folder / "README.md").read_text(encoding="utf-8")
        front = yaml.safe_load(text.split("---")[1])
        assert front["license"] == "cc-by-4.0" and front["pretty_name"] == "mine"
        assert [one["config_name"] for one in front["configs"]] == ["samples", "counts"]
        assert all((folder / file["path"]).exists() for one in front["configs"] for file in one["data_files"])
        assert '- Ada, "Sums", 2026 (licence CC BY 4.0)' in text
        assert "| samples | policy | synthetic | {" in text and "| 3 | 12 | 12 | " in text
        assert "US$ 1.25 / 10 a million tokens in / out (2026-03)" in text
        assert "a\\|b &lt;i>" in text and "<i>" not in text  # a name is no markup
        frame = pl.read_parquet(folder / "data" / "samples.parquet")
        assert all(f"| `{name}` |" in text for name in frame.columns)


class TestTrainingSets:
    def rows(self) -> list[dict[str, Any]]:
        base = {"policy": "m", "prompt": "q", "problem_id": "p"}
        table = [  # text, right, tokens, score
            ("long right", True, 30, 0.5),
            ("right", True, 10, 0.2),
            ("right", True, 10, 0.1),
            ("wrong", False, 5, 0.9),
            ("unsure", None, 1, 0.9),
            (None, True, 2, 1.0),
        ]
        return [
            {**base, "sample_index": index, "completion": text, "correct": right, "completion_tokens": tokens,
             "step_scores": [1.0, score]}
            for index, (text, right, tokens, score) in enumerate(table)
        ]  # fmt: skip

    def made(self, tmp_path: Path, *rows: dict[str, Any], **options: Any) -> tuple[list[dict[str, Any]], list[str]]:
        told: list[str] = []
        store = fill(tmp_path / "a.duckdb", *(rows or self.rows()))
        export_store(store, tmp_path / "t.jsonl", notify=told.append, force=True, **options)
        return [json.loads(line) for line in (tmp_path / "t.jsonl").read_text().splitlines()], told

    def test_all_right_samples_once_a_text(self, tmp_path):
        found, told = self.made(tmp_path, only="correct")
        assert [row["messages"] for row in found] == [
            [{"role": "user", "content": "q"}, {"role": "assistant", "content": text}]
            for text in ("long right", "right")
        ]
        assert [row["sample_index"] for row in found] == [0, 1]
        assert told[0] == "training set: all right samples: 2 conversations (2 right)"
        assert told[1] == "left out samples: 1 not graded, 1 without a text, 1 doubled"

    def test_the_shortest_right_one_and_ties(self, tmp_path):
        found, told = self.made(tmp_path, only="shortest")
        assert [row["sample_index"] for row in found] == [1]
        assert "1 problems have several that are equal: the first by sample_index is taken" in told

    def test_what_the_verifier_chooses_whether_right_or_not(self, tmp_path):
        found, told = self.made(tmp_path, only="chosen")
        assert [(row["sample_index"], row["correct"], row["score"]) for row in found] == [(3, False, 0.9)]
        assert "the sample that prm (last) scores highest: 1 conversations (1 wrong)" in told[0]
        assert any("1 problems have several that are equal" in line for line in told)
        found, _ = self.made(tmp_path, only="chosen", selection=Selection(aggregation="min"))
        assert [row["sample_index"] for row in found] == [3]

    def test_the_policys_own_log_probability_chooses(self, tmp_path):
        rows = [{**row, "logprob": -1.0 * (1 + index)} for index, row in enumerate(self.rows())]
        found, _ = self.made(tmp_path, *rows, only="chosen", selection=Selection(verifier="logprob"))
        best = max(range(5), key=lambda index: rows[index]["logprob"] / rows[index]["completion_tokens"])
        assert [row["sample_index"] for row in found] == [best]

    def test_problems_and_policies_each_for_themselves(self, tmp_path):
        rows = [
            {"policy": policy, "problem_id": problem, "prompt": problem, "sample_index": index, "correct": right,
             "completion": f"{policy}{problem}{index}", "completion_tokens": 9 - index}
            for policy in "ab" for problem in "xy" for index, right in enumerate([True, policy == "a", problem == "x"])
        ]  # fmt: skip
        found, _ = self.made(tmp_path, *rows, only="shortest")
        least = {
            (policy, problem): max(r["sample_index"] for r in rows if (r["policy"], r["problem_id"]) == (policy, problem) and r["correct"])  # noqa: E501
            for policy in "ab" for problem in "xy"
        }  # fmt: skip
        assert {(row["policy"], row["problem_id"]): row["sample_index"] for row in found} == least

    def test_reasoning_stands_apart(self, tmp_path):
        found, _ = self.made(tmp_path, {**self.rows()[0], "reasoning": "hm"}, only="correct")
        assert found[0]["messages"][1] == {"role": "assistant", "content": "long right", "reasoning_content": "hm"}

    def test_as_parquet(self, tmp_path):
        store = fill(tmp_path / "a.duckdb", *self.rows())
        assert export_store(store, tmp_path / "t.parquet", file_format="training").rows == {"conversations": 2}
        assert pl.read_parquet(tmp_path / "t.parquet")["messages"][1].to_list()[1]["content"] == "right"

    @pytest.mark.parametrize(
        ("change", "only", "message"),
        [
            ({"correct": False}, "correct", "gives no training set of correct samples: no sample is right"),
            ({"correct": None}, "shortest", "gives no training set of shortest samples: 1 not graded"),
            ({"completion": None}, "correct", "1 without a text"),
            ({"step_scores": None}, "chosen", "holds no scores to choose by"),
            ({"prompt": None}, "chosen", "1 without a text"),
        ],
    )
    def test_an_empty_one_is_an_error(self, tmp_path, change, only, message):
        with pytest.raises(RequestError, match=message):
            self.made(tmp_path, {**self.rows()[0], **change}, only=only)
        assert not (tmp_path / "t.jsonl").exists()
