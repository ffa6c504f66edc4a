"""What is told of none, of one and of several, of ties and of empty tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.builders import make_pool
from tests.study import stores
from ttclib.analysis.difficulty import Bill, difficulty_of_ease
from ttclib.errors import RequestError
from ttclib.replay.selection import Solution
from ttclib.samples import Setting
from ttclib.store.texts import SampleText
from ttclib.study import account, coverage, family_findings, findings, gain, inside_findings, lengths
from ttclib.study.answers import _reach
from ttclib.study.browsed import BY_CHANCE, BrowsedSample
from ttclib.study.captions import benchmark_label, policy_labels, samples_line, side_labels
from ttclib.study.chains import RevisionChains, open_chains
from ttclib.study.checkpoints import open_checkpoints
from ttclib.study.compared import _spans
from ttclib.study.difficulty import DifficultyAnswer
from ttclib.study.one_problem import UNANSWERED, Group, _picked
from ttclib.study.opening import Member
from ttclib.study.pairs import ask_beyond, pairs_of
from ttclib.study.question import question
from ttclib.study.sides import MOST_REFERENCES, references
from ttclib.study.study import Study
from ttclib.study.study import open as open_study
from ttclib.study.telling import bins_of

# What else turns -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ks", "named"), [([50, 99, 100, 200], 100), ([50, 99, 101], 101), ([50, 99], 99), ([10], None)]
)
def test_coverage_is_told_at_ten_times_the_pool_or_as_near_as_it_was_asked(ks, named):
    frame = pl.DataFrame([{"model": "a", "k": k, "predicted": 0.5, "ci_low": 0.4, "ci_high": 0.6} for k in ks])
    said = coverage._predicted(frame, 10)
    assert [line.partition(",")[0] for line in said] == ([] if named is None else [f"At k = {named}"])
    assert named is None or "the model predicts 50.0% [" in said[0]


def test_no_right_solution_behind_a_step_may_be_chance():
    text = SampleText("p", 0, None, None, "ab", ("a", "b"), (), "1", False, 2, "stop")

    def first(n: int, share: tuple[int, int]) -> int | None:
        return BrowsedSample(text, None, None, 1, ((n, 0), (1, 0)), share).first_wrong_step

    assert 0.5**4 > BY_CHANCE > 0.5**5 and (first(4, (8, 4)), first(5, (8, 4))) == (None, 0)
    assert first(5, (0, 0)) is None and first(1, (2, 2)) == 0


def rises(first: tuple[float, float, float], last: tuple[float, float, float]) -> tuple[str, ...]:
    names = ("accuracy", "ci_low", "ci_high")
    rows = [{"position": at, "n_problems": 40, **dict(zip(names, one, strict=True))}
            for at, one in enumerate((first, last))]  # fmt: skip
    lost = pl.DataFrame(
        {"change": ["correct_to_wrong"], "share": [None], "n_pairs": [0]}, schema_overrides={"share": float}
    )
    found = SimpleNamespace(along=lambda: pl.DataFrame(rows), changes=lambda: lost)
    return RevisionChains.findings(found)  # type: ignore[arg-type]


def test_intervals_that_touch_overlap():
    (apart,) = rises((0.3, 0.2, 0.4), (0.6, 0.41, 0.7))
    assert apart.endswith("the first in 30.0%: higher, beyond both intervals.")
    assert rises((0.6, 0.5, 0.7), (0.3, 0.2, 0.49))[0].endswith(": lower, beyond both intervals.")
    touching = rises((0.3, 0.2, 0.4), (0.6, 0.4, 0.7))
    assert touching[0].endswith(": the intervals overlap.") and "about 40 problems (40 here)" in touching[1]
    # Halfway apart: both intervals would have to be half as wide.
    wide, falling = rises((0.3, 0.1, 0.5), (0.4, 0.4, 0.7)), rises((0.4, 0.4, 0.7), (0.3, 0.1, 0.5))
    assert "places 1 and 2 about 160 problems (40 here)" in wide[1] and wide[1] == falling[1]
    assert "no number" in rises((0.3, 0.1, 0.5), (0.309, 0.2, 0.7))[1]


def test_what_the_question_tells_is_beside_as_many_samples_as_tell_no_more():
    def beside(found: float, *graded: tuple[int, float | None]) -> str:
        rows = [{"difficulty": "oracle", "n_probes": k, "spearman": value} for k, value in graded]
        return DifficultyAnswer._like_probes(SimpleNamespace(agreement=rows), {"spearman": found})  # type: ignore[arg-type]

    assert beside(0.5, (1, 0.4), (2, 0.5), (4, 0.6)) == ", at least as well as 2 graded samples of each problem"
    assert beside(0.3, (1, 0.4), (2, 0.5)) == ", less well than 1 graded sample of each problem"
    assert beside(0.3) == beside(0.3, (1, None)) == ""


def test_how_problems_are_cut_where_nobody_asks():
    asked = question()
    assert [bins_of(asked, n, 5) for n in (1, 5, 10, 24, 25, 99)] == [1, 1, 2, 4, 5, 5]
    assert bins_of(question(bins=9), 9) == 9 and bins_of(question(thresholds=[0.5]), 1) == (0.5,)


def test_what_reads_the_hidden_state_says_so():
    told = difficulty_of_ease(np.linspace(0, 1, 9), 2)
    read = [
        account._read("question", replace(told, bill=bill)) for bill in (None, Bill(0.0), Bill(0.0, prompt_passes=1))
    ]
    assert [one.partition("metadata")[2] for one in read] == ["", "", ", hidden state"]
    assert account._read("question:greedy", told) == "by one greedy answer's log-probability"
    assert [account._caps(size) for size in (1, 2, 3, 8)] == [(1,), (2,), (2, 3), (2, 4, 8)]


def test_ties_are_all_taken_and_share_the_chance_of_being_right():
    groups = [Group("1", 0, True, (0, 3)), Group("2", 1, False, (1, 2)), Group(UNANSWERED, -1, None, (4, 5, 6))]
    scores = np.array([0.9, 0.9, 0.9, 0.2, 0.3, 0.95, np.nan])

    def picked(strategy: str, held: slice, *ends: Solution) -> tuple[Any, ...]:
        found = _picked(strategy, groups[held], scores, ends)
        assert found is not None
        return found["weights"], found["taken"], found["columns"], found["right"]

    answered, unanswered = slice(0, 2), slice(0, 3)
    assert picked("majority_vote", unanswered) == ({0: 2.0, 1: 2.0}, (0, 1), (), 0.5)
    assert picked("best_of_n", answered) == ({0: 0.9, 1: 0.9}, (0, 1), (0, 1, 2), pytest.approx(1 / 3))
    assert picked("best_of_n", unanswered)[1:] == ((-1,), (5,), 0.0), "a sample without an answer may score highest"
    assert picked("weighted_best_of_n", unanswered)[1:] == ((1,), (), 0.0)
    assert picked("weighted_best_of_n", answered)[0] == pytest.approx({0: 1.1, 1: 1.8})
    assert _picked("majority_vote", groups[2:], scores, ()) is None, "nobody answers"


def test_of_many_larger_policies_some_are_shown_the_smallest_and_the_largest_among_them(tmp_path):
    path = stores.counted(tmp_path / "many.duckdb", [[int(at < place) for at in range(8)] for place in range(7)])
    found = references(open_study(path, "m0"))
    assert list(found) == [f"m{at}, one answer" for at in (1, 3, 4, 6)] and len(found) == MOST_REFERENCES
    assert found["m6, one answer"] == 0.75
    assert list(references(open_study(path, "m5"))) == ["m6, one answer"] and references(open_study(path, "m6")) == {}


def test_sides_are_named_by_what_differs():
    def labels(*sides: tuple[str, str | None]) -> list[str]:
        keys = [{"reasoning_effort": effort} if effort else {} for _, effort in sides]
        settings = [Setting(str(at), own) for at, own in enumerate(keys)]
        pools = [make_pool([[1]], policy=side[0], setting=own) for side, own in zip(sides, settings, strict=True)]
        return side_labels([Member(pool) for pool in pools])

    assert labels(("a", "low"), ("b", "high")) == ["a", "b"]
    assert labels(("a", "low"), ("a", None)) == ["low effort", "default effort"]
    assert labels(("a", "low"), ("a", "high"), ("b", "low")) == ["a (low effort)", "a (high effort)", "b (low effort)"]
    assert labels(("a", "low"), ("a", "low")) == ["a", "a"] and benchmark_label(None) == ""
    assert samples_line([3]) == "3 samples" and samples_line([1000, 3]) == "3–1,000 samples"


def test_chains_without_enough_problems_have_as_many_bins_as_problems():
    found = open_chains(open_study(stores.full(), "small"), question(), bins=99)
    assert found.n_bins == 12 and open_chains(found.study, question(bins=3), bins=99).n_bins == 3


def test_units_that_only_count_answers_say_no_cost():
    assert inside_findings._costing({"generations": 3.0}) == ""
    assert inside_findings._costing({"tokens": 3.0, "flops": 0.5}) == (
        ", at which it costs 3 times the tokens and 0.5 times the FLOPs of the one"
    )


# Empty tables, none and one ------------------------------------------------------------------------------------------


def test_three_budgets_in_a_row_are_told_by_their_ends():
    assert _spans([1, 2, 4, 6, 7, 8, 9]) == "1, 2, 4, 6–9" and _spans([3]) == "3" and _spans([]) == ""


def test_nothing_to_tell_is_told():
    none = pl.DataFrame(schema={"bin": pl.Int64, "auc_within": pl.Float64})
    assert findings.of_verifiers(none) == (
        "No problem has both right and wrong samples that are scored: no verifier can be told from another.",
    )
    own = {"per": "problem", "difference": 0.1}
    assert findings.of_allocation(pl.DataFrame([own]), "tokens") == ()
    said = {verdict: saving(verdict) for verdict in ("the choice does not get there", "too close")}
    assert said["the choice does not get there"] == ("The best choice never gets where best-of-N gets.",)
    assert said["too close"] == ("No saving over best-of-N is shown on 40 problems.",)


def saving(verdict: str) -> tuple[str, ...]:
    rows = [{"bin": None, "accuracy": 0.7, "verdict": verdict, "factor": None, "n_problems": n} for n in (30, 40)]
    return findings.of_efficiency(SimpleNamespace(frame=pl.DataFrame(rows), baseline="best_of_n", unit="tokens"))


def graded(moved: float, share: float = 0.25, differing: int = 8) -> tuple[str, ...]:
    counts = {"grader": "a", "other_grader": "b", "differing_samples": differing, "differing_share": share,
              "only_grader_right": 8, "only_other_right": 0}  # fmt: skip
    rows = [
        {"grader": name, "variant": "pass_at_k", "budget": n, "accuracy": 0.5, "difference": gap, "ci_low": -0.9,
         "ci_high": 0.9, "n_problems": 4}
        for name, n, gap in (("a", 1, 0.0), ("b", 1, moved), ("b", 2, -moved))
    ]  # fmt: skip
    found = SimpleNamespace(counts=lambda: [counts], n_samples=1234, names=("a", "b"))
    return findings.of_graders(SimpleNamespace(found=found, frame=pl.DataFrame(rows), first="a"))


def test_graders_that_agree_and_curves_that_do_not_move():
    assert graded(0.1, differing=0) == ("a, b grade all 1,234 answers alike.",)
    assert graded(4.9e-4)[1] == "Graded by b instead of a no curve moves."
    assert graded(5e-4)[1].startswith("Graded by b instead of a pass@k moves most: at N = 2 by −0.1 points"), "the last"
    assert "otherwise (0.1%): right by a alone 8" in graded(0.1, share=5e-4)[0]
    assert "8 of 1,234 answers otherwise: right" in graded(0.1, share=4.9e-4)[0]


def test_where_a_pool_ends_is_said_in_one_line_for_more_than_five_rates():
    def said(n: int, reached: float | None) -> Any:
        crossings = pl.DataFrame({"bin": [1, None], "pool_reaches_from": [9.0, reached]})
        return _reach(SimpleNamespace(notes=["each"], crossings=crossings), n)  # type: ignore[arg-type]

    assert said(5, 2.0) == ["each"]
    assert said(6, 2.0)[0].startswith("below R = 2 the pool ends") and said(6, None)[0].startswith(
        "at every R the pool"
    )


def trained(rows: list[dict[str, Any]], taken: bool = False) -> tuple[str, ...]:
    common = {"target": 0.5, "training_tokens": 1e11, "training_share": 0.5}
    over = {
        "target": 0.5,
        "n_parameters": 2e9,
        "from_queries": 1e6,
        "ci_low": None,
        "ci_high": None,
        "exchange_rate": 2.0,
    }
    return family_findings.of_training(
        SimpleNamespace(
            choices=pl.DataFrame([common | row for row in rows]),
            takeovers=pl.DataFrame([over] if taken else [], schema=pl.DataFrame([over]).schema),
            sizes=pl.DataFrame({"target": [0.5], "n_parameters": [1e9], "queries": [100.0], "factor": [1.0]}),
            reached=pl.DataFrame({"policy": ["a", "b"]}),
            n_problems=80,
        ),  # type: ignore[arg-type]
        0.5,
    )


def test_which_checkpoint_is_cheapest_for_how_many():
    first = {"policy": "a", "n_parameters": 1e9, "k": 1, "queries": 100.0}
    last = first | {"queries": 1e6}
    assert trained([last, first]) == (
        "To cover 50 % of 80 problems, checked by a perfect verifier, the cheapest of 2 checkpoints is 1B trained on "
        "100B tokens (1 sample a query) for any number of queries from 100 to 1 million.",
    )
    more, one = trained([first, last | {"k": 2}])
    assert (
        "(1 sample a query) for 100 queries, 50.0% of" in more and "(2 samples a query) for 1 million queries" in more
    )
    assert one == "One size, 1B, is the cheapest at every number of queries, checked by a perfect verifier."
    assert trained([first, last | {"k": 2}], taken=True)[1] == (
        "A larger size takes over, checked by a perfect verifier: 2B from 1 million queries [open] (R = 2)."
    )


def test_policies_that_are_told_apart_by_their_makers_alone_keep_their_names():
    assert policy_labels(["a/m-2025-01-01", "b/m-2025-01-01"]) == ["a/m-2025-01-01", "b/m-2025-01-01"]
    assert policy_labels(["a/m-2025-01-01", "a/m-2025-01-01"]) == ["m", "m"]


def test_checkpoints_that_share_one_problem_are_refused(tmp_path):
    halves = [[1] * 55 + [None] * 54, [None] * 54 + [1] * 55]
    with pytest.raises(RequestError, match="share one problem: sample them on the same ones"):
        open_checkpoints(stores.counted(tmp_path / "s.duckdb", halves))
    two = open_checkpoints(stores.counted(tmp_path / "t.duckdb", [[1] * 56 + [None] * 54, [None] * 54 + [1] * 56]))
    assert (
        two.counts.problem_ids == ("p54", "p55") and "2 checkpoints on 2 shared problems × 1 sample" in two.caption[0]
    )


def test_a_gain_without_lengths_says_so():
    pools = [make_pool([[1, 0, 1, 0]] * 4, policy=name, completion_tokens=np.full((4, 4), np.nan)) for name in "ab"]
    found = gain.ask_gain(Study(tuple(map(Member, pools)), Path("memory")))
    assert found.notes == (
        "accuracy by length is left out: no lengths, or no problem with right and wrong samples enough",
    )
    assert found.findings[0].startswith("b against a: no difference is shown. One answer is right as often [")


def test_a_cap_is_named_where_it_loses_at_most_a_point_and_is_no_longest_one():
    def said(*accuracies: float) -> tuple[str, ...]:
        rows = [{"cap": 10 * at, "accuracy": one, "tokens": 5.0 * at} for at, one in enumerate(accuracies, start=1)]
        return lengths._findings(pl.DataFrame(rows), None)

    assert said(0.5, 0.592, 0.6) == (
        "A cap of 20 tokens loses at most one point of 60.0% and decodes 10 tokens a sample instead of 15.",
    )
    assert said(0.5, 0.589, 0.6) == () and said(0.6) == ()


def test_policies_of_one_size_are_no_pair(tmp_path):
    found = pairs_of(stores.counted(tmp_path / "s.duckdb", [[1, 0]] * 3, [10, 10, 20]))
    assert [(one.small, one.large, one.neighbours) for one in found] == [("m0", "m2", False), ("m1", "m2", True)]
    with pytest.raises(RequestError, match="no two policies with known parameters"):
        pairs_of(stores.counted(tmp_path / "t.duckdb", [[1, 0]] * 2, [10, 10]))


def test_one_grade_is_enough_beyond_the_pool():
    pool = make_pool([[1, 0, 1, 0], [1, None, None, None], [None] * 4, [0, 1, 0, 0]])
    once = SimpleNamespace(problem_ids=("p0", "p1", "p2"), accuracy=np.array([[0.5], [1.0], [1.0]]))
    ratios = SimpleNamespace(param_ratio=4.0, training_tokens_ratio=1.0)
    found = ask_beyond(pool, SimpleNamespace(outcomes=[once]), [0.1, 1.0], ratios)  # type: ignore[arg-type]
    assert "2 of 4 problems" in found.caption[0]


@pytest.mark.parametrize(
    ("one", "reached", "said"),
    [
        ("second", "second", "both an answer is better and more is reached"),
        ("second", "too close", "an answer is better; that more is reached is not shown"),
        ("second", "first", "an answer is better, and less is reached"),
        ("too close", "second", "more is reached; that an answer is better is not shown"),
        (None, "too close", "no difference is shown"),
        ("too close", "first", "less is reached; that an answer is worse is not shown"),
        ("first", "second", "more is reached, and an answer is worse"),
        ("first", None, "an answer is worse; that less is reached is not shown"),
        ("first", "first", "both an answer is worse and less is reached"),
    ],
)
def test_a_gain_is_of_one_answer_and_of_what_is_reached(one, reached, said):
    assert gain.verdict_of({"winner": one}, {"winner": reached}) == said
