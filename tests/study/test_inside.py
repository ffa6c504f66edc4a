"""Inside against outside, on stores whose truth is known, and on those that ship."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import gammaln

from tests.cli.commands import ttc
from tests.study.efforts import make_efforts
from ttclib.analysis.ledger import Ledger
from ttclib.errors import RequestError
from ttclib.interchange import import_samples
from ttclib.store import connect
from ttclib.store.counts import load_counts
from ttclib.store.models import set_model_facts
from ttclib.study.inside import ask_inside, open_inside
from ttclib.study.inside_findings import of_models
from ttclib.study.inside_training import ask_inside_training
from ttclib.study.question import question

STORE = Path(__file__).resolve().parents[2] / "store"
CODE = STORE / "livecodebench.duckdb"


def asked(store, **more):
    return ask_inside(open_inside(store, setting="*"), question(), **more)


def test_what_is_caught_is_said_with_its_cost(tmp_path):
    store = make_efforts(tmp_path / "e.duckdb", {"low": (0.4, 100), "high": (0.7, 410)})
    found = asked(store)
    rows = {row["strategy"]: row for row in found.result.frame.to_dicts()}
    bound = rows["pass_at_k"]
    n, c = (np.array(part) for part in load_counts_of(store, "low"))
    once = np.mean(np.divide(*reversed(load_counts_of(store, "high"))))
    exact = [np.mean([1 - np.prod([(n[i] - c[i] - j) / (n[i] - j) for j in range(k)]) for i in range(len(n))])
             for k in range(1, 9)]  # fmt: skip
    expected = 1 + int(np.argmax(np.array(exact) >= once - 1e-12))
    assert bound["caught"] == "caught" and bound["caught_at"] == expected
    (said,) = [one for one in found.findings if one.startswith("With a perfect verifier")]
    assert f"high effort is caught at N = {expected} [" in said
    assert f"at which it costs {expected * 100 / 410:.2g} times the tokens" in said
    assert any(note.startswith("not at equal flops: the store does not know n_parameters") for note in found.notes)


def load_counts_of(store: Path, effort: str) -> tuple[list[int], list[int]]:
    import ttclib

    pool = ttclib.open(store, setting={"reasoning_effort": effort}).pool
    return pool.pool_sizes.tolist(), pool.n_correct.astype(int).tolist()


def test_what_is_never_caught_is_said_with_what_was_looked_at(tmp_path):
    lines = [
        {"problem_id": f"p{i}", "policy": policy, "sample_index": k, "correct": right, "answer": "1" if right else "2",
         "completion_tokens": tokens, "prompt_tokens": 5}
        for policy, tokens in (("direct", 3), ("steps", 30))
        for i in range(60)
        for k in range(40)
        for right in [i % 4 == 0 if policy == "direct" else (k + i) % 10 < 8]
    ]  # fmt: skip
    store = written(tmp_path, lines)
    found = ask_inside(open_inside(store, ["direct", "steps"]), question())
    assert set(found.result.frame["caught"]) == {"not caught"}
    verifier, majority = found.findings[1:3]
    assert "With a perfect verifier: steps is not caught up to N = 40, at which it costs 4 times the tokens" in verifier
    assert majority.startswith("By majority vote: steps is not caught") and "25.0%, 55.0 points below" in majority
    assert "For the tokens of the one, N = 10: 25.0%" in majority and "behind" in majority


def written(folder: Path, lines: list[dict]) -> Path:
    source, store = folder / "s.jsonl", folder / "s.duckdb"
    source.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    import_samples(source, store)
    return store


def test_the_side_that_answers_at_once_is_the_first_named_even_where_it_is_dearer(tmp_path):
    store = make_efforts(tmp_path / "e.duckdb", {"low": (0.8, 400), "high": (0.3, 100)})
    study = open_inside(store, setting="*")
    assert study.members[0].pool.setting.keys["reasoning_effort"] == "high", "of settings the shortest comes first"
    turned = type(study)(study.members[::-1], study.store)
    found = ask_inside(turned, question(), ledgers=[Ledger(unit="tokens")])
    assert found.result.without == "low effort" and set(found.result.frame["many"]) == {"low effort"}
    assert found.result.frame["at_most"].is_null().all() and "nothing to catch" in found.findings[1]


def test_what_cannot_be_asked_is_refused(tmp_path):
    store = make_efforts(tmp_path / "e.duckdb", {"low": (0.5, 100), "high": (0.6, 410)})
    with pytest.raises(RequestError, match="one side, m: name two policies, the one that answers at once first"):
        open_inside(store, setting={"reasoning_effort": "low"})
    lines = [{"problem_id": "p", "policy": name, "sample_index": 0, "answer": "1"} for name in ("direct", "steps")]
    bare = written(tmp_path, lines)
    with pytest.raises(RequestError) as error:
        ask_inside(open_inside(bare, ["direct", "steps"]), question())
    assert "grade" in str(error.value)
    ran = ttc("inside", str(bare), "--policy", "direct,steps", cwd=tmp_path)
    assert ran.returncode == 2 and len(ran.stderr.strip().splitlines()) == 1


def family(folder: Path, accuracies: dict[str, float], *, lengths: bool = True, facts: bool = True) -> Path:
    rng = np.random.default_rng(3)
    lines = [
        {"problem_id": f"p{i}", "policy": name, "sample_index": k, "answer": "1", "correct": bool(rng.random() < right),
         "completion_tokens": (40 if name.startswith("steps") else 4) if lengths else None, "prompt_tokens": 10}
        for name, right in accuracies.items()
        for i in range(80)
        for k in range(16)
    ]  # fmt: skip
    store = written(folder, lines)
    for name in accuracies if facts else ():
        times = float(name.partition("@")[2].rstrip("x") or 1)
        set_model_facts(store, name, n_parameters=1000, training_tokens=round(1e6 * times))
    return store


def test_data_needed_and_ways_compared(tmp_path):
    store = family(tmp_path, {"direct": 0.2, "direct@4x": 0.4, "direct@16x": 0.8, "steps": 0.6, "direct-shown": 0.1})
    found = ask_inside_training(store, "direct", "steps", few_shot="direct-shown")
    result = found.result
    mean = {row["policy"]: row["accuracy"] for row in result.frame.to_dicts()}
    share = (mean["steps"] - mean["direct@4x"]) / (mean["direct@16x"] - mean["direct@4x"])
    assert result.needed.at == pytest.approx(4e6 * 4**share, rel=1e-6) and result.needed.verdict == "caught"
    assert "direct needs" in found.findings[0] and "times as many [" in found.findings[0]
    assert "worked examples in the prompt of direct" in found.findings[1]
    assert found.findings[-1].startswith("Samples by majority vote; steps in the prompt: not there")
    by = {row["route"]: row for row in result.routes.filter(result.routes["exchange_rate"] == 1e3).to_dicts()}
    assert by["steps in the prompt"]["cost"] is None
    # Where queries are many training is nothing: prompt and answer against prompt and few short answers.
    direct = by["samples with a perfect verifier"]
    assert direct["cost"] == pytest.approx(2 * 1000 * (10 + 4 * direct["k"]), rel=0.2)
    assert by["steps in training"]["cost"] == pytest.approx(2 * 1000 * (10 + 40), rel=0.05)
    longer = by["more training without steps"]
    assert (longer["policy"], longer["k"]) == ("direct@16x", 1)
    # 15 million more tokens at 6 FLOPs are worth it from 1.25 million queries of 36 tokens less at 2 FLOPs on, which is
    # R = 50; 8 values of R are looked at in a decade.
    said = "Without one, cheapest is steps in training, from R = 56 on more training without steps."
    assert said in found.findings[2]


def test_data_that_may_suffice_is_told_with_how_far_it_was_looked(tmp_path):
    store = family(tmp_path, {"direct": 0.2, "direct@4x": 0.61, "steps": 0.6})
    found = ask_inside_training(store, "direct", "steps")
    needed = found.result.needed
    assert needed.verdict == "too close" and 1e6 < needed.at <= 4e6 and needed.high == float("inf")
    assert f"direct needs {needed.at / 1e6:.2g} times as many [" in found.findings[0]
    assert "; with 4 times as many, the most that it was trained on, 6" in found.findings[0]


def test_fewest_tokens_that_suffice_are_no_estimate(tmp_path):
    store = family(tmp_path, {"direct": 0.8, "direct@0.5x": 0.7, "steps": 0.6})
    found = ask_inside_training(store, "direct", "steps")
    assert "direct gets there with 0.5 times as many, the fewest looked at." in found.findings[0]


def test_data_that_does_not_suffice_is_said(tmp_path):
    store = family(tmp_path, {"direct": 0.2, "direct@4x": 0.25, "steps": 0.8, "steps@0.5x": 0.5})
    found = ask_inside_training(store, "direct", "steps")
    assert "direct does not get there with 4 times as many" in found.findings[0]
    assert found.result.few_shot is None and found.result.trained_ratio == 4.0
    ran = ttc("inside", str(store), "--policy", "direct,steps", "--training", "--json", cwd=tmp_path)
    told = json.loads(ran.stdout)
    assert told["data"] == found.result.frame.to_dicts() and told["routes"] == found.result.routes.to_dicts()


@pytest.mark.parametrize(
    ("more", "says"),
    [({"facts": False}, "does not know parameters and training tokens of 'direct'"), ({"lengths": False}, "how long")],
)
def test_training_without_facts_is_refused(tmp_path, more, says):
    store = family(tmp_path, {"direct": 0.2, "steps": 0.8}, **more)
    with pytest.raises(RequestError, match=says):
        ask_inside_training(store, "direct", "steps")
    with pytest.raises(RequestError, match="unknown policy 'none'"):
        ask_inside_training(store, "none", "steps")


def test_the_command_says_what_it_wants(tmp_path):
    store = family(tmp_path, {"direct": 0.2, "steps": 0.8})
    for words, says in (
        (("--training", "--policy", "direct"), "name them as --policy DIRECT,STEPS"),
        (("--policy", "direct,steps", "--few-shot", "x"), "goes with --training"),
    ):
        ran = ttc("inside", str(store), *words, cwd=tmp_path)
        assert ran.returncode == 2 and says in ran.stderr and len(ran.stderr.strip().splitlines()) == 1


# The stores that ship ---------------------------------------------------------------------------------------------


def chain_of_thought(policy):
    study = open_inside(CODE, policy, benchmark=["execution", "execution_cot"])
    return ask_inside(study, question(strategies="pass_at_k")).result


def test_ten_direct_answers_of_a_large_model_stay_below_one_with_reasoning_and_of_code_models_it_is_the_other_way():
    large, coder = chain_of_thought("LLama3-70b-Ins"), chain_of_thought("DSCoder-6.7b-Ins")
    for found, policy in ((large, "LLama3-70b-Ins"), (coder, "DSCoder-6.7b-Ins")):
        counts = [load_counts(CODE, name) for name in ("execution", "execution_cot")]
        rows = [[one.model for one in part.models].index(policy) for part in counts]
        n, c = counts[0].n[rows[0]], counts[0].c[rows[0]]
        whole = found.frame.sort("budget").row(-1, named=True)
        assert (n == 10).all() and whole["budget"] == 10
        assert whole["accuracy_many"] == pytest.approx((c > 0).mean())
        assert whole["accuracy_once"] == pytest.approx((counts[1].c[rows[1]] / counts[1].n[rows[1]]).mean())
    assert set(large.frame["caught"]) == {"not caught"} and set(large.frame["winner"]) == {"once"}
    assert set(coder.frame["caught"]) == {"level at once"}
    (said,) = of_models([large, coder])
    assert "1 does not catch one answer with steps (LLama3-70b-Ins at N = 10)" in said
    assert said.endswith("One answer at once is ahead of one with steps for DSCoder-6.7b-Ins.")


LAB = STORE / "inside.duckdb"


def test_what_ships_of_the_twins_is_what_the_rows_say():
    """Coverage and one answer from the rows themselves, and what can be caught from these."""
    study = open_inside(LAB, ["lab-policy-direct", "lab-policy"])
    found = ask_inside(study, question(strategies=["pass_at_k", "majority_vote"]))
    with connect(LAB) as con:
        rows = con.execute(
            "SELECT policy, problem_id, count(*) AS n, sum(correct) AS c FROM samples JOIN grades USING (policy, "
            "problem_id, setting, sample_index) GROUP BY ALL"
        ).fetchall()
    of = {name: np.array([(n, c) for policy, _, n, c in sorted(rows) if policy == name], float) for name in
          ("lab-policy-direct", "lab-policy")}  # fmt: skip
    (n, c), steps = of["lab-policy-direct"].T, of["lab-policy"]
    assert len(n) == len(steps) == 250 and (n == 1024).all()
    once = (steps[:, 1] / steps[:, 0]).mean()
    bound = next(row for row in found.result.frame.to_dicts() if row["strategy"] == "pass_at_k")
    assert bound["accuracy_once"] == pytest.approx(once)

    def coverage(k: int) -> float:
        wrong = n - c
        able = wrong >= k
        left = gammaln(wrong + 1) - gammaln(np.where(able, wrong - k, 0) + 1) + gammaln(n - k + 1) - gammaln(n + 1)
        return float(np.mean(1 - np.where(able, np.exp(left), 0.0)))

    at = int(bound["caught_at"])
    assert coverage(at) >= once - 1e-9 and coverage(at - 1) < once, "caught where coverage first gets there"
    whole = found.result.curves.filter(found.result.curves["strategy"] == "pass_at_k")
    assert whole["accuracy"].to_list() == pytest.approx([coverage(k) for k in whole["budget"]], abs=1e-9)
