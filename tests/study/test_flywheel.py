"""A flywheel's store: what is told of it, against hand computation, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.builders import build_store, make_pool
from ttclib.errors import RequestError
from ttclib.show import charts
from ttclib.store import absorb, write_part
from ttclib.store.rounds import Round, load_rounds, spent, write_round
from ttclib.study.flywheel import Wheel, ask_flywheel, open_flywheel
from ttclib.study.study import Member, Study


def made(path: Path, *rounds: Round) -> Path:
    """A store with a first policy, those of the rounds, and the rounds."""
    for seed, name in enumerate(["base", *(one.policy for one in rounds)]):
        build_store(path, policy=name, n_problems=20, n_samples=16, seed=seed, scored=False)
    for one in rounds:
        write_round(path, one)
    absorb(path)
    return path


FIRST = Round("base-r1", "base", "verified", 1, n_problems=10, n_drawn=40, n_kept=6, sampling_flops=3e9,
              training_flops=1e9, sampling_s=2.0, training_s=1.0)  # fmt: skip
SECOND = Round("base-r2", "base-r1", "verified", 2, n_problems=10, n_drawn=40, n_kept=7, sampling_flops=2e9)
LONGER = Round("base-longer", "base", "longer", 2, matches="base-r2", training_flops=3e9)


def test_rounds_are_read_as_they_were_written_and_add_up(tmp_path):
    store = made(tmp_path / "s.duckdb", SECOND, FIRST, LONGER)
    rounds = load_rounds(store)
    assert rounds == [FIRST, SECOND, LONGER]
    assert [spent(rounds, name) for name in ("base", "base-r1", "base-r2", "base-longer")] == [0, 4e9, 6e9, 3e9]
    write_round(store, Round("base-r1", "base", "verified", 9))
    assert load_rounds(store)[0] == FIRST, "what was written first stays"


def test_what_is_told_is_what_a_hand_computes(tmp_path):
    store = made(tmp_path / "s.duckdb", FIRST, SECOND, LONGER)
    wheel = open_flywheel(store)
    assert list(wheel.pools) == ["base", "base-r1", "base-r2", "base-longer"]
    found = ask_flywheel(wheel)
    rounds = {row["policy"]: row for row in found.result.rounds.iter_rows(named=True)}
    assert found.result.rounds.select("way", "round").rows() == [
        ("first", 0), ("verified", 1), ("verified", 2), (LONGER.way, LONGER.number)
    ]  # fmt: skip
    right = {name: pool.correct.mean() for name, pool in wheel.pools.items()}
    for name, row in rounds.items():
        assert row["accuracy"] == pytest.approx(right[name])
    second = rounds["base-r2"]
    assert second["difference"] == pytest.approx(right["base-r2"] - right["base-r1"])
    assert second["per_flop"] == pytest.approx(100 * second["difference"] / 2e-3)
    assert second["spent_flops"] == 6e9 and rounds["base-r1"]["seconds"] == 3.0
    moved = found.result.moved.filter((pl.col("measure") == "accuracy") & (pl.col("policy") == "base-r2"))
    assert moved["difference"][0] == pytest.approx(right["base-r2"] - right["base"])
    said = " ".join(found.findings)
    assert "2 rounds of training" in said and f"{100 * right['base-r2']:.1f}%" in said
    assert "for 50% of the FLOPs" in said and "40.0% at first, in 30.0% at last" in said


def turned(shares: dict[str, float], *rounds: Round) -> str:
    """What is found of policies in memory that are right so often on average, on half of the problems by 0.1 more."""
    rng = np.random.default_rng(0)
    members = []
    for name, share in shares.items():
        n_right = np.round(10 * share + np.tile([-1, 1], 30))[:, None]
        right = rng.permuted(np.arange(10) < n_right, axis=1)
        ids = np.where(right, 0, np.arange(1, 11))
        members.append(Member(make_pool(right.tolist(), answer_ids=ids, policy=name), name, print))
    return " ".join(ask_flywheel(Wheel(Study(tuple(members), Path("memory")), rounds)).findings)


def test_what_rounds_add_is_said_as_it_is():
    said = turned({"base": 0.2, "base-r1": 0.5, "base-r2": 0.9}, FIRST, replace(SECOND, plan=("draw 4", "draw 64")))
    assert "is right 70.0 points more often" in said and "(20.0% → 90.0%)" in said
    assert "round 2 still adds: +40.0 points" in said and "after +30.0 points" in said
    assert "its last plan for the hardest problems: draw 64." in said
    # 0.8 · 10 wrong ones, each another, and the right one; of nine problems in ten one wrong, of the others two.
    assert "its answers are fewer: 2.0 different ones in 10 after 9.0." in said
    down = turned({"base": 0.9, "base-r1": 0.5, "base-r2": 0.2}, FIRST, SECOND)
    assert "round 2 takes away: −30.0 points" in down and "is right 70.0 points less often" in down
    assert "its answers are more: 9.0 different ones in 10 after 2.0." in down
    flat = turned({"base": 0.2, "base-r1": 0.8, "base-r2": 0.8}, FIRST, SECOND)
    assert "round 2 is not shown to add: 0.0" in flat


def test_what_was_learned_from_is_counted_where_some_of_it_was_wrong_and_where_nothing_was_kept():
    shares = {"base": 0.2, "base-r1": 0.5, "base-r2": 0.9}
    wrong = turned(shares, replace(FIRST, n_kept_wrong=3), replace(SECOND, n_kept=0, n_kept_wrong=0))
    assert "wrong in 50.0% of the problems at first, in 0.0% at last." in wrong
    alone = turned({"base": 0.2, "base-r1": 0.5}, replace(FIRST, n_kept_wrong=3))
    assert "wrong in 50.0% of the problems." in alone and "1 round of training" in alone and "round 1" not in alone
    none = turned({"base": 0.2, "base-r1": 0.5}, replace(FIRST, n_problems=0, n_kept=0))
    assert "of 0 training problems it had no right answer to learn from in 0.0%." in none


def test_reading_again_is_held_against_the_round_of_the_same_cost():
    longer = replace(LONGER, matches="base-r1", training_flops=4e9)
    for share, flops, said in (
        (0.5, 4e9, "again for as many FLOPs comes to 50.0%: the flywheel made more of them (base-r1 +30.0 points"),
        (0.9, 8e9, "again for 200% of the FLOPs comes to 90.0%: reading again made more of them (base-r1 −10.0"),
        (0.8, 4e9, "comes to 80.0%: which made more of them is too close to call"),
    ):
        shares = {"base": 0.2, "base-r1": 0.8, "base-longer": share}
        assert said in turned(shares, FIRST, replace(longer, training_flops=flops))


def test_charts_hold_the_numbers_of_the_frames(tmp_path):
    result = ask_flywheel(open_flywheel(made(tmp_path / "s.duckdb", FIRST, SECOND))).result
    rows = charts.flow_chart(result).datasets["rows"]
    assert {row["name"] for row in rows} == {"by chance", "r1", "r2"} and len(rows) == 3 * 25
    sums: dict[tuple[str, str], float] = {}
    for row in rows:
        sums[row["name"], row["panel"]] = sums.get((row["name"], row["panel"]), 0.0) + row["share"]
    assert np.allclose(list(sums.values()), 1.0, atol=1e-4)
    moved = charts.moved_chart(result).datasets["rows"]
    assert {row["panel"] for row in moved} == {"one answer is right", "a right one is among 16"}


def test_a_policy_without_samples_is_left_out(tmp_path):
    store = made(tmp_path / "s.duckdb", FIRST)
    write_round(store, SECOND)
    assert list(open_flywheel(store).pools) == ["base", "base-r1"]


def test_what_is_no_flywheel_is_refused_in_one_line(tmp_path):
    plain = build_store(tmp_path / "plain.duckdb", scored=False)
    with pytest.raises(RequestError, match="holds no flywheel.*turn one with `ttc lab flywheel"):
        open_flywheel(plain)
    with pytest.raises(RequestError, match="nowhere"):
        open_flywheel(tmp_path / "nowhere.duckdb")
    wheel = open_flywheel(made(tmp_path / "s.duckdb", FIRST))
    for queries in (0.0, -1.0, float("nan")):
        with pytest.raises(RequestError, match="queries: give a number above 0"):
            ask_flywheel(wheel, queries=queries)


@pytest.mark.parametrize("text", ["", "[]", '{"policy": "x"}', '{"nobody": 1}', None])
def test_a_round_that_is_none_is_named(text, tmp_path):
    store = build_store(tmp_path / "s.duckdb", scored=False)
    write_part(store, "runs", [{"run_id": "flywheel-x", "command": "flywheel", "config": text}])
    with pytest.raises(RequestError, match="run 'flywheel-x' in .* is no round of a flywheel"):
        load_rounds(store)
