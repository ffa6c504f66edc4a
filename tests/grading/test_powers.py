"""Powers that are rational, exactly."""

from fractions import Fraction

import pytest

from ttclib.grading.evaluation import exact_power


@pytest.mark.parametrize(
    ("base", "exponent", "found"),
    [
        ((4, 1), (1, 2), (2, 1)), ((-8, 1), (1, 3), (-2, 1)), ((-8, 27), (-2, 3), (9, 4)), ((2, 3), (-3, 1), (27, 8)),
        ((-4, 1), (1, 2), None), ((2, 1), (1, 2), None), ((1, 4), (3, 2), (1, 8)), ((-1, 1), (1, 65), None),
    ],
)  # fmt: skip
def test_a_root_that_is_rational_is_exact_and_no_other(base, exponent, found):
    expected = None if found is None else Fraction(*found)
    assert exact_power(Fraction(*base), Fraction(*exponent)) == expected
