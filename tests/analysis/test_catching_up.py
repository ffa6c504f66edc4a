"""Where a curve catches up, against closed forms and simulation; blind guesses; all compute over R."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ttclib.analysis.catching_up import Route, blind_guesses, catch_up, total_compute
from ttclib.analysis.training import cost_a_query
from ttclib.errors import RequestError

N = np.arange(1, 257)


def coverage(ease: np.ndarray) -> np.ndarray:
    return 1 - (1 - ease[:, None]) ** N[None]


@pytest.mark.parametrize(("p", "q"), [(0.2, 0.5), (0.05, 0.6), (0.01, 0.9), (0.5, 0.6)])
def test_alike_problems_are_caught_where_the_closed_form_says(p, q):
    """1 − (1 − p)ᴺ ≥ q from N = log(1 − q) / log(1 − p) on."""
    found = catch_up(coverage(np.full(100, p)), np.full(100, q), N)
    assert found.at == np.ceil(np.log(1 - q) / np.log(1 - p))
    assert found.low <= found.at <= found.high
    assert found.verdict == ("caught" if found.high < np.inf else "too close")


def test_what_never_gets_there_is_not_caught():
    ease = np.where(np.arange(200) % 2, 0.9, 0.0)  # half of the problems are beyond it
    found = catch_up(coverage(ease), np.full(200, 0.8), N)
    assert found.verdict == "not caught" and np.isinf([found.at, found.low, found.high]).all()


def test_level_at_once_and_too_close():
    assert catch_up(coverage(np.full(50, 0.6)), np.full(50, 0.5), N).verdict == "level at once"
    mixed = np.where(np.arange(20) % 2, 0.9, 0.0)
    found = catch_up(coverage(mixed), np.full(20, 0.5), N)  # its limit is just what is to be caught
    assert found.verdict == "too close" and found.low < np.inf and found.high == np.inf


def test_a_curve_that_rises_and_falls_is_caught_where_it_first_gets_there():
    curve = np.tile([0.2, 0.6, 0.3], (80, 1))
    assert catch_up(curve, np.full(80, 0.6), [1, 4, 16]).at == 4
    assert catch_up(curve, np.full(80, 0.4), [1000, 4000, 16000]).at == 2000
    assert catch_up(curve, np.full(80, 0.41), [1000, 4000, 16000]).at == np.ceil(1000 * 4 ** (0.21 / 0.4))


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Ease is drawn anew; the truth is where the whole population catches up, 1 − E(1 − p)ᴺ ≥ E q."""
    rng = np.random.default_rng(1)
    many = rng.beta(0.6, 1.5, 200_000)
    truth = N[np.argmax([(1 - (1 - many) ** n).mean() >= 0.7 for n in N])]
    hits = 0
    for draw in range(120):
        found = catch_up(coverage(rng.beta(0.6, 1.5, 80)), np.full(80, 0.7), N, n_resamples=300, seed=draw)
        hits += found.low <= truth <= found.high
    assert hits >= 0.9 * 120


@pytest.mark.parametrize("curve", [np.zeros((0, 3)), np.zeros((2, 0)), np.zeros((3, 3))])
def test_other_problems_are_refused(curve):
    with pytest.raises(RequestError, match="give the same problems of both sides"):
        catch_up(curve, np.zeros(2), [1, 2, 4][: curve.shape[1]])


def test_an_unknown_accuracy_is_refused():
    with pytest.raises(RequestError, match="no accuracy at some place"):
        catch_up([[0.1, np.nan]], [0.5], [1, 2])


def test_blind_guesses_are_what_drawing_other_answers_comes_to():
    references = ["1", "1", "1", "2", "2", "7"]
    found = blind_guesses(references, [1, 3])
    rng = np.random.default_rng(0)
    for place, right in enumerate(references):
        others = np.array(references[:place] + references[place + 1 :])
        drawn = rng.choice(others, (40_000, 3)) == right
        assert found[place] == pytest.approx([drawn[:, 0].mean(), drawn.any(axis=1).mean()], abs=0.012)
    assert blind_guesses(["1", None], [1]) is None and blind_guesses(["1"], [1]) is None


STEPS = Route("steps", ("s",), (10,), (1000,), (0.0,), (40.0,), (1.0,))
SAMPLES = Route("samples", ("half", "whole"), (10, 10), (500, 1000), (0.0, 0.0), (4.0, 4.0), (60.0, 15.0))


def test_all_compute_is_what_a_query_costs_and_the_cheapest_checkpoint_is_taken():
    frame = total_compute([STEPS, SAMPLES], [0.1, 1.0, 100.0])
    for row in frame.to_dicts():
        queries = row["exchange_rate"] * 1000 / 40
        assert row["queries"] == pytest.approx(queries)
        tokens, length = row["training_tokens"], 40 if row["route"] == "steps" else 4
        assert row["cost"] == pytest.approx(cost_a_query(10, tokens, row["k"], queries, length))
        if row["route"] == "samples":
            both = [cost_a_query(10, d, k, queries, 4) for d, k in ((500, 60), (1000, 15))]
            assert row["cost"] == pytest.approx(min(both)) and row["policy"] == ("half", "whole")[np.argmin(both)]
        assert row["training_share"] == pytest.approx(6 * 10 * tokens / queries / row["cost"])
    assert frame["factor"].min() == 1.0
    # Half the training pays where queries are few: 6·10·500/Q saved against 2·10·(240 − 40) more, up to Q = 7.5.
    first = {row["route"]: row["factor"] for row in total_compute([STEPS, SAMPLES], [7.4 * 40 / 1000]).to_dicts()}
    later = {row["route"]: row["factor"] for row in total_compute([STEPS, SAMPLES], [7.6 * 40 / 1000]).to_dicts()}
    assert first["samples"] == 1.0 < first["steps"] and later["steps"] == 1.0 < later["samples"]


def test_a_way_that_does_not_get_there_has_no_cost():
    lost = replace(SAMPLES, samples=(np.inf, np.inf))
    frame = total_compute([STEPS, lost], [1.0])
    assert frame["cost"].null_count() == 1 and frame["factor"].to_list() == [1.0, None]
