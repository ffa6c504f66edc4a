"""What the value of an Inspect score says: a verdict, or the letter that was chosen.

``"C"`` is "correct" in most logs, and in others the option C. The rule: values that are no verdict at
all (A, B, D …) are letters. Else each reading is held against the target and the answer that stand
beside the value, over all samples of the log; the one that nothing contradicts is right. Where both
stand, they must give the same grades.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ttclib.errors import RequestError
from ttclib.grading.extraction import extract_answer

# Correct, incorrect, partial (neither right nor wrong), no answer.
_VERDICTS = {"C": True, "I": False, "P": None, "N": False}
_LETTER = re.compile(r"[A-Z]")


def grades_of(samples: list[dict[str, Any]], scorer: str, path: Path) -> list[bool | None]:
    """The grade of each sample by one scorer.

    Parameters
    ----------
    samples : list of dict
        As a log has them.
    path : pathlib.Path
        For messages.

    Returns
    -------
    list of bool or None
        None: the sample has no such score, or one that is neither right nor wrong.

    Raises
    ------
    RequestError
        The values can be read as verdicts and as letters, with different grades.
    """
    scores = [(sample.get("scores") or {}).get(scorer) or {} for sample in samples]
    values = [_bare(score.get("value") if isinstance(score, dict) else score) for score in scores]
    answers = [_chosen(score, sample) for score, sample in zip(scores, samples, strict=True)]
    targets = [_letter(_first(sample.get("target"))) for sample in samples]
    if not any(isinstance(value, str) and _LETTER.fullmatch(value) for value in values):
        return [_plain(value) for value in values]
    as_verdicts = [_VERDICTS.get(value) if isinstance(value, str) else _plain(value) for value in values]
    as_letters = [
        None if value is None or target is None else value == target
        for value, target in zip(values, targets, strict=True)
    ]
    letters = {value for value in values if isinstance(value, str)}
    if letters - _VERDICTS.keys():
        return as_letters
    if not any(targets) or letters & {"I", "N", "P"} - _options(samples):
        return as_verdicts
    known = [i for i, value in enumerate(values) if value is not None]
    verdicts_fail = sum(
        as_verdicts[i] != (answers[i] == targets[i]) for i in known if answers[i] and targets[i] and values[i] != "P"
    )
    letters_fail = sum(answers[i] != values[i] for i in known if answers[i])
    if verdicts_fail == 0 < letters_fail:
        return as_verdicts
    if letters_fail == 0 < verdicts_fail:
        return as_letters
    if as_letters == as_verdicts:
        return as_verdicts
    if verdicts_fail != letters_fail:
        return as_verdicts if verdicts_fail < letters_fail else as_letters
    first = next(i for i, (left, right) in enumerate(zip(as_verdicts, as_letters, strict=True)) if left != right)
    raise RequestError(
        f"'{path}' sample {first + 1}: the score '{scorer}' = {values[first]!r} with the target {targets[first]!r} "
        "may be a verdict or the letter chosen, and no answer beside it tells: import with --field correct=OTHER_SCORER"
    )


def _bare(value: Any) -> Any:
    return value.strip() if isinstance(value, str) else value


def _plain(value: Any) -> bool | None:
    """Of a value that is no letter."""
    if isinstance(value, (bool, int, float)) and value in (0, 1):
        return bool(value)
    return {"correct": True, "incorrect": False, "true": True, "false": False, "1": True, "0": False}.get(
        str(value).lower()
    )


def _first(target: Any) -> Any:
    return target[0] if isinstance(target, list) and len(target) == 1 else target


def _letter(value: Any) -> str | None:
    if not isinstance(value, str):
        return None
    text = value.strip().strip("().*").strip().upper()
    return text if _LETTER.fullmatch(text) else None


def _chosen(score: Any, sample: dict[str, Any]) -> str | None:
    """The letter that the model gave: the scorer's reading, else that of its text."""
    told = _letter(score.get("answer")) if isinstance(score, dict) else None
    completion = (sample.get("output") or {}).get("completion")
    return told or _letter(extract_answer(completion) if isinstance(completion, str) else None)


def _options(samples: list[dict[str, Any]]) -> set[str]:
    """Letters that some sample's options have; of unknown ones, the first five."""
    most = max((len(sample["choices"]) for sample in samples if isinstance(sample.get("choices"), list)), default=5)
    return {chr(ord("A") + number) for number in range(max(most, 5))}
