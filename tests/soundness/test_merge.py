"""Merging: the same in any order and any grouping, conflicts named, splits put together again."""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as some

from tests.builders import add_chains, build_store
from tests.crashes import content
from ttclib.errors import RequestError
from ttclib.setting_keys import canonical_json, setting_name
from ttclib.soundness import merge_stores, verify_store
from ttclib.store import absorb, write_part
from ttclib.store.splitting import split_store

KEYS = {"temperature": 1.0}
NAME = setting_name(KEYS)


def sample(problem: str, index: int, answer: str | None, **more: object) -> dict[str, object]:
    key = {"policy": "m", "problem_id": problem, "setting": NAME, "sample_index": index}
    return key | {"completion": None if answer is None else f"#{answer}"} | more


def store_of(path: Path, samples: list[dict[str, object]], /, **facts: object) -> Path:
    """Samples as their machine grades them: classes numbered as they come."""
    from ttclib.grading import get_grader, grade_problem

    grader = get_grader("exact")
    write_part(path, "settings", [{"setting": NAME, "keys": canonical_json(KEYS)}])
    write_part(path, "models", [{"model": "m", **facts}])
    write_part(path, "problems", [{"problem_id": name, "reference_answer": "2"} for name in "pq"])
    write_part(path, "samples", samples)
    for name in "pq":
        own = [one for one in samples if one["problem_id"] == name]
        grades = grade_problem([one["completion"] for one in own], "2", grader)
        keys = ({column: one[column] for column in ("policy", "problem_id", "setting", "sample_index")} for one in own)
        rows = [key | {"grader": grader.name} | vars(grade) for key, grade in zip(keys, grades, strict=True)]
        write_part(path, "grades", rows)
    absorb(path)
    return path


# What each machine drew, of a world in which every sample says one thing; some know more of it than others.
DRAWN = some.lists(
    some.lists(some.tuples(some.sampled_from("pq"), some.integers(0, 5), some.booleans()), max_size=5),
    min_size=2,
    max_size=3,
)
WORLD = {(name, index): answer for name in "pq" for index, answer in enumerate(("2", "7", "2.0", "11", "7.0", "5"))}


# Not shrunk: what is drawn is small, and each try makes a dozen stores.
@settings(max_examples=4, phases=[Phase.reuse, Phase.generate])
@given(drawn=DRAWN)
def test_any_order_and_any_grouping_give_the_same(tmp_path_factory, drawn):
    folder = tmp_path_factory.mktemp("merge")

    def new() -> Path:
        return folder / f"{uuid.uuid4().hex}.duckdb"

    def merged(*paths: Path) -> Path:
        merge_stores(paths, target := new())
        return target

    stores = []
    for number, own in enumerate(drawn):
        samples = {
            (name, index): sample(
                name, index, WORLD[name, index], elapsed_s=float(number), logprob=-1.0 if knows else None
            )
            for name, index, knows in own
        }
        facts = {"n_layers": 2} if number else {"n_parameters": 7}
        stores.append(store_of(new(), list(samples.values()), **facts))
    expected = content(merged(*stores))
    assert content(merged(merged(*stores[:0:-1]), stores[0])) == expected  # backwards
    assert content(merged(stores[-1], merged(*stores[:-1]), stores[0])) == expected
    assert {row[1:4:2] for row in expected["samples"]} == {(name, index) for own in drawn for name, index, _ in own}
    classes: dict[tuple[object, object], set[float]] = {}
    for _, problem, _, _, _, answer, number, _ in expected["grades"]:
        classes.setdefault((problem, number), set()).add(float(str(answer)))
    assert all(len(values) == 1 for values in classes.values())  # a class is a value
    assert len(classes) == len({(problem, *values) for (problem, _), values in classes.items()})  # and a value a class


@pytest.mark.parametrize("by", ["policy", "benchmark", "problems"])
def test_the_merge_of_splits_is_the_store(tmp_path, by):
    path = build_store(tmp_path / "s.duckdb", n_problems=6, n_samples=4)
    add_chains(path, n_problems=3, n_chains=2, n_steps=2)
    write_part(path, "problems", [{"problem_id": "alone", "benchmark": "é/x"}, {"problem_id": "of none"}])
    write_part(path, "models", [{"model": "unused"}])
    write_part(path, "runs", [{"run_id": "r", "command": "sample"}])
    made = split_store(path, by, tmp_path / "cut", n_parts=3)
    assert len(made) == {"policy": 2, "benchmark": 3, "problems": 3}[by]
    assert all(verify_store(part).is_sound for part in made)
    merge_stores(list(made), tmp_path / "again.duckdb")
    assert content(tmp_path / "again.duckdb") == content(path) and verify_store(tmp_path / "again.duckdb").is_sound
    with pytest.raises(RequestError, match="is there already"):
        split_store(path, by, tmp_path / "cut", n_parts=3)
    assert len(list((tmp_path / "cut").iterdir())) == len(made)


@pytest.mark.parametrize(
    ("ours", "theirs", "message"),
    [
        ({"completion": "a"}, {"completion": "b"}, "samples policy=m problem_id=p .* has another completion"),
        ({"weights_hash": "x"}, {"weights_hash": "y"}, "models model=m: .* has another weights_hash .another model"),
        ({"path": "a"}, {"path": "b"}, "has another path"),
        ({"n_parameters": 1}, {"n_parameters": 2}, "has another n_parameters"),
    ],
)
def test_a_conflict_is_named_and_nothing_written(tmp_path, ours, theirs, message):
    paths = []
    for name, one in (("a", ours), ("b", theirs)):
        text = one.get("completion")
        facts = {} if text else one
        paths.append(
            store_of(
                tmp_path / f"{name}.duckdb", [sample("p", 0, "2", **({"completion": text} if text else {}))], **facts
            )
        )
    for order in itertools.permutations(paths):
        with pytest.raises(RequestError, match=message) as raised:
            merge_stores(order, tmp_path / "c.duckdb")
        assert raised.value.exit_status == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.duckdb", "b.duckdb"]


def test_of_one_model_in_two_places_and_of_its_prices(tmp_path):
    same = {"weights_hash": "x", "usd_per_mtok_output": 3.0, "usd_per_mtok_input": 1.0, "price_date": "2026-01"}
    one = store_of(tmp_path / "a.duckdb", [], path="dir/b", **same)
    later = same | {"usd_per_mtok_output": 2.0, "price_date": "2026-03"}
    other = store_of(tmp_path / "b.duckdb", [], path="dir/a", n_layers=2, **later)
    merge_stores([one, other], tmp_path / "c.duckdb")
    merge_stores([other, one], tmp_path / "d.duckdb")
    (row,) = content(tmp_path / "c.duckdb")["models"]
    assert content(tmp_path / "d.duckdb")["models"] == [row]
    assert row[2] == "dir/a" and row[-3:] == (1.0, 2.0, "2026-03") and 2 in row
