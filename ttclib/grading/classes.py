"""The classes of one problem's answers.

Where a reference is known no class holds two grades: right answers are one class, and others are told
apart among their own grade. There, and where no reference is known, a class is what has one form
(`ttclib.grading.forms`): an equivalence, the same in every order and whatever else is in the pool. A
grader without a form has its own comparison, made transitive: two answers are one class if a chain of
equal answers leads from one to the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

# Answers that one is compared with by a grader without a form, of those that share a mark with it.
_MOST_COMPARISONS = 16


@dataclass(frozen=True)
class Grader:
    """A way to compare answers."""

    name: str  # with its version: grades of another version stand beside these, not over them
    # `equivalent(reference, answer)`; raises or returns None where it cannot tell. It may look from the reference, and
    # need not be symmetric.
    equivalent: Callable[[str, str], bool | None]
    # marks of an answer: of two that share none, neither is looked at as the other's equivalent
    keys: Callable[[str], Iterable[Hashable]] | None = None
    # the form of an answer: two of one form are one class where no reference tells them apart
    form: Callable[[str], Hashable] | None = None
    # `with_options(reference, answer, options)`, where the letters of a multiple choice are known
    with_options: Callable[[str, str, Mapping[str, str]], bool | None] | None = None

    def grade(self, reference: str | None, answer: str, options: Mapping[str, str] | None = None) -> bool | None:
        """Whether an answer is right; None: no reference, or it cannot be told."""
        if reference is None:
            return None
        try:
            if options and self.with_options is not None:
                return self.with_options(reference, answer, options)
            return self.equivalent(reference, answer)
        except Exception:  # whatever a comparison trips over: not comparable is not 'wrong'
            return None


class Classes:
    """The classes of one problem's answers, that of the right ones among them.

    Parameters
    ----------
    known : iterable of (answer, class)
        Classes that exist already; their numbers stay.
    """

    def __init__(self, grader: Grader, reference: str | None, known: Iterable[tuple[str, int]]) -> None:
        self._grader = grader
        self._reference = reference
        self._known: dict[str, int] = {}
        self._members: dict[int, list[str]] = defaultdict(list)
        for answer, number in known:
            self._known.setdefault(answer, number)
            self._members[number].append(answer)
        self._grades: dict[str, bool | None] = {}

    def place(self, answers: Sequence[str], grades: Mapping[str, bool | None]) -> dict[str, int]:
        """The class of each answer.

        Parameters
        ----------
        answers : sequence of str
            Distinct, in the order in which new classes are numbered.
        grades : mapping
            Of each of them.
        """
        self._grades.update(grades)
        right = self._right(answers)
        # An answer's place is named by its grade and its form, or by the first answer it is equal to.
        places: dict[tuple[bool | None, Hashable], int] = {}
        if right is not None:
            places[True, None] = right
        forms = self._forms([*self._known, *answers])
        for answer, number in self._known.items():
            if number != right and answer in forms:
                grade = (
                    self._grade(answer)
                    if self._reference is not None and self._is_wanted(answer, answers, forms)
                    else None
                )
                places.setdefault((grade, forms[answer]), number)
        highest = max([*self._members, *places.values()], default=-1)
        found: dict[str, int] = {}
        for answer in answers:
            grade = grades[answer]
            place = (True, None) if grade else (grade, forms[answer])
            if place not in places:
                known = self._known.get(answer)
                if known is None or known == right or known in places.values():
                    highest += 1
                    known = highest
                places[place] = known
            found[answer] = places[place]
        return found

    def _is_wanted(self, answer: str, answers: Sequence[str], forms: Mapping[str, Hashable]) -> bool:
        if not hasattr(self, "_wanted"):
            self._wanted = {forms[each] for each in answers}
        return forms[answer] in self._wanted

    def _grade(self, answer: str) -> bool | None:
        if answer not in self._grades:
            self._grades[answer] = self._grader.grade(self._reference, answer)
        return self._grades[answer]

    def _right(self, answers: Sequence[str]) -> int | None:
        """The class that right answers have already; None: there is none yet."""
        if self._reference is None or not self._known:
            return None
        near = [self._reference, *(answer for answer in answers if self._grades.get(answer))]
        for answer in near:
            if answer in self._known:
                return self._known[answer]
        marks = {key for answer in near for key in self._keys(answer)} if self._grader.keys is not None else None
        for answer, number in self._known.items():
            if (marks is None or not marks.isdisjoint(self._keys(answer))) and self._grade(answer):
                return number
        return None

    def _keys(self, answer: str) -> Iterable[Hashable]:
        return self._grader.keys(answer) if self._grader.keys is not None else ()

    def _forms(self, answers: Sequence[str]) -> dict[str, Hashable]:
        """The form of each answer, or the first of the answers that a chain of equal ones leads to."""
        if self._grader.form is not None:
            return {answer: self._grader.form(answer) for answer in dict.fromkeys(answers)}
        leader: dict[str, str] = {}
        sharing: dict[Hashable, list[str]] = defaultdict(list)

        def first(answer: str) -> str:
            while leader[answer] != answer:
                answer = leader[answer]
            return answer

        for answer in dict.fromkeys(answers):
            leader[answer] = answer
            marks = list(self._keys(answer)) if self._grader.keys is not None else [None]
            compared = 0
            for other in dict.fromkeys(each for mark in marks for each in sharing[mark]):
                one, another = first(answer), first(other)
                if one == another or self._grades.get(answer) is not self._grades.get(other):
                    continue
                if self._grades.get(answer) or compared >= _MOST_COMPARISONS:  # right ones are one class anyway
                    continue
                compared += 1
                if self._grader.grade(other, answer):
                    leader[one] = another
            for mark in marks:
                sharing[mark].append(answer)
        return {answer: first(answer) for answer in leader}
