"""Every format, in its peer's own form: what is found, and what stays unknown."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

from tests.builders import REAL_DATA
from ttclib import plugins
from ttclib.errors import RequestError
from ttclib.interchange import Reader, import_samples, readers
from ttclib.interchange.assembling import assemble
from ttclib.interchange.columns import Notes
from ttclib.interchange.readers import reader_of, registry
from ttclib.interchange.reading import find_all, read_batches
from ttclib.interchange.sources import Source, kind_of
from ttclib.interchange.spool import together

PEERS = Path(__file__).parent / "peers"
ROWS = [
    {
        "problem_id": f"p{p}",
        "policy": "m",
        "sample_index": s,
        "answer": str(s),
        "reference_answer": "1",
        "correct": s == 1,
    }
    for p in range(3)
    for s in range(2)
]


@dataclass(frozen=True)
class Read:
    """What was read, the samples of all batches in one frame."""

    samples: pl.DataFrame
    counts: pl.DataFrame
    problems: pl.DataFrame
    notes: Notes


def read(*paths: Path, file_format: str | None = None, fields: dict[str, str] | None = None, **options: Any) -> Read:
    notes = Notes()
    found = assemble(read_batches(find_all(paths, fields), notes, file_format=file_format), notes, **options)
    samples = list(found.batches())
    whole = together(samples).drop("found", "searched") if samples else pl.DataFrame()
    return Read(whole, found.counts, found.problems, notes)


def rows(*paths: Path, **options: Any) -> list[dict[str, Any]]:
    """What was read, without what stayed unknown."""
    found = read(*paths, **options).samples.drop("place", "source").to_dicts()
    return [{name: value for name, value in row.items() if value is not None} for row in found]


def put(path: Path, *lines: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def formatted(path: Path) -> str:
    return reader_of(find_all([path])[0]).name


class TestRows:
    def packed(self, folder: Path, name: str) -> Path:
        text = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
        path = folder / name
        frame = pl.DataFrame(ROWS)
        if name.endswith(".csv"):
            frame.write_csv(path)
        elif name.endswith(".csv.gz"):
            path.write_bytes(gzip.compress(frame.write_csv().encode()))
        elif name.endswith(".parquet"):
            frame.write_parquet(path)
        elif name.endswith(".json"):
            path.write_text(json.dumps(ROWS))
        elif name.endswith(".gz"):
            path.write_bytes(gzip.compress(text))
        elif name.endswith(".zst"):
            with pa.CompressedOutputStream(str(path), "zstd") as file:
                file.write(text)
        else:
            path.write_bytes(text)
        return path

    @pytest.mark.parametrize(
        "name",
        ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "without_ending", "a.csv", "a.csv.gz", "a.parquet", "a.json"],
    )
    def test_all_containers_hold_the_same(self, tmp_path, name):
        expected = [{name: value for name, value in row.items() if name != "reference_answer"} for row in ROWS]
        path = self.packed(tmp_path, name)
        assert formatted(path) == "rows" and rows(path) == expected
        assert rows(path if path.suffix == "" else tmp_path) == expected

    def test_a_folder_is_its_files(self, tmp_path):
        put(tmp_path / "deep" / "a.jsonl", *ROWS[:3])
        put(tmp_path / "b.jsonl", *ROWS[3:])
        put(tmp_path / ".hidden.jsonl", {"not": "read"})
        (tmp_path / "README.md").write_text("no samples")
        assert len(rows(tmp_path)) == 6

    def test_a_folder_of_the_datasets_library(self, tmp_path):
        datasets = pytest.importorskip("datasets")
        datasets.Dataset.from_list(ROWS).save_to_disk(str(tmp_path / "one"))
        assert len(rows(tmp_path / "one")) == 6
        split = datasets.DatasetDict({"train": datasets.Dataset.from_list(ROWS)})
        split.save_to_disk(str(tmp_path / "split"))
        assert len(rows(tmp_path / "split")) == 6

    def test_common_forms(self, tmp_path):
        lines = [
            {"problem_id": 7, "policy": "m", "correct": 1, "answer": 27, "reference_answer": 27.0, "score": 0.5},
            {"problem_id": 7, "policy": "m", "correct": 0.0, "answer": 2.5, "reference_answer": 27, "score": 1},
            {"problem_id": "7", "policy": "m", "correct": "True", "answer": "x", "score": None},
        ]
        found = read(put(tmp_path / "a.jsonl", *lines))
        assert found.samples["problem_id"].to_list() == ["7"] * 3
        assert found.samples["correct"].to_list() == [True, False, True]
        assert found.samples["answer"].to_list() == ["27", "2.5", "x"]
        assert found.samples["step_scores"].to_list() == [[0.5], [1.0], None]
        assert found.samples["sample_index"].to_list() == [0, 1, 2]
        assert found.problems["reference_answer"].to_list() == ["27"]
        frame = pl.DataFrame(
            {"problem_id": [1, 1], "policy": "m", "correct": [1.0, 0.0], "reference_answer": [27.0, None]}
        )
        frame.write_parquet(tmp_path / "a.parquet")
        found = read(tmp_path / "a.parquet")
        assert found.samples["correct"].to_list() == [True, False] and found.problems["reference_answer"].item() == "27"

    @pytest.mark.parametrize(
        ("solution", "answer"),
        [("2 + 2 is\n#### 18", "18"), ("So it is $\\boxed{\\frac12}$.", "\\frac12"), ("a # b", "a # b")],
    )
    def test_a_reference_that_is_a_whole_solution(self, tmp_path, solution, answer):
        line = {"problem_id": "p", "policy": "m", "sample_index": 0, "reference_answer": solution}
        other = {**line, "sample_index": 1, "reference_answer": answer}
        assert read(put(tmp_path / "a.jsonl", line, other)).problems["reference_answer"].to_list() == [answer]

    def test_fields_and_aliases(self, tmp_path):
        line = {"question_id": "q", "model": "m", "response": "…", "gold": "3", "zzz": 1, "tries": 4}
        found = read(put(tmp_path / "a.jsonl", line), fields={"sample_index": "tries"})
        assert found.samples.select("problem_id", "policy", "sample_index").row(0) == ("q", "m", 4)
        assert found.notes.read_as["problem_id"] == {"question_id"} and set(found.notes.unknown) == {"zzz"}
        with pytest.raises(RequestError, match="has no column 'trie': did you mean 'tries'"):
            read(tmp_path / "a.jsonl", fields={"sample_index": "trie"})
        with pytest.raises(RequestError, match="unknown field 'sample_idx': did you mean 'sample_index'"):
            read(tmp_path / "a.jsonl", fields={"sample_idx": "tries"})
        with pytest.raises(RequestError, match=r"'task_id' and 'doc_id' could both be problem_id: say --field"):
            read(put(tmp_path / "b.jsonl", {"task_id": 1, "doc_id": 2, "policy": "m"}))

    def test_what_no_row_says_is_given_or_refused(self, tmp_path):
        path = put(tmp_path / "a.jsonl", {"prompt": "1+1=", "answer": "2"}, {"prompt": "1+1=", "answer": "3"})
        with pytest.raises(RequestError, match=r"line 1: lacks the key 'policy': add it, or say --policy"):
            read(path)
        found = read(path, policy="m", benchmark="b", setting='{"temperature": 1}').samples
        assert found["problem_id"].n_unique() == 1 and found["sample_index"].to_list() == [0, 1]
        assert found.select("policy", "benchmark", "setting").unique().row(0) == ("m", "b", '{"temperature": 1}')

    def test_two_benchmarks_with_the_same_names(self, tmp_path):
        lines = [{"problem_id": 1, "policy": "m", "sample_index": 0, "benchmark": name} for name in ("gsm8k", "math")]
        assert rows(put(tmp_path / "a.jsonl", *lines, {**lines[0], "problem_id": 2}))[:2] == [
            {"problem_id": "gsm8k/1", "benchmark": "gsm8k", "policy": "m", "sample_index": 0},
            {"problem_id": "math/1", "benchmark": "math", "policy": "m", "sample_index": 0},
        ]

    def test_several_runs_are_numbered_on(self, tmp_path):
        lines = [
            {"problem_id": "p", "policy": "m", "epoch": e, "run": r, "answer": f"{r}{e}"} for r in "ba" for e in (1, 2)
        ]
        found = read(put(tmp_path / "a.jsonl", *lines)).samples.sort("sample_index")
        assert found["answer"].to_list() == ["a1", "a2", "b1", "b2"]
        assert found["sample_index"].to_list() == [0, 1, 2, 3]

    @pytest.mark.parametrize(
        ("policy", "completion", "reasoning", "stored"),
        [
            ("openai/gpt-5.1", 100, 60, 100),
            ("google/gemini-2.5-pro", 100, 60, 160),
            ("google/gemini-2.5-pro", 100, None, 100),
            ("openai/gpt-5.2", 100, 160, None),
        ],
    )
    def test_output_tokens_have_one_meaning(self, tmp_path, policy, completion, reasoning, stored):
        line = {"problem_id": "p", "policy": policy, "output_tokens": completion, "reasoning_tokens": reasoning}
        assert read(put(tmp_path / "a.jsonl", line)).samples["completion_tokens"].to_list() == [stored]


class TestCounts:
    @pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet", "a.jsonl"])
    def test_counts_of_any_container(self, tmp_path, name):
        frame = pl.DataFrame({"problem_id": [1, 2], "model": ["m", "m"], "n": [10, 10_000_000], "c": [0, 3]})
        path = tmp_path / name
        if name.endswith("gz"):
            path.write_bytes(gzip.compress(frame.write_csv().encode()))
        elif name.endswith("csv"):
            frame.write_csv(path)
        elif name.endswith("parquet"):
            frame.write_parquet(path)
        else:
            frame.write_ndjson(path)
        assert formatted(path) == "counts"
        found = read(path).counts
        assert found.select("problem_id", "policy", "n", "c").rows() == [("1", "m", 10, 0), ("2", "m", 10_000_000, 3)]

    @pytest.mark.parametrize(
        ("row", "message"),
        [
            ({"n": 10, "c": 11}, "row 1: c = 11 of n = 10"),
            ({"n": 0, "c": 0}, "row 1: c = 0 of n = 0"),
            ({"n": 10, "c": -1}, 'row 1: c = "-1": give a whole number'),
            ({"n": 10_000_001, "c": 1}, "row 1: n = "),
            ({"n": "ten", "c": 1}, 'row 1: n = "ten"'),
            ({"n": None, "c": 1}, "row 1 has no n"),
        ],
    )
    def test_impossible_counts(self, tmp_path, row, message):
        pl.DataFrame([{"problem_id": "p", "policy": "m", **row}]).write_csv(tmp_path / "a.csv")
        with pytest.raises(RequestError, match=message):
            read(tmp_path / "a.csv")

    @pytest.mark.parametrize(
        ("name", "n_policies", "n_rows"), [("pythia_counts", 81, 19_370), ("livecodebench_counts_of_10", 59, 61_045)]
    )
    def test_real_counts(self, name, n_policies, n_rows):
        path = REAL_DATA / f"{name}.csv.gz"
        if not path.exists():
            pytest.skip(f"{path.name} is not there")
        found = read(path).counts
        assert len(found) == n_rows and found["policy"].n_unique() == n_policies


class TestInspect:
    def test_a_log_of_its_own(self):
        assert formatted(PEERS / "sums.eval") == "inspect"
        found = read(PEERS / "sums.eval")
        first = found.samples.filter(problem_id="1", sample_index=0).to_dicts()[0]
        assert first["policy"] == "mockllm/model" and first["benchmark"] == "sums"
        assert json.loads(first["setting"]) == {"temperature": 0.7, "reasoning_effort": "low"}
        # Input 10, output 20, reasoning 7 and a total of 37: reasoning stands beside the output.
        assert (first["prompt_tokens"], first["completion_tokens"], first["reasoning_tokens"]) == (10, 27, 7)
        assert first["completion"] == "ANSWER: 1" and first["elapsed_s"] > 0 and first["finish_reason"] == "stop"
        grades = found.samples.sort("problem_id", "sample_index").select("problem_id", "correct").rows()
        assert grades == [("1", True), ("1", True), ("2", True), ("2", False), ("3", False), ("3", True)]
        assert found.problems.sort("problem_id").select("prompt", "reference_answer").row(0) == ("0+1=", "1")

    def test_the_value_is_a_verdict_or_a_letter(self):
        for name in ("letters.eval", "verdicts.json.gz"):
            found = read(PEERS / name).samples.sort("problem_id", "sample_index")
            assert found["answer"].to_list() == ["C", "C", "C", "A"], name
            assert found["correct"].to_list() == [True, True, False, True], name

    def test_another_scorer(self):
        found = read(PEERS / "sums.eval", fields={"correct": "includes"})
        assert "not by match" in " ".join(found.notes.said)
        with pytest.raises(RequestError, match="has no scorer 'f1': it has match, includes"):
            read(PEERS / "sums.eval", fields={"correct": "f1"})

    def test_a_viewers_pair(self, tmp_path):
        with gzip.open(PEERS / "verdicts.json.gz") as file:
            log = json.load(file)
        samples = log.pop("samples")
        kept = ("id", "epoch", "input", "choices", "target", "scores", "model_usage", "working_time")
        (tmp_path / "header.json").write_text(json.dumps(log))
        (tmp_path / "summaries.json").write_text(json.dumps([{name: s[name] for name in kept} for s in samples]))
        found = read(tmp_path).samples.sort("problem_id", "sample_index")
        assert found["correct"].to_list() == [True, True, False, True] and found["completion"].null_count() == 4
        (tmp_path / "header.json").unlink()
        with pytest.raises(RequestError, match=r"has no 'header\.json' beside it"):
            read(tmp_path / "summaries.json")

    @pytest.mark.parametrize(
        ("values", "answers", "targets", "expected"),
        [
            ("CI", "AB", "AC", [True, False]),
            ("CC", "AC", "AC", [True, True]),
            ("CC", "CC", "CA", [True, False]),
            ("CD", "CD", "CA", [True, False]),
            ("AB", "  ", "AC", [True, False]),
            ("CC", "  ", "CC", [True, True]),
            ("NP", "  ", "AB", [False, None]),
            ("CC", "  ", "AB", None),
        ],
    )
    def test_verdicts_and_letters(self, tmp_path, values, answers, targets, expected):
        samples = [
            {"id": i, "epoch": 1, "input": "?", "target": t, "scores": {"s": {"value": v, "answer": a.strip() or None}}}
            for i, (v, a, t) in enumerate(zip(values, answers, targets, strict=True))
        ]
        log = {"status": "success", "eval": {"task": "t", "model": "m"}, "samples": samples}
        path = tmp_path / "log.json"
        path.write_text(json.dumps(log))
        if expected is None:
            with pytest.raises(RequestError, match="may be a verdict or the letter chosen"):
                read(path)
        else:
            assert read(path).samples.sort("problem_id")["correct"].to_list() == expected

    def test_two_logs_are_two_runs(self, tmp_path):
        for name in ("one", "two"):
            with gzip.open(PEERS / "verdicts.json.gz") as file:
                log = json.load(file)
            log["eval"]["eval_id"] = name
            (tmp_path / f"{name}.json").write_text(json.dumps(log))
        found = read(tmp_path).samples
        assert (
            found.group_by("problem_id").agg(pl.col("sample_index").sort())["sample_index"].to_list()
            == [[0, 1, 2, 3]] * 2
        )

    @pytest.mark.parametrize("cut", [0.3, 0.7, 0.98])
    def test_a_damaged_archive(self, tmp_path, cut):
        content = (PEERS / "sums.eval").read_bytes()
        (tmp_path / "a.eval").write_bytes(content[: int(len(content) * cut)])
        with pytest.raises(RequestError, match=r"cannot read '.*a\.eval'"):
            read(tmp_path / "a.eval")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("header.json", "[]")
        (tmp_path / "b.eval").write_bytes(buffer.getvalue())
        with pytest.raises(RequestError, match="is no log of Inspect AI"):
            read(tmp_path / "b.eval")


class TestHarnesses:
    def test_lm_evaluation_harness(self, tmp_path):
        sample = next(PEERS.glob("samples_*.jsonl"))
        put(tmp_path / "org__m" / sample.name).write_text(sample.read_text())
        results = tmp_path / "org__m" / sample.name.replace("samples_sums_", "results_").replace("jsonl", "json")
        results.write_text(json.dumps({"model_name": "org/m", "config": {}}))
        found = read(tmp_path).samples
        assert found["policy"].unique().to_list() == ["org/m"] and found["benchmark"].unique().to_list() == ["sums"]
        first = found.filter(problem_id="0")
        assert first["answer"].to_list() == ["2", "3", None] and first["completion"].to_list()[2] == "lol"
        assert first["correct"].to_list() == [None] * 3  # the one grade is of all repeats together
        assert json.loads(first["setting"][0]) == {"temperature": 0.7}

    def test_likelihoods_and_older_files(self, tmp_path):
        row = {"doc_id": 4, "doc": {}, "target": "1", "filter": "none", "acc": 1.0, "metrics": ["acc"]}
        choices = {f"gen_args_{i}": {"arg_0": "Q", "arg_1": f" {i}"} for i in range(2)}
        likely = {**row, "arguments": choices, "resps": [[["-2.0", "False"]], [["-0.5", "True"]]], "filtered_resps": []}
        assert rows(put(tmp_path / "a.jsonl", likely), policy="m")[0] | {"benchmark": ""} == {
            "problem_id": "4", "policy": "m", "sample_index": 0, "answer": "1", "correct": True, "benchmark": "",
        }  # fmt: skip
        older = {**row, "arguments": [["Q", {"do_sample": False}]], "resps": [["so 7"]], "filtered_resps": ["7"]}
        found = rows(put(tmp_path / "b.jsonl", {**older, "exact_match": 1.0}), policy="m")[0]
        assert found["answer"] == "7" and found["correct"] and json.loads(found["setting"]) == {"temperature": 0.0}

    def test_lighteval(self, tmp_path):
        folder = tmp_path / "details" / "org" / "model" / "2026-01-31T12-00-00.000000"
        folder.mkdir(parents=True)
        path = folder / "details_sums|0_2026-01-31T12-00-00.000000.parquet"
        path.write_bytes((PEERS / "lighteval_details.parquet").read_bytes())
        found = read(path)
        assert formatted(path) == "lighteval"
        assert found.samples.row(0, named=True) | {"place": 0, "source": 0} == {
            **dict.fromkeys(found.samples.columns), "problem_id": "0", "benchmark": "sums|0", "policy": "org/model",
            "sample_index": 0, "completion": "The answer is \\boxed{1}", "prompt_tokens": 3, "completion_tokens": 4,
            "place": 0, "source": 0,
        }  # fmt: skip
        assert found.problems["reference_answer"].to_list() == ["1", "2", "3"]
        older = {"example": ["Q"], "predictions": [["7", "8"]], "gold": ["['7']"], "metrics": [{"em": 1}]}
        pl.DataFrame(older).write_parquet(tmp_path / "old.parquet")
        assert [row["completion"] for row in rows(tmp_path / "old.parquet", policy="m")] == ["7", "8"]

    def test_nemo_skills(self, tmp_path):
        line = {"problem": "1+1=?", "expected_answer": "2", "generation": "It is 2", "predicted_answer": "2", "id": "a"}
        for seed in (0, 3):
            put(
                tmp_path / "aime24" / f"output-rs{seed}.jsonl",
                {**line, "symbolic_correct": True, "num_generated_tokens": 9},
            )
        found = rows(tmp_path, policy="m")
        assert formatted(tmp_path / "aime24" / "output-rs0.jsonl") == "nemo-skills"
        assert [row["sample_index"] for row in found] == [0, 3] and found[0]["benchmark"] == "aime24"
        assert found[0]["correct"] and found[0]["completion_tokens"] == 9 and found[0]["problem_id"] == "a"

    def test_search_and_learn(self, tmp_path):
        row = {"problem": "What is 1 + 1?", "solution": "…", "answer": "2", "unique_id": "u", "level": 1}
        row |= {"completions": ["a", "b"], "scores": [[0.5, 0.25], [1.0]], "completion_tokens": [4, 5], "pred": "2"}
        found = read(put(tmp_path / "a.jsonl", row), policy="m")
        assert found.samples["step_scores"].to_list() == [[0.5, 0.25], [1.0]]
        assert found.problems.select("problem_id", "reference_answer").row(0) == ("u", "2")
        assert found.samples["answer"].null_count() == 2
        pl.DataFrame([row]).write_parquet(tmp_path / "a.parquet")
        assert rows(tmp_path / "a.parquet", policy="m") == rows(tmp_path / "a.jsonl", policy="m")
        with pytest.raises(RequestError, match=r"line 1: its lists differ in length \(completion 2, step_scores 1"):
            read(put(tmp_path / "b.jsonl", {**row, "scores": [[1.0]]}), policy="m")

    def test_large_language_monkeys(self, tmp_path):
        yaml = pytest.importorskip("yaml")
        content = {"question": "1+1?", "prompt": "few shots …", "samples": ["2", "3"], "gt_answer": "2"}
        (tmp_path / "gsm8k").mkdir()
        (tmp_path / "gsm8k" / "17.yaml").write_text(yaml.safe_dump({**content, "is_corrects": [True, False]}))
        assert rows(tmp_path, policy="m") == [
            {
                "problem_id": "17",
                "benchmark": "gsm8k",
                "policy": "m",
                "sample_index": index,
                "completion": text,
                "correct": c,
            }
            for index, (text, c) in enumerate([("2", True), ("3", False)])
        ]
        put(tmp_path / "rows.jsonl", {**content, "is_corrects": [True, False], "orig_dset_idx": 17})
        assert formatted(tmp_path / "rows.jsonl") == "monkeys"
        assert [row["problem_id"] for row in rows(tmp_path / "rows.jsonl", policy="m")] == ["17", "17"]
        (tmp_path / "bad.yaml").write_text("samples: [1, 2\n")
        with pytest.raises(RequestError, match=r"bad\.yaml' is no YAML"):
            read(tmp_path / "bad.yaml")

    def test_a_batch_of_an_api(self, tmp_path):
        def line(name: str, choices: list[str], usage: dict[str, Any]) -> dict[str, Any]:
            body = {
                "model": "openai/gpt",
                "choices": [{"message": {"content": c}, "finish_reason": "stop"} for c in choices],
            }
            return {
                "id": "x",
                "custom_id": name,
                "response": {"status_code": 200, "body": body | {"usage": usage}},
                "error": None,
            }

        usage = {"prompt_tokens": 5, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 6}}
        answers = {
            "id": "y", "custom_id": "q2", "error": None, "response": {"status_code": 200, "body": {
                "model": "openai/gpt", "reasoning": {"effort": "low"}, "usage": {"input_tokens": 3, "output_tokens": 4},
                "output": [{"type": "reasoning"},
                           {"type": "message", "content": [{"type": "output_text", "text": "yes"}]}]}},
        }  # fmt: skip
        failed = {"id": "z", "custom_id": "q3", "response": {"status_code": 500, "body": {}}, "error": None}
        path = put(tmp_path / "a.jsonl", line("q1#0", ["a"], usage), line("q1#1", ["b"], usage), answers, failed)
        found = read(path)
        assert formatted(path) == "openai-batch" and "1" in str(found.notes.said)
        kept = found.samples.select("problem_id", "sample_index", "completion", "completion_tokens", "reasoning_tokens")
        assert kept.rows() == [("q1", 0, "a", 9, 6), ("q1", 1, "b", 9, 6), ("q2", 0, "yes", 4, None)]
        assert found.samples["setting"].to_list() == [None, None, '{"reasoning_effort": "low"}']
        several = read(put(tmp_path / "b.jsonl", line("q", ["a", "b"], usage))).samples
        assert several["sample_index"].to_list() == [0, 1] and several["completion_tokens"].null_count() == 2


class TestTheDoor:
    def test_every_reader_is_named_and_told(self):
        assert {
            "rows",
            "counts",
            "inspect",
            "lm-eval",
            "lighteval",
            "nemo-skills",
            "lists",
            "monkeys",
            "openai-batch",
        } <= set(readers())
        assert all(one.about for one in readers().values())

    def test_a_format_can_be_forced(self, tmp_path):
        path = put(tmp_path / "a.jsonl", *ROWS)
        with pytest.raises(RequestError, match="unknown format 'row': did you mean 'rows'"):
            read(path, file_format="row")
        with pytest.raises(RequestError, match="no column for n"):
            read(path, file_format="counts")

    def test_a_reader_of_another_package(self, tmp_path, monkeypatch):
        def read_mine(source: Source, notes: Notes) -> Any:
            yield from readers()["rows"].read(Source(source.path, "lines"), notes)

        mine = Reader("mine", "a format of one's own", lambda source: source.path.suffix == ".mine", read_mine)

        class Point:
            name = "mine"

            def load(self) -> Reader:
                return mine

        monkeypatch.setattr(plugins, "entry_points", lambda group: [Point()] if group == "ttclib.readers" else [])
        registry.readers.cache_clear()
        try:
            put(tmp_path / "a.mine", *ROWS)
            assert len(rows(tmp_path / "a.mine")) == 6
        finally:
            registry.readers.cache_clear()

    def test_an_unknown_file(self, tmp_path):
        (tmp_path / "a.eval").write_bytes(b"no archive")
        with pytest.raises(RequestError, match="cannot read"):
            read(tmp_path / "a.eval")
        with pytest.raises(RequestError, match="no file"):
            read(tmp_path / "none")
        (tmp_path / "empty").mkdir()
        with pytest.raises(RequestError, match="holds no file of samples"):
            read(tmp_path / "empty")
        (tmp_path / "what").write_bytes(b"\x00\x01")
        with pytest.raises(RequestError, match="cannot read '.*what': it is no text"):
            kind_of(tmp_path / "what")

    def test_counts_and_samples_go_into_a_store(self, tmp_path):
        put(tmp_path / "in" / "a.jsonl", *ROWS)
        pl.DataFrame({"problem_id": ["p0"], "policy": ["k"], "n": [10], "c": [3]}).write_csv(tmp_path / "in" / "b.csv")
        told: list[str] = []
        assert import_samples(tmp_path / "in", tmp_path / "s.duckdb", report=told.append) == 7
        assert told[0].startswith(
            "found: 3 problems, 1 policy: 6 samples; answers of all, graded of all, texts unknown"
        )
        assert "majority vote" in told[1] and "best of n" in told[1].partition("not:")[2]
        assert told[2] == "found: 1 problem, 1 policy: 1 counts of 10 samples"


def test_options_in_another_order_for_each_run(tmp_path):
    lines = [
        {"problem_id": "p", "policy": policy, "answer": answer, "reference_answer": right}
        for policy, right in (("a", "B"), ("b", "D"))
        for answer in "BD"
    ]
    found = read(put(tmp_path / "a.jsonl", *lines))
    assert found.samples["correct"].to_list() == [True, False, False, True]
    assert found.problems["reference_answer"].to_list() == [None] and "another order" in str(found.notes.said)
    with pytest.raises(RequestError, match="has another reference_answer"):
        read(put(tmp_path / "b.jsonl", *[{**line, "policy": "a"} for line in lines]))


def test_real_samples_of_the_frontier():
    path = REAL_DATA / "epoch_samples.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    found = read(path)
    assert len(found.samples) == 70_727 and found.samples["policy"].n_unique() > 20
    low = found.samples.filter(
        policy="openai/gpt-5.1", benchmark="otis_mock_aime", setting='{"reasoning_effort": "low"}'
    )
    assert round(low["correct"].mean(), 4) == 0.6389 and round(low["completion_tokens"].mean()) == 4328
