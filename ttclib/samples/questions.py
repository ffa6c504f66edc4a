"""What is known of a problem before any sample of it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Questions:
    """The questions of a pool, and what the policy tells of them before it is sampled."""

    problem_ids: list[str]
    prompts: list[str | None]  # the question as it stands in the benchmark; None: not known
    metadata: list[Mapping[str, Any]]  # what else the benchmark says of each (level, subject, …)
    # float, shape (problems, width); the policy's hidden state at the prompt's last token; NaN: not known. Width 0: of
    # no problem.
    hidden: np.ndarray
    # float, shape (problems,); mean log-probability of the tokens of one greedy answer; NaN: not known
    greedy_logprob: np.ndarray
