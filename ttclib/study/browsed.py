"""Samples and problems as they are browsed, and which step of a wrong sample is its first wrong one."""

from __future__ import annotations

from dataclasses import dataclass

from ttclib.store.texts import SampleText

BY_CHANCE = 0.05


@dataclass(frozen=True)
class BrowsedSample:
    """One text of a problem.

    Attributes
    ----------
    text : SampleText
        Of the first sample that says it.
    bin : int or None
        Difficulty bin of the problem, 1 the easiest; None: not told.
    score : float or None
        The verifier's; None: not scored.
    times : int
        Samples of the problem that say the same.
    endings : tuple of (int, int)
        Behind each step, itself included: graded solutions that begin so, and how many of them are right. Empty:
        no search or rollout went on from this sample.
    from_start : tuple of (int, int)
        The same of all samples of the problem.
    """

    text: SampleText
    bin: int | None
    score: float | None
    times: int
    endings: tuple[tuple[int, int], ...] = ()
    from_start: tuple[int, int] = (0, 0)

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
    """A problem of which samples are browsed.

    Attributes
    ----------
    problem_id : str
    prompt, reference_answer : str or None
    bin : int or None
    n_samples, n_graded, n_correct : int
        Of all that the store holds.
    search : str
        What drew the tree.
    tree : tuple of SearchedStep
        A step stands behind the one before it; empty: none is shown.
    """

    problem_id: str
    prompt: str | None
    reference_answer: str | None
    bin: int | None
    n_samples: int
    n_graded: int
    n_correct: int
    search: str = ""
    tree: tuple[SearchedStep, ...] = ()


@dataclass(frozen=True)
class Browsing:
    """What is browsed, and of how much it was chosen.

    Attributes
    ----------
    problems : tuple of BrowsedProblem
    samples : tuple of BrowsedSample
    n_bins : int
        0: no difficulty is told.
    caption : tuple of str
        Whose scores, whose bins, and how the samples were chosen.
    """

    problems: tuple[BrowsedProblem, ...]
    samples: tuple[BrowsedSample, ...]
    n_bins: int
    caption: tuple[str, ...] = ()
