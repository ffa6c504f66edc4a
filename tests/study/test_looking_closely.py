"""Searches, chains, coverage, lengths, two sides: what each study module gives, computed once more another way."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.builders import add_chains, build_store, make_pool
from tests.show.stores import make_store
from ttclib.errors import NotInStore, RequestError, TTCError
from ttclib.interchange import import_samples
from ttclib.store import load_chains, load_pool
from ttclib.study import coverage, difficulty, lengths
from ttclib.study.answers import ask_efficiency, ask_plan
from ttclib.study.chains import open_chains
from ttclib.study.opening import Member, find_store, only, reading_of, with_verifiers
from ttclib.study.paper import MANY_CHAINS, NTH_ANSWER, ONE_CHAIN, along_and_across, optimal
from ttclib.study.question import question
from ttclib.study.searches import open_searches
from ttclib.study.sides import Side, compare_sides, other_side, references
from ttclib.study.study import Study, policies_with_samples, smallest_policy
from ttclib.study.study import open as open_study


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("closely")
    return make_store(folder / "full.duckdb", n_samples=8, search=True, revisions=True, larger=True)


@pytest.fixture(scope="module")
def study(store) -> Study:
    return open_study(store, "small")


@pytest.fixture(scope="module")
def searches(study):
    return open_searches(study, question(beam_width=4, lookahead_steps=1), bins=3)


def test_searches_are_beside_what_picks_among_whole_samples(searches, study):
    assert {one.strategy for one in searches.searches} == {"beam_search", "lookahead_search", "dvts", "rebase"}
    replayed = study.replay(
        strategies=["beam_search", "lookahead_search"], beam_width=4, lookahead_steps=1, problems="searched"
    ).frame
    own = searches.curves.frame.filter(pl.col("bin").is_null())
    for name, charged in (("beam_search", 1), ("lookahead_search", 2)):  # N·(k + 1)
        ours, other = (frame.filter(pl.col("strategy") == name) for frame in (own, replayed))
        assert ours["accuracy"].to_list() == other["accuracy"].to_list()
        assert ours["budget"].to_list() == [size * charged for size in other["budget"].to_list()]
    assert sorted(np.bincount(list(searches.bins.values()))[1:].tolist()) == [4, 4, 4]


def test_gains_are_searching_less_picking_on_each_problem(searches, study):
    gains = searches.gains().filter(pl.col("bin").is_null() & (pl.col("strategy") == "beam_search"))
    told = study.told(searches.asked)
    named = {one.strategy: one for one in told.outcomes}
    picking, beam = named["weighted_best_of_n"], named["beam_search"]
    for row in gains.to_dicts():
        columns = [one.budgets.index(row["budget"]) for one in (picking, beam)]
        both = [one.accuracy[:, column] for one, column in zip((picking, beam), columns, strict=True)]
        assert row["difference"] == pytest.approx((both[1] - both[0]).mean())
    assert len(gains) >= 1


def test_a_search_is_looked_at_with_the_parameters_asked_for(searches):
    assert searches.search("beam_search").variant == "beam_search (M=4)"
    assert searches.largest("beam_search") == 8
    with pytest.raises(RequestError, match="'best_of_n' is no tree search"):
        searches.search("best_of_n")
    with pytest.raises(NotInStore, match="'majority_vote' is not among the searches compared"):
        searches.largest("majority_vote")
    trace = searches.trace("beam_search", "p05", 4)
    assert (
        set(trace["status"]) <= {"returned", "continued", "pruned"}
        and trace.filter(pl.col("correct").is_not_null() & (pl.col("status") == "returned")).height == 4
    )
    shapes = searches.failures("beam_search", 4, n_plain=4)
    assert set(shapes["of"]) == {"beam_search (M=4)", "samples"}
    sampled = shapes.filter((pl.col("of") == "samples") & (pl.col("group") > 0))
    assert sampled["n_right"].sum() + sampled["n_wrong"].sum() == 12 * 4


def test_the_problem_of_middling_difficulty(searches, study):
    ease = dict(zip(study.pool.problem_ids, study.pool.correct.mean(axis=1).tolist(), strict=True))
    assert abs(ease[searches.middling_problem()] - 0.5) == min(abs(value - 0.5) for value in ease.values())
    assert searches.prompt_of("p03") == "3+1="


def test_searches_of_a_store_that_has_none_are_said_with_their_command(tmp_path):
    with pytest.raises(NotInStore, match="ttc search CONFIG --store"):
        open_searches(open_study(build_store(tmp_path / "s.duckdb", n_problems=2)), question())


def test_chains_are_right_along_the_chain_as_counted(study, store):
    found = open_chains(study, question(), bins=3)
    chains = load_chains(store)
    assert found.along()["accuracy"].to_list() == pytest.approx(np.nanmean(chains.correct, axis=(0, 1)).tolist())
    changes = {row["change"]: row for row in found.changes().to_dicts()}
    before, after = chains.correct[:, :, :-1], chains.correct[:, :, 1:]
    for change, first in (("correct_to_wrong", 1), ("wrong_to_correct", 0)):
        could = before == first
        assert changes[change]["n_pairs"] == could.sum()
        assert changes[change]["n_changed"] == (could & (after != before)).sum()
    said = found.findings()
    assert f"{changes['correct_to_wrong']['n_pairs']:,} pairs" in said[1]
    apart = ("higher" in said[0] or "lower" in said[0], "overlap" in said[0])
    assert sum(apart) == 1
    ease = study.pool.correct.mean()
    assert found.references() == {"small, independent": pytest.approx(ease)}
    assert found.selection == "hierarchical" and max(found.bins.values()) == found.n_bins == 3


def test_a_sweep_holds_every_split_and_reads_the_selection_asked_for(study):
    by = {name: open_chains(study, question(selection=name)) for name in ("hierarchical", "majority")}
    frames = {name: one.sweep() for name, one in by.items()}
    whole = frames["majority"].filter(pl.col("group").is_null() if "group" in frames["majority"].columns
                                      else pl.col("bin").is_null())  # fmt: skip
    splits = set(zip(whole["sequential"], whole["parallel"], strict=True))
    assert {(1, 1), (1, 8), (8, 1), (2, 4), (4, 2), (8, 8)} <= splits
    assert frames["majority"]["accuracy"].to_list() != frames["hierarchical"]["accuracy"].to_list()
    assert "majority over all answers" in by["majority"].caption and "scored by" in by["hierarchical"].caption[1]


def test_chains_of_a_store_that_has_none(tmp_path):
    with pytest.raises(NotInStore, match="ttc revise"):
        open_chains(open_study(build_store(tmp_path / "s.duckdb", n_problems=2)), question())


def test_difficulty_without_scores_is_told_by_grades_alone(tmp_path):
    pool = load_pool(build_store(tmp_path / "s.duckdb", scored=False))
    found = difficulty.answer(pool, question(bins=4))
    assert set(found.told) == {"oracle"} and found.confusion is None
    assert "predicted difficulty is left out" in found.notes[0]
    assert found.problems["predicted"].null_count() == found.problems["predicted_bin"].null_count() == 20
    ease = pool.correct.mean(axis=1)
    assert found.findings == (f"Of 20 problems {(ease == 0).sum()} are never solved and {(ease == 1).sum()} always.",)
    with pytest.raises(RequestError, match="prm"):
        difficulty.answer(pool, question(bins=4, difficulty="predicted"))
    assert found.cheap()["k"].to_list() == [1, 2, 4, 8]  # 16 leave none to judge by
    assert any("16 samples leave none to judge by" in note for note in found.notes)


def test_difficulty_of_counts():
    pool = make_pool([[], [], []], counts=(np.array([4, 4, 4]), np.array([0, 4, 1])))
    found = difficulty.answer(pool, question(bins=3))
    assert found.problems["oracle"].to_list() == [0, 1, 0.25] and found.problems["oracle_bin"].to_list() == [3, 1, 2]
    assert found.problems["tokens"].null_count() == 3 and found.findings[0].startswith("Of 3 problems 1 are never")


def test_coverage_of_counts_and_what_cannot_be_fitted():
    rng = np.random.default_rng(0)
    n = np.full(200, 50)
    c = rng.binomial(50, rng.beta(0.5, 1.0, 200))
    found = coverage.predict(make_pool([[]] * 200, counts=(n, c)), ["beta_binomial"], 1000, 5)
    at = {row["k"]: row["predicted"] for row in found.frame.to_dicts()}
    assert list(at) == [1 << power for power in range(10)]
    assert at[1] == pytest.approx((c / n).mean(), abs=0.02) and at[512] > at[64] > at[1]
    fit = found.fits["beta_binomial"]
    assert (fit.alpha, fit.beta) == pytest.approx((0.5, 1.0), rel=0.35)
    assert found.fitted()["fitted"][0].startswith(f"alpha = {fit.alpha:.4g}")
    with pytest.raises(RequestError, match="no sample of 'policy' is graded"):
        coverage.predict(make_pool([[None]]))
    with pytest.raises(RequestError, match="unknown model of coverage 'beta'"):
        coverage.predict(make_pool([[1, 0]]), ["beta"])


def test_where_voting_ends():
    pool = make_pool([[1, 1, 0], [0, 0, 1]], answer_ids=[[7, 7, 3], [2, 2, 5]])
    assert coverage.voting_limit(pool).accuracy == pytest.approx(0.5)  # the most frequent answer wins in the end
    with pytest.raises(RequestError, match="holds no final answers"):
        coverage.voting_limit(make_pool([[1, 0]], answer_ids=[[-1, -1]]))


def test_what_more_samples_would_cover_is_said_of_what_was_fitted():
    rng = np.random.default_rng(0)
    right = (rng.random((40, 16)) < rng.beta(0.5, 1.0, 40)[:, None]).astype(float)
    study = Study((Member(make_pool(right, answer_ids=np.where(right == 1, 1, 2)), "s", print),), Path("made.duckdb"))
    found = coverage.ask_beyond_pool(study, ["beta_binomial", "power_law"], 1000, 5, 2)
    here, further, miss, ends = found.findings
    k = found.result.fitted.frame.filter(pl.col("k") == 256)["predicted"]  # the first k of ten times 16 at least
    assert here.startswith(f"At k = 16 a right answer is among the samples of {(right.any(axis=1)).mean() * 100:.1f}%")
    assert further.startswith(f"At k = 256, 16 times the pool, the 2 models predict {k.min() * 100:.1f}% to ")
    assert f"{k.max() * 100:.1f}% [" in further
    last = found.result.misses.filter(pl.col("k") == 16)["miss"]
    assert f"{abs(last.min()) * 100:.1f}" in miss and "at k = 16" in miss
    assert f"{found.result.voting.accuracy * 100:.1f}%" in ends and found.notes == ()
    nobody = Study(
        (Member(make_pool(right, answer_ids=-np.ones((40, 16), dtype=int)), "s", print),), Path("made.duckdb")
    )
    lacking = coverage.ask_beyond_pool(nobody, ["beta_binomial"], 8, 5, 2)
    assert lacking.result.voting is None and any("no final answers" in note for note in lacking.notes)
    assert not any("times the pool" in line or "voting" in line for line in lacking.findings)  # 8 is within the pool


def test_a_cap_that_loses_nothing_is_told(monkeypatch):
    monkeypatch.setattr(lengths, "first_mentions", lambda pool: np.full(pool.present.shape, np.nan))
    rng = np.random.default_rng(0)
    right = (rng.random((30, 20)) < 0.5).astype(float)
    tokens = np.where(right == 1, 10.0, 100.0)
    found = lengths.answer(make_pool(right, completion_tokens=tokens), [5, 10, 100])
    assert found.frame["accuracy"].to_list() == pytest.approx([0, right.mean(), right.mean()])
    assert found.findings[0] == (
        f"A cap of 10 tokens loses at most one point of {right.mean() * 100:.1f}% and decodes 10 tokens a sample "
        f"instead of {tokens.mean():.0f}."
    )
    assert found.efficiency is None and "no texts cut into steps" in found.notes[0]
    slow = lengths.answer(make_pool(right, completion_tokens=np.where(right == 1, 100.0, 10.0)), [10, 100])
    assert not any(said.startswith("A cap") for said in slow.findings)
    with pytest.raises(RequestError, match="does not know how long"):
        lengths.answer(make_pool([[1, 0]], completion_tokens=np.full((1, 2), np.nan)))


def test_the_second_side_where_it_is_left_out(study, store, tmp_path):
    side, note = other_side(study, question())
    assert (side.policy, side.verifier, note) == ("large", "prm", "")
    same, note = other_side(study, question(), policy="small")
    assert (same.verifier, "log-probability" in note) == ("logprob", True)
    back, _ = other_side(study, question(verifier="logprob"), policy="small")
    assert back.verifier == "prm"
    another = build_store(tmp_path / "o.duckdb", policy="other")
    assert other_side(study, question(), store=str(another))[0].policy == "other"
    names = compare_sides(study, Side(store, "large"), question(strategies=["pass_at_k"])).result.names
    assert names == ("small", "large")
    by = compare_sides(study, Side(store, "small", verifier="logprob"), question(strategies=["best_of_n"])).result.names
    assert by == ("PRM tiny-prm", "the policy's own log-probability")
    with pytest.raises(RequestError, match="the two sides share no problem"):
        compare_sides(study, Side(another, "other"), question(strategies=["pass_at_k"]))


def test_a_second_side_of_several_settings_is_taken_in_the_first_sides(tmp_path):
    lines = [
        {"problem_id": f"p{problem}", "policy": policy, "sample_index": index, "answer": "1",
         "setting": {"effort": effort}, "correct": policy == "a" or effort == "low"}
        for policy in ("a", "b") for effort in ("low", "high") for problem in range(4) for index in range(2)
    ]  # fmt: skip
    file, store = tmp_path / "s.jsonl", tmp_path / "s.duckdb"
    file.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    import_samples(file, store)
    for effort, difference in (("low", 0.0), ("high", -1.0)):
        first = open_study(store, "a", setting={"effort": effort})
        found = compare_sides(first, Side(store, "b"), question(strategies=["pass_at_k"], budgets=[1])).result.frame
        assert found.filter(pl.col("bin").is_null())["difference"].to_list() == pytest.approx([difference])


def test_references_are_larger_policies_that_answer_once(study, store):
    large = load_pool(store, policy="large").correct.mean()
    assert references(study) == {"large, one answer": pytest.approx(large)}
    assert policies_with_samples(store) == ["small", "large"] and smallest_policy(store) == "small"


def test_a_store_is_found_above_and_called_as_it_was_named(tmp_path, monkeypatch):
    build_store(tmp_path / "s.duckdb", n_problems=1, n_samples=1)
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert find_store("s.duckdb") == Path("s.duckdb")
    monkeypatch.chdir(tmp_path / "deep" / "er")
    assert find_store("s.duckdb") == tmp_path / "s.duckdb"
    assert find_store("none.duckdb") == Path("none.duckdb")


def test_words_for_what_is_left_out():
    assert reading_of(NotInStore("whatever")) == "not collected"
    assert reading_of(RequestError("unknown verifier 'x'")) == "no such scores"
    assert reading_of(TTCError("budget 4")) == "budget 4"
    assert only({"a": 1}, "policies", "--policy") == 1
    with pytest.raises(RequestError, match="several policies: name one with --policy. Allowed: a, b"):
        only({"a": 1, "b": 2}, "policies", "--policy")


def test_a_verifier_of_another_package_must_score_each_sample(monkeypatch):
    from ttclib.samples import AGGREGATIONS, Verifier
    from ttclib.study import opening

    def made(shape):
        score = np.zeros(shape)
        return {"toy": lambda pool: Verifier("toy", "confidence", dict.fromkeys(AGGREGATIONS, score), score)}

    pool = make_pool([[1, 0]])
    monkeypatch.setattr(opening, "verifier_sources", lambda: made((1, 2)))
    assert with_verifiers(pool).verifier("toy").by().tolist() == [[0, 0]]
    assert with_verifiers(pool).verifier("prm").name == "prm"  # the store's own stay
    monkeypatch.setattr(opening, "verifier_sources", lambda: made((2, 1)))
    with pytest.raises(RequestError, match="entry point 'toy' .* scores of shape \\(2, 1\\), and the pool"):
        with_verifiers(pool)
    monkeypatch.setattr(opening, "verifier_sources", lambda: {"none": lambda pool: None})
    assert with_verifiers(pool).verifiers.keys() == pool.verifiers.keys()


def test_what_a_study_offers(study, tmp_path):
    assert set(study.verifiers()) >= {"tiny-prm", "logprob"} and study.difficulties() == ["oracle", "predicted"]
    assert study.verifier_choices("prm")["PRM tiny-prm"] == "prm"
    assert {"beam_search", "revisions", "best_of_n"} <= set(study.able(question()))
    bare = open_study(build_store(tmp_path / "s.duckdb", scored=False))
    assert bare.difficulties() == ["oracle"] and "prm" not in bare.verifiers()


def test_a_plan_is_applied_by_the_source_it_was_made_with(tmp_path):
    from ttclib.study.answers import ask_frontier

    study = open_study(add_chains(build_store(tmp_path / "s.duckdb", n_problems=24)), "policy")
    asked = question(strategies=["majority_vote", "best_of_n"], bins=2, difficulty="predicted")
    plan = ask_frontier(study, asked, limits=[1, 4], n_resamples=5).result.plan
    assert plan.source == "predicted" and plan.verifier == "prm"
    found = ask_plan(study, plan, question(strategies=["majority_vote", "best_of_n"]), 4, draws=2)
    frame = found.result.frame().filter(pl.col("bin").is_null())
    assert frame["probes"].to_list() == [4, 4] and set(frame["n_problems"]) == {24}
    assert frame["accuracy"][0] == pytest.approx(study.pool.correct.mean())


def test_one_chain_many_chains_and_the_nth_answer_alone(study, store):
    frame = along_and_across(open_chains(study, question()))
    chains = load_chains(store)
    names = {name: frame.filter(pl.col("name") == name).sort("budget") for name in frame["name"].unique()}
    assert set(names) == {ONE_CHAIN, MANY_CHAINS, NTH_ANSWER}
    alone = names[NTH_ANSWER]
    assert alone["budget"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert alone["accuracy"].to_list() == pytest.approx(np.nanmean(chains.correct, axis=(0, 1)).tolist())
    for name, one in ((ONE_CHAIN, "parallel"), (MANY_CHAINS, "sequential")):
        sweep = open_chains(study, question()).sweep().filter(pl.col("bin").is_null(), pl.col(one) == 1).sort("budget")
        assert names[name].select("budget", "accuracy").equals(sweep.select("budget", "accuracy"))
        assert names[name]["budget"].to_list() == [1, 2, 4, 8]


def test_the_best_choice_beside_a_baseline_by_each_difficulty(study):
    asked = question(strategies=("majority_vote", "best_of_n"), bins=2, told="same")
    found = optimal(study, asked, "majority_vote").result
    baseline = study.replay(asked.but(strategies=("majority_vote",))).frame.filter(pl.col("bin").is_null())
    lines = {name: found.frame.filter(pl.col("name") == name) for name in found.frame["name"].unique()}
    told = {f"compute-optimal, {name} difficulty" for name in ("oracle", "predicted")}
    assert set(lines) == told | {"majority vote"}
    assert lines["majority vote"]["accuracy"].to_list() == pytest.approx(baseline["accuracy"].to_list())
    assert lines["majority vote"]["cost"].to_list() == baseline["budget"].to_list()
    assert found.unit == "generations a problem"
    factors = ask_efficiency(study, asked, "majority_vote").result.frame.filter(pl.col("bin").is_null())["factor"]
    assert found.saving is not None and found.saving["factor"] == factors.max() > 1
    assert optimal(study, asked.but(strategies=("best_of_n",)), "best_of_n").result.saving is None
