"""The measuring itself: the page keeps what was not measured anew, and what is on paper adds up."""

from __future__ import annotations

import numpy as np
import pytest

from tests.benchmarks import page
from tests.benchmarks.made_store import draw_problem, make_store
from tests.benchmarks.page import Measure, shown, write
from tests.benchmarks.paper import POLICIES, SIZES, VERIFIER, bottleneck, drawing_hours, reckon, rows, scoring_hours
from ttclib.store import absorb, load_pool

MEASURED = {"file_bytes": 30.0, "text_bytes": 100.0, **dict.fromkeys(("ingest_s", "replay_s"), 3e-6)}


@pytest.fixture
def measures(monkeypatch: pytest.MonkeyPatch) -> None:
    entered = {name: Measure(name, name.title(), f"About {name}.", list) for name in ("start", "load")}
    monkeypatch.setattr(page, "MEASURES", entered)


def test_a_section_alone_is_written_anew(measures, tmp_path):
    path = tmp_path / "page.md"
    write({"load": [{"": "a", "s": 1.0}], "start": [{"": "b", "s": 2.0}]}, path)
    before = path.read_text()
    assert before.index("## Start") < before.index("## Load")
    write({"load": [{"": "a", "s": 3.0}]}, path)
    assert path.read_text() == before.replace("| a | 1 |", "| a | 3 |")


def test_three_digits():
    assert [shown(value) for value in (None, "x", 3, 0.012345, 1234.5, 99.99)] == [
        "",
        "x",
        "3",
        "0.0123",
        "1,234",
        "100",
    ]


def test_a_larger_store_begins_as_a_smaller_one(tmp_path):
    pools = []
    for n_problems in (3, 5):
        path = tmp_path / f"{n_problems}.duckdb"
        assert make_store(path, n_problems, 40, text=n_problems == 3) == n_problems * 40
        absorb(path)
        pools.append(load_pool(path))
    small, large = pools
    np.testing.assert_array_equal(small.answer_ids, large.answer_ids[:3])
    np.testing.assert_array_equal(small.verifiers["orm"].by(), large.verifiers["orm"].by()[:3])
    answers, scores, tokens = draw_problem(4, 40)
    np.testing.assert_array_equal(large.answer_ids[4], answers)
    np.testing.assert_array_equal(large.correct[4], answers == 0)
    np.testing.assert_array_equal(large.completion_tokens[4], tokens)
    np.testing.assert_array_equal(large.verifiers["orm"].by()[4], scores.astype(float))


def test_on_paper_all_grows_with_the_samples():
    one, ten = reckon(MEASURED, 100, 50), reckon(MEASURED, 1000, 50)
    for name in ("samples", "tokens", "drawing", "scoring", "file", "ingest", "replay"):
        assert ten[name] == pytest.approx(10 * one[name])
    assert ten["file"] == pytest.approx(3 * 1000 * 50 * 130 / 1e9)
    assert ten["ingest"] == pytest.approx(3 * 1000 * 50 * 3e-6 / 3600)


def test_on_paper_a_gpu_hour_is_by_hand():
    """The parameters' share alone, 2·N·P·L over half of 989 TFLOP/s, is below, and the caches add to it."""
    own = 2 * 100 * POLICIES[1].n_parameters * 500 * 10 / (989e12 / 2) / 3600
    assert own < drawing_hours(POLICIES[1], 10, 100) < 2 * own
    assert scoring_hours(VERIFIER, 1000) == pytest.approx(1000 * 700 * 2 * 8.03e9 / 494.5e12 / 3600)


def test_the_longest_wait_is_named():
    assert bottleneck({"drawing": 64.0, "scoring": 1.0, "ingest": 0.9, "replay": 0.1}) == "drawing"
    assert bottleneck({"drawing": 64.0, "scoring": 1.0, "ingest": 1.1, "replay": 0.1}) == "ingest"
    assert len(rows(MEASURED)) == len(SIZES)
