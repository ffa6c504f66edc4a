"""What must be waited for, against every subset of samples and of chains."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from ttclib.replay.waiting import waits_of_chains, waits_of_samples

NAN = float("nan")


def test_samples_side_by_side_wait_for_the_longest():
    rng = np.random.default_rng(0)
    tokens, read = rng.integers(1, 50, (3, 6)).astype(float), rng.integers(1, 50, (3, 6)).astype(float)
    sizes = np.array([6, 4, 5])
    found = waits_of_samples(tokens, read, [1, 2, 5, 6], pool_sizes=sizes)
    for name, values in (("serial_tokens", tokens), ("serial_prm_tokens", read)):
        for row, size in enumerate(sizes):
            for column, budget in enumerate((1, 2, 5, 6)):
                subsets = list(combinations(range(size), budget))
                expected = np.mean([max(values[row, i] for i in subset) for subset in subsets]) if subsets else NAN
                assert found[name][row, column] == pytest.approx(expected, nan_ok=True)


def test_an_unknown_length_is_waited_for_unknown():
    found = waits_of_samples([[1.0, NAN], [1.0, 2.0]], np.zeros((2, 2)), [1, 2])
    assert np.isnan(found["serial_tokens"]).tolist() == [[True, True], [False, False]]
    assert not found["serial_prm_tokens"].any()


def test_chains_wait_for_the_sum_along_the_longest():
    rng = np.random.default_rng(1)
    tokens, read = rng.integers(1, 50, (3, 5, 4)).astype(float), rng.integers(1, 50, (3, 5, 4)).astype(float)
    lengths = rng.integers(1, 5, (3, 5))
    splits = [(s, p) for s in (1, 2, 4, 5) for p in (1, 2, 4, 5, 6)]
    found = waits_of_chains(tokens, read, lengths, splits)
    for column, (sequential, parallel) in enumerate(splits):
        for row in range(3):
            long = [chain for chain in range(5) if lengths[row, chain] >= sequential]
            waits = [
                (
                    max(tokens[row, chain, :sequential].sum() for chain in subset),
                    max(read[row, chain, :sequential].max() for chain in subset),
                )
                for subset in combinations(long, parallel)
            ]
            expected = np.mean(waits, axis=0) if waits else (NAN, NAN)
            both = found["serial_tokens"][row, column], found["serial_prm_tokens"][row, column]
            assert both == pytest.approx(expected, nan_ok=True)
    assert not np.isnan(found["serial_tokens"]).all()
