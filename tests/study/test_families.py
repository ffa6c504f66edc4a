"""Families of models: who is ahead, in the right sentence, on stores of known shape; what the shipped ones publish."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import ttclib
from tests.cli.commands import ttc
from ttclib.analysis.cost import flops_matched_multiplier
from ttclib.errors import RequestError
from ttclib.store import absorb, load_pool, write_part
from ttclib.store.counts import load_counts
from ttclib.study.answers import ask_crossover
from ttclib.study.checkpoints import ask_held_out, ask_training, open_checkpoints
from ttclib.study.larger import larger_side
from ttclib.study.pairs import ask_pairs, pairs_of
from ttclib.study.question import question

STORE = Path(__file__).resolve().parents[2] / "store"
CODE, PYTHIA = STORE / "livecodebench.duckdb", STORE / "pythia.duckdb"
RATES = [0.01, 0.3, 1.0, 30.0, 1000.0]


def made(path: Path, small: float, large: float, *, n: int = 10, facts: bool = True, n_problems: int = 300) -> Path:
    """Counts of two models on one task, each problem as hard as any other."""
    rng = np.random.default_rng(0)
    names = [f"p{at:03d}" for at in range(n_problems)]
    write_part(path, "problems", [{"problem_id": name, "benchmark": "sums"} for name in names])
    write_part(path, "settings", [{"setting": "s", "keys": json.dumps({"temperature": 0.7})}])
    for policy, ease, size in (("s", small, 10**9), ("l", large, 4 * 10**9)):
        spread = rng.beta(2 * ease, 2 * (1 - ease), n_problems) if ease else np.zeros(n_problems)
        rows = [
            {"policy": policy, "problem_id": name, "setting": "s", "n": n, "c": int(rng.binomial(n, p))}
            for name, p in zip(names, spread, strict=True)
        ]
        write_part(path, "counts", rows)
        if facts:
            write_part(path, "models", [{"model": policy, "n_parameters": size, "training_tokens": 10**11}])
    absorb(path)
    return path


def found_of(store: Path, **more):
    return ask_pairs(store, pairs_of(store), RATES, bins=1, n_resamples=200, **more)


@pytest.mark.parametrize(
    ("small", "large", "n", "counted", "verdict"),
    [
        (0.5, 0.4, 10, "the small model is ahead at every R from", "the small one ahead"),
        (0.05, 0.95, 10, "the small model is behind with all of them.", "the larger one ahead"),
        (0.5, 0.5, 1, "is ahead or behind as R is, or too close to call.", "too close to call"),
    ],
    ids=["small ahead", "large ahead", "level"],
)
def test_the_right_sentence(tmp_path, small, large, n, counted, verdict):
    answer = found_of(made(tmp_path / "a.duckdb", small, large, n=n))
    head, task, *_ = answer.findings
    assert counted in head and verdict in task and "on sums" in task
    told = [sentence for sentence in answer.findings if not sentence.startswith("To settle it")]
    assert all("perfect verifier" in sentence for sentence in told)


def test_what_is_not_known_is_said(tmp_path):
    with pytest.raises(RequestError, match="ttc models"):
        pairs_of(made(tmp_path / "a.duckdb", 0.5, 0.5, facts=False))
    store = made(tmp_path / "b.duckdb", 0.0, 0.5)
    with pytest.raises(RequestError, match="no pair of models can be compared"):  # no right answer: nothing to fit
        found_of(store)


def test_a_pair_is_asked_as_the_command_asks_it(tmp_path):
    store = made(tmp_path / "a.duckdb", 0.2, 0.5)
    answer = found_of(store)
    ratios = ",".join(f"{rate:g}" for rate in RATES)
    command = ("crossover", str(store), "--small", "s", "--large", "l", "--allow-sampled", "--strategy", "pass_at_k")
    command += ("--budgets", "1-10", "--ratios", ratios, "--resamples", "200", "--json", "--bins", "1")
    told = [row for row in json.loads(ttc(*command, cwd=tmp_path).stdout) if row["bin"] is None]
    curves = answer.result.curves.filter(answer.result.curves["exchange_rate"].is_in(RATES))
    (end,) = set(answer.result.curves["exchange_rate"]) - set(RATES)  # R that pays for just ten attempts
    assert flops_matched_multiplier(4.0, end) == pytest.approx(10)
    at_end = answer.result.curves.filter(answer.result.curves["exchange_rate"] == end).row(0, named=True)
    assert at_end["within_pool"] and at_end["accuracy_small"] == curves["accuracy_small"][0]
    for ours, theirs in zip(curves.to_dicts(), told, strict=True):
        for name in ("accuracy_small", "accuracy_large", "difference", "ci_low", "ci_high", "winner", "multiplier"):
            assert ours[name] == theirs[name]
    fitted = json.loads(ttc(*command, "--beyond", cwd=tmp_path).stdout)
    for theirs, ours in (("difference", "estimate"), ("ci_low", "estimate_low"), ("ci_high", "estimate_high")):
        assert [row[theirs] for row in fitted] == curves[ours].to_list()


def test_a_small_pool_is_used_in_full_unless_bins_are_asked_for(tmp_path):
    store = made(tmp_path / "a.duckdb", 0.2, 0.5)
    study, large = ttclib.open(store, "s"), larger_side(str(store), "l", allow_sampled=True)
    asked = question(strategies="pass_at_k")
    plain = ask_crossover(study, large, asked, [0.01], n_resamples=20)
    whole = study.replay(strategies="pass_at_k", budgets=10).frame["accuracy"][0]
    row = plain.result.frame.filter(plain.result.frame["bin"].is_null()).row(0, named=True)
    assert row["accuracy_small"] == pytest.approx(whole) and row["pool_ends_at"] == 10
    assert any("10 samples a problem are used in full" in note for note in plain.notes)
    binned = ask_crossover(study, large, asked.but(bins=2), [0.01], n_resamples=20)
    assert binned.result.frame.row(0, named=True)["pool_ends_at"] == 5
    assert not any("used in full" in note for note in binned.notes)


def test_an_odd_pool_is_halved_to_what_both_halves_hold(tmp_path):
    study = ttclib.open(made(tmp_path / "a.duckdb", 0.3, 0.5, n=9), "s")
    curves = study.replay(strategies="pass_at_k", bins=2, told="halves")
    assert curves.frame.drop_nulls("bin")["budget"].unique().sort().to_list() == [1, 2, 4]
    assert curves.frame.filter(curves.frame["bin"].is_null())["budget"].to_list() == [1, 2, 4, 8, 9]


def test_counts_of_all_policies_are_those_of_each(tmp_path):
    found = load_counts(PYTHIA, "math")
    for name in ("Pythia_410M_20B", "Pythia_12B_2M"):
        pool = load_pool(PYTHIA, policy=name, benchmark="math")
        row = [one.model for one in found.models].index(name)
        columns = [found.problem_ids.index(each) for each in pool.problem_ids]
        assert found.n[row, columns].tolist() == pool.n_graded.tolist()
        assert found.c[row, columns].tolist() == pool.n_correct.tolist()
        assert found.n[row].sum() == pool.n_graded.sum()
    with pytest.raises(RequestError, match="several benchmarks"):
        load_counts(PYTHIA)
    samples = load_counts(STORE / "smollm2.duckdb")
    assert samples.n.shape == (1, 100) and samples.n.sum() == 6400
    own = load_pool(STORE / "smollm2.duckdb")
    assert samples.c.sum() == own.n_correct.sum()


@pytest.mark.parametrize(
    ("family", "task", "attempts", "once", "small", "large"),
    [
        ({"8B": "LLama3-8b-Ins", "70B": "LLama3-70b-Ins"}, "execution", np.inf, 0.193, 0.255, 0.417),
        ({"8B": "LLama3-8b-Ins", "70B": "LLama3-70b-Ins"}, "execution_cot", 5, 0.356, 0.708, 0.586),
        ({"70B": "LLama3.1-70b-Ins", "405B": "LLama3.1-405b-Ins-FP8"}, "repair", 6, 0.350, 0.4656, 0.444),
        ({"1.3B": "DSCoder-1.3b-Ins", "6.7B": "DSCoder-6.7b-Ins"}, "testgen", 5, 0.160, 0.398, 0.327),
        ({"1.3B": "DSCoder-1.3b-Ins", "6.7B": "DSCoder-6.7b-Ins"}, "execution", np.inf, 0.288, 0.392, 0.402),
    ],
)
def test_what_open_models_come_to(family, task, attempts, once, small, large):
    pairs = pairs_of(CODE, {"": family}, benchmarks=[task])
    row = ask_pairs(CODE, pairs, [0.01, 1000.0], bins=1, n_resamples=50).result.pairs.row(0, named=True)
    assert row["attempts"] == attempts
    shares = [row[name] for name in ("accuracy_once", "accuracy_small", "accuracy_large")]
    assert shares == pytest.approx([once, small, large], abs=6e-4)
    reaches = {"LLama3-8b-Ins": 19.4, "LLama3.1-70b-Ins": 3.33, "DSCoder-1.3b-Ins": 2.39}
    assert row["pool_reaches_from"] == pytest.approx(reaches[pairs[0].small_policy], abs=0.06)


def test_families_are_those_given_where_the_store_holds_them_else_all():
    given = {"Llama": {"8B": "LLama3-8b-Ins", "70B": "LLama3-70b-Ins", "405B": "nobody"}}
    pairs = pairs_of(CODE, given, {"execution": "running code", "nothing": "else"}, ["execution"])
    assert [(one.label, one.task, one.neighbours) for one in pairs] == [("Llama 8B vs 70B", "running code", True)]
    every = pairs_of(CODE, {"none": {"1": "nobody"}}, benchmarks=["repair"])
    assert [(one.small_policy, one.large_policy, one.neighbours) for one in every] == [
        ("LLama3.1-8b-Ins", "LLama3.1-70b-Ins", True),
        ("LLama3.1-8b-Ins", "LLama3.1-405b-Ins-FP8", False),
        ("LLama3.1-70b-Ins", "LLama3.1-405b-Ins-FP8", True),
    ]


def test_checkpoints_with_few_problems_are_left_out_and_said():
    found = open_checkpoints(PYTHIA, benchmark="gsm8k")
    assert found.counts.n.shape == (80, 128) and found.notes == ("left out: Pythia_12B_2M (fewer than 65 problems)",)
    assert (found.counts.n > 0).all()
    sizes = [one.n_parameters for one in found.counts.models]
    assert sizes == sorted(sizes)


def test_training_findings_are_of_the_table_and_of_the_command(tmp_path):
    checkpoints = open_checkpoints(PYTHIA, benchmark="gsm8k")
    answer = ask_training(checkpoints, 0.5, targets=(), n_resamples=60)
    taken = answer.result.takeovers.to_dicts()
    assert [row["n_parameters"] for row in taken] == [70_000_000, 160_000_000, 410_000_000]
    assert "70M from 58.5 thousand queries" in answer.findings[1] and "R = 2.43" in answer.findings[1]
    assert all("perfect verifier" in sentence for sentence in answer.findings)
    high = ask_training(checkpoints, 0.99, targets=(), n_resamples=20)
    assert high.findings[0].startswith("No checkpoint covers 99 % of 128 problems")
    command = ("train-or-sample", str(PYTHIA), "--benchmark", "gsm8k", "--queries", "1e4,1e8", "--resamples", "60")
    told = json.loads(ttc(*command, "--json", cwd=tmp_path).stdout)
    ours = answer.result.choices.filter(answer.result.choices["queries"].is_in([1e4, 1e8]))
    assert told == ours.to_dicts()
    assert ttc(*command, cwd=tmp_path).stdout.splitlines()[0] == answer.findings[0]


def test_held_out_findings_count_the_rows(tmp_path):
    answer = ask_held_out(open_checkpoints(PYTHIA, benchmark="gsm8k"), [1, 128])
    for k, sentence in zip((1, 128), answer.findings, strict=True):
        own = answer.result.filter(answer.result["k"] == k)
        assert f"pass@{k}: the 95 % interval" in sentence
        assert f"holds {int(own['holds'].sum())} of {len(own)} that were held out" in sentence
    assert any("too few problems to be fitted" in note for note in answer.notes)
    command = ("coverage", str(PYTHIA), "--benchmark", "gsm8k", "--held-out")
    assert "were held out" in ttc(*command, cwd=tmp_path).stdout.splitlines()[0]
