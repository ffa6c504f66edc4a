"""Rules that stop a vote, by the numbers that compiled loops know them by."""

from __future__ import annotations

BETA = 0  # the leader is surely ahead of the second
DIRICHLET = 1  # the leader is surely ahead of all answers seen
SHARE = 2  # the leader's sum of weights is ahead of the second by a share of all
WINDOW = 3  # all of a window give one answer

SLACK = 1e-12  # a rule that is met but for rounding is met
