"""Samples that stand under the wrong problems, all of them or a part.

Four signs, each with its own null. (1) Answers to one problem agree no more often than answers to
different ones, and hit its own right answer no more often than another's: all were shuffled. (2) Right
answers of other problems turn up among a problem's samples more often than the numbers beside them do:
a part was. (3) Samples given as right disagree on the answer. (4) A completion speaks of another
problem's question and not of its own.

What cannot be seen: a shuffle among problems whose answers are few (yes or no, letters) without texts; of
a policy that is never right and never repeats itself; a part of a weak policy's samples where wrong
answers fall on other problems' right ones anyway.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import numpy as np
from scipy import sparse

from ttclib.interchange.lint.drawn import Drawn

_FEWEST_PROBLEMS, _FEWEST_PAIRS = 10, 100
_MOST_BY_CHANCE = 0.1
_SIGMAS, _SIGMAS_AWAY = 4.0, 3.5
_LEAST_RIGHT = 0.05
_WEAK = 0.1  # pass@1 of a policy that a shuffle is still to be seen of
_FEWEST_AWAY, _LEAST_AWAY = 8, 0.12
_CONTROLS = 8
_NEAR = 10  # a slip in a calculation lands this near to the right answer
_LONG = 6
_BY_CHANCE_LONG = 0.01
_WORD = re.compile(r"\d+(?:\.\d+)?|[a-z]{4,}")
_MOST_TEXTS = 6000
_FEWEST_WORDS = 3
_MOST_COMMON = 0.1
_AT_HOME, _AWAY, _MARGIN = 0.35, 0.6, 0.4


def misplaced(drawn: Drawn) -> Iterator[str]:
    """Say how samples stand under the wrong problems, if they do."""
    if len(drawn.sizes) < _FEWEST_PROBLEMS:
        return
    for sign in (_no_agreement, _answers_of_others, _right_but_different, _texts_of_others):
        if told := sign(drawn):
            yield f"there may be samples under the wrong problems: {told}."
            return


def agreement(problem: np.ndarray, answer: np.ndarray) -> tuple[int, int, int, int]:
    """Pairs of samples that agree, and all pairs: within problems, then across them."""
    answered = answer >= 0
    problem, answer = problem[answered], answer[answered]
    alike = _pairs(np.bincount(answer)) if len(answer) else 0
    within = _pairs(np.unique(problem * (answer.max(initial=0) + 1) + answer, return_counts=True)[1])
    pairs_within = _pairs(np.bincount(problem)) if len(problem) else 0
    return within, pairs_within, alike - within, _pairs(np.array([len(answer)])) - pairs_within


def _pairs(counts: np.ndarray) -> int:
    counts = counts.astype(np.int64)
    return int((counts * (counts - 1) // 2).sum())


def _no_agreement(drawn: Drawn) -> str | None:
    within, pairs, across, pairs_across = agreement(drawn.problem, drawn.answer)
    if pairs < _FEWEST_PAIRS or pairs_across < _FEWEST_PAIRS or across == 0:
        return None
    chance = across / pairs_across
    expected = chance * pairs
    noise = _SIGMAS * np.sqrt(expected + 1)
    if chance > _MOST_BY_CHANCE or within > expected + noise:
        return None
    if not len(drawn.references) or not any(drawn.references.values()):
        graded = drawn.frame["correct"].drop_nulls()
        rate = float(graded.mean() or 0.0) if len(graded) else _WEAK  # type: ignore[arg-type]
        alike = rate**2 * pairs  # at the least, of samples that stand where they belong
        if alike < 1.5 * noise or within > expected + 0.25 * alike:
            return None
    hits, by_chance, n = _hits(drawn)
    if n:
        away, away_by_chance = _elsewhere(drawn)
        excess = away - away_by_chance
        # It finds its own right answers, or is never right, wherever one looks.
        if hits > by_chance + _SIGMAS * np.sqrt(by_chance + 1):
            return None
        if excess < _SIGMAS / 2 * np.sqrt(away_by_chance + 1) or hits + excess < _LEAST_RIGHT * n:
            return None
    rates = f"{within / pairs:.1%} of pairs, answers to different problems in {chance:.1%}".replace("%", " %")
    return f"answers to one problem agree in {rates}"


def _hits(drawn: Drawn) -> tuple[int, float, int]:
    """Samples that have their own problem's right answer, how many would by chance, and of how many."""
    own = drawn.reference[drawn.problem]
    known = (own != -1) & (drawn.answer >= 0)
    answer, reference = drawn.answer[known], drawn.reference[drawn.reference != -1]
    n = len(answer)
    if not n:
        return 0, 0.0, 0
    hits = int((answer == own[known]).sum())
    shares = np.bincount(reference[reference >= 0], minlength=len(drawn.answer_texts)) / len(reference)
    everywhere = float(shares[answer].sum())
    return hits, max(0.0, everywhere - hits / len(reference)), n


def _elsewhere(drawn: Drawn) -> tuple[int, float]:
    """Samples with the right answer of another problem and not of their own, and how many would by chance.

    By chance a wrong number falls on a right one as often as right ones stand among the numbers of so
    many digits.
    """
    answered = drawn.answer >= 0
    own = drawn.reference[drawn.problem]
    wrong = drawn.answer[answered & (drawn.answer != own)]
    right = set(drawn.reference[drawn.reference >= 0].tolist())
    texts = drawn.answer_texts
    values = {text for text in map(texts.__getitem__, right) if _is_whole(text)}
    density = {digits: n / _numbers_of(digits) for digits, n in Counter(len(text) for text in values).items()}
    chance = np.array([density.get(len(text), 0.0) if _is_whole(text) else _BY_CHANCE_LONG for text in texts])
    return int(np.isin(wrong, list(right)).sum()), float(chance[wrong].sum())


def _numbers_of(digits: int) -> int:
    return 10 if digits == 1 else 9 * 10 ** (digits - 1)


def _answers_of_others(drawn: Drawn) -> str | None:
    """Right answers of other problems, against the numbers beside them: among all answers, then the frequent ones."""
    # A wrong answer that a problem often gets counts once: such answers come in heaps.
    given = Counter(
        (problem, answer)
        for problem, answer in zip(drawn.problem.tolist(), drawn.answer.tolist(), strict=True)
        if answer >= 0
    )
    return _others_among(drawn, set(given)) or _others_among(drawn, {cell for cell, n in given.items() if n > 1})


def _others_among(drawn: Drawn, given: set[tuple[int, int]]) -> str | None:
    references = drawn.reference
    own_of = drawn.reference_texts
    times = Counter(text for text in own_of if text is not None)
    texts = drawn.answer_texts
    whole = {int(text) for text in times if _is_whole(text)}
    number_of = {text: number for number, text in enumerate(texts)}
    n_wrong_long = 0
    away = expected = 0.0
    holders: dict[int, list[int]] = {}
    for problem, answer in given:
        holders.setdefault(answer, []).append(problem)
        n_wrong_long += answer != references[problem] and not _is_whole(texts[answer]) and len(texts[answer]) >= _LONG

    def outside(text: str, home: int) -> int:
        """To how many other problems an answer is given, slips aside."""
        return sum(
            1
            for problem in holders.get(number_of.get(text, -1), ())
            if problem != home and text != own_of[problem] and not _is_slip(text, own_of[problem])
        )

    n_specific = 0
    # All right answers, also those that no sample gives: else the ones looked at were chosen for being given.
    for home, text in enumerate(own_of):
        if text is None or times[text] > 1:
            continue
        if not _is_whole(text):
            if len(text) >= _LONG:
                n_specific += 1
                away += outside(text, home)
            continue
        beside = _controls(int(text), whole)
        if len(beside) < _CONTROLS // 2:
            continue
        n_specific += 1
        away += outside(text, home)
        expected += sum(outside(str(value), home) for value in beside) / len(beside)
    expected += _BY_CHANCE_LONG * n_wrong_long
    hits = len({problem for problem, answer in given if answer == references[problem]})
    if n_specific < _FEWEST_PROBLEMS or away < _FEWEST_AWAY:
        return None
    excess = away - expected
    if excess < _SIGMAS_AWAY * np.sqrt(1.125 * expected + 1) + 1 or excess < _LEAST_AWAY * (hits + excess):
        return None
    return (
        f"right answers of other problems stand {away:,.0f} times among a problem's ({expected:,.0f} would by chance), "
        f"its own in {hits:,} problems"
    )


def _is_whole(text: str) -> bool:
    return len(text) <= 12 and text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()


def _is_slip(answer: str, right: str | None) -> bool:
    """Whether an answer is near to the right one, or so near as a slip of a digit is."""
    if right is None or not _is_whole(answer) or not _is_whole(right):
        return False
    return abs(int(answer) - int(right)) <= max(_NEAR, abs(int(right)) // 20)


def _controls(value: int, whole: set[int]) -> list[int]:
    """Numbers beside one, just as round as it, that are no right answers."""
    unit = 1
    while value and value % (unit * 10) == 0:
        unit *= 10
    found = []
    for step in range(1, 3 * _CONTROLS):
        for other in (value - step * unit, value + step * unit):
            rounder = other % (unit * 10) == 0
            if other not in whole and not rounder and (other < 0) == (value < 0) and len(str(other)) == len(str(value)):
                found.append(other)
        if len(found) >= _CONTROLS:
            break
    return found[:_CONTROLS]


def _right_but_different(drawn: Drawn) -> str | None:
    """Samples that came as right, and do not agree."""
    frame = drawn.frame
    right = (frame["given"] & frame["correct"] & frame["answer_class"].is_not_null()).fill_null(False).to_numpy()
    if not right.any():
        return None
    classes = frame["answer_class"].fill_null(-1).to_numpy()[right].astype(np.int64)
    within, pairs, _, _ = agreement(drawn.problem[right], classes)
    differing = pairs - within
    if differing < 5 or differing < 0.2 * pairs or _of_letters(drawn):
        return None
    return f"of {pairs:,} pairs of samples given as right for one problem {differing:,} differ in their answer"


def _of_letters(drawn: Drawn) -> bool:
    return all(len(text) == 1 for text in drawn.answer_texts)


def _texts_of_others(drawn: Drawn) -> str | None:
    """Completions that speak of another question than their own."""
    prompts = [_words(drawn.prompts.get(name) or "") for name in drawn.problem_ids]
    if sum(len(words) >= _FEWEST_WORDS for words in prompts) < _FEWEST_PROBLEMS:
        return None
    seen = Counter(word for words in prompts for word in words)
    most = max(2.0, _MOST_COMMON * len(prompts))
    column = {word: number for number, word in enumerate(word for word, n in seen.items() if n <= most)}
    weight = np.array([np.log(len(prompts) / seen[word]) for word in column])
    if not len(weight):
        return None
    step = max(1, len(drawn.frame) // _MOST_TEXTS)
    rows = np.flatnonzero(drawn.frame["completion"].is_not_null().to_numpy())[::step]
    texts = drawn.frame["completion"].gather(rows.tolist()).to_list()
    questions = _matrix(prompts, column)
    said = _matrix([_words(text) for text in texts], column)
    shared = np.asarray((said @ questions.multiply(weight).T.tocsc()).todense())
    n_shared = np.asarray((said @ questions.T).todense())
    total = questions @ weight
    telling = (np.asarray(questions.sum(axis=1)).ravel() >= _FEWEST_WORDS) & (total > 0)
    covered = np.where(telling, shared / np.maximum(total, 1e-9), 0.0)
    home = drawn.problem[rows]
    at = np.arange(len(rows))
    own = covered[at, home]
    others = np.where(n_shared >= _FEWEST_WORDS, covered, 0.0)
    others[at, home] = 0.0
    best = others.max(axis=1)
    judged = telling[home]
    stays = judged & (own >= _AT_HOME) & (own >= best - _MARGIN / 2)
    away = judged & (best >= _AWAY) & (own < _AT_HOME) & (best >= own + _MARGIN)
    if away.sum() < _FEWEST_AWAY or away.sum() < _LEAST_AWAY * (away.sum() + stays.sum()):
        return None
    return f"{away.sum():,} completions speak of another problem's question, {stays.sum():,} of their own"


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _matrix(words: list[set[str]], column: dict[str, int]) -> sparse.csr_array:
    pairs = [(row, column[word]) for row, found in enumerate(words) for word in found if word in column]
    rows, columns = (np.array(part, dtype=np.int64) for part in (zip(*pairs, strict=True) if pairs else ((), ())))
    return sparse.csr_array((np.ones(len(pairs)), (rows, columns)), shape=(len(words), len(column)))
