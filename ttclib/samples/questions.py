"""What is known of a problem before any sample of it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Questions:
    """The questions of a pool, and what the policy tells of them before it is sampled.

    Attributes
    ----------
    problem_ids : list of str, length problems
    prompts : list of (str or None)
        The question as it stands in the benchmark; None: not known.
    metadata : list of mapping
        What else the benchmark says of each (level, subject, …).
    hidden : float array, shape (problems, width)
        The policy's hidden state at the prompt's last token; NaN: not known. Width 0: of no problem.
    greedy_logprob : float array, shape (problems,)
        Mean log-probability of the tokens of one greedy answer; NaN: not known.
    """

    problem_ids: list[str]
    prompts: list[str | None]
    metadata: list[Mapping[str, Any]]
    hidden: np.ndarray
    greedy_logprob: np.ndarray
