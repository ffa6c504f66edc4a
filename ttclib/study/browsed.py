"""Samples and problems as they are browsed, and which step of a wrong sample is its first wrong one."""

from __future__ import annotations

from dataclasses import dataclass

from ttclib.store.texts import SampleText

BY_CHANCE = 0.05


@dataclass(frozen=True)
class BrowsedSample:
    """One text of a problem."""

    text: SampleText  # of the first sample that says it
    bin: int | None  # difficulty bin of the problem, 1 the easiest; None: not told
    score: float | None  # the verifier's; None: not scored
    times: int  # samples of the problem that say the same
    # behind each step, itself included: graded solutions that begin so, and how many of them are right. Empty: no
    # search or rollout went on from this sample.
    endings: tuple[tuple[int, int], ...] = ()
    from_start: tuple[int, int] = (0, 0)  # the same of all samples of the problem

    @property
    def first_wrong_step(self) -> int | None:
        """Number, from 0, of the first step behind which no solution is right; None: nothing tells.

        A step is called wrong as by Math-Shepherd's hard estimation (Wang et al. 2024, arXiv:2312.08935): of what was
        drawn behind it none ends right. That may be chance; so at the share that is right before the step, that none is
        must happen in less than `BY_CHANCE` of cases.
        """
        if self.text.correct is not False:
            return None
        before = self.from_start
        for step, (n, n_right) in enumerate(self.endings):
            if n_right == 0:
                share = before[1] / before[0] if before[0] else 0.0
                return step if (1 - share) ** n < BY_CHANCE else None
            before = n, n_right
        return None


@dataclass(frozen=True)
class SearchedStep:
    """One step of a search: the number of the step before it among the others (−1: none), and what became of it."""

    parent: int
    text: str
    score: float | None
    status: str
    correct: float | None


@dataclass(frozen=True)
class BrowsedProblem:
    """A problem of which samples are browsed."""

    problem_id: str
    prompt: str | None
    reference_answer: str | None
    bin: int | None
    # n_samples, n_graded, n_correct: of all that the store holds
    n_samples: int
    n_graded: int
    n_correct: int
    search: str = ""  # what drew the tree
    tree: tuple[SearchedStep, ...] = ()  # a step stands behind the one before it; empty: none is shown


@dataclass(frozen=True)
class Browsing:
    """What is browsed, and of how much it was chosen."""

    problems: tuple[BrowsedProblem, ...]
    samples: tuple[BrowsedSample, ...]
    n_bins: int  # 0: no difficulty is told
    caption: tuple[str, ...] = ()  # whose scores, whose bins, and how the samples were chosen
