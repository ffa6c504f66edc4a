"""Faults put into clean samples are seen, and clean samples are left alone."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from tests.builders import REAL_DATA, build_store, real_data
from tests.interchange import simulated
from tests.interchange.simulated import Samples, clean
from ttclib.grading import get_grader
from ttclib.interchange import import_samples, lint_store
from ttclib.interchange.assembling import assemble
from ttclib.interchange.columns import Notes, batch_of_frame
from ttclib.interchange.grading_samples import grade_answers, grades_of
from ttclib.interchange.lint import CHECKS, ImportLint, lint_counts

MISPLACED, COPIED, REPLAYED, FORM, GRADES, STOPPED, TOKENS = CHECKS


def lint(frame: pl.DataFrame) -> list[str]:
    """The checks that see something in samples, as an import does."""
    read = assemble([batch_of_frame(frame, "row")], Notes())
    references = dict(read.problems.select("problem_id", "reference_answer").iter_rows())
    grader, look = get_grader("exact"), ImportLint(read)
    graded = grade_answers(read.answers, references, grader, known={})
    for samples in read.batches():
        look.add(samples, grades_of(samples, graded, references, grader))
    return [finding.check for finding in look.findings()]


@pytest.mark.parametrize("pass_at_1", [0.02, 0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"texts": "reasoned"},
        {"texts": "short", "kind": "small"},
        {"kind": "letters", "wrong": "uniform"},
        {"kind": "latex", "spread": 0},
        {"kind": "small", "wrong": "near"},
        {"references": False},
        {"graded": False, "wrong": "uniform", "spread": 0},
        {"n_problems": 200, "tokens": False},
    ],
    ids=str,
)
def test_clean_samples_are_left_alone(pass_at_1, options):
    assert [lint(clean(seed, pass_at_1=pass_at_1, **options).frame) for seed in range(3)] == [[]] * 3


@pytest.mark.parametrize("pass_at_1", [0.1, 0.9])
@pytest.mark.parametrize("texts", [None, "reasoned"])
@pytest.mark.parametrize(
    ("fault", "check"),
    [
        ("shuffle_all", MISPLACED),
        ("shuffle_part", MISPLACED),
        ("shuffle_blocks", MISPLACED),
        ("shift_by_index", MISPLACED),
        ("swap_problems", MISPLACED),
        ("copy_one", COPIED),
        ("replay_half", REPLAYED),
        ("flip_grades", GRADES),
        ("stop_at_first", STOPPED),
        ("draw_where_easy", STOPPED),
        ("lose_tokens", TOKENS),
        ("say_otherwise", FORM),
    ],
)
def test_faults_are_seen(fault, check, texts, pass_at_1):
    for seed in range(3):
        samples = clean(seed, pass_at_1=pass_at_1, kind="large", texts=texts)
        assert check in lint(getattr(simulated, fault)(samples)), seed


@pytest.mark.parametrize("pass_at_1", [0.1, 0.9])
def test_faults_of_texts_and_letters(pass_at_1):
    for seed in range(3):
        assert REPLAYED in lint(simulated.replay_some(clean(seed, pass_at_1=pass_at_1, texts="reasoned")))
        letters = clean(seed, pass_at_1=max(pass_at_1, 0.25), kind="letters", wrong="uniform")
        assert GRADES in lint(simulated.shuffle_letters(letters))
        # With the grades of before: samples that came as right disagree.
        assert MISPLACED in lint(
            simulated.shuffle_all(clean(seed, pass_at_1=pass_at_1, references=False), regrade=False)
        )


def test_texts_alone_are_enough():
    samples = clean(0, pass_at_1=0.5, texts="reasoned", references=False, graded=False)
    frame = simulated.shuffle_part(samples, 0.3).with_columns(pl.lit(None, dtype=pl.String).alias("answer"))
    assert MISPLACED in lint(frame)
    assert MISPLACED not in lint(samples.frame)


def test_what_cannot_be_seen_is_not_said():
    yes_or_no = clean(0, kind="letters", wrong="uniform")
    assert MISPLACED not in lint(simulated.shuffle_all(yes_or_no))
    only_grades = clean(0).frame.drop("answer", "reference_answer")
    assert lint(only_grades) == []
    assert lint(only_grades.filter(pl.col("problem_id") < "p0003")) == []


def test_counts_whose_n_depends_on_c():
    rng = np.random.default_rng(0)
    rate = rng.beta(0.5, 2, 100)
    fixed = pl.DataFrame(
        {"policy": "m", "setting": None, "benchmark": "b", "n": [64] * 100, "c": rng.binomial(64, rate)}
    )
    assert lint_counts(fixed) == []
    tries = np.where(rng.binomial(64, rate) == 0, 4096, 64)
    adaptive = fixed.with_columns(pl.Series("n", tries), pl.Series("c", rng.binomial(tries, rate)))
    findings = lint_counts(adaptive)
    assert [finding.check for finding in findings] == [STOPPED] and "from 64 to 4,096" in findings[0].text
    anyhow = fixed.with_columns(pl.Series("n", rng.integers(32, 64, 100))).with_columns(
        pl.col("c").clip(0, pl.col("n"))
    )
    assert lint_counts(anyhow) == []


def test_a_store_is_looked_at_as_its_import(tmp_path):
    samples: Samples = clean(0)
    frame = simulated.shuffle_blocks(samples, regrade=False)
    frame.write_parquet(tmp_path / "in.parquet")
    told: list[str] = []
    import_samples(tmp_path / "in.parquet", tmp_path / "s.duckdb", notify=told.append)
    findings = lint_store(tmp_path / "s.duckdb")
    assert {finding.check for finding in findings} == {MISPLACED, GRADES} and findings[0].where.startswith("m, ")
    assert [f"warning: {finding.text} They are imported as they stand." for finding in findings] == told
    assert lint_store(build_store(tmp_path / "clean.duckdb")) == []


def test_real_answers_in_a_form_that_is_not_known(tmp_path):
    rows = real_data("gsm8k_test.jsonl")[:200]
    lines = []
    for number, row in enumerate(rows):
        steps, _, answer = row["answer"].partition("\n#### ")
        lines += [
            {"problem_id": number, "policy": "m", "reference_answer": answer, "completion": f"{steps}\nA: {answer}"}
        ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, lines)))
    told: list[str] = []
    import_samples(tmp_path / "in.jsonl", tmp_path / "s.duckdb", notify=told.append)
    findings = [finding.check for finding in lint_store(tmp_path / "s.duckdb")]
    assert findings in ([FORM], [])  # none, where the extractor knows the form by now
    if findings:
        assert "no answer was found in 200 of 200 completions, 200 of which end with the right one" in told[-1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("prm_steps_llama32_3b_n16_MISALIGNED.jsonl.gz", [MISPLACED]),
        ("prm_steps_llama31_8b_math500_n1.jsonl.gz", []),
        ("crucible_qwen25_1p5b_math500_40x24.jsonl.gz", []),
        ("smollm2_arith_120x128.jsonl.gz", []),
        ("codet_humaneval_164x100.jsonl", []),
    ],
)
def test_real_dumps(tmp_path, name, expected):
    path = REAL_DATA / name
    if not path.exists():
        pytest.skip(f"{name} is not there")
    policy = None if "crucible" in name else "m"
    import_samples(path, tmp_path / "s.duckdb", policy=policy, grader="exact")
    assert [finding.check for finding in lint_store(tmp_path / "s.duckdb")] == expected
