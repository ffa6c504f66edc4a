"""`ttc difficulty`, `verifiers`, `lengths`, `coverage`, `models`, `lint`: one pool looked at, by its numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

import ttclib
from tests.builders import build_store
from tests.cli.commands import error_line, rows, table_rows, ttc
from tests.study.efforts import make_efforts
from ttclib.analysis.fits import fit_coverage_power_law
from ttclib.store import load_pool
from ttclib.study.gain import ask_gain

SMALL = ("s.duckdb", "--policy", "small")


@pytest.fixture(scope="module")
def pool(asking):
    return load_pool(asking / "s.duckdb", policy="small")


def test_difficulty(asking, pool):
    found = rows("difficulty", *SMALL, "--bins", "3", "--probes", "1,4,99", cwd=asking)
    assert set(found) == {"bins", "agreement", "problems"}
    ease, score = pool.correct.mean(axis=1), pool.verifier("prm").by("last").mean(axis=1)
    assert [row["problem_id"] for row in found["problems"]] == pool.problem_ids
    for row, right, predicted in zip(found["problems"], ease, score, strict=True):
        assert (row["oracle"], row["predicted"], row["n_samples"]) == (
            pytest.approx(right),
            pytest.approx(predicted),
            16,
        )
    for name, values in (("oracle", ease), ("predicted", score)):
        bins = np.array([row[f"{name}_bin"] for row in found["problems"]])
        for row in (row for row in found["bins"] if row["difficulty"] == name):
            own = values[bins == row["bin"]]
            assert (row["n_problems"], len(own)) == (8, 8)
            assert (row["ease_low"], row["ease_high"]) == pytest.approx((own.min(), own.max()))
        assert values[bins == 1].min() >= values[bins == 2].max() and values[bins == 2].min() >= values[bins == 3].max()
    told = [(row["difficulty"], row["n_probes"]) for row in found["agreement"]]
    assert told == [("predicted", None), ("oracle", 1), ("oracle", 4), ("predicted", 1), ("predicted", 4)]
    assert found["agreement"][0]["spearman"] == pytest.approx(spearmanr(ease, score)[0])
    by_4, by_1 = found["agreement"][2]["spearman"], found["agreement"][1]["spearman"]
    assert 0 < by_1 < by_4 <= 1  # more samples tell more


def test_difficulty_is_predicted_by_the_verifier_and_aggregation_that_are_named(asking, pool):
    for verifier, aggregation in (("prm", "min"), ("prm", "mean"), ("logprob", "last")):
        found = rows("difficulty", *SMALL, "--verifier", verifier, "--aggregation", aggregation, cwd=asking)
        expected = pool.verifier(verifier).by(aggregation).mean(axis=1)
        assert [row["predicted"] for row in found["problems"]] == pytest.approx(expected.tolist())


def test_difficulty_by_thresholds_as_a_table(asking, pool):
    text = ttc("difficulty", *SMALL, "--thresholds", "0.5,0.1", cwd=asking).stdout
    ease = pool.correct.mean(axis=1)
    counts = [(ease >= 0.5).sum(), ((ease < 0.5) & (ease >= 0.1)).sum(), (ease < 0.1).sum()]
    lines = [line.split() for line in text.splitlines() if " oracle " in line][:3]
    assert [(line[0], line[2]) for line in lines] == [(str(n), str(c)) for n, c in enumerate(counts, start=1)]


def test_verifiers_order_right_before_wrong_as_counted(asking, pool):
    found = {(row["verifier"], row["bin"]): row for row in rows("verifiers", *SMALL, "--bins", "2", cwd=asking)}
    assert set(found) == {(name, number) for name in ("prm", "logprob") for number in (None, 1, 2)}
    for name in ("prm", "logprob"):
        score = pool.verifier(name).by()
        right, wrong = score[pool.correct == 1], score[pool.correct == 0]
        above = (right[:, None] > wrong[None]).mean() + (right[:, None] == wrong[None]).mean() / 2
        assert found[name, None]["auc"] == pytest.approx(above)
        assert found[name, None]["accuracy"] == pytest.approx(pool.correct.mean())
        assert sum(found[name, number]["n_problems"] for number in (1, 2)) == found[name, None]["n_problems"] == 24
    (least,) = rows("verifiers", *SMALL, "--verifier", "prm", "--aggregation", "min", cwd=asking)
    score = pool.verifier("prm").by("min")
    right, wrong = score[pool.correct == 1], score[pool.correct == 0]
    assert least["auc"] == pytest.approx(
        (right[:, None] > wrong[None]).mean() + (right[:, None] == wrong[None]).mean() / 2
    )
    assert "no" in error_line(ttc("verifiers", "s.duckdb", "--policy", "large", cwd=asking), status=1)


def test_lengths(asking, pool):
    found = rows("lengths", *SMALL, "--caps", "30,60,100", cwd=asking)
    for row in found["caps"]:
        inside = pool.completion_tokens <= row["cap"]
        assert row["accuracy"] == pytest.approx(((pool.correct == 1) & inside).mean(axis=1).mean())
        assert row["answered"] == pytest.approx(inside.mean())
        assert row["tokens"] == pytest.approx(np.minimum(pool.completion_tokens, row["cap"]).mean())
    assert [row["cap"] for row in found["caps"]] == [30, 60, 100]
    text = ttc("lengths", *SMALL, "--caps", "30", cwd=asking).stdout
    assert f"{found['caps'][0]['accuracy'] * 100:.1f}%" in text
    unasked = rows("lengths", *SMALL, cwd=asking)["caps"]
    assert unasked[-1]["cap"] == pool.completion_tokens.max() and unasked[-1]["answered"] == 1

    mixed = pool.of_problems((pool.n_correct > 0) & (pool.n_correct < 16))
    within = rows("lengths", *SMALL, cwd=asking)["within"]
    assert [row["length_group"] for row in within] == [1, 2, 3, 4, 5]
    assert {row["n_problems"] for row in within} <= set(range(1, len(mixed.problem_ids) + 1))


def test_gain_is_the_study_s(tmp_path):
    store = make_efforts(tmp_path / "e.duckdb", {"low": (0.3, 100), "high": (0.9, 410)})
    command = ("gain", "e.duckdb", "--setting", "reasoning_effort=*")
    found = rows(*command, "--samples", "4", cwd=tmp_path)
    expected = ask_gain(ttclib.open(store, setting={"reasoning_effort": "*"}), 4)
    assert found["gains"] == expected.result.frame.to_dicts()
    assert found["lengths"] == expected.result.lengths.to_dicts()
    low, high = (load_pool(store, setting={"reasoning_effort": effort}) for effort in ("low", "high"))
    of = {row["measure"]: row for row in found["gains"]}
    assert of["accuracy"]["difference"] == pytest.approx(high.correct.mean() - low.correct.mean())
    text = ttc(*command, cwd=tmp_path).stdout
    assert text.startswith("high effort against low effort for 4.1 × the tokens: ") and "a right one is among" in text
    assert "name two policies" in error_line(ttc(*command[:2], "--setting", "reasoning_effort=low", cwd=tmp_path))


def test_coverage_is_the_models_own_curve(asking, pool):
    command = ("coverage", *SMALL, "--models", "power_law", "--largest-k", "64", "--resamples", "20")
    found = rows(*command, cwd=asking)
    assert [row["k"] for row in found] == [1, 2, 4, 8, 16, 32, 64]
    assert [row["within_pool"] for row in found] == [True] * 5 + [False] * 2
    measured = {row["budget"]: row["accuracy"] for row in rows("replay", *SMALL, "--strategy", "pass_at_k", cwd=asking)}
    ks = np.array(sorted(measured))
    fitted = fit_coverage_power_law(ks, np.array([measured[k] for k in ks.tolist()]))
    expected = [float(np.exp(fitted.a * k**fitted.b)) for k in (1, 64)]
    assert (found[0]["predicted"], found[-1]["predicted"]) == pytest.approx(tuple(expected), abs=0.01)
    assert all(row["ci_low"] <= row["predicted"] <= row["ci_high"] for row in found)
    assert f"power_law: a = {fitted.a:.4g}, b = {fitted.b:.4g}" in ttc(*command, cwd=asking).stdout
    missed = rows("coverage", *SMALL, "--models", "power_law", "--misses", cwd=asking)
    assert all(row["miss"] == pytest.approx(row["predicted"] - row["measured"]) for row in missed)
    assert "unknown model of coverage 'power_lwa'" in error_line(
        ttc("coverage", *SMALL, "--models", "power_lwa", cwd=asking)
    )


def test_models_are_told_and_stated(tmp_path):
    build_store(tmp_path / "s.duckdb", n_problems=2, n_samples=2)
    stated = ("n_parameters=8.03e9", "usd_per_mtok_output=0.4", "price_date=2025-01-01")
    assert ttc("models", "s.duckdb", "--set", "policy", *stated, cwd=tmp_path).returncode == 0
    (policy,) = [row for row in rows("models", "s.duckdb", cwd=tmp_path) if row["model"] == "policy"]
    assert (policy["n_parameters"], policy["usd_per_mtok_output"]) == (8_030_000_000, 0.4)
    told = table_rows(ttc("models", "--store", "s.duckdb", cwd=tmp_path, COLUMNS="200").stdout)
    assert next(row for row in told if row["model"] == "policy")["parameters"] == "8,030,000,000"
    assert "facts n_parameters of no model" in error_line(ttc("models", "s.duckdb", "n_parameters=1", cwd=tmp_path))


def test_every_way_to_print_a_question_prints_the_same(asking):
    """JSON and CSV of a frame hold one row for one row."""
    for command in (("verifiers", *SMALL), ("coverage", *SMALL, "--models", "power_law", "--resamples", "10")):
        lines = ttc(*command, "--csv", cwd=asking).stdout.splitlines()
        found = rows(*command, cwd=asking)
        assert lines[0].split(",") == list(found[0]) and len(lines) == len(found) + 1
        assert not any(set(a) ^ set(b) for a, b in itertools.pairwise(found))
